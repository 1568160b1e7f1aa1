/* tinylm's decoder: one sequence of tokens after another, from weights that lie in memory.

   The engine allocates nothing, opens no file and prints nothing. Whoever calls it brings the memory: the weights as
   an image (image.h says how they lie in it), and room for an open model and for each sequence.

       size_t room = tinylm_model_bytes(image, size, 1);         0: the image is refused
       tinylm_model *model = aligned_alloc(64, room);
       int error = tinylm_model_open(model, image, size, NULL, 1);
       tinylm_sequence *sequence = aligned_alloc(64, tinylm_sequence_bytes(model));
       tinylm_sequence_open(sequence, model);
       tinylm_prefill(sequence, ids, n - 1);
       int token = tinylm_step(sequence, ids[n - 1], &greedy, 0, NULL);      negative: an error
       tinylm_model_close(model);

   All numbers are computed in one fixed order without fused products, so the same image and tokens give the same bits
   of all logits on every processor. A model may be used by any number of sequences at once, a sequence by one thread
   at a time. */
#ifndef TINYLM_H
#define TINYLM_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TINYLM_API __attribute__((visibility("default")))
#else
#define TINYLM_API
#endif

/* Grows with every change of this file or of the image's layout. */
#define TINYLM_INTERFACE 2
/* Grows whenever the same image and tokens may give other bits of logits. */
#define TINYLM_ARITHMETIC 1

/* What a call returns instead of a token or of 0. A call that is refused changes nothing; that logits are not finite is
   known when the tokens before them have been read, and these stay in the sequence. */
enum {
    TINYLM_BAD_IMAGE = -1,       /* the image is cut, damaged, of another layout or of a shape out of bounds */
    TINYLM_BAD_NUMBERS = -2,     /* a scale or a norm is NaN or infinite */
    TINYLM_NO_INSTRUCTIONS = -3, /* this processor lacks the instruction set that was asked for */
    TINYLM_BAD_TOKEN = -4,       /* a token id that the vocabulary does not have */
    TINYLM_CONTEXT_FULL = -5,    /* more tokens than the context holds */
    TINYLM_NOT_FINITE = -6,      /* the logits are NaN or infinite */
    TINYLM_BAD_ARGUMENT = -7,    /* a setting or a length that cannot be */
    TINYLM_WINDOW_PASSED = -8,   /* what would be needed after this truncation has left the sliding window */
    TINYLM_NO_THREADS = -9       /* the system gives no threads */
};

typedef struct tinylm_model tinylm_model;
typedef struct tinylm_sequence tinylm_sequence;

/* How a token is chosen, as `tinylm.runtime.sampling` says. */
typedef struct {
    float temperature;        /* 0: the likeliest token; else 0.001 to 100 */
    int32_t top_k;            /* 0 is off */
    float top_p;              /* above 0; 1 is off */
    float repetition_penalty; /* 0.01 to 100; 1 is off */
    const uint8_t *seen;      /* [vocab_size], 1 for tokens that the penalty counts; may be NULL when that is off */
} tinylm_sampling;

TINYLM_API int tinylm_interface(void);
TINYLM_API int tinylm_arithmetic(void);
/* The error's text in English. */
TINYLM_API const char *tinylm_error(int code);

/* The names of the instruction sets that are compiled in and that this processor has, the fastest first, joined by
   spaces. */
TINYLM_API const char *tinylm_instruction_sets(void);

#define TINYLM_MOST_THREADS 64
/* Bytes of memory, at an address that is a multiple of 64, for an open model; 0 when the image or the number of threads
   is refused. */
TINYLM_API size_t tinylm_model_bytes(const void *image, size_t bytes, int threads);
/* Check the image, which must stay where it is, at an address that is a multiple of 64, and open the model.
   `instructions` is one of the names above, or NULL for the first. 0, or an error. */
TINYLM_API int tinylm_model_open(tinylm_model *model, const void *image, size_t bytes, const char *instructions,
                                 int threads);
/* End the threads. */
TINYLM_API void tinylm_model_close(tinylm_model *model);
TINYLM_API const char *tinylm_model_instructions(const tinylm_model *model);
TINYLM_API int tinylm_vocab_size(const tinylm_model *model);
TINYLM_API int tinylm_context_length(const tinylm_model *model);

/* Bytes of memory, at an address that is a multiple of 64, for a sequence with its cache. */
TINYLM_API size_t tinylm_sequence_bytes(const tinylm_model *model);
/* Begin an empty sequence; the memory must be zero. The part of the cache that no token reaches is never touched. */
TINYLM_API void tinylm_sequence_open(tinylm_sequence *sequence, const tinylm_model *model);
/* Where the keys and values lie, and how many bytes they take: so that they can be touched beforehand. */
TINYLM_API void *tinylm_cache(tinylm_sequence *sequence, size_t *bytes);
/* Tokens in the sequence. */
TINYLM_API int tinylm_length(const tinylm_sequence *sequence);
/* Forget all but the first `length` tokens. TINYLM_WINDOW_PASSED: nothing has changed; truncate to 0 and read again. */
TINYLM_API int tinylm_truncate(tinylm_sequence *sequence, int length);

/* Append ids, in chunks of 16 that share an activation scale; no logits. On an error nothing is appended. */
TINYLM_API int tinylm_prefill(tinylm_sequence *sequence, const int32_t *ids, int count);
/* Append a token; `*logits` are then those of what follows it, [vocab_size], valid until the next call. */
TINYLM_API int tinylm_logits(tinylm_sequence *sequence, int token, const float **logits);
/* Append a token and choose the next, which is not appended. `uniform` is at least 0 and below 1. `*logprob`, when not
   NULL, is the choice's log-probability in nats under the distribution that it was drawn from (0 when greedy). */
TINYLM_API int tinylm_step(tinylm_sequence *sequence, int token, const tinylm_sampling *sampling, float uniform,
                           float *logprob);
/* Append `count` - 1 tokens of a text and add up what every next one costs, in nats; `nats` [count - 1]. */
TINYLM_API int tinylm_score(tinylm_sequence *sequence, const int32_t *ids, int count, double *nats);
/* Choose from logits that come from elsewhere; `scratch` has room for 3 * (vocab_size + 15) floats. The first 64 ids
   are never chosen where their bit in `forbidden` is set. */
TINYLM_API int tinylm_choose(const float *logits, int vocab_size, uint64_t forbidden, const tinylm_sampling *sampling,
                             float uniform, float *scratch, float *logprob);
/* How likely a token and the likeliest `count` are, in nats under the softmax of all logits, before any setting of how
   to choose. `ids` and `logprobs` [count] by falling logit, of equals the lower id first, without those of the first 64
   ids whose bit in `forbidden` is set: these count in the softmax, but are no alternatives. Returns how many there are,
   or an error. `scratch` has room for vocab_size + 15 floats. */
TINYLM_API int tinylm_top_logprobs(const float *logits, int vocab_size, uint64_t forbidden, int token, int count,
                                   int32_t *ids, double *logprobs, double *logprob, float *scratch);
/* FNV-1a over the bits of all logits of what follows the last token, beginning from `hash`. */
TINYLM_API uint64_t tinylm_hash_logits(const tinylm_sequence *sequence, uint64_t hash);
#define TINYLM_HASH_START 1469598103934665603u

/* Lay a matrix of `rows` outputs and `columns` inputs out as the image has it (image.h), into zeroed memory.
   `row_step` and `column_step` say how many elements apart its entries lie in `source`. int8: 0, or
   TINYLM_BAD_NUMBERS when an entry is -128, which the engine does not multiply, or NaN or infinite. `sums` [rows padded
   to 16]. */
TINYLM_API int tinylm_pack_int8(int8_t *packed, int32_t *sums, const int8_t *source, int rows, int columns,
                                size_t row_step, size_t column_step);
TINYLM_API int tinylm_pack_float(float *packed, const float *source, int rows, int columns, size_t row_step,
                                 size_t column_step);

#ifdef __cplusplus
}
#endif
#endif
