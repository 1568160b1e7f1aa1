/* The weights as they lie in memory: one block, in the order in which a token reads them, nothing to be decoded.

   It is made when a bundle opens, from the values of its `model.onnx` (tinylm/native/image.py), and lies ready in a
   program made by `tinylm export --standalone`. All numbers are little-endian; every part begins at a multiple of 64.
   No offsets are stored: all sizes follow from the header, so there is little to check.

       header        64 bytes, `header` below
       rotary        llama: cos, sin    float [context_length][head_dim / 2] each
       positions     classic: a matrix of context_length rows
       then for every layer:
         llama       norm [d_model], qkv, output, norm [d_model], gate_up, down
         classic     qkv, output, norm [d_model], bias [d_model], up, down, norm [d_model], bias [d_model]
                     (its norms follow what they normalise)
         int8 cache  scale of keys [n_kv_head * head_dim], scale of values: before the layer's parts
       llama         norm [d_model]
       embedding     a matrix of vocab_size rows, whose products with the last hidden state are the logits
       head          classic: a matrix of its own for the logits

   A vector is padded with zeros to a multiple of 16. A matrix of N outputs and K inputs, both padded to multiples of
   16 with zeros, is
       int8          scale float [N], sum int32 [N] of the row's values, values int8 [N/16][K/4][16][4]
       float         values float [N/16][K][16]
   so that every instruction set reads it in order: 16 outputs side by side, groups of 4 inputs as the integer products
   of VNNI, AVX2, NEON, dotprod and SMLAD want them. */
#ifndef TINYLM_IMAGE_H
#define TINYLM_IMAGE_H
#include <stdint.h>

enum { TINYLM_LLAMA, TINYLM_CLASSIC };
enum { /* bits of `int8_parts` */
    TINYLM_INT8_WEIGHTS = 1,   /* the matrices of the blocks; in `classic`, positions and head too */
    TINYLM_INT8_EMBEDDING = 2, /* and in `llama` the head, which is the same matrix */
    TINYLM_INT8_CACHE = 4
};

typedef struct {
    char magic[4];          /* "TLMI" */
    uint32_t interface;     /* TINYLM_INTERFACE */
    uint64_t bytes;         /* of the whole image */
    int32_t architecture, int8_parts;
    int32_t vocab_size, context_length, n_layer, n_head, n_kv_head, d_model, d_ff;
    int32_t window;         /* tokens that a token sees, itself among them; 0: all */
    float norm_eps;
    uint32_t unused;        /* 0 */
} tinylm_header;            /* 64 bytes */
#endif
