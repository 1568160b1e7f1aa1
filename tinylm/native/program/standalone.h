/* Everything that is open while the program runs: its payload, the tokenizer, the model and one sequence of it. */
#ifndef TINYLM_STANDALONE_H
#define TINYLM_STANDALONE_H
#include "../engine/tinylm.h"
#include "../tokenizer/tinylm_tokenizer.h"
#include "generation.h"
#include "options.h"
#include "payload.h"
#include "text_stream.h"

typedef struct {
    payload file;
    tinylm_tokenizer *tokenizer;
    tinylm_model *model;
    generation text; /* the one sequence */
} standalone;

/* The longest prompt in characters, as in tinylm/runtime/generation.py. */
#define MAX_PROMPT_CHARACTERS 100000

/* Memory that is zero and that the system gives when it is touched; ends the program when there is not that much. */
void *room(size_t bytes);

/* Each ends the program when its part of the payload cannot be used. */
void open_tokenizer(standalone *all);
void open_model(standalone *all, const char *instructions, int threads);
void open_sequence(standalone *all);

/* Ends the program with the engine's error when there is one. */
void check(int code);

typedef struct {
    void *memory; /* to be freed */
    int32_t *ids; /* BOS, and the ids of the normalised text */
    int count;
    size_t normal_bytes;  /* of the normalised text */
    size_t unknown_bytes; /* of it behind UNK */
} encoding;

/* The ids of UTF-8 text; whatever is no UTF-8 becomes U+FFFD. */
encoding encode(const standalone *all, const char *text, size_t size);
void encoding_free(encoding *found);

/* The text of one token into `to`, which has room for `PIECE_ROOM` bytes, through the stream that holds back incomplete
   characters; how many bytes there are, or an error. `TEXT_END` for a token flushes the stream. */
enum { TEXT_END = -1, PIECE_ROOM = 2048 };
int token_text(const standalone *all, text_stream *stream, int token, char *to);

/* Sampling as the options have it, for the sequence that is open. */
void set_sampling(standalone *all, const options *chosen);
#endif
