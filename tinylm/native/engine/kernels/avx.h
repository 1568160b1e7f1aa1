/* What the two kernels of 256 bits share; each brings `dot`: sums of four products of an activation and an int8. */
#include <immintrin.h>
#define LANES 8
#include "vector.h"

INLINE V vmax(V a, V b) { return (V)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE V vmin(V a, V b) { return (V)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE int any_above(const V *v, float least) {
    __m256 most = _mm256_max_ps((__m256)v[0], (__m256)v[1]);
    return _mm256_movemask_ps(_mm256_cmp_ps(most, _mm256_set1_ps(least), _CMP_GT_OQ));
}
INLINE __m256i dot(__m256i sum, __m256i activations, __m256i weights);

INLINE void several(const int8_t *w, const uint8_t *q, int k, const __m256i *zero, __m256 scale, const float *row_scale,
                    float *out, int step, const int rows) {
    __m256i sum[8];
    for (int r = 0; r < 2 * rows; r++) sum[r] = _mm256_setzero_si256();
    for (int i = 0; i < k; i += 4) {
        __m256i low = _mm256_loadu_si256((const __m256i *)(w + i * 16));
        __m256i high = _mm256_loadu_si256((const __m256i *)(w + i * 16 + 32));
        for (int r = 0; r < rows; r++) {
            int four;
            memcpy(&four, q + (size_t)r * k + i, 4);
            __m256i a = _mm256_set1_epi32(four);
            sum[2 * r] = dot(sum[2 * r], a, low);
            sum[2 * r + 1] = dot(sum[2 * r + 1], a, high);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int h = 0; h < 2; h++) {
            __m256 f = _mm256_cvtepi32_ps(_mm256_sub_epi32(sum[2 * r + h], zero[h]));
            f = _mm256_mul_ps(_mm256_mul_ps(f, scale), _mm256_loadu_ps(row_scale + 8 * h));
            _mm256_storeu_ps(out + (size_t)r * step + 8 * h, f);
        }
}
static void multiply_int8(const matrix *m, const void *activations, int rows, float scale_, int zero_, float *out,
                          int step, int from, int to) {
    const uint8_t *q = activations;
    int k = m->k;
    __m256 scale = _mm256_set1_ps(scale_);
    for (int n = from; n < to; n += 16) {
        const int8_t *w = m->values + (size_t)n * k;
        __m256i zero[2];
        for (int h = 0; h < 2; h++)
            zero[h] = _mm256_mullo_epi32(_mm256_set1_epi32(zero_),
                                         _mm256_loadu_si256((const __m256i *)(m->sum + n + 8 * h)));
        int r = 0;
        for (; rows - r >= 4; r += 4)
            several(w, q + (size_t)r * k, k, zero, scale, m->scale + n, out + (size_t)r * step + n, step, 4);
        for (; r < rows; r++)
            several(w, q + (size_t)r * k, k, zero, scale, m->scale + n, out + (size_t)r * step + n, step, 1);
    }
}
