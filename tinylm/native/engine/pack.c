/* A matrix as `model.onnx` has it becomes one of an image (image.h). */
#include "internal.h"

int tinylm_pack_int8(int8_t *packed, int32_t *sums, const int8_t *source, int rows, int columns, size_t row_step,
                     size_t column_step) {
    int lowest = 0;
    for (int r = 0; r < rows; r++) sums[r] = 0;
    for (int tile = 0; tile < rows; tile += 16, packed += 16 * (size_t)padded(columns)) {
        int here = rows - tile < 16 ? rows - tile : 16;
        for (int k = 0; k < columns; k++) {
            const int8_t *from = source + (size_t)tile * row_step + (size_t)k * column_step;
            int8_t *to = packed + (size_t)(k >> 2) * 64 + (k & 3);
            for (int r = 0; r < here; r++) {
                int8_t v = from[r * row_step];
                to[4 * r] = v, sums[tile + r] += v, lowest |= v == -128;
            }
        }
    }
    return lowest ? TINYLM_BAD_NUMBERS : 0;
}

int tinylm_pack_float(float *packed, const float *source, int rows, int columns, size_t row_step,
                      size_t column_step) {
    int strange = 0;
    for (int tile = 0; tile < rows; tile += 16, packed += 16 * (size_t)padded(columns))
        for (int k = 0; k < columns; k++)
            for (int r = 0; r < 16 && tile + r < rows; r++) {
                float v = source[(size_t)(tile + r) * row_step + (size_t)k * column_step];
                packed[(size_t)k * 16 + r] = v, strange |= !(v - v == 0);
            }
    return strange ? TINYLM_BAD_NUMBERS : 0;
}
