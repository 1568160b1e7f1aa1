/* 64-bit ARM with dot products, such as the Cortex-A76: 16 products an instruction. */
#include "arm.h"

/* `rows` rows of activations times `tiles` tiles of 16 outputs, so many that no product waits for the one before. */
INLINE void several(const matrix *m, int n, const int8_t *q, int zero, float scale, float *out, int step,
                    const int rows, const int tiles) {
    int k = m->k;
    const int8_t *w = m->values + (size_t)n * k;
    int32x4_t sum[4][2][4];
    for (int r = 0; r < rows; r++)
        for (int t = 0; t < tiles; t++)
            for (int j = 0; j < 4; j++) sum[r][t][j] = vdupq_n_s32(0);
    for (int i = 0; i < k; i += 16, w += 256) {
        int8x16_t a[4];
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(q + (size_t)r * k + i);
        for (int t = 0; t < tiles; t++)
            for (int j = 0; j < 4; j++) {
                const int8_t *at = w + (size_t)t * 16 * k + 16 * j;
                int8x16_t w0 = vld1q_s8(at), w1 = vld1q_s8(at + 64);
                int8x16_t w2 = vld1q_s8(at + 128), w3 = vld1q_s8(at + 192);
                for (int r = 0; r < rows; r++) {
                    sum[r][t][j] = vdotq_laneq_s32(sum[r][t][j], w0, a[r], 0);
                    sum[r][t][j] = vdotq_laneq_s32(sum[r][t][j], w1, a[r], 1);
                    sum[r][t][j] = vdotq_laneq_s32(sum[r][t][j], w2, a[r], 2);
                    sum[r][t][j] = vdotq_laneq_s32(sum[r][t][j], w3, a[r], 3);
                }
            }
    }
    for (int r = 0; r < rows; r++)
        for (int t = 0; t < tiles; t++)
            emit(sum[r][t], zero, m->sum + n + 16 * t, scale, m->scale + n + 16 * t,
                 out + (size_t)r * step + n + 16 * t);
}
static void multiply_int8(const matrix *m, const void *activations, int rows, float scale, int zero, float *out,
                          int step, int from, int to) {
    const int8_t *q = activations;
    const matrix here = *m; /* a copy that no store to `out` can change */
    int n = from;
    if (rows == 1)
        for (; n + 32 <= to; n += 32) several(&here, n, q, zero, scale, out, step, 1, 2);
    for (; n < to; n += 16) {
        int r = 0;
        for (; r + 4 <= rows; r += 4)
            several(&here, n, q + (size_t)r * here.k, zero, scale, out + (size_t)r * step, step, 4, 1);
        for (; r < rows; r++)
            several(&here, n, q + (size_t)r * here.k, zero, scale, out + (size_t)r * step, step, 1, 1);
    }
}
#include "shared.h"
TABLE(tinylm_dotprod, "dotprod")
