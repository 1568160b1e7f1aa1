#include "generation.h"
#include <string.h>

/* The last `count` of the `total` ids into `to`, which may be the same memory; BOS stays the first where it is. */
static void keep_newest(int32_t *to, const int32_t *ids, int total, int count) {
    int begins = ids[0] == BOS && count > 1;
    memmove(to, ids + (total - count), (size_t)count * sizeof *to);
    if (begins) to[0] = BOS;
}

int generation_cut(const generation *text, int count, int max_new_tokens) {
    int context = text->context_length, half = context / 2;
    return count <= context ? 0 : count - (context - (max_new_tokens < half ? max_new_tokens : half));
}

int generation_begin(generation *text, const int32_t *ids, int count, int max_new_tokens) {
    text->count = count - generation_cut(text, count, max_new_tokens);
    keep_newest(text->held, ids, count, text->count);
    if (text->seen) {
        memset(text->seen, 0, (size_t)text->vocab_size);
        for (int i = 0; i < count; i++)
            if (ids[i] >= 0 && ids[i] < text->vocab_size) text->seen[ids[i]] = 1;
    }
    int error = tinylm_truncate(text->sequence, 0);
    return error ? error : tinylm_prefill(text->sequence, text->held, text->count - 1);
}

/* The next number, below 1 also as a float. */
static float uniform(generation *text) {
    const double largest = 1 - 1.0 / 16777216;
    double value = twister_random(&text->random);
    return (float)(value < largest ? value : largest);
}

int generation_next(generation *text) {
    if (tinylm_length(text->sequence) == text->context_length) {
        int kept = text->context_length - text->context_length / 2;
        keep_newest(text->held, text->held, text->count, kept);
        text->count = kept;
        int error = tinylm_truncate(text->sequence, 0);
        if (!error) error = tinylm_prefill(text->sequence, text->held, kept - 1);
        if (error) return error;
    }
    float drawn = text->sampling.temperature > 0 ? uniform(text) : 0;
    int token = tinylm_step(text->sequence, text->held[text->count - 1], &text->sampling, drawn, NULL);
    if (token < 0) return token;
    if (text->seen) text->seen[token] = 1;
    text->held[text->count++] = token;
    return token;
}
