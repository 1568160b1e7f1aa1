/* x86 with AVX-VNNI: 32 products of uint8 and int8 an instruction. */
#include "avx.h"

INLINE __m256i dot(__m256i sum, __m256i activations, __m256i weights) {
    return _mm256_dpbusd_avx_epi32(sum, activations, weights);
}
#include "shared.h"
TABLE(tinylm_avxvnni, "avxvnni")
