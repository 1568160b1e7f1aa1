/* Token by token, as tinylm/runtime/generation.py's generate_ids: the same prompt, settings and seed give the same
   tokens as there.

   Past the context `drop-oldest` holds: with a full cache of C tokens, BOS and the newest tokens, C - C / 2 in all, are
   read again as if they were the whole text. */
#ifndef TINYLM_GENERATION_H
#define TINYLM_GENERATION_H
#include "../engine/tinylm.h"
#include "twister.h"

enum { BOS, EOS, PAD, UNK };

typedef struct {
    tinylm_sequence *sequence;
    int vocab_size, context_length;
    tinylm_sampling sampling; /* its `seen` is the one below, or NULL where no penalty needs it */
    uint8_t *seen;            /* [vocab_size] */
    int32_t *held;            /* [context_length + 1]: what the model sees, of which the last is not read yet */
    int count;
    twister random;
} generation;

/* Begin a text with these ids, BOS among them, of which there is at least one; 0, or an error of the engine.
*/
int generation_begin(generation *text, const int32_t *ids, int count, int max_new_tokens);
/* The next token, which may be EOS, or an error of the engine. */
int generation_next(generation *text);
/* How many ids of a prompt of `count` the model does not see. */
int generation_cut(const generation *text, int count, int max_new_tokens);
#endif
