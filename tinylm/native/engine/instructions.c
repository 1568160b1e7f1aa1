/* Which instruction sets are compiled in, and which of them this processor and system have. */
#include "internal.h"

#include <pthread.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

int tinylm_interface(void) { return TINYLM_INTERFACE; }
int tinylm_arithmetic(void) { return TINYLM_ARITHMETIC; }

const char *tinylm_error(int code) {
    static const char *const texts[] = {
        "no error",
        "the weights are cut, damaged, of another layout or of a shape that this engine cannot do",
        "a scale or a norm of the model is NaN or infinite",
        "this processor does not have the instruction set that was asked for",
        "a token id is not in the vocabulary",
        "more tokens than the context holds",
        "the model's logits are NaN or infinite",
        "a setting is out of its range",
        "the tokens that would be needed have left the sliding window",
        "the system gives no threads",
    };
    return code <= 0 && code > -(int)(sizeof texts / sizeof *texts) ? texts[-code] : "an unknown error";
}

#if defined(__x86_64__)
extern const kernels tinylm_avx512vnni, tinylm_avxvnni, tinylm_avx2, tinylm_sse2;
#elif defined(__aarch64__)
extern const kernels tinylm_dotprod, tinylm_neon;
#elif defined(__ARM_NEON)
extern const kernels tinylm_neon;
#elif defined(__ARM_FEATURE_SIMD32)
extern const kernels tinylm_smlad;
#endif
extern const kernels tinylm_scalar;

static const kernels *usable[6];
static char names[64]; /* of those, joined by spaces */

static void look(void) {
    int n = 0;
#if defined(__x86_64__)
    unsigned a, b, c, d, enabled = 0, high, b7 = 0, c7 = 0, a71 = 0;
    __cpuid(1, a, b, c, d);
    if (c >> 27 & 1) __asm__ volatile("xgetbv" : "=a"(enabled), "=d"(high) : "c"(0)); /* what the system saves */
    if (__get_cpuid_count(7, 0, &a, &b7, &c7, &d)) __get_cpuid_count(7, 1, &a71, &b, &c, &d);
    int avx2 = (enabled & 6) == 6 && b7 >> 5 & 1;
    int avx512 = (enabled & 0xe6) == 0xe6 && b7 >> 16 & 1 && b7 >> 17 & 1 && b7 >> 30 & 1 && b7 >> 31 & 1;
    if (avx512 && c7 >> 11 & 1) usable[n++] = &tinylm_avx512vnni;
    if (avx2 && a71 >> 4 & 1) usable[n++] = &tinylm_avxvnni;
    if (avx2) usable[n++] = &tinylm_avx2;
    usable[n++] = &tinylm_sse2;
#elif defined(__aarch64__)
    if (getauxval(AT_HWCAP) >> 20 & 1) usable[n++] = &tinylm_dotprod; /* HWCAP_ASIMDDP */
    usable[n++] = &tinylm_neon;
#elif defined(__ARM_NEON)
    usable[n++] = &tinylm_neon;
#elif defined(__ARM_FEATURE_SIMD32)
    usable[n++] = &tinylm_smlad;
#endif
    usable[n++] = &tinylm_scalar;
    for (int i = 0; i < n; i++) strcat(i ? strcat(names, " ") : names, usable[i]->name);
}

static pthread_once_t looked = PTHREAD_ONCE_INIT; /* two threads may ask at the same time */

const kernels *const *tinylm_usable(void) {
    pthread_once(&looked, look);
    return usable;
}

const char *tinylm_instruction_sets(void) {
    tinylm_usable();
    return names;
}
