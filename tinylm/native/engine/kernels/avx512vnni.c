/* x86 with AVX-512 and VNNI: 64 products of uint8 and int8 an instruction. */
#include <immintrin.h>
#define LANES 16
#include "vector.h"

INLINE V vmax(V a, V b) { return (V)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE V vmin(V a, V b) { return (V)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE int any_above(const V *v, float least) {
    return _mm512_cmp_ps_mask((__m512)v[0], _mm512_set1_ps(least), _CMP_GT_OQ) != 0;
}

INLINE __m512i weights(const int8_t *w) { return _mm512_loadu_si512(w); }
INLINE __m512i four(const uint8_t *q) {
    int a;
    memcpy(&a, q, 4);
    return _mm512_set1_epi32(a);
}
INLINE void emit(__m512i sum, __m512i zero, __m512 scale, __m512 row_scale, float *out) {
    __m512 f = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, zero));
    _mm512_storeu_ps(out, _mm512_mul_ps(_mm512_mul_ps(f, scale), row_scale));
}
INLINE void several(const int8_t *w, const uint8_t *q, int k, __m512i zero, __m512 scale, __m512 row_scale, float *out,
                    int step, const int rows) {
    __m512i sum[8];
    for (int r = 0; r < rows; r++) sum[r] = _mm512_setzero_si512();
    for (int i = 0; i < k; i += 4) {
        __m512i v = weights(w + i * 16);
        for (int r = 0; r < rows; r++) sum[r] = _mm512_dpbusd_epi32(sum[r], four(q + (size_t)r * k + i), v);
    }
    for (int r = 0; r < rows; r++) emit(sum[r], zero, scale, row_scale, out + (size_t)r * step);
}
/* Four sums, so that no product waits for the one before. */
INLINE __m512i single(const int8_t *w, const uint8_t *q, int k) {
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    for (int i = 0; i < k; i += 16) {
        a = _mm512_dpbusd_epi32(a, four(q + i), weights(w + i * 16));
        b = _mm512_dpbusd_epi32(b, four(q + i + 4), weights(w + i * 16 + 64));
        c = _mm512_dpbusd_epi32(c, four(q + i + 8), weights(w + i * 16 + 128));
        d = _mm512_dpbusd_epi32(d, four(q + i + 12), weights(w + i * 16 + 192));
    }
    return _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d));
}
static void multiply_int8(const matrix *m, const void *activations, int rows, float scale_, int zero_, float *out,
                          int step, int from, int to) {
    const uint8_t *q = activations;
    int k = m->k;
    __m512 scale = _mm512_set1_ps(scale_);
    for (int n = from; n < to; n += 16) {
        const int8_t *w = m->values + (size_t)n * k;
        __m512i zero = _mm512_mullo_epi32(_mm512_set1_epi32(zero_), _mm512_loadu_si512(m->sum + n));
        __m512 row_scale = _mm512_loadu_ps(m->scale + n);
        int r = 0;
        for (; rows - r >= 8; r += 8)
            several(w, q + (size_t)r * k, k, zero, scale, row_scale, out + (size_t)r * step + n, step, 8);
        if (rows - r >= 4)
            several(w, q + (size_t)r * k, k, zero, scale, row_scale, out + (size_t)r * step + n, step, 4), r += 4;
        if (rows - r >= 2)
            several(w, q + (size_t)r * k, k, zero, scale, row_scale, out + (size_t)r * step + n, step, 2), r += 2;
        if (rows - r) emit(single(w, q + (size_t)r * k, k), zero, scale, row_scale, out + (size_t)r * step + n);
    }
}
#include "shared.h"
TABLE(tinylm_avx512vnni, "avx512vnni")
