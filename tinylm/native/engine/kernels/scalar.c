/* Any processor: C alone. */
#define LANES 1
#include "vector.h"

INLINE V vmax(V a, V b) { return a > b ? a : b; }
INLINE V vmin(V a, V b) { return a < b ? a : b; }
INLINE int any_above(const V *v, float least) { return largest(v) > least; }
#include "plain.h"
#include "shared.h"
TABLE(tinylm_scalar, "scalar")
