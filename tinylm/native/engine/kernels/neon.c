/* ARM with NEON, 32 and 64 bits, such as the Cortex-A53: 16 products take a multiply-long, a multiply-add-long and a
   pairwise sum each for their halves. */
#include "arm.h"

#ifdef __aarch64__
#define FOUR(v, i) vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(v), i))
#else
#define HALF(v, i) (i < 2 ? vget_low_s32(vreinterpretq_s32_s8(v)) : vget_high_s32(vreinterpretq_s32_s8(v)))
#define FOUR(v, i) vreinterpretq_s8_s32(vdupq_lane_s32(HALF(v, i), (i) & 1))
#endif

/* 16 outputs of 8 inputs: `a` has four of the activations, four times, and `b` the next four. */
INLINE void eight_inputs(int32x4_t *low, int32x4_t *high, const int8_t *w, int8x16_t a, int8x16_t b) {
    for (int j = 0; j < 4; j++) { /* two products of 128 * 127 at most fit 16 bits */
        int8x16_t v = vld1q_s8(w + 16 * j), next = vld1q_s8(w + 64 + 16 * j);
        int16x8_t p = vmlal_s8(vmull_s8(vget_low_s8(v), vget_low_s8(a)), vget_low_s8(next), vget_low_s8(b));
        low[j] = vpadalq_s16(low[j], p);
#ifdef __aarch64__
        p = vmlal_high_s8(vmull_high_s8(v, a), next, b);
#else
        p = vmlal_s8(vmull_s8(vget_high_s8(v), vget_high_s8(a)), vget_high_s8(next), vget_high_s8(b));
#endif
        high[j] = vpadalq_s16(high[j], p);
    }
}
static void multiply_int8(const matrix *m, const void *activations, int rows, float scale, int zero, float *out,
                          int step, int from, int to) {
    const matrix here = *m; /* a copy that no store to `out` can change */
    for (int n = from; n < to; n += 16)
        for (int r = 0; r < rows; r++) {
            const int8_t *w = here.values + (size_t)n * here.k, *end = w + 16 * (size_t)here.k;
            const int8_t *q = (const int8_t *)activations + (size_t)r * here.k;
            int32x4_t low[4], high[4];
            for (int j = 0; j < 4; j++) low[j] = high[j] = vdupq_n_s32(0);
            for (; w < end; w += 256, q += 16) {
                int8x16_t a = vld1q_s8(q), a0 = FOUR(a, 0), a1 = FOUR(a, 1), a2 = FOUR(a, 2), a3 = FOUR(a, 3);
                eight_inputs(low, high, w, a0, a1);
                eight_inputs(low, high, w + 128, a2, a3);
            }
            int32x4_t sum[4];
            for (int j = 0; j < 4; j++) {
#ifdef __aarch64__
                sum[j] = vpaddq_s32(low[j], high[j]);
#else
                sum[j] = vcombine_s32(vpadd_s32(vget_low_s32(low[j]), vget_high_s32(low[j])),
                                      vpadd_s32(vget_low_s32(high[j]), vget_high_s32(high[j])));
#endif
            }
            emit(sum, zero, here.sum + n, scale, here.scale + n, out + (size_t)r * step + n);
        }
}
#include "shared.h"
TABLE(tinylm_neon, "neon")
