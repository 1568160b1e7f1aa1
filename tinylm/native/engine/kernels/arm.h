/* What the two NEON kernels share. Activations are stored signed, as value - 128. */
#include <arm_neon.h>
#define OFFSET 128
#define LANES 4
#include "vector.h"

INLINE V vmax(V a, V b) { return (V)vmaxq_f32((float32x4_t)a, (float32x4_t)b); }
INLINE V vmin(V a, V b) { return (V)vminq_f32((float32x4_t)a, (float32x4_t)b); }
INLINE int any_above(const V *v, float least) {
#ifdef __aarch64__
    return vmaxvq_f32((float32x4_t)vmax(vmax(v[0], v[1]), vmax(v[2], v[3]))) > least;
#else
    return largest(v) > least;
#endif
}
INLINE void store_activations(void *q, int i, VI values, int zero) {
    (void)zero;
    uint16x4_t half = vmovn_u32((uint32x4_t)values);
    uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(half, half))), 0);
    memcpy((uint8_t *)q + i, &four, 4);
}
/* 16 outputs: the zero point off, and both scales on. */
INLINE void emit(const int32x4_t *sum, int zero, const int32_t *sums, float scale, const float *row_scale, float *out) {
    float32x4_t f[4];
    for (int j = 0; j < 4; j++) f[j] = vcvtq_f32_s32(vmlsq_n_s32(sum[j], vld1q_s32(sums + 4 * j), zero));
    for (int j = 0; j < 4; j++) f[j] = vmulq_f32(vmulq_n_f32(f[j], scale), vld1q_f32(row_scale + 4 * j));
    for (int j = 0; j < 4; j++) vst1q_f32(out + 4 * j, f[j]);
}
