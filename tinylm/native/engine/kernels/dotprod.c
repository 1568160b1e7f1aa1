/* 64-bit ARM with dot products, such as the Cortex-A76: 16 products an instruction. */
#include "arm.h"

INLINE void several(const int8_t *w, const int8_t *q, int k, int zero, const int32_t *sums, float scale,
                    const float *row_scale, float *out, int step, const int rows) {
    int32x4_t sum[4][4], odd[4]; /* a single row has two sums, so that no product waits for the one before */
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < 4; j++) sum[r][j] = vdupq_n_s32(0);
    for (int j = 0; j < 4; j++) odd[j] = vdupq_n_s32(0);
    for (int i = 0; i < k; i += 16, w += 256) {
        int8x16_t a[4];
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(q + (size_t)r * k + i);
        for (int j = 0; j < 4; j++) {
            int8x16_t w0 = vld1q_s8(w + 16 * j), w1 = vld1q_s8(w + 64 + 16 * j);
            int8x16_t w2 = vld1q_s8(w + 128 + 16 * j), w3 = vld1q_s8(w + 192 + 16 * j);
            for (int r = 0; r < rows; r++) {
                int32x4_t *second = rows == 1 ? odd + j : &sum[r][j];
                sum[r][j] = vdotq_laneq_s32(sum[r][j], w0, a[r], 0);
                *second = vdotq_laneq_s32(*second, w1, a[r], 1);
                sum[r][j] = vdotq_laneq_s32(sum[r][j], w2, a[r], 2);
                *second = vdotq_laneq_s32(*second, w3, a[r], 3);
            }
        }
    }
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < 4; j++)
            emit(rows == 1 ? vaddq_s32(sum[r][j], odd[j]) : sum[r][j], zero, sums + 4 * j, scale, row_scale + 4 * j,
                 out + (size_t)r * step + 4 * j);
}
static void multiply_int8(const matrix *m, const void *activations, int rows, float scale, int zero, float *out,
                          int step, int from, int to) {
    const int8_t *q = activations;
    int k = m->k;
    for (int n = from; n < to; n += 16) {
        const int8_t *w = m->values + (size_t)n * k;
        int r = 0;
        for (; rows - r >= 4; r += 4)
            several(w, q + (size_t)r * k, k, zero, m->sum + n, scale, m->scale + n, out + (size_t)r * step + n, step, 4);
        for (; r < rows; r++)
            several(w, q + (size_t)r * k, k, zero, m->sum + n, scale, m->scale + n, out + (size_t)r * step + n, step, 1);
    }
}
#include "shared.h"
TABLE(tinylm_dotprod, "dotprod", 1)
