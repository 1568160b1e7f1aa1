/* Prints, for every instruction set of this processor, one hash over all logits, costs and choices of a text.

       same_bits IMAGE

   The text is the same everywhere: random ids, read in chunks and one by one, cut, read again, scored, and gone on with
   every way to choose a token. */
#include "../engine/tinylm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *zeroed(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) exit(3);
    return memset(memory, 0, (bytes + 63) / 64 * 64);
}

static uint64_t mixed(uint64_t hash, const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ ((const uint8_t *)data)[i]) * 1099511628211u;
    return hash;
}

static uint64_t run(const void *image, size_t bytes, const char *set) {
    tinylm_model *model = zeroed(tinylm_model_bytes(image, bytes, 1));
    int error = tinylm_model_open(model, image, bytes, set, 1);
    if (error) {
        printf("%s: %s\n", set, tinylm_error(error));
        exit(2);
    }
    tinylm_sequence *sequence = zeroed(tinylm_sequence_bytes(model));
    tinylm_sequence_open(sequence, model);
    int vocab = tinylm_vocab_size(model), context = tinylm_context_length(model);
    uint8_t *seen = zeroed((size_t)vocab);
    int32_t *ids = zeroed((size_t)context * sizeof *ids);
    double *nats = zeroed((size_t)context * sizeof *nats);
    uint32_t state = 1;
    for (int i = 0; i < context; i++) {
        state = state * 1664525u + 1013904223u;
        ids[i] = 4 + (int)((state >> 8) % (uint32_t)(vocab - 4));
    }
    uint64_t hash = TINYLM_HASH_START;
    int texts[] = {1, 21, context - 9};
    for (int t = 0; t < 3; t++) {
        tinylm_truncate(sequence, 0);
        if (tinylm_prefill(sequence, ids, texts[t] - 1)) exit(2);
        const tinylm_sampling ways[] = {{0, 0, 1, 1, NULL}, {.8f, 40, .9f, 1, NULL}, {1, 0, .9f, 1.2f, seen}};
        int token = ids[texts[t] - 1];
        for (int i = 0; i < 9; i++) {
            float logprob = 0;
            token = tinylm_step(sequence, token, ways + i % 3, (float)(i * 13 % 16) / 16, &logprob);
            if (token < 0) exit(2);
            seen[token] = 1;
            hash = tinylm_hash_logits(sequence, hash);
            hash = mixed(mixed(hash, &token, sizeof token), &logprob, sizeof logprob);
        }
    }
    tinylm_truncate(sequence, 0);
    if (tinylm_score(sequence, ids, context, nats)) exit(2);
    hash = mixed(hash, nats, (size_t)(context - 1) * sizeof *nats);
    tinylm_model_close(model);
    return hash;
}

int main(int count, char **words) {
    FILE *file = count == 2 ? fopen(words[1], "rb") : NULL;
    if (!file || fseek(file, 0, SEEK_END)) return 3;
    size_t bytes = (size_t)ftell(file);
    void *image = zeroed(bytes);
    rewind(file);
    if (fread(image, 1, bytes, file) != bytes) return 3;
    char sets[200];
    snprintf(sets, sizeof sets, "%s", tinylm_instruction_sets());
    for (char *set = strtok(sets, " "); set; set = strtok(NULL, " "))
        printf("%s %016llx\n", set, (unsigned long long)run(image, bytes, set));
    return 0;
}
