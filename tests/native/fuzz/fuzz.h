/* What the fuzzers share: claims about what a call may answer, and values read off the input.

   A fuzzer is one file here: `LLVMFuzzerTestOneInput` turns bytes into calls (https://llvm.org/docs/LibFuzzer.html).
   Where there is one, `LLVMFuzzerCustomMutator` mends what nearly every mutation breaks, so that the code behind the
   first check is reached. `scripts/fuzz_native` builds and runs them. */
#ifndef TINYLM_FUZZ_H
#define TINYLM_FUZZ_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../tinylm/native/engine/image.h"
#include "../../../tinylm/native/engine/tinylm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/* A finding, as a sanitizer's is: what was claimed does not hold. */
#define CLAIM(holds)                                                                                                   \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Bytes still to be read; zeros behind the end. */
typedef struct {
    const uint8_t *at;
    size_t left;
} input;

static inline uint8_t next_byte(input *from) { return from->left ? from->left--, *from->at++ : 0; }

static inline uint32_t next_word(input *from) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value |= (uint32_t)next_byte(from) << 8 * i;
    return value;
}

static inline float next_float(input *from) {
    static const float extremes[] = {0,           1,           0.5f,        0.001f,          100,
                                     0.01f,       0.99999994f, -1,          NAN,             INFINITY,
                                     -INFINITY,   1e-45f,      -0.0f,       3.402823466e38f, -3.402823466e38f,
                                     1.0000001f,  0.00099f,    0.9f,        1.17549435e-38f, 1e30f};
    uint8_t which = next_byte(from);
    if (which < sizeof extremes / sizeof *extremes) return extremes[which];
    if (which < 128) return (float)(which - 20) / 108; /* from 0 to below 1 */
    if (which < 192) return (float)(which - 128) / 16;
    uint32_t bits = next_word(from);
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline int next_integer(input *from) {
    static const int extremes[] = {INT32_MAX, INT32_MIN, -1, 65536, 1 << 24, INT32_MAX - 15, -16, 32768};
    uint8_t which = next_byte(from);
    return which < 248 ? which : extremes[which - 248];
}

static inline tinylm_sampling next_sampling(input *from, const uint8_t *seen) {
    uint8_t which = next_byte(from);
    tinylm_sampling how = {which & 1 ? next_float(from) : 0, 0, 1, 1, NULL};
    if (which & 2) how.top_k = next_integer(from);
    if (which & 4) how.top_p = next_float(from);
    if (which & 8) how.repetition_penalty = next_float(from);
    if (which & 16) how.seen = seen;
    return how;
}

static inline int is_valid(const tinylm_sampling *how, float uniform) {
    return (how->temperature == 0 || (how->temperature >= 0.001f && how->temperature <= 100)) && how->top_k >= 0 &&
           how->top_p > 0 && how->top_p <= 1 && how->repetition_penalty >= 0.01f && how->repetition_penalty <= 100 &&
           (how->repetition_penalty == 1 || how->seen) && uniform >= 0 && uniform < 1;
}

static inline void *aligned(size_t bytes) {
    void *memory = NULL;
    CLAIM(!posix_memalign(&memory, 64, bytes ? bytes : 1));
    return memory;
}
#endif
