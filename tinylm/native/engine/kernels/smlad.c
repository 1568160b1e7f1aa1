/* ARMv6, such as the ARM1176 of a Pi Zero W: two products of 16 bits an instruction. Activations are stored as int16
   without their zero point, in the order 0, 2, 1, 3 of every four, which is how SXTB16 takes four weights apart. */
#define LANES 1
#include "vector.h"

INLINE V vmax(V a, V b) { return a > b ? a : b; }
INLINE V vmin(V a, V b) { return a < b ? a : b; }
INLINE int any_above(const V *v, float least) { return largest(v) > least; }
INLINE void store_activation(int16_t *q, int i, uint32_t value, int zero) {
    q[(i & ~3) + ((i & 3) >> 1 | (i & 1) << 1)] = (int16_t)((int)value - zero);
}
#define STORE_ACTIVATIONS store_activation

INLINE int two(int sum, uint32_t weights, uint32_t a02, uint32_t a13) {
    uint32_t even, odd;
    __asm__("sxtb16 %0, %1" : "=r"(even) : "r"(weights));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(weights));
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(even), "r"(a02));
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(odd), "r"(a13));
    return sum;
}
static void multiply_int8(const matrix *m, const void *activations, int rows, float scale, int zero, float *out,
                          int step, int from, int to) {
    int k = m->k;
    (void)zero; /* taken off already */
    for (int n = from; n < to; n += 4)
        for (int r = 0; r < rows; r++) {
            const uint32_t *w = (const uint32_t *)(m->values + (size_t)(n & ~15) * k) + (n & 15);
            const uint32_t *a = (const uint32_t *)activations + (size_t)r * k / 2, *end = a + k / 2;
            int s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (; a < end; a += 2, w += 16) {
                uint32_t a02 = a[0], a13 = a[1];
                s0 = two(s0, w[0], a02, a13), s1 = two(s1, w[1], a02, a13);
                s2 = two(s2, w[2], a02, a13), s3 = two(s3, w[3], a02, a13);
            }
            float *o = out + (size_t)r * step + n;
            const float *row_scale = m->scale + n;
            o[0] = (float)s0 * scale * row_scale[0], o[1] = (float)s1 * scale * row_scale[1];
            o[2] = (float)s2 * scale * row_scale[2], o[3] = (float)s3 * scale * row_scale[3];
        }
}
#include "shared.h"
TABLE(tinylm_smlad, "smlad")
