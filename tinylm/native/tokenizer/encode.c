/* Text to ids, whatever the algorithm, and ids to text. */
#include "pieces.h"
#include "utf8.h"
#include <limits.h>
#include <string.h>

/* A space that no piece covers is, for SentencePiece, the three bytes of U+2581. */
static const uint8_t space_bytes[3] = {0xE2, 0x96, 0x81};

/* Ids that a text of so many bytes can have at most. */
static uint64_t ids_most(const tinylm_tokenizer *t, size_t bytes) {
    return t->has_bytes ? 3 * (uint64_t)bytes : bytes;
}

size_t tinylm_encode_room(const tinylm_tokenizer *t, size_t bytes) {
    if (bytes > TINYLM_TEXT_MOST) return 0;
    uint64_t work = t->header->algorithm == TINYLM_BPE ? bpe_room(t, bytes) : unigram_room(bytes);
    uint64_t room = 8 * ids_most(t, bytes) + work + 8;
    return room > SIZE_MAX / 2 ? 0 : (size_t)room;
}

int tinylm_encode(const tinylm_tokenizer *t, const char *text, size_t bytes, void *room, const int32_t **ids,
                  const uint32_t **ends) {
    if (!tinylm_encode_room(t, bytes)) return TINYLM_BAD_ARGUMENT;
    size_t most = (size_t)ids_most(t, bytes);
    piece_list found = {room, (uint32_t *)room + most, 0};
    void *work = (uint32_t *)room + 2 * most;
    if (bytes && t->header->algorithm == TINYLM_BPE)
        bpe_encode(t, (const uint8_t *)text, (uint32_t)bytes, work, &found);
    else if (bytes)
        unigram_encode(t, (const uint8_t *)text, (uint32_t)bytes, work, &found);
    *ids = found.ids;
    if (ends) *ends = found.ends;
    return found.count;
}

static void append(piece_list *found, int id, uint32_t end) {
    found->ids[found->count] = id, found->ends[found->count] = end, found->count++;
}

void piece_found(const tinylm_tokenizer *t, const uint8_t *text, uint32_t start, uint32_t end, int id,
                 piece_list *found) {
    if (id != t->unknown) {
        append(found, id, end);
    } else if (t->has_bytes) {
        int is_space = text[start] == ' ';
        const uint8_t *bytes = is_space ? space_bytes : text + start;
        uint32_t count = is_space ? 3 : end - start;
        for (uint32_t i = 0; i < count; i++) append(found, t->bytes[bytes[i]], end);
    } else if (found->count && found->ids[found->count - 1] == t->unknown) {
        found->ends[found->count - 1] = end; /* neighbours are one */
    } else {
        append(found, t->unknown, end);
    }
}

size_t tinylm_decode_room(const tinylm_tokenizer *t, size_t count) {
    uint64_t room = (uint64_t)count * t->widest + 1;
    return count > INT_MAX || room > INT_MAX ? 0 : (size_t)room;
}

/* The character that the byte pieces from `ids` on spell, U+FFFD for the first where they spell none; how many ids. */
static size_t decode_bytes(const tinylm_tokenizer *t, const int32_t *ids, size_t count, uint8_t *to, int *written) {
    uint8_t bytes[4];
    size_t found = 0;
    for (; found < count && found < 4 && (uint32_t)ids[found] < t->header->count; found++) {
        if (t->kind[ids[found]] != TINYLM_BYTE) break;
        bytes[found] = (uint8_t)piece_byte(piece_text(t, ids[found]), piece_bytes(t, ids[found]));
    }
    uint32_t code;
    int size = utf8_read(bytes, found, &code);
    *written = utf8_write(to, size ? code : UTF8_REPLACEMENT);
    return size ? (size_t)size : 1;
}

int tinylm_decode(const tinylm_tokenizer *t, const int32_t *ids, size_t count, char *text) {
    if (!tinylm_decode_room(t, count)) return TINYLM_BAD_ARGUMENT;
    uint8_t *to = (uint8_t *)text;
    for (size_t i = 0; i < count;) {
        int id = ids[i];
        if (id < 0 || (uint32_t)id >= t->header->count) return TINYLM_BAD_TOKEN;
        if (t->kind[id] == TINYLM_BYTE) {
            int written;
            i += decode_bytes(t, ids + i, count - i, to, &written);
            to += written;
            continue;
        }
        i++;
        if (t->kind[id] == TINYLM_CONTROL) continue;
        int shown = t->kind[id] == TINYLM_UNKNOWN ? (int)t->header->count : id;
        memcpy(to, piece_text(t, shown), piece_bytes(t, shown));
        to += piece_bytes(t, shown);
    }
    return (int)(to - (uint8_t *)text);
}
