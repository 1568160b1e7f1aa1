/* Images of pieces and SentencePiece model files, whatever their bytes are, and texts that are normalised, cut into
   pieces and put together again, each time with no more memory than was asked for.

       byte 0        1: a model file, else an image; the other bits: how many bytes of it are Unicode's tables
       byte 1        length of the text, n
       n bytes       the text, and again as ids
       the rest      the image, or the tables and the model file */
#include "fuzz.h"

#include "../../../tinylm/native/tokenizer/pieces.h"
#include "../../../tinylm/native/tokenizer/utf8.h"

static void put_together(const tinylm_tokenizer *t, const int32_t *ids, size_t count, int known) {
    size_t most = tinylm_decode_room(t, count);
    CLAIM(most);
    char *text = aligned(most);
    int size = tinylm_decode(t, ids, count, text);
    for (size_t i = 0; i < count; i++) known &= ids[i] >= 0 && ids[i] < tinylm_piece_count(t);
    CLAIM(known ? size >= 0 && (size_t)size < most : size == TINYLM_BAD_TOKEN);
    CLAIM(!known || utf8_valid((const uint8_t *)text, (size_t)size));
    free(text);
}

static void cut(const tinylm_tokenizer *t, const char *text, size_t bytes) {
    size_t most = tinylm_encode_room(t, bytes);
    CLAIM(most);
    void *memory = aligned(most);
    const int32_t *ids;
    const uint32_t *ends;
    int count = tinylm_encode(t, text, bytes, memory, &ids, &ends);
    CLAIM(count >= 0 && (bytes == 0) == (count == 0));
    for (int i = 0; i < count; i++) {
        CLAIM(ids[i] >= 0 && ids[i] < tinylm_piece_count(t));
        CLAIM(ends[i] <= bytes && (!i || ends[i] >= ends[i - 1]));
    }
    CLAIM(!count || ends[count - 1] == bytes);
    put_together(t, ids, (size_t)count, 1);
    free(memory);
}

static void ask(const tinylm_tokenizer *t, const uint8_t *text, size_t bytes) {
    CLAIM(tinylm_piece_count(t) > 0);
    cut(t, (const char *)text, bytes);
    size_t most = tinylm_normalise_room(bytes);
    CLAIM(most);
    void *memory = aligned(most);
    const char *normal = NULL;
    int size = tinylm_normalise(t, (const char *)text, bytes, memory, &normal);
    CLAIM((size == TINYLM_BAD_ARGUMENT) == !t->header->classes);
    CLAIM(size >= 0 ? (size_t)size <= 3 * bytes && utf8_valid((const uint8_t *)normal, (size_t)size)
                    : size == TINYLM_BAD_ARGUMENT || size == TINYLM_BAD_IMAGE);
    if (size >= 0) cut(t, normal, (size_t)size);
    free(memory);
    int32_t ids[64];
    input from = {text, bytes};
    size_t count = 0;
    while (from.left && count < 64) ids[count++] = next_integer(&from);
    put_together(t, ids, count, 1);
    for (size_t i = 0; i < count; i++) {
        const char *piece = NULL;
        int length = tinylm_piece(t, ids[i], &piece), kind = tinylm_piece_kind(t, ids[i]);
        CLAIM((length == TINYLM_BAD_TOKEN) == (kind == TINYLM_BAD_TOKEN));
        CLAIM(length < 0 || (length > 0 && utf8_valid((const uint8_t *)piece, (size_t)length)));
    }
}

static void *laid_out(const uint8_t *data, size_t bytes, size_t tables_bytes, size_t *image_bytes) {
    uint8_t *tables = memcpy(aligned(tables_bytes), data, tables_bytes);
    uint8_t *model = memcpy(aligned(bytes - tables_bytes), data + tables_bytes, bytes - tables_bytes);
    size_t most = tinylm_pieces_room(model, bytes - tables_bytes, tables_bytes);
    void *image = aligned(most);
    int size = tinylm_pieces_lay(model, bytes - tables_bytes, tables, tables_bytes, image);
    CLAIM(size > 0 ? (size_t)size <= most : size == TINYLM_BAD_IMAGE);
    free(tables);
    free(model);
    *image_bytes = size > 0 ? (size_t)size : 0;
    return image;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size - 2 < data[1]) return 0;
    const uint8_t *rest = data + 2 + data[1];
    size_t bytes = size - 2 - data[1], tables = data[0] >> 1 << 3, image_bytes = bytes;
    if (data[0] & 1 && tables > bytes) return 0;
    void *image = data[0] & 1 ? laid_out(rest, bytes, tables, &image_bytes) : memcpy(aligned(bytes), rest, bytes);
    tinylm_tokenizer *t = aligned(tinylm_tokenizer_bytes());
    int error = tinylm_tokenizer_open(t, image, image_bytes);
    CLAIM(error == 0 || error == TINYLM_BAD_IMAGE);
    CLAIM(error == 0 || !(data[0] & 1) || !image_bytes);
    uint8_t *text = memcpy(aligned(data[1]), data + 2, data[1]);
    if (!error) ask(t, text, data[1]);
    free(text);
    free(t);
    free(image);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    unsigned random = seed * 2654435761u >> 7;
    if (size < 2 || size - 2 < data[1] || random % 16 == 0) return LLVMFuzzerMutate(data, size, most);
    random /= 16;
    uint8_t *rest = data + 2 + data[1];
    size_t bytes = size - 2 - data[1];
    if (random % 2) { /* the text, whose length stays */
        LLVMFuzzerMutate(data + 2, data[1], data[1]);
        return size;
    }
    bytes = LLVMFuzzerMutate(rest, bytes, most - 2 - data[1]);
    pieces_header h;
    if (!(data[0] & 1) && bytes >= sizeof h) { /* an image whose length is right */
        memcpy(&h, rest, sizeof h);
        uint64_t fits = pieces_lay_out(&h).end;
        if (fits <= most - 2 - data[1] && random / 2 % 8) {
            if (fits > bytes) memset(rest + bytes, 0, fits - bytes);
            bytes = fits;
        }
        memcpy(h.magic, "TLMP", 4);
        h.interface = TINYLM_INTERFACE, h.bytes = (uint32_t)bytes;
        memcpy(rest, &h, sizeof h);
    }
    return 2 + data[1] + bytes;
}
