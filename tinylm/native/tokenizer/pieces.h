/* The pieces as they lie in memory, and a tokenizer that has been opened over them.

   All numbers are little-endian; every part begins at a multiple of 8, in this order, and its length follows from the
   header:

       header        64 bytes, `pieces_header` below
       offset        uint32 [count + 2]: where each piece's text begins; then what UNK shows as; then the text's end
       score         float [count]
       sorted        uint16 [sorted]: ids of the pieces that a text can match (normal, user-defined and unused ones), in
                     the order of their bytes
       kind          uint8 [count]
       text          the pieces, a space as a space and not as U+2581
       decomposition uint64 [decompositions], ascending: character << 43 | first << 22 | second << 1 | composes; the
                     second is 0 where a character stands for a single other one
       composition   uint16 [compositions]: indices of the decompositions that compose, ascending by (first, second)
       class         uint32 [classes], ascending: first character of a range << 10 | flags below | combining class

   The last three are Unicode's for NFC (tinylm/tokenizer/unicode_tables.py); Hangul is computed. */
#ifndef TINYLM_PIECES_H
#define TINYLM_PIECES_H
#include "tinylm_tokenizer.h"

enum {
    PIECE_MOST = 1024,      /* bytes of a piece */
    PIECES_MOST = 1 << 16,  /* ids fit into 16 bits */
    CLASS_CHANGES = 1 << 9, /* the character alone is not NFC */
    CLASS_ATTACHES = 1 << 8 /* it may become one with what stands before it, or change places */
};

typedef struct {
    char magic[4];      /* "TLMP" */
    uint32_t interface; /* TINYLM_INTERFACE */
    uint32_t bytes;     /* of the whole image */
    int32_t algorithm;  /* TINYLM_UNIGRAM, TINYLM_BPE */
    uint32_t count, sorted, text_bytes;
    uint32_t decompositions, compositions, classes;
    int32_t bos, eos, pad; /* ids, or -1 */
    uint32_t unused[3];    /* 0 */
} pieces_header;           /* 64 bytes */

/* Where the parts lie in an image. */
typedef struct {
    uint64_t offset, score, sorted, kind, text, decomposition, composition, class_, end;
} pieces_layout;

struct tinylm_tokenizer {
    const pieces_header *header;
    const uint32_t *offset;
    const float *score;
    const uint16_t *sorted;
    const uint8_t *kind, *text;
    const uint64_t *decomposition;
    const uint16_t *composition;
    const uint32_t *class_;
    int32_t unknown, has_bytes, has_unused;
    uint8_t user_defined[256]; /* 1: a user-defined symbol begins with this byte */
    uint32_t widest;     /* bytes that an id can decode to */
    float unknown_score; /* of a character that no piece covers */
    int32_t bytes[256];  /* ids of the byte pieces */
    uint32_t first[257]; /* where in `sorted` the pieces begin that begin with a byte; */
    uint32_t after_space[257]; /* and with a space and a byte: they are half of all pieces */
};

/* Ids as they are found. */
typedef struct {
    int32_t *ids;
    uint32_t *ends;
    int count;
} piece_list;

pieces_layout pieces_lay_out(const pieces_header *header);

static inline uint32_t piece_bytes(const tinylm_tokenizer *t, int id) {
    return t->offset[id + 1] - t->offset[id];
}
static inline const uint8_t *piece_text(const tinylm_tokenizer *t, int id) {
    return t->text + t->offset[id];
}
/* -1, 0 or 1: how the bytes compare, a prefix first. */
int pieces_compare(const uint8_t *a, uint32_t a_bytes, const uint8_t *b, uint32_t b_bytes);
/* The byte of a piece such as `<0xE6>`, or -1. */
int piece_byte(const uint8_t *text, uint32_t bytes);

/* The id of the piece that a text can match, or -1. */
int pieces_find(const tinylm_tokenizer *t, const uint8_t *text, uint32_t bytes);
/* Of the sorted pieces from `low` to `high`, which have the first `depth` bytes of the text and are longer, those that
   have the next one, too. */
void pieces_narrow(const tinylm_tokenizer *t, const uint8_t *text, uint32_t depth, uint32_t *low, uint32_t *high);

/* Bytes of memory that each needs, and the ids of a text of 1 to TINYLM_TEXT_MOST bytes. */
uint64_t unigram_room(size_t bytes);
void unigram_encode(const tinylm_tokenizer *t, const uint8_t *text, uint32_t bytes, void *room, piece_list *found);
uint64_t bpe_room(const tinylm_tokenizer *t, size_t bytes);
void bpe_encode(const tinylm_tokenizer *t, const uint8_t *text, uint32_t bytes, void *room, piece_list *found);
/* Append what covers text[start:end]: `id`, or for UNK its bytes where there are byte pieces. */
void piece_found(const tinylm_tokenizer *t, const uint8_t *text, uint32_t start, uint32_t end, int id,
                 piece_list *found);

/* NFC of code points that come one after another. */
typedef struct {
    const tinylm_tokenizer *t;
    uint8_t *out, *out_end;
    uint32_t *run, *sorted; /* decomposed characters, combining class << 24 | code point */
    uint32_t run_most, run_count;
    uint32_t held; /* a character that what follows may change; NFC_NONE */
    uint32_t range_start, range_end, range_class; /* of the last search */
    int error;
} nfc_state;
#define NFC_NONE UINT32_MAX

int nfc_tables_valid(const tinylm_tokenizer *t);
void nfc_push(nfc_state *nfc, uint32_t code);
void nfc_flush(nfc_state *nfc);
#endif
