/* What every instruction set does with floats. A kernel's file defines LANES and its `vmax` and `vmin`, includes
   vector.h, writes its integer products, includes this, and ends with TABLE. */

/* ---- norms ---- */

static void rms_norm(const float *x, const float *weight, float *out, int d, float epsilon) {
    V s[NV] = {0};
    for (int i = 0; i < d; i += 16)
        for (int j = 0; j < NV; j++) s[j] += LOAD(x + i + j * LANES) * LOAD(x + i + j * LANES);
    float rms = sqrtf(total(s) / d + epsilon);
    for (int i = 0; i < padded(d); i += LANES) STORE(out + i) = LOAD(x + i) / rms * LOAD(weight + i);
}

static void layer_norm(const float *x, const float *weight, const float *bias, float *out, int d, float epsilon) {
    V s[NV] = {0};
    for (int i = 0; i < d; i += 16)
        for (int j = 0; j < NV; j++) s[j] += LOAD(x + i + j * LANES);
    float mean = total(s) / d;
    for (int i = 0; i < padded(d); i += LANES) STORE(out + i) = LOAD(x + i) - mean;
    for (int i = d; i < padded(d); i++) out[i] = 0;
    for (int j = 0; j < NV; j++) s[j] = ALL(0);
    for (int i = 0; i < d; i += 16)
        for (int j = 0; j < NV; j++) s[j] += LOAD(out + i + j * LANES) * LOAD(out + i + j * LANES);
    float deviation = sqrtf(total(s) / d + epsilon);
    for (int i = 0; i < padded(d); i += LANES)
        STORE(out + i) = LOAD(out + i) / deviation * LOAD(weight + i) + LOAD(bias + i);
}

static void add(float *x, const float *y, int n) {
    for (int i = 0; i < n; i += LANES) STORE(x + i) = LOAD(x + i) + LOAD(y + i);
}

/* ---- activations ---- */

/* silu(g) * u, with silu(g) = g / (1 + e^-g). */
static void gate(const float *g, const float *u, float *out, int n) {
    V low = ALL(-87.0f), high = ALL(87.0f);
    for (int i = 0; i < n; i += LANES) {
        V x = LOAD(g + i);
        STORE(out + i) = x * (1.0f / (1.0f + exponential(vmin(vmax(-x, low), high)))) * LOAD(u + i);
    }
    for (int i = n; i < padded(n); i++) out[i] = 0;
}

/* x / 2 * (1 + erf(x / sqrt 2)), with erf by Abramowitz and Stegun, 7.1.26, off by 1.5e-7 at most. */
static void gelu(const float *x, float *out, int n) {
    V low = ALL(-87.0f);
    for (int i = 0; i < n; i += LANES) {
        V v = LOAD(x + i), z = v * 0.70710678f, size = vmax(z, -z);
        V t = 1.0f / (1.0f + size * 0.3275911f);
        V p = t * 1.061405429f - 1.453152027f;
        p = p * t + 1.421413741f;
        p = p * t - 0.284496736f;
        p = (p * t + 0.254829592f) * t;
        V rest = p * exponential(vmax(-z * z, low)); /* 1 - erf(|z|) */
        V half = v * 0.5f;
        STORE(out + i) = vmax(v, ALL(0)) - vmax(half, -half) * rest; /* v - |v|/2 rest, or -|v|/2 rest */
    }
    for (int i = n; i < padded(n); i++) out[i] = 0;
}

/* ---- attention ---- */

/* softmax(q k / sqrt(head_dim)) v; keys are [head_dim][stride], values [stride][head_dim padded]. Inlined twice, for
   floats and for int8, whose scales go to the query and to the result. */
INLINE void attend_over(const float *q, const void *keys, const void *values, const float *value_scale, int stride,
                        int hd, int count, float *p, float *out, const int int8) {
    const float *kf = keys, *vf = values;
    const int8_t *ki = keys, *vi = values;
    int wide = padded(hd);
    float scale = 1.0f / sqrtf((float)hd);
    V top[NV], sum[NV] = {0}, floor = ALL(-87.0f);
    for (int t = 0; t < count; t += 16) {
        V s[NV] = {0};
        UNROLL
        for (int d = 0; d < hd; d++)
            for (int j = 0; j < NV; j++) {
                size_t at = (size_t)d * stride + t + j * LANES;
                V k = int8 ? FLOATS(*(const V8 *)(ki + at)) : LOAD(kf + at);
                s[j] += k * q[d];
            }
        for (int j = 0; j < NV; j++) STORE(p + t + j * LANES) = s[j] * scale;
    }
    for (int t = count; t & 15; t++) p[t] = LOWEST / 4;
    for (int j = 0; j < NV; j++) top[j] = LOAD(p + j * LANES);
    for (int t = 16; t < count; t += 16)
        for (int j = 0; j < NV; j++) top[j] = vmax(top[j], LOAD(p + t + j * LANES));
    float most = largest(top);
    for (int t = 0; t < count; t += 16)
        for (int j = 0; j < NV; j++) {
            V d = LOAD(p + t + j * LANES) - most;
            V e = exponential(vmax(d, floor)); /* e^-87 in the padding: nothing beside 1 */
            STORE(p + t + j * LANES) = e;
            sum[j] += e + (d - d); /* what is NaN or infinite makes all NaN; `vmax` may lose it */
        }
    float part = 1.0f / total(sum);
    for (int d = 0; d < hd; d += 16) {
        V even[NV] = {0}, odd[NV] = {0}; /* so that no sum waits for the one before */
        int t = 0;
        for (; t + 1 < count; t += 2)
            for (int j = 0; j < NV; j++) {
                size_t at = (size_t)t * wide + d + j * LANES;
                even[j] += (int8 ? FLOATS(*(const V8 *)(vi + at)) : LOAD(vf + at)) * p[t];
                odd[j] += (int8 ? FLOATS(*(const V8 *)(vi + at + wide)) : LOAD(vf + at + wide)) * p[t + 1];
            }
        for (int j = 0; t < count && j < NV; j++) {
            size_t at = (size_t)t * wide + d + j * LANES;
            even[j] += (int8 ? FLOATS(*(const V8 *)(vi + at)) : LOAD(vf + at)) * p[t];
        }
        for (int j = 0; j < NV; j++) even[j] = (even[j] + odd[j]) * part;
        if (d + 16 <= hd && !int8)
            for (int j = 0; j < NV; j++) STORE(out + d + j * LANES) = even[j];
        else {
            float mixed[16];
            memcpy(mixed, even, sizeof mixed);
            for (int i = 0; i < 16 && d + i < hd; i++) out[d + i] = int8 ? mixed[i] * value_scale[d + i] : mixed[i];
        }
    }
}

static void attend(float *q, const void *keys, const void *values, const float *key_scale, const float *value_scale,
                   int stride, int hd, int count, float *p, float *out) {
    if (!key_scale) return attend_over(q, keys, values, NULL, stride, hd, count, p, out, 0);
    for (int i = 0; i < hd; i++) q[i] *= key_scale[i];
    attend_over(q, keys, values, value_scale, stride, hd, count, p, out, 1);
}

/* ---- products of floats ---- */

/* Sums over even and over odd inputs, then both together: the same for one row and for several. */
INLINE void float_rows(const float *w, const float *x, int k, float *out, int step, const int rows) {
    V even[4][NV] = {0}, odd[4][NV] = {0};
    for (int i = 0; i < k; i += 2, w += 32)
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < NV; j++) {
                even[r][j] += LOAD(w + j * LANES) * x[(size_t)r * k + i];
                odd[r][j] += LOAD(w + 16 + j * LANES) * x[(size_t)r * k + i + 1];
            }
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < NV; j++) STORE(out + (size_t)r * step + j * LANES) = even[r][j] + odd[r][j];
}

static void multiply_float(const matrix *m, const float *x, int rows, float *out, int step, int from, int to) {
    for (int n = from; n < to; n += 16) {
        const float *w = m->floats + (size_t)n * m->k;
        int r = 0;
        for (; LANES > 4 && r + 4 <= rows; r += 4)
            float_rows(w, x + (size_t)r * m->k, m->k, out + (size_t)r * step + n, step, 4);
        for (; r + 2 <= rows; r += 2) float_rows(w, x + (size_t)r * m->k, m->k, out + (size_t)r * step + n, step, 2);
        for (; r < rows; r++) float_rows(w, x + (size_t)r * m->k, m->k, out + (size_t)r * step + n, step, 1);
    }
}

/* ---- quantized activations ---- */

#ifndef OFFSET
#define OFFSET 0 /* 128 where the products want them signed: stored as value - 128 */
#endif
#ifndef STORE_ACTIVATIONS
#define STORE_ACTIVATIONS(q, i, values, zero) (*(V8 *)((int8_t *)(q) + (i)) = BYTES(values))
#endif

/* As ONNX's DynamicQuantizeLinear: one scale and zero point for all, whose range includes 0. */
static int quantize(const float *x, int n, void *q, float *scale) {
    V lows[NV] = {0}, highs[NV] = {0}, strange[NV] = {0};
    for (int i = 0; i < n; i += 16)
        for (int j = 0; j < NV; j++) {
            V v = LOAD(x + i + j * LANES);
            lows[j] = vmin(lows[j], v);
            highs[j] = vmax(highs[j], v);
            strange[j] += v - v;
        }
    for (int j = 0; j < NV; j++) lows[j] = -lows[j];
    float least = -largest(lows), most = largest(highs);
    float s = most == least ? 1.0f : (most - least) / 255.0f;
    float zero = 0.0f - least / s;
    zero = !(zero > 0) ? 0 : zero > 255 ? 255 : zero;
    int z = (int)(zero + ROUND - ROUND);
    V low = ALL((float)-z), high = ALL((float)(255 - z));
    for (int i = 0; i < n; i += LANES) {
        V v = vmin(vmax(LOAD(x + i) / s, low), high) + ROUND;
        STORE_ACTIVATIONS(q, i, bits(v) + (uint32_t)(z - OFFSET) - ROUND_BITS, z);
    }
    *scale = s + total(strange); /* NaN where an activation is NaN or infinite: so are the logits then, everywhere */
    return z - OFFSET;
}

/* ---- searching among logits ---- */

static int above(const float *x, int i, int n, float least) {
    for (; i < n; i += 16) {
        V top[NV];
        for (int j = 0; j < NV; j++) top[j] = LOAD(x + i + j * LANES);
        if (any_above(top, least)) return i;
    }
    return n;
}

static int argmax(const float *x, int n) {
    V top[NV];
    VI nan[NV] = {0}; /* the largest of a number and NaN is either, by the processor */
    for (int j = 0; j < NV; j++) top[j] = LOAD(x + j * LANES);
    for (int i = 0; i < n; i += 16)
        for (int j = 0; j < NV; j++) {
            V v = LOAD(x + i + j * LANES);
            top[j] = vmax(top[j], v);
            nan[j] |= (VI)(v != v);
        }
    uint32_t found[16];
    memcpy(found, nan, sizeof found);
    for (int i = 0; i < 16; i++)
        if (found[i]) return -1;
    float most = largest(top);
    if (!(most - most == 0)) return -1;
    for (int i = above(x, 0, n, most - 1e-6f * (most > 0 ? most : -most) - 1e-30f); i < n; i++)
        if (x[i] == most) return i;
    return -1;
}

static void exponentials(const float *x, float factor, float top, float *out, int n) {
    V floor = ALL(-87.0f);
    for (int i = 0; i < n; i += LANES) {
        V v = LOAD(x + i) * factor - top;
        V e = exponential(vmax(v, floor));
#if LANES == 1
        STORE(out + i) = v > floor ? e : 0;
#else
        STORE(out + i) = from_bits(bits(e) & (VI)(v > floor)); /* nothing, rather than hardly anything */
#endif
    }
}

#define TABLE(symbol, name)                                                                                            \
    const kernels symbol = {name,   quantize, multiply_int8, multiply_float, rms_norm, layer_norm, add,                \
                            attend, gate,     gelu,          argmax,         above,    exponentials};
