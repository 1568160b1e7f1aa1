/* What the files of the engine share: how an open model and a sequence lie in memory, and what an instruction set does.

   Read transformer.c first: it is the model, and stands beside `tinylm.model.transformer` and
   `tinylm.export.graph.transformer`. */
#ifndef TINYLM_INTERNAL_H
#define TINYLM_INTERNAL_H
#include "image.h"
#include "tinylm.h"

#define CHUNK 16 /* tokens of one prefill call: they share an activation scale, as `CHUNK_TOKENS` in Python */
#define LOWEST (-3.402823466e38f)
enum { BOS, EOS, PAD, UNK };

static inline int padded(int n) { return (n + 15) & ~15; }

/* N outputs of K inputs (image.h): int8 values with scales and sums, or floats. Both numbers are padded. */
typedef struct {
    int n, k;
    const float *scale;
    const int32_t *sum;
    const int8_t *values;
    const float *floats; /* NULL in an int8 matrix */
} matrix;

/* The keys and values of a layer. `stride` is `slots` padded. */
typedef struct {
    void *keys;   /* [n_kv_head][head_dim][stride]: scores of neighbouring positions are one vector */
    void *values; /* [n_kv_head][stride][head_dim padded] */
    const float *key_scale, *value_scale; /* [n_kv_head * head_dim] in an int8 cache, else NULL */
} cache;

/* What one instruction set does. All of them give the same bits. Sizes are padded unless said otherwise. */
typedef struct {
    const char *name;
    /* Quantize `n` activations with one scale and zero point; returns the zero point. */
    int (*quantize)(const float *x, int n, void *q, float *scale);
    /* `rows` rows of activations times the outputs [from, to) of a matrix; rows of `out` lie `step` apart. */
    void (*multiply_int8)(const matrix *m, const void *q, int rows, float scale, int zero, float *out, int step,
                          int from, int to);
    void (*multiply_float)(const matrix *m, const float *x, int rows, float *out, int step, int from, int to);
    /* weight * x / rms(x), for `d` values, not padded */
    void (*rms_norm)(const float *x, const float *weight, float *out, int d, float epsilon);
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float *out, int d, float epsilon);
    void (*add)(float *x, const float *y, int n);
    /* One head over `count` cached positions. `q` [head_dim] may be changed; `p` is scratch of [stride]. */
    void (*attend)(float *q, const void *keys, const void *values, const float *key_scale, const float *value_scale,
                   int stride, int head_dim, int count, float *p, float *out);
    /* silu(gate) * up, and gelu(x); `out` is zero from `n`, not padded, to its padding */
    void (*gate)(const float *gate, const float *up, float *out, int n);
    void (*gelu)(const float *x, float *out, int n);
    /* The largest of n values, of equals the first; -1 when it is not finite or any is NaN. */
    int (*argmax)(const float *x, int n);
    /* The first block of 16, from `i` on, that holds something above `least`; n when there is none. */
    int (*above)(const float *x, int i, int n, float least);
    /* out = exp(x * factor - top) */
    void (*exponentials)(const float *x, float factor, float top, float *out, int n);
} kernels;

/* The instruction sets that this processor has, the fastest first; NULL ends them. */
const kernels *const *tinylm_usable(void);

typedef struct {
    cache cache; /* scales only: a sequence has the memory */
    const float *norm1, *bias1, *norm2, *bias2;
    matrix qkv, output, up, down; /* in `llama`, `up` has the gate first */
} layer;

typedef struct pool pool;

struct tinylm_model {
    tinylm_header shape;
    const kernels *kernels;
    pool *pool; /* NULL with one thread */
    int head_dim, slots; /* slots: positions that the cache holds, the window's or the context's */
    const float *cos, *sin, *norm;
    matrix positions, embedding, head;
    layer layers[];
};

struct tinylm_sequence {
    const tinylm_model *model;
    int length, newest; /* newest: the most tokens since position 0 was written last */
    char *keys, *values;
    size_t cache_bytes; /* of both together; they lie one behind the other */
    float *x, *h, *wide, *p, *logits, *scores, *masses;
    int32_t *candidates;
    void *q;
};

/* transformer.c: append `count` <= CHUNK valid ids; with `logits` also what follows the last. */
void tinylm_forward(tinylm_sequence *s, const int32_t *ids, int count, int logits);

/* sampling.c: 0, or TINYLM_BAD_ARGUMENT for a setting out of its range. */
int tinylm_check_sampling(const tinylm_sampling *how, float uniform);
/* `scores` [n padded], padding at LOWEST, may be changed; a token, or an error. */
int tinylm_sample(const kernels *k, float *scores, int n, const tinylm_sampling *how, float uniform,
                  int32_t *candidates, float *masses, float *logprob);
double tinylm_cost(const kernels *k, const float *logits, int n, int token, float *masses);

/* threads.c: `work(context, part, parts)` for every part at once, and back when all are done. */
size_t tinylm_pool_bytes(int threads);
int tinylm_pool_open(pool *p, int threads);
void tinylm_pool_close(pool *p);
void tinylm_pool_run(pool *p, void (*work)(void *, int, int), void *context);
#endif
