/* Does this machine answer as every machine must, and what does the held-out text cost here? As
   tinylm/runtime/measurement/golden.py says it.

   The `golden` part of the payload: the version of the arithmetic (0: no hash) and the hash of the bits of all logits, of
   8 bytes; a count and so many prompts, each the text, its ids with BOS, and the greedy ids
   that follow; a count and so many encodings, each a text and its ids without BOS; a count and so many held-out
   texts, each the language, the text, and its bits in fp32 as a double. */
#ifndef TINYLM_GOLDEN_H
#define TINYLM_GOLDEN_H
#include "standalone.h"

typedef struct {
    int prompts, tokens, encodings;
    int hashed; /* the bits of all logits were compared too */
    int mismatches;
} golden_counts;

/* Compare all tokens and encodings, and tell every difference in words. Sampling becomes greedy. */
golden_counts check_golden(standalone *all, void tell(const char *difference));

typedef struct {
    text language;
    size_t text_bytes; /* of the normalised text */
    double bits, bits_fp32;
} held_out;

/* The next held-out text, measured, from `*place`, which begins with NULL; 0 after the last. */
int next_held_out(standalone *all, part_reader *place, held_out *found);

/* Bits that a text costs: of its tokens, and 8 for every byte behind UNK; with the bytes of the normalised text and the
   tokens that were predicted. It is read in windows of the context's length. */
double text_bits(standalone *all, text scored, size_t *bytes, int *tokens);

/* `--golden`: the exit code, 1 when something differs. */
int show_golden(standalone *all);
#endif
