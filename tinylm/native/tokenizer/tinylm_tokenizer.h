/* Text to token ids and back, as SentencePiece does it, from pieces that lie in memory.

   Like the engine it allocates nothing, opens no file and prints nothing: whoever calls it brings the memory. The
   pieces lie in an image (pieces.h), made from a SentencePiece model file by tinylm_pieces_lay or by
   `tinylm export --standalone`. Texts are UTF-8 of at most TINYLM_TEXT_MOST bytes and need no zero at their end.

       tinylm_tokenizer *tokenizer = malloc(tinylm_tokenizer_bytes());
       int error = tinylm_tokenizer_open(tokenizer, image, image_bytes);
       void *room = malloc(tinylm_normalise_room(bytes));
       const char *normal;
       int length = tinylm_normalise(tokenizer, text, bytes, room, &normal);
       void *more = malloc(tinylm_encode_room(tokenizer, length));
       const int32_t *ids;
       int count = tinylm_encode(tokenizer, normal, length, more, &ids, NULL);
       char *back = malloc(tinylm_decode_room(tokenizer, count));
       int size = tinylm_decode(tokenizer, ids, count, back);

   Ids, and the text that comes back, are those of SentencePiece 0.2.3, to the last one; so is what no piece covers: its
   bytes where the vocabulary has them, else one UNK for all neighbours. An open tokenizer is never written to, so any
   number of threads may use it. Every `room` lies at a multiple of 8; its size is 0 where the text is too long.
   Negative results are the errors of tinylm.h. */
#ifndef TINYLM_TOKENIZER_H
#define TINYLM_TOKENIZER_H
#include "../engine/tinylm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longer texts are refused: TINYLM_BAD_ARGUMENT. */
#define TINYLM_TEXT_MOST (1 << 28)

typedef struct tinylm_tokenizer tinylm_tokenizer;

/* What a piece is, with SentencePiece's numbers. */
enum { TINYLM_NORMAL = 1, TINYLM_UNKNOWN, TINYLM_CONTROL, TINYLM_USER_DEFINED, TINYLM_UNUSED, TINYLM_BYTE };
enum { TINYLM_UNIGRAM = 1, TINYLM_BPE = 2 };

/* Bytes of memory, at an address that is a multiple of 8, for an open tokenizer. */
TINYLM_API size_t tinylm_tokenizer_bytes(void);
/* Check the image, which must stay where it is, at an address that is a multiple of 8. 0, or TINYLM_BAD_IMAGE. */
TINYLM_API int tinylm_tokenizer_open(tinylm_tokenizer *tokenizer, const void *image, size_t bytes);

TINYLM_API int tinylm_piece_count(const tinylm_tokenizer *tokenizer);
/* TINYLM_UNIGRAM or TINYLM_BPE. */
TINYLM_API int tinylm_tokenizer_algorithm(const tinylm_tokenizer *tokenizer);
/* The ids of BOS, EOS, PAD and UNK, -1 where there is none; `ids` has room for 4. */
TINYLM_API void tinylm_special_ids(const tinylm_tokenizer *tokenizer, int32_t *ids);
/* Bytes of the piece, at `*text`, without a zero at the end; spaces are spaces. TINYLM_BAD_TOKEN. */
TINYLM_API int tinylm_piece(const tinylm_tokenizer *tokenizer, int id, const char **text);
/* Its kind, TINYLM_NORMAL to TINYLM_BYTE, or TINYLM_BAD_TOKEN. */
TINYLM_API int tinylm_piece_kind(const tinylm_tokenizer *tokenizer, int id);
/* Logarithm of its probability, or minus its rank in BPE; 0 for an id that does not exist. */
TINYLM_API float tinylm_piece_score(const tinylm_tokenizer *tokenizer, int id);

/* tinylm's normalisation `nfc-2` (tinylm/tokenizer/tokenizer.py), for which the image must hold the tables of Unicode
   (else TINYLM_BAD_ARGUMENT). A byte that is no UTF-8 becomes U+FFFD. The text, valid UTF-8, lies in the room at
   `*normal`, and its bytes are returned: at most 3 times as many as came in. */
TINYLM_API size_t tinylm_normalise_room(size_t bytes);
TINYLM_API int tinylm_normalise(const tinylm_tokenizer *tokenizer, const char *text, size_t bytes, void *room,
                                const char **normal);

/* Ids of a normalised text, without BOS or EOS; their number is returned. They lie in the room, at `*ids`. Where `ends`
   is not NULL, `*ends` says for each id at which byte of the text its part ends; a byte piece ends where its character
   does. Bytes that are no UTF-8 are characters that no piece covers. */
TINYLM_API size_t tinylm_encode_room(const tinylm_tokenizer *tokenizer, size_t bytes);
TINYLM_API int tinylm_encode(const tinylm_tokenizer *tokenizer, const char *text, size_t bytes, void *room,
                             const int32_t **ids, const uint32_t **ends);

/* The text of ids, valid UTF-8; its bytes are returned. Control pieces are silent, UNK shows as U+2047 between spaces,
   bytes that are no UTF-8 together show as U+FFFD. TINYLM_BAD_TOKEN for an id that the vocabulary does not have. */
TINYLM_API size_t tinylm_decode_room(const tinylm_tokenizer *tokenizer, size_t count);
TINYLM_API int tinylm_decode(const tinylm_tokenizer *tokenizer, const int32_t *ids, size_t count, char *text);

/* An image from a SentencePiece model file, at an address that is a multiple of 8, with the tables of Unicode that
   tinylm.tokenizer.unicode_tables makes, or without. The room is 0 where the file is damaged or has rules that are not
   implemented here: another algorithm, characters that become others, a space before every text, spaces that are
   dropped. tinylm_pieces_lay returns the image's bytes, at most that room, or TINYLM_BAD_IMAGE. */
TINYLM_API size_t tinylm_pieces_room(const void *model, size_t bytes, size_t tables_bytes);
TINYLM_API int tinylm_pieces_lay(const void *model, size_t bytes, const void *tables, size_t tables_bytes, void *image);

#ifdef __cplusplus
}
#endif
#endif
