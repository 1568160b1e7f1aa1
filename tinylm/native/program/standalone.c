#include "standalone.h"
#include "output.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *room(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        FAIL(2, "end other programs, or export a model with a shorter context", "no memory for ",
             number((int64_t)bytes), " bytes: ", strerror(errno));
    return memory;
}

static void *some(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) FAIL(2, "end other programs", "no memory for ", number((int64_t)bytes), " bytes");
    return memory;
}

void check(int code) {
    if (code < 0)
        FAIL(code == TINYLM_NOT_FINITE ? 1 : 2, "make the file again with `tinylm export --standalone`", tinylm_error(code));
}

void open_tokenizer(standalone *all) {
    part found = all->file.parts[PART_TOKENIZER];
    all->tokenizer = some(tinylm_tokenizer_bytes());
    check(tinylm_tokenizer_open(all->tokenizer, found.bytes, found.size));
}

void open_model(standalone *all, const char *instructions, int threads) {
    part found = all->file.parts[PART_IMAGE];
    size_t bytes = tinylm_model_bytes(found.bytes, found.size, threads);
    if (!bytes) check(TINYLM_BAD_IMAGE);
    all->model = room(bytes);
    int error = tinylm_model_open(all->model, found.bytes, found.size, instructions, threads);
    if (error == TINYLM_NO_INSTRUCTIONS)
        FAIL(2, "leave `--instructions` out for the fastest", "the instruction set `", instructions ? instructions : "",
             "` is not here; this program and processor have: ", tinylm_instruction_sets());
    check(error);
    if (all->tokenizer && tinylm_piece_count(all->tokenizer) != tinylm_vocab_size(all->model))
        FAIL(2, "make the file again with `tinylm export --standalone`", "the tokenizer has ",
             number(tinylm_piece_count(all->tokenizer)), " pieces; the model was made for ",
             number(tinylm_vocab_size(all->model)));
}

void open_sequence(standalone *all) {
    generation *text = &all->text;
    text->vocab_size = tinylm_vocab_size(all->model);
    text->context_length = tinylm_context_length(all->model);
    text->sequence = room(tinylm_sequence_bytes(all->model));
    tinylm_sequence_open(text->sequence, all->model);
    text->held = some(((size_t)text->context_length + 1) * sizeof *text->held);
}

void set_sampling(standalone *all, const options *chosen) {
    generation *text = &all->text;
    int32_t vocab_size = text->vocab_size;
    text->sampling = (tinylm_sampling){
        .temperature = chosen->temperature,
        .top_k = chosen->top_k < vocab_size ? chosen->top_k : vocab_size,
        .top_p = chosen->top_p,
        .repetition_penalty = chosen->repetition_penalty,
    };
    if (chosen->temperature == 0) { /* nothing is drawn */
        text->sampling.top_k = 0;
        text->sampling.top_p = 1;
    }
    if (chosen->repetition_penalty != 1) {
        if (!text->seen) text->seen = some((size_t)vocab_size);
        text->sampling.seen = text->seen;
    }
}

encoding encode(const standalone *all, const char *text, size_t size) {
    encoding found = {0};
    void *normalised = some(tinylm_normalise_room(size));
    const char *normal;
    int length = tinylm_normalise(all->tokenizer, text, size, normalised, &normal);
    check(length);
    found.normal_bytes = (size_t)length;
    void *encoded = some(tinylm_encode_room(all->tokenizer, (size_t)length));
    const int32_t *ids;
    const uint32_t *ends;
    int count = tinylm_encode(all->tokenizer, normal, (size_t)length, encoded, &ids, &ends);
    check(count);
    found.count = count + 1;
    found.memory = found.ids = some(((size_t)count + 1) * sizeof *found.ids);
    found.ids[0] = BOS;
    for (int i = 0; i < count; i++) {
        found.ids[i + 1] = ids[i];
        if (ids[i] == UNK) found.unknown_bytes += ends[i] - (i ? ends[i - 1] : 0);
    }
    free(encoded);
    free(normalised);
    return found;
}

void encoding_free(encoding *found) { free(found->memory); }

static int append(char *to, int size, const char *text, int count) {
    if (count > PIECE_ROOM - size) count = 0; /* a piece is no longer: SentencePiece's own limit is far below */
    memcpy(to + size, text, (size_t)count);
    return size + count;
}

int token_text(const standalone *all, text_stream *stream, int token, char *to) {
    const char *piece = NULL;
    int kind = token == TEXT_END ? TINYLM_CONTROL : tinylm_piece_kind(all->tokenizer, token);
    int length = token == TEXT_END ? 0 : tinylm_piece(all->tokenizer, token, &piece);
    if (kind < 0 || length < 0) return TINYLM_BAD_TOKEN;
    if (kind == TINYLM_BYTE && length == 6) { /* <0xE2> */
        int value = 0;
        for (int i = 3; i < 5; i++) {
            const char *hexadecimal = "0123456789ABCDEF", *digit = memchr(hexadecimal, piece[i], 16);
            value = value * 16 + (digit ? (int)(digit - hexadecimal) : 0);
        }
        return text_stream_byte(stream, (uint8_t)value, to);
    }
    int size = text_stream_flush(stream, to); /* whatever is no byte ends a run of bytes */
    if (kind == TINYLM_UNKNOWN) return append(to, size, " \xe2\x81\x87 ", 5);
    return kind == TINYLM_CONTROL ? size : append(to, size, piece, length);
}
