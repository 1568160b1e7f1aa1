/* A vector of LANES floats, the same source for every instruction set: GCC's and Clang's vector extension.

   Whatever LANES is, sums run over 16 lanes, which are NV vectors, and end in one fixed order (`total`). So every
   instruction set gives the same bits. */
#include "../internal.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")
#define NV (16 / LANES)
#if LANES == 1
typedef float V;
typedef uint32_t VI;
typedef int8_t V8;
#define FLOATS(v) ((V)(v))
#define BYTES(v) ((V8)(v))
#else
typedef float V __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint32_t VI __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int8_t V8 __attribute__((vector_size(LANES), aligned(1), may_alias));
#define FLOATS(v) __builtin_convertvector(v, V)
#define BYTES(v) __builtin_convertvector(v, V8) /* the lowest of each */
#endif
#define LOAD(p) (*(const V *)(p))
#define STORE(p) (*(V *)(p))
#define ALL(x) ((V){0} + (x))

INLINE VI bits(V v) {
    VI i;
    memcpy(&i, &v, sizeof v);
    return i;
}
INLINE V from_bits(VI i) {
    V v;
    memcpy(&v, &i, sizeof v);
    return v;
}

#define ROUND 12582912.0f /* 1.5 * 2^23: adding it rounds to the nearest integer, half to even */
#define ROUND_BITS 0x4B400000u

/* e^x for |x| <= 87, by the polynomial of Cephes (https://netlib.org/cephes): products and sums only. */
INLINE V exponential(V x) {
    V t = x * 1.44269504f + ROUND;
    V n = t - ROUND;
    V r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return from_bits(bits(p) + ((bits(t) - ROUND_BITS) << 23));
}

/* The sum, and the largest, of 16 lanes. */
INLINE float total(const V *s) {
    float f[16];
    memcpy(f, s, sizeof f);
    for (int w = 8; w; w /= 2)
        for (int i = 0; i < w; i++) f[i] += f[i + w];
    return f[0];
}
INLINE float largest(const V *s) {
    float f[16];
    memcpy(f, s, sizeof f);
    for (int i = 1; i < 16; i++) f[0] = f[i] > f[0] ? f[i] : f[0];
    return f[0];
}
