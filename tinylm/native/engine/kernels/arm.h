/* What the two NEON kernels share. Activations are stored signed, as value - 128. */
#include <arm_neon.h>
#define OFFSET 128
#define LANES 4
#include "vector.h"

INLINE V vmax(V a, V b) { return (V)vmaxq_f32((float32x4_t)a, (float32x4_t)b); }
INLINE V vmin(V a, V b) { return (V)vminq_f32((float32x4_t)a, (float32x4_t)b); }
INLINE int any_above(const V *v, float least) {
    float32x4_t most = (float32x4_t)vmax(vmax(v[0], v[1]), vmax(v[2], v[3]));
#ifdef __aarch64__
    return vmaxvq_f32(most) > least;
#else
    float32x2_t two = vpmax_f32(vget_low_f32(most), vget_high_f32(most));
    return vget_lane_f32(vpmax_f32(two, two), 0) > least;
#endif
}
/* 16 outputs: the zero point off, and both scales on. */
INLINE void emit(const int32x4_t *sum, int zero, const int32_t *sums, float scale, const float *row_scale, float *out) {
    float32x4_t f[4];
    for (int j = 0; j < 4; j++) f[j] = vcvtq_f32_s32(vmlsq_n_s32(sum[j], vld1q_s32(sums + 4 * j), zero));
    for (int j = 0; j < 4; j++) f[j] = vmulq_f32(vmulq_n_f32(f[j], scale), vld1q_f32(row_scale + 4 * j));
    for (int j = 0; j < 4; j++) vst1q_f32(out + 4 * j, f[j]);
}
