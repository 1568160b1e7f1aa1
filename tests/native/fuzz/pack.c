/* Matrices laid out as an image has them: every entry where `image.h` says, and nothing outside.

       rows - 1, columns - 1, how the source lies; then the values */
#include "fuzz.h"

#include "../../../tinylm/native/engine/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input from = {data, size};
    int rows = next_byte(&from) % 35 + 1, columns = next_byte(&from) % 35 + 1, table = next_byte(&from) & 1;
    size_t row_step = table ? (size_t)columns : 1, column_step = table ? 1 : (size_t)rows;
    size_t n = (size_t)rows * (size_t)columns, laid = (size_t)padded(rows) * (size_t)padded(columns);

    int8_t *source = aligned(n), *packed = memset(aligned(laid), 0, laid);
    int32_t *sums = memset(aligned(4 * (size_t)padded(rows)), 0, 4 * (size_t)padded(rows));
    for (size_t i = 0; i < n; i++) source[i] = (int8_t)next_byte(&from);
    int refused = tinylm_pack_int8(packed, sums, source, rows, columns, row_step, column_step);
    CLAIM(refused == (memchr(source, -128, n) ? TINYLM_BAD_NUMBERS : 0));
    for (int r = 0; r < padded(rows); r++) {
        int sum = 0;
        for (int k = 0; k < padded(columns); k++) {
            int value = r < rows && k < columns ? source[(size_t)r * row_step + (size_t)k * column_step] : 0;
            size_t tile = (size_t)(r & ~15) * (size_t)padded(columns);
            CLAIM(packed[tile + (size_t)(k >> 2) * 64 + (r & 15) * 4 + (k & 3)] == value);
            sum += value;
        }
        CLAIM(sums[r] == sum);
    }
    free(packed);
    free(sums);

    float *numbers = aligned(4 * n), *floats = memset(aligned(4 * laid), 0, 4 * laid);
    int strange = 0;
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (uint8_t)source[i] >= 0xfd ? (uint8_t)source[i] & 1 ? NAN : INFINITY : source[i];
        strange |= (uint8_t)source[i] >= 0xfd;
    }
    refused = tinylm_pack_float(floats, numbers, rows, columns, row_step, column_step);
    CLAIM(refused == (strange ? TINYLM_BAD_NUMBERS : 0));
    for (int r = 0; r < padded(rows); r++)
        for (int k = 0; k < padded(columns); k++) {
            float value = r < rows && k < columns ? numbers[(size_t)r * row_step + (size_t)k * column_step] : 0;
            float found = floats[((size_t)(r >> 4) * (size_t)padded(columns) + (size_t)k) * 16 + (r & 15)];
            CLAIM(memcmp(&found, &value, 4) == 0);
        }
    free(source);
    free(numbers);
    free(floats);
    return 0;
}
