/* Any x86-64. */
#include <emmintrin.h>
#define LANES 4
#include "vector.h"

INLINE V vmax(V a, V b) { return (V)_mm_max_ps((__m128)a, (__m128)b); }
INLINE V vmin(V a, V b) { return (V)_mm_min_ps((__m128)a, (__m128)b); }
INLINE int any_above(const V *v, float least) {
    __m128 most = (__m128)vmax(vmax(v[0], v[1]), vmax(v[2], v[3]));
    return _mm_movemask_ps(_mm_cmpgt_ps(most, _mm_set1_ps(least)));
}
#include "plain.h"
#include "shared.h"
TABLE(tinylm_sse2, "sse2")
