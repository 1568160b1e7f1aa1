/* An image becomes an open model: every size, before anything is read where it says. */
#include "internal.h"

#include <string.h>

#define MOST_LAYERS 1024
#define MOST_WIDTH 65536 /* of activations: sums of as many products of 255 and 127 fit 32 bits */

/* Walks through an image; `bad` stays set from the first part that does not fit. */
typedef struct {
    const char *at;
    uint64_t left;
    int bad, numbers;
} reader;

static const void *take(reader *r, uint64_t bytes) {
    const char *at = r->at;
    bytes = (bytes + 63) & ~(uint64_t)63;
    if (bytes > r->left) return r->bad = 1, NULL;
    r->at += bytes, r->left -= bytes;
    return at;
}

/* n floats, all of which must be finite. */
static const float *take_vector(reader *r, int n) {
    const float *v = take(r, 4 * (uint64_t)padded(n));
    for (int i = 0; v && i < padded(n); i++) r->numbers |= !(v[i] - v[i] == 0);
    return v;
}

static matrix take_matrix(reader *r, int n, int k, int int8) {
    matrix m = {padded(n), padded(k), 0, 0, 0, 0};
    if (int8) {
        m.scale = take_vector(r, n);
        m.sum = take(r, 4 * (uint64_t)m.n);
        m.values = take(r, (uint64_t)m.n * m.k);
    } else
        m.floats = take(r, 4 * (uint64_t)m.n * m.k);
    return m;
}

static int within(int value, int most) { return value >= 1 && value <= most; }

/* 0 when the header is one that this engine knows, with a shape within its bounds. */
static int check(const tinylm_header *h, size_t bytes) {
    if (bytes < sizeof *h || memcmp(h->magic, "TLMI", 4) || h->interface != TINYLM_INTERFACE || h->bytes != bytes ||
        h->unused)
        return TINYLM_BAD_IMAGE;
    if (!within(h->vocab_size, 65536) || h->vocab_size <= UNK || !within(h->context_length, 32768) ||
        !within(h->n_layer, MOST_LAYERS) || !within(h->d_model, MOST_WIDTH) || !within(h->d_ff, MOST_WIDTH) ||
        !within(h->n_head, h->d_model) || !within(h->n_kv_head, h->n_head) || h->d_model % h->n_head ||
        h->n_head % h->n_kv_head || h->window < 0 || h->window > 32768 || h->int8_parts & ~7 ||
        !(h->norm_eps > 0 && h->norm_eps < 1))
        return TINYLM_BAD_IMAGE;
    if (h->architecture == TINYLM_LLAMA) return h->d_model / h->n_head % 2 ? TINYLM_BAD_IMAGE : 0;
    return h->architecture == TINYLM_CLASSIC ? 0 : TINYLM_BAD_IMAGE;
}

static int valid_threads(int threads) { return within(threads, TINYLM_MOST_THREADS); }

size_t tinylm_model_bytes(const void *image, size_t bytes, int threads) {
    const tinylm_header *h = image;
    if (!image || (uintptr_t)image % 64 || check(h, bytes) || !valid_threads(threads)) return 0;
    size_t room = sizeof(tinylm_model) + h->n_layer * sizeof(layer);
    return ((room + 63) & ~(size_t)63) + tinylm_pool_bytes(threads);
}

static void take_layer(reader *r, const tinylm_header *h, int head_dim, layer *l) {
    int llama = h->architecture == TINYLM_LLAMA, int8 = h->int8_parts & TINYLM_INT8_WEIGHTS, d = h->d_model;
    int keys = h->n_kv_head * head_dim;
    if (h->int8_parts & TINYLM_INT8_CACHE) {
        l->cache.key_scale = take_vector(r, keys);
        l->cache.value_scale = take_vector(r, keys);
    }
    if (llama) l->norm1 = take_vector(r, d);
    l->qkv = take_matrix(r, d + 2 * keys, d, int8);
    l->output = take_matrix(r, d, d, int8);
    if (!llama) l->norm1 = take_vector(r, d), l->bias1 = take_vector(r, d);
    if (llama) l->norm2 = take_vector(r, d);
    l->up = take_matrix(r, (1 + llama) * h->d_ff, d, int8);
    l->down = take_matrix(r, d, h->d_ff, int8);
    if (!llama) l->norm2 = take_vector(r, d), l->bias2 = take_vector(r, d);
}

int tinylm_model_open(tinylm_model *m, const void *image, size_t bytes, const char *instructions, int threads) {
    size_t room = tinylm_model_bytes(image, bytes, threads);
    if (!m || (uintptr_t)m % 64 || !valid_threads(threads)) return TINYLM_BAD_ARGUMENT;
    if (!room) return TINYLM_BAD_IMAGE;
    memset(m, 0, room - tinylm_pool_bytes(threads));
    m->shape = *(const tinylm_header *)image;
    const tinylm_header *h = &m->shape;
    const kernels *const *k = tinylm_usable();
    while (*k && instructions && strcmp((*k)->name, instructions)) k++;
    if (!*k) return TINYLM_NO_INSTRUCTIONS;
    m->kernels = *k;
    m->head_dim = h->d_model / h->n_head;
    m->slots = h->window && h->window < h->context_length ? h->window : h->context_length;
    reader r = {(const char *)image + sizeof *h, bytes - sizeof *h, 0, 0};
    int llama = h->architecture == TINYLM_LLAMA, int8 = h->int8_parts & TINYLM_INT8_WEIGHTS;
    if (llama) {
        m->cos = take_vector(&r, h->context_length * (m->head_dim / 2));
        m->sin = take_vector(&r, h->context_length * (m->head_dim / 2));
    } else
        m->positions = take_matrix(&r, h->context_length, h->d_model, int8);
    for (int i = 0; i < h->n_layer && !r.bad; i++) take_layer(&r, h, m->head_dim, m->layers + i);
    if (llama) m->norm = take_vector(&r, h->d_model);
    m->embedding = take_matrix(&r, h->vocab_size, h->d_model, h->int8_parts & TINYLM_INT8_EMBEDDING);
    m->head = llama ? m->embedding : take_matrix(&r, h->vocab_size, h->d_model, int8);
    if (r.bad || r.left) return TINYLM_BAD_IMAGE;
    if (r.numbers) return TINYLM_BAD_NUMBERS;
    if (threads > 1) {
        m->pool = (pool *)((char *)m + room - tinylm_pool_bytes(threads));
        if (tinylm_pool_open(m->pool, threads)) return m->pool = NULL, TINYLM_NO_THREADS;
    }
    return 0;
}

void tinylm_model_close(tinylm_model *m) {
    if (m->pool) tinylm_pool_close(m->pool);
    m->pool = NULL;
}
const char *tinylm_model_instructions(const tinylm_model *m) { return m->kernels->name; }
int tinylm_vocab_size(const tinylm_model *m) { return m->shape.vocab_size; }
int tinylm_context_length(const tinylm_model *m) { return m->shape.context_length; }
