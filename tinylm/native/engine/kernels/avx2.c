/* x86 with AVX2. Activations are stored signed: two products of 128 * 127 at most fit 16 bits. */
#define OFFSET 128
#include "avx.h"

INLINE __m256i dot(__m256i sum, __m256i activations, __m256i weights) {
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(activations), _mm256_sign_epi8(weights, activations));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#include "shared.h"
TABLE(tinylm_avx2, "avx2")
