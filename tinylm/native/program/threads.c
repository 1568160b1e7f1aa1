#include "threads.h"
#include "process.h"
#include "standalone.h"
#include <sys/mman.h>
#include <unistd.h>

enum { CANDIDATES = 4, ROUND_TOKENS = 8, MOST_ROUNDS = 50, MEASURED_NS = 200000000 };

typedef struct {
    int threads;
    int64_t best_ns;
    tinylm_model *model;
    tinylm_sequence *sequence;
    size_t model_bytes, sequence_bytes;
} candidate;

static int open_candidate(candidate *tried, part image, const char *instructions) {
    tried->best_ns = INT64_MAX;
    tried->model_bytes = tinylm_model_bytes(image.bytes, image.size, tried->threads);
    if (!tried->model_bytes) return 0;
    tried->model = room(tried->model_bytes);
    if (tinylm_model_open(tried->model, image.bytes, image.size, instructions, tried->threads) < 0) {
        munmap(tried->model, tried->model_bytes);
        return 0;
    }
    tried->sequence_bytes = tinylm_sequence_bytes(tried->model);
    tried->sequence = room(tried->sequence_bytes);
    tinylm_sequence_open(tried->sequence, tried->model);
    return 1;
}

static void close_candidate(candidate *tried) {
    tinylm_model_close(tried->model);
    munmap(tried->model, tried->model_bytes);
    munmap(tried->sequence, tried->sequence_bytes);
}

/* Time a few tokens from an empty cache; the best time counts. */
static void do_round(candidate *tried) {
    const tinylm_sampling greedy = {.top_p = 1, .repetition_penalty = 1};
    int context = tinylm_context_length(tried->model), token = BOS;
    tinylm_truncate(tried->sequence, 0);
    int64_t start = clock_ns();
    for (int i = 0; i < ROUND_TOKENS && i < context && token >= 0; i++)
        token = tinylm_step(tried->sequence, token, &greedy, 0, NULL);
    int64_t took = clock_ns() - start;
    if (took < tried->best_ns) tried->best_ns = took;
}

int fastest_threads(part image, const char *instructions) {
    candidate tried[CANDIDATES];
    int count = 0;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores > TINYLM_MOST_THREADS) cores = TINYLM_MOST_THREADS;
    for (int threads = 1; threads <= cores && count < CANDIDATES; threads++) {
        if (cores > CANDIDATES && threads > 2) threads = (int)cores; /* 1, 2 and all of many */
        tried[count].threads = threads;
        count += open_candidate(&tried[count], image, instructions);
    }
    for (int i = 0; i < count; i++) do_round(&tried[i]); /* not counted: memory is touched for the first time */
    for (int i = 0; i < count; i++) tried[i].best_ns = INT64_MAX;
    int64_t end = clock_ns() + MEASURED_NS;
    for (int round = 0; count > 1 && round < MOST_ROUNDS && (!round || clock_ns() < end); round++)
        for (int i = 0; i < count; i++) do_round(&tried[i]);
    int best = 0;
    for (int i = 1; i < count; i++)
        if (tried[i].best_ns / 9 < tried[best].best_ns / 10) best = i;
    int threads = count ? tried[best].threads : 1;
    for (int i = 0; i < count; i++) close_candidate(&tried[i]);
    return threads;
}
