/* Every call of tinylm.h on a thread whose stack has `stack_bytes`; `*used` is how many of them were written to, with
   what the C library itself keeps there. 0, or the error of the call that failed; 1 when there is no such thread. */
#include "tinylm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int small_stack(const void *image, size_t bytes, const char *instructions, size_t stack_bytes, size_t *used);

typedef struct {
    const void *image;
    size_t bytes;
    const char *instructions;
    tinylm_model *model;
    tinylm_sequence *sequence;
    uint8_t *seen;
    float *scratch;
    int error;
} conversation;

static int converse(conversation *c) {
    int error = tinylm_model_open(c->model, c->image, c->bytes, c->instructions, 1);
    if (error) return error;
    tinylm_sequence_open(c->sequence, c->model);
    int32_t ids[] = {1, 5, 6, 7, 8};
    double nats[4];
    float logprob;
    const float *logits;
    tinylm_sampling greedy = {0, 0, 1, 1, NULL}, drawn = {0.8f, 0, 1, 1.1f, c->seen}, top_k = {0.8f, 9, .9f, 1, NULL};
    tinylm_sampling nucleus = {0.8f, 0, .9f, 1, NULL}, *settings[] = {&greedy, &drawn, &top_k, &nucleus};
    if ((error = tinylm_prefill(c->sequence, ids, 2)) || (error = tinylm_logits(c->sequence, 5, &logits))) return error;
    tinylm_hash_logits(c->sequence, TINYLM_HASH_START);
    for (int i = 0; i < 4; i++)
        if ((error = tinylm_step(c->sequence, 5, settings[i], .5f, &logprob)) < 0) return error;
    int vocab_size = tinylm_vocab_size(c->model);
    for (int i = 0; i < vocab_size; i++) c->scratch[i] = logits[i];
    for (int i = 0; i < 4; i++)
        if ((error = tinylm_choose(c->scratch, vocab_size, 0, settings[i], .5f, c->scratch + vocab_size + 15, &logprob)) < 0)
            return error;
    int32_t likeliest[9];
    double logprobs[9], cost;
    float *scratch = c->scratch + vocab_size + 15;
    if ((error = tinylm_top_logprobs(c->scratch, vocab_size, 15, 5, 9, likeliest, logprobs, &cost, scratch)) < 0)
        return error;
    if ((error = tinylm_truncate(c->sequence, 0)) || (error = tinylm_score(c->sequence, ids, 5, nats))) return error;
    tinylm_model_close(c->model);
    return 0;
}

static void *begin(void *context) {
    conversation *c = context;
    c->error = converse(c);
    return NULL;
}

int small_stack(const void *image, size_t bytes, const char *instructions, size_t stack_bytes, size_t *used) {
    size_t room = tinylm_model_bytes(image, bytes, 1);
    conversation c = {image, bytes, instructions, aligned_alloc(64, room), NULL, NULL, NULL, 1};
    if (tinylm_model_open(c.model, image, bytes, instructions, 1)) return free(c.model), 1;
    size_t sequence = (tinylm_sequence_bytes(c.model) + 63) & ~(size_t)63;
    c.sequence = memset(aligned_alloc(64, sequence), 0, sequence);
    c.seen = calloc(1, (size_t)tinylm_vocab_size(c.model));
    c.scratch = malloc(4 * sizeof(float) * ((size_t)tinylm_vocab_size(c.model) + 15));
    char *stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(stack, 0x5A, stack_bytes);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (!pthread_attr_setstack(&attributes, stack, stack_bytes) && !pthread_create(&thread, &attributes, begin, &c))
        pthread_join(thread, NULL);
    size_t untouched = 0;
    while (untouched < stack_bytes && stack[untouched] == 0x5A) untouched++;
    *used = stack_bytes - untouched;
    pthread_attr_destroy(&attributes);
    munmap(stack, stack_bytes);
    free(c.scratch), free(c.seen), free(c.sequence), free(c.model);
    return c.error;
}
