/* Integer products in C, for processors without instructions for them. */
/* sum - zero * weights, which fits unless the image is damaged; then it wraps, as vectors do. */
INLINE int32_t less(int32_t sum, int zero, int32_t weights) {
    return (int32_t)((uint32_t)sum - (uint32_t)zero * (uint32_t)weights);
}
static void multiply_int8(const matrix *m, const void *activations, int rows, float scale, int zero, float *out,
                          int step, int from, int to) {
    int k = m->k;
    for (int n = from; n < to; n += 16)
        for (int r = 0; r < rows; r++) {
            const int8_t *w = m->values + (size_t)n * k;
            const uint8_t *a = (const uint8_t *)activations + (size_t)r * k;
            int32_t sum[16] = {0};
            for (int i = 0; i < k; i += 4, a += 4, w += 64)
                for (int j = 0; j < 16; j++)
                    sum[j] += a[0] * w[4 * j] + a[1] * w[4 * j + 1] + a[2] * w[4 * j + 2] + a[3] * w[4 * j + 3];
            for (int j = 0; j < 16; j++)
                out[(size_t)r * step + n + j] = (float)less(sum[j], zero, m->sum[n + j]) * scale * m->scale[n + j];
        }
}
