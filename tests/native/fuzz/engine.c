/* Images of weights, whatever the bytes are, and what is asked of an open model. The plainest instruction set is asked
   the same, and must give the same answers.

       byte 0        which instruction set, whether another is compared, whether there are two threads
       byte 1        length of what is asked, n
       n bytes       what is asked: see `ask`
       the rest      the image */
#include "fuzz.h"

#include "../../../tinylm/native/engine/internal.h"

enum { MOST_TOKENS = 24, MOST_CALLS = 16, MOST_CACHE = 1 << 20, PARTS = 11 };

static const kernels *instructions(unsigned which) {
    unsigned n = 0;
    while (tinylm_usable()[n]) n++;
    return tinylm_usable()[which % n];
}

/* ---- a sequence whose parts are allocations of their own, so that what leaves one of them is seen ---- */

typedef struct {
    tinylm_sequence *sequence;
    void *parts[PARTS];
} spread_sequence;

static spread_sequence open_sequence(const tinylm_model *m, size_t bytes) {
    spread_sequence s = {aligned(bytes), {0}};
    memset(s.sequence, 0, sizeof *s.sequence); /* what the parts are in the end is zeroed below */
    tinylm_sequence_open(s.sequence, m);
    char *end = (char *)s.sequence + bytes, **fields[PARTS + 1] = {
        (char **)&s.sequence->x,      (char **)&s.sequence->h,      (char **)&s.sequence->wide,
        (char **)&s.sequence->p,      (char **)&s.sequence->logits, (char **)&s.sequence->scores,
        (char **)&s.sequence->masses, (char **)&s.sequence->candidates, (char **)&s.sequence->q,
        &s.sequence->keys,            &s.sequence->values,          &end};
    for (int i = 0; i < PARTS; i++) {
        CLAIM(*fields[i] <= *fields[i + 1]);
        size_t size = (size_t)(*fields[i + 1] - *fields[i]);
        s.parts[i] = memset(aligned(size), 0, size);
    }
    for (int i = 0; i < PARTS; i++) *fields[i] = s.parts[i];
    return s;
}

static void close_sequence(spread_sequence *s) {
    for (int i = 0; i < PARTS; i++) free(s->parts[i]);
    free(s->sequence);
}

/* ---- what is asked ---- */

static uint64_t mix(uint64_t hash, uint64_t value) { return (hash ^ value) * 1099511628211u; }

static uint64_t mix_float(uint64_t hash, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return mix(hash, value != value ? 1 : bits); /* which NaN it is is left open */
}

static int next_token(input *from, int vocab_size) {
    uint8_t which = next_byte(from);
    if (which < 248) return which % vocab_size;
    const int extremes[] = {-1, INT32_MAX, INT32_MIN, vocab_size, vocab_size - 1, 0, 65536, -vocab_size};
    return extremes[which - 248];
}

static int all_valid(const int32_t *ids, int count, int vocab_size) {
    for (int i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= vocab_size) return 0;
    return 1;
}

/* Read and answer one question; the answer is mixed into the hash. */
static uint64_t ask(input *from, tinylm_sequence *s, const uint8_t *seen, int *tokens, uint64_t hash) {
    int before = tinylm_length(s), vocab_size = s->model->shape.vocab_size;
    int left = s->model->shape.context_length - before;
    int32_t ids[MOST_TOKENS] = {0};
    int answer = 0, appended = 0;
    switch (next_byte(from) % 6) {
    case 0: {
        int count = next_integer(from);
        if (count > MOST_TOKENS && left >= count) count = MOST_TOKENS;
        for (int i = 0; i < count && i < MOST_TOKENS; i++) ids[i] = next_token(from, vocab_size);
        answer = tinylm_prefill(s, ids, count);
        CLAIM(answer == (count < 0                             ? TINYLM_BAD_ARGUMENT
                         : count > left                        ? TINYLM_CONTEXT_FULL
                         : !all_valid(ids, count, vocab_size) ? TINYLM_BAD_TOKEN
                                                               : 0));
        appended = answer ? 0 : count;
        break;
    }
    case 1: {
        const float *logits = NULL;
        int token = next_token(from, vocab_size);
        answer = tinylm_logits(s, token, &logits);
        appended = !answer;
        for (int i = 0; appended && i < vocab_size; i++) hash = mix_float(hash, logits[i]);
        break;
    }
    case 2: {
        float logprob = 1, uniform = next_float(from);
        int token = next_token(from, vocab_size);
        tinylm_sampling how = next_sampling(from, seen);
        answer = tinylm_step(s, token, &how, uniform, &logprob);
        CLAIM(answer < vocab_size && answer != BOS && answer != PAD && answer != UNK);
        CLAIM(answer < 0 || (logprob <= 0 && is_valid(&how, uniform)));
        appended = answer >= 0 || answer == TINYLM_NOT_FINITE;
        CLAIM(appended || answer == (!left                                               ? TINYLM_CONTEXT_FULL
                                     : !all_valid((int32_t[]){token}, 1, vocab_size) ? TINYLM_BAD_TOKEN
                                                                                       : TINYLM_BAD_ARGUMENT));
        if (answer >= 0) hash = mix_float(hash, logprob);
        if (appended) hash = mix_float(hash, (double)s->logits[0]);
        break;
    }
    case 3: {
        int length = next_integer(from);
        answer = tinylm_truncate(s, length);
        CLAIM(answer == 0 || answer == TINYLM_BAD_ARGUMENT || answer == TINYLM_WINDOW_PASSED);
        CLAIM((answer == TINYLM_BAD_ARGUMENT) == (length < 0 || length > before));
        CLAIM(answer != TINYLM_WINDOW_PASSED || (s->model->shape.window && length));
        appended = answer ? 0 : length - before;
        break;
    }
    case 4: {
        double nats[MOST_TOKENS];
        int count = next_integer(from);
        if (count > MOST_TOKENS && count - 1 <= left) count = MOST_TOKENS;
        for (int i = 0; i < count && i < MOST_TOKENS; i++) ids[i] = next_token(from, vocab_size);
        answer = tinylm_score(s, ids, count, nats);
        appended = answer == TINYLM_NOT_FINITE ? tinylm_length(s) - before : answer ? 0 : count - 1;
        CLAIM(appended >= 0 && appended < (count > 1 ? count : 1));
        CLAIM(answer == TINYLM_NOT_FINITE || answer == (count < 1                              ? TINYLM_BAD_ARGUMENT
                                                        : count - 1 > left                     ? TINYLM_CONTEXT_FULL
                                                        : !all_valid(ids, count, vocab_size) ? TINYLM_BAD_TOKEN
                                                                                               : 0));
        for (int i = 0; i < appended && !answer; i++) {
            CLAIM(nats[i] >= 0 && nats[i] - nats[i] == 0);
            hash = mix_float(hash, nats[i]);
        }
        break;
    }
    default: {
        size_t bytes = 0;
        CLAIM(tinylm_cache(s, &bytes) && bytes);
        CLAIM(tinylm_hash_logits(s, TINYLM_HASH_START) == tinylm_hash_logits(s, TINYLM_HASH_START));
    }
    }
    CLAIM(tinylm_length(s) == before + appended);
    *tokens += appended > 0 ? appended : 0;
    return mix(mix(hash, (uint64_t)answer), (uint64_t)tinylm_length(s));
}

/* All that is asked, of two sequences over one model; a hash of all answers. */
static uint64_t converse(input from, const uint8_t *image, size_t size, const char *name, int threads) {
    size_t bytes = tinylm_model_bytes(image, size, threads);
    tinylm_model *m = aligned(bytes);
    int error = tinylm_model_open(m, image, size, name, threads);
    CLAIM(error == 0 || error == TINYLM_BAD_IMAGE || error == TINYLM_BAD_NUMBERS || error == TINYLM_NO_THREADS);
    CLAIM(bytes || error == TINYLM_BAD_IMAGE);
    uint64_t hash = mix(TINYLM_HASH_START, (uint64_t)error);
    if (error) return free(m), hash;
    CLAIM(!strcmp(tinylm_model_instructions(m), name) && tinylm_vocab_size(m) > UNK && tinylm_context_length(m) > 0);
    size_t sequence_bytes = tinylm_sequence_bytes(m);
    CLAIM(sequence_bytes);
    if (sequence_bytes < MOST_CACHE) {
        spread_sequence sequences[2] = {open_sequence(m, sequence_bytes), {0}};
        uint8_t *seen = aligned((size_t)m->shape.vocab_size);
        for (int i = 0; i < m->shape.vocab_size; i++) seen[i] = i % 3 == 1;
        for (int calls = 0, tokens = 0, current = 0; from.left && calls < MOST_CALLS && tokens < MOST_TOKENS; calls++) {
            if (*from.at >= 224) current = !current;
            if (!sequences[current].sequence) sequences[current] = open_sequence(m, sequence_bytes);
            hash = ask(&from, sequences[current].sequence, seen, &tokens, hash);
        }
        free(seen);
        for (int i = 0; i < 2; i++)
            if (sequences[i].sequence) close_sequence(sequences + i);
    }
    tinylm_model_close(m);
    free(m);
    return hash;
}

/* ---- images that fit ---- */

static uint64_t vector_bytes(uint64_t n) { return (4 * n + 63) & ~(uint64_t)63; }
static uint64_t matrix_bytes(uint64_t n, uint64_t k, int int8) {
    n = (n + 15) & ~(uint64_t)15, k = (k + 15) & ~(uint64_t)15;
    return int8 ? 8 * n + n * k : 4 * n * k;
}

/* How long an image with this header must be; 0 when no length is right. */
static uint64_t image_bytes(const tinylm_header *h) {
    const int32_t most[] = {65536, 32768, 1024, 65536, 65536, 65536, 65536};
    const int32_t *shape = &h->vocab_size; /* up to d_ff */
    for (int i = 0; i < 7; i++)
        if (shape[i] < 1 || shape[i] > most[i]) return 0;
    uint64_t d = (uint64_t)h->d_model, f = (uint64_t)h->d_ff, hd = d / (uint64_t)h->n_head;
    uint64_t keys = hd * (uint64_t)h->n_kv_head, context = (uint64_t)h->context_length;
    int llama = h->architecture == TINYLM_LLAMA, int8 = h->int8_parts & TINYLM_INT8_WEIGHTS;
    uint64_t embedding = matrix_bytes((uint64_t)h->vocab_size, d, h->int8_parts & TINYLM_INT8_EMBEDDING);
    uint64_t layer = (h->int8_parts & TINYLM_INT8_CACHE ? 2 * vector_bytes(keys) : 0);
    layer += vector_bytes(d) * (llama ? 2 : 4);
    layer += matrix_bytes(d + 2 * keys, d, int8) + matrix_bytes(d, d, int8);
    layer += matrix_bytes(llama ? 2 * f : f, d, int8) + matrix_bytes(d, f, int8);
    uint64_t others = llama ? 2 * vector_bytes(context * (hd / 2)) + vector_bytes(d)
                            : matrix_bytes(context, d, int8) + matrix_bytes((uint64_t)h->vocab_size, d, int8);
    return sizeof *h + others + embedding + layer * (uint64_t)h->n_layer;
}

/* Make of a matrix what could have been packed: finite floats; no -128, and the sums that the values have. */
static void mend_matrix(const matrix *m) {
    for (size_t i = 0; m->floats && i < (size_t)m->n * (size_t)m->k; i++)
        if (!isfinite(m->floats[i])) ((float *)m->floats)[i] = 0;
    for (int r = 0; m->values && r < m->n; r++) {
        int8_t *row = (int8_t *)m->values + (size_t)(r & ~15) * (size_t)m->k + (r & 15) * 4;
        int32_t sum = 0;
        for (int k = 0; k < m->k; k++) {
            int8_t *value = row + (size_t)(k >> 2) * 64 + (k & 3);
            if (*value == -128) *value = -127;
            sum += *value;
        }
        ((int32_t *)m->sum)[r] = sum;
    }
}

/* Only what could have been packed has the same bits with every instruction set. 0 when the image is refused. */
static int mend(uint8_t *image, size_t size) {
    size_t bytes = tinylm_model_bytes(image, size, 1);
    if (!bytes) return 0;
    tinylm_model *m = aligned(bytes);
    int opened = !tinylm_model_open(m, image, size, NULL, 1);
    if (opened) {
        mend_matrix(&m->positions), mend_matrix(&m->embedding), mend_matrix(&m->head);
        for (int i = 0; i < m->shape.n_layer; i++) {
            const layer *l = m->layers + i;
            mend_matrix(&l->qkv), mend_matrix(&l->output), mend_matrix(&l->up), mend_matrix(&l->down);
        }
    }
    free(m);
    return opened;
}

/* ---- libFuzzer's functions ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size - 2 < data[1]) return 0;
    size_t bytes = size - 2 - data[1];
    uint8_t *image = memcpy(aligned(bytes), data + 2 + data[1], bytes);
    input from = {data + 2, data[1]};
    const kernels *k = instructions(data[0] & 7);
    int threads = (data[0] & 0xfe) == 0xfe ? 2 : 1, compared = (data[0] & 24) == 24 && mend(image, bytes);
    uint64_t answers = converse(from, image, bytes, k->name, threads);
    CLAIM(!compared || converse(from, image, bytes, "scalar", 1) == answers);
    free(image);
    return 0;
}

static void set_header(uint8_t *image, size_t bytes) {
    tinylm_header h;
    memcpy(&h, image, sizeof h);
    memcpy(h.magic, "TLMI", 4);
    h.interface = TINYLM_INTERFACE, h.bytes = bytes, h.unused = 0;
    memcpy(image, &h, sizeof h);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    unsigned random = seed * 2654435761u >> 7;
    if (size < 2 || size - 2 < data[1] || size - 2 - data[1] < sizeof(tinylm_header) || random % 16 == 0)
        return LLVMFuzzerMutate(data, size, most);
    random /= 16;
    if (data[0] >= 0xfe && random % 64) data[0] ^= 0x80; /* threads take longer than all else */
    uint8_t *image = data + 2 + data[1];
    size_t bytes = size - 2 - data[1];
    switch (random % 4) {
    case 0: /* what is asked, whose length stays */
        LLVMFuzzerMutate(data + 2, data[1], data[1]);
        data[0] ^= random / 4 % 8 ? 0 : (uint8_t)(random / 32);
        break;
    case 1: { /* a number of the shape */
        tinylm_header h;
        memcpy(&h, image, sizeof h);
        int32_t *field = &h.architecture + random / 4 % 10;
        static const int32_t values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 17, 20, 31, 32, 33, 48, -1, INT32_MAX};
        *field = values[random / 64 % (sizeof values / sizeof *values)];
        memcpy(image, &h, sizeof h);
        break;
    }
    case 2: /* a float or a value of the weights */
        if (bytes > sizeof(tinylm_header) + 4) {
            uint8_t *at = image + sizeof(tinylm_header) + random / 4 % ((bytes - sizeof(tinylm_header)) / 4) * 4;
            static const uint32_t values[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff, 0xff7fffff, 0, 0x80000000,
                                              1,          0x3f800000, 0x7f000000, 0x80808080, 0x81818181, 0x7e967699};
            memcpy(at, values + random % (sizeof values / sizeof *values), 4);
        }
        break;
    default:
        bytes = LLVMFuzzerMutate(image, bytes, most - 2 - data[1]);
        if (bytes < sizeof(tinylm_header)) return 2 + data[1] + bytes;
    }
    tinylm_header h;
    memcpy(&h, image, sizeof h);
    uint64_t fits = image_bytes(&h);
    if (random % 8 && fits && fits <= most - 2 - data[1]) {
        for (size_t i = bytes; i < fits; i++) image[i] = image[i - sizeof h]; /* more of what is there */
        bytes = fits;
    }
    set_header(image, bytes);
    return 2 + data[1] + bytes;
}
