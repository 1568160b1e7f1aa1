/* Token ids to logits, for both architectures: the twin of `tinylm.model.transformer` (torch) and of
   `tinylm.export.graph.transformer` (ONNX).

   T tokens are read at once, at most CHUNK. Rows of activations are padded to multiples of 16; the padding of weights
   is zero, so the padding of activations stays zero. Names of sizes: D d_model, F d_ff, hd head_dim. */
#include "internal.h"

#include <string.h>

/* ---- matrix products, shared out over the threads by outputs ---- */

#ifndef LEAST_BYTES
#define LEAST_BYTES (1 << 20) /* of weights that a thread is woken for: waking takes as long as reading half of that */
#endif

typedef struct {
    const kernels *k;
    const matrix *m;
    const void *x;
    int rows, zero;
    float scale;
    float *out;
    int step;
} product;

static void multiply_part(void *context, int part, int parts) {
    const product *p = context;
    int64_t tiles = p->m->n / 16;
    int from = (int)(tiles * part / parts) * 16, to = (int)(tiles * (part + 1) / parts) * 16;
    if (p->m->floats)
        p->k->multiply_float(p->m, p->x, p->rows, p->out, p->step, from, to);
    else
        p->k->multiply_int8(p->m, p->x, p->rows, p->scale, p->zero, p->out, p->step, from, to);
}

/* out [rows][step] = x [rows][m->k] times m. Activations of an int8 matrix get one scale for all rows, as
   DynamicQuantizeLinear has it (https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html). */
static void multiply(tinylm_sequence *s, const matrix *m, const float *x, int rows, float *out, int step) {
    product p = {s->model->kernels, m, x, rows, 0, 0, out, step};
    if (!m->floats) p.zero = p.k->quantize(x, rows * m->k, s->q, &p.scale), p.x = s->q;
    size_t bytes = (size_t)m->n * m->k * (m->floats ? 4 : 1);
    if (s->model->pool && bytes >= LEAST_BYTES)
        tinylm_pool_run(s->model->pool, multiply_part, &p);
    else
        multiply_part(&p, 0, 1);
}

/* Row `i` of a matrix that is a table: [n], the first `n` of its inputs. */
static void look_up(const matrix *m, int i, float *out, int n) {
    size_t tile = (size_t)(i & ~15) * m->k;
    int lane = i & 15;
    if (m->floats)
        for (int k = 0; k < n; k++) out[k] = m->floats[tile + (size_t)k * 16 + lane];
    else
        for (int k = 0; k < n; k++)
            out[k] = (float)m->values[tile + (size_t)(k >> 2) * 64 + lane * 4 + (k & 3)] * m->scale[i];
}

/* ---- attention: the twin of `tinylm.model.attention` ---- */

/* Rotate the two halves of a head (https://arxiv.org/abs/2104.09864). */
static void rotate(float *x, const float *cos, const float *sin, int half) {
    for (int i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a * cos[i] - b * sin[i];
        x[i + half] = b * cos[i] + a * sin[i];
    }
}

static int8_t quantized(float x, float scale) {
    float v = x / scale;
    v = !(v >= -128) ? -128 : v > 127 ? 127 : v;
    return (int8_t)(int)(v + 12582912.0f - 12582912.0f); /* to the nearest, half to even */
}

/* Keep a token's keys and values [n_kv_head][hd] in slot `at`. */
static void remember(const tinylm_model *m, const cache *c, const float *key, const float *value, int at) {
    int hd = m->head_dim, hdp = padded(hd), stride = padded(m->slots);
    for (int n = 0; n < m->shape.n_kv_head; n++, key += hd, value += hd) {
        size_t k = (size_t)n * hd * stride + at, v = ((size_t)n * stride + at) * hdp;
        if (c->key_scale) {
            int8_t *keys = (int8_t *)c->keys + k, *values = (int8_t *)c->values + v;
            for (int j = 0; j < hd; j++) keys[(size_t)j * stride] = quantized(key[j], c->key_scale[n * hd + j]);
            for (int j = 0; j < hd; j++) values[j] = quantized(value[j], c->value_scale[n * hd + j]);
        } else {
            float *keys = (float *)c->keys + k;
            for (int j = 0; j < hd; j++) keys[(size_t)j * stride] = key[j];
            memcpy((float *)c->values + v, value, sizeof(float) * hd);
        }
    }
}

/* x [T][D padded] -> out [T][D padded]: grouped-query attention over the cache, into which the tokens go one by one. A
   window's cache is a ring: a token takes the slot of the one that has just left the window. */
static void attention(tinylm_sequence *s, int index, const float *x, int count, float *mixed, float *out) {
    const tinylm_model *m = s->model;
    const layer *l = m->layers + index;
    int hd = m->head_dim, heads = m->shape.n_head, kv = m->shape.n_kv_head, d = padded(m->shape.d_model);
    int stride = padded(m->slots), width = l->qkv.n, element = l->cache.key_scale ? 1 : 4;
    size_t head_keys = (size_t)hd * stride * element, head_values = (size_t)padded(hd) * stride * element;
    cache c = l->cache;
    c.keys = s->keys + index * kv * head_keys;
    c.values = s->values + index * kv * head_values;
    multiply(s, &l->qkv, x, count, s->wide, width); /* [T][(heads + 2 kv) * hd] */
    if (d != m->shape.d_model) memset(mixed, 0, sizeof(float) * count * d);
    for (int t = 0; t < count; t++) {
        int position = s->length + t, cached = position < m->slots ? position + 1 : m->slots;
        float *q = s->wide + (size_t)t * width, *key = q + heads * hd, *value = key + kv * hd;
        if (m->cos) {
            const float *cos = m->cos + (size_t)position * (hd / 2), *sin = m->sin + (size_t)position * (hd / 2);
            for (int n = 0; n < heads + kv; n++) rotate(q + n * hd, cos, sin, hd / 2);
        }
        remember(m, &c, key, value, position % m->slots);
        for (int n = 0; n < heads; n++) {
            int shared = n / (heads / kv), channel = shared * hd;
            m->kernels->attend(q + n * hd, (char *)c.keys + shared * head_keys, (char *)c.values + shared * head_values,
                               c.key_scale ? c.key_scale + channel : NULL, c.key_scale ? c.value_scale + channel : NULL,
                               stride, hd, cached, s->p, mixed + (size_t)t * d + n * hd);
        }
    }
    multiply(s, &l->output, mixed, count, out, d);
}

/* ---- the blocks: the twins of `tinylm.model.blocks` ---- */

/* `x + f(norm(x))` for attention and for SwiGLU (https://arxiv.org/abs/2002.05202). */
static void pre_norm_block(tinylm_sequence *s, int index, int count) {
    const tinylm_model *m = s->model;
    const kernels *k = m->kernels;
    const layer *l = m->layers + index;
    int size = m->shape.d_model, d = padded(size), f = m->shape.d_ff, wide = l->up.n;
    float *x = s->x, *h = s->h, *branch = s->wide, epsilon = m->shape.norm_eps;
    for (int t = 0; t < count; t++) k->rms_norm(x + t * d, l->norm1, h + t * d, size, epsilon);
    attention(s, index, h, count, h, branch);
    for (int t = 0; t < count; t++) {
        k->add(x + t * d, branch + t * d, d);
        k->rms_norm(x + t * d, l->norm2, h + t * d, size, epsilon);
    }
    multiply(s, &l->up, h, count, s->wide, wide); /* [T][gate F, up F] */
    for (int t = 0; t < count; t++)
        k->gate(s->wide + (size_t)t * wide, s->wide + (size_t)t * wide + f, h + (size_t)t * l->down.k, f);
    multiply(s, &l->down, h, count, branch, d);
    for (int t = 0; t < count; t++) k->add(x + t * d, branch + t * d, d);
}

/* `norm(x + f(x))` for attention and for GELU. */
static void post_norm_block(tinylm_sequence *s, int index, int count) {
    const tinylm_model *m = s->model;
    const kernels *k = m->kernels;
    const layer *l = m->layers + index;
    int size = m->shape.d_model, d = padded(size), wide = l->up.n;
    float *x = s->x, *h = s->h, *branch = s->wide, epsilon = m->shape.norm_eps;
    attention(s, index, x, count, h, branch);
    for (int t = 0; t < count; t++) {
        k->add(x + t * d, branch + t * d, d);
        k->layer_norm(x + t * d, l->norm1, l->bias1, x + t * d, size, epsilon);
    }
    multiply(s, &l->up, x, count, s->wide, wide);
    for (int t = 0; t < count; t++) k->gelu(s->wide + (size_t)t * wide, h + (size_t)t * l->down.k, m->shape.d_ff);
    multiply(s, &l->down, h, count, branch, d);
    for (int t = 0; t < count; t++) {
        k->add(x + t * d, branch + t * d, d);
        k->layer_norm(x + t * d, l->norm2, l->bias2, x + t * d, size, epsilon);
    }
}

/* ---- the transformer ---- */

void tinylm_forward(tinylm_sequence *s, const int32_t *ids, int count, int logits) {
    const tinylm_model *m = s->model;
    const kernels *k = m->kernels;
    int size = m->shape.d_model, d = padded(size), llama = m->shape.architecture == TINYLM_LLAMA;
    if (d != size) memset(s->x, 0, sizeof(float) * count * d); /* tokens before may have left NaN in the padding */
    for (int t = 0; t < count; t++) {
        look_up(&m->embedding, ids[t], s->x + t * d, size);
        if (!llama) {
            look_up(&m->positions, s->length + t, s->h, size);
            for (int i = 0; i < size; i++) s->x[t * d + i] += s->h[i];
        }
    }
    for (int i = 0; i < m->shape.n_layer; i++)
        if (llama)
            pre_norm_block(s, i, count);
        else
            post_norm_block(s, i, count);
    s->length += count;
    if (s->length > s->newest) s->newest = s->length;
    if (!logits) return;
    const float *last = s->x + (count - 1) * d;
    if (llama) k->rms_norm(last, m->norm, s->h, size, m->shape.norm_eps), last = s->h;
    multiply(s, &m->head, last, 1, s->logits, m->head.n);
}
