/* A sequence: its memory, and the calls of tinylm.h that move it. */
#include "internal.h"

#include <string.h>

/* Where the parts of a sequence lie; returns how many bytes they take, 0 when the address space cannot hold them. */
static size_t lay_out(tinylm_sequence *s, const tinylm_model *m) {
    const tinylm_header *h = &m->shape;
    uint64_t d = padded(h->d_model), f = padded(h->d_ff), v = padded(h->vocab_size), stride = padded(m->slots);
    uint64_t kv = (uint64_t)h->n_layer * h->n_kv_head * stride * (h->int8_parts & TINYLM_INT8_CACHE ? 1 : 4);
    uint64_t widest = f > d ? f : d, out = 0;
    for (int i = 0; i < h->n_layer; i++) {
        const layer *l = m->layers + i;
        if ((uint64_t)l->qkv.n > out) out = l->qkv.n;
        if ((uint64_t)l->up.n > out) out = l->up.n;
    }
    if (d > out) out = d;
    s->cache_bytes = (size_t)(kv * ((uint64_t)m->head_dim + padded(m->head_dim)));
    uint64_t at = (sizeof *s + 63) & ~(uint64_t)63;
    struct {
        void *part;
        uint64_t bytes;
    } parts[] = {{&s->x, 4 * CHUNK * d},      {&s->h, 4 * CHUNK * widest},
                 {&s->wide, 4 * CHUNK * out}, {&s->p, 4 * stride},
                 {&s->logits, 4 * v},         {&s->scores, 4 * v},
                 {&s->masses, 4 * v},         {&s->candidates, 4 * v},
                 {&s->q, 2 * CHUNK * widest}, {&s->keys, kv * m->head_dim},
                 {&s->values, kv * padded(m->head_dim)}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *where = (char *)s + at;
        memcpy(parts[i].part, &where, sizeof where);
        at += (parts[i].bytes + 63) & ~(uint64_t)63;
        if (at > PTRDIFF_MAX) return 0;
    }
    return (size_t)at;
}

size_t tinylm_sequence_bytes(const tinylm_model *model) {
    tinylm_sequence nowhere;
    return lay_out(&nowhere, model);
}

void tinylm_sequence_open(tinylm_sequence *s, const tinylm_model *model) {
    lay_out(s, model);
    s->model = model, s->length = s->newest = 0;
}

void *tinylm_cache(tinylm_sequence *s, size_t *bytes) {
    *bytes = s->cache_bytes;
    return s->keys;
}

int tinylm_length(const tinylm_sequence *s) { return s->length; }

int tinylm_truncate(tinylm_sequence *s, int length) {
    if (length < 0 || length > s->length) return TINYLM_BAD_ARGUMENT;
    int slots = s->model->slots;
    /* The token at `length` sees the `slots` - 1 before it; whose slots were taken since are gone. */
    if (slots < s->model->shape.context_length && s->newest > slots && length && length < s->newest - 1)
        return TINYLM_WINDOW_PASSED;
    s->length = length;
    if (!length) s->newest = 0;
    return 0;
}

/* 0 when `count` tokens may be appended. */
static int check(const tinylm_sequence *s, const int32_t *ids, int count) {
    if (count < 0) return TINYLM_BAD_ARGUMENT;
    if (count > s->model->shape.context_length - s->length) return TINYLM_CONTEXT_FULL;
    for (int i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= s->model->shape.vocab_size) return TINYLM_BAD_TOKEN;
    return 0;
}

int tinylm_prefill(tinylm_sequence *s, const int32_t *ids, int count) {
    int error = check(s, ids, count);
    for (int at = 0; !error && at < count; at += CHUNK)
        tinylm_forward(s, ids + at, count - at < CHUNK ? count - at : CHUNK, 0);
    return error;
}

int tinylm_logits(tinylm_sequence *s, int token, const float **logits) {
    int32_t id = token;
    int error = check(s, &id, 1);
    if (error) return error;
    tinylm_forward(s, &id, 1, 1);
    *logits = s->logits;
    return 0;
}

int tinylm_step(tinylm_sequence *s, int token, const tinylm_sampling *how, float uniform, float *logprob) {
    const float *logits;
    int32_t id = token;
    int error = check(s, &id, 1), n = s->model->shape.vocab_size;
    if (!error) error = tinylm_check_sampling(how, uniform);
    if (!error) error = tinylm_logits(s, token, &logits);
    if (error) return error;
    float *scores = s->logits, kept[UNK + 1];
    if (how->repetition_penalty != 1) scores = memcpy(s->scores, s->logits, 4 * (size_t)padded(n));
    memcpy(kept, scores, sizeof kept);
    scores[BOS] = scores[PAD] = scores[UNK] = LOWEST;
    for (int i = n; i < padded(n); i++) scores[i] = LOWEST;
    int chosen = tinylm_sample(s->model->kernels, scores, n, how, uniform, s->candidates, s->masses, logprob);
    memcpy(scores, kept, sizeof kept); /* `tinylm_hash_logits` wants them as the model gave them */
    return chosen;
}

int tinylm_score(tinylm_sequence *s, const int32_t *ids, int count, double *nats) {
    if (count < 1) return TINYLM_BAD_ARGUMENT;
    int error = check(s, ids, count - 1), n = s->model->shape.vocab_size;
    if (!error && (ids[count - 1] < 0 || ids[count - 1] >= n)) error = TINYLM_BAD_TOKEN;
    for (int i = 0; !error && i + 1 < count; i++) {
        tinylm_forward(s, ids + i, 1, 1);
        nats[i] = tinylm_cost(s->model->kernels, s->logits, n, ids[i + 1], s->masses);
        if (!(nats[i] - nats[i] == 0)) error = TINYLM_NOT_FINITE;
    }
    return error;
}

uint64_t tinylm_hash_logits(const tinylm_sequence *s, uint64_t hash) {
    for (int i = 0; i < s->model->shape.vocab_size; i++) {
        uint32_t bits;
        memcpy(&bits, s->logits + i, 4);
        hash = (hash ^ bits) * 1099511628211u;
    }
    return hash;
}
