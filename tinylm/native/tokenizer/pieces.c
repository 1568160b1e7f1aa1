/* Opens an image of pieces, and finds pieces in it. What the encoders and the decoder rely on is checked here, once. */
#include "pieces.h"
#include "utf8.h"
#include <string.h>

static uint64_t padded(uint64_t bytes) {
    return (bytes + 7) & ~(uint64_t)7;
}

pieces_layout pieces_lay_out(const pieces_header *h) {
    pieces_layout at;
    at.offset = sizeof *h;
    at.score = at.offset + padded(4 * ((uint64_t)h->count + 2));
    at.sorted = at.score + padded(4 * (uint64_t)h->count);
    at.kind = at.sorted + padded(2 * (uint64_t)h->sorted);
    at.text = at.kind + padded(h->count);
    at.decomposition = at.text + padded(h->text_bytes);
    at.composition = at.decomposition + 8 * (uint64_t)h->decompositions;
    at.class_ = at.composition + padded(2 * (uint64_t)h->compositions);
    at.end = at.class_ + padded(4 * (uint64_t)h->classes);
    return at;
}

int pieces_compare(const uint8_t *a, uint32_t a_bytes, const uint8_t *b, uint32_t b_bytes) {
    int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
    return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

int piece_byte(const uint8_t *text, uint32_t bytes) {
    static const char digits[] = "0123456789ABCDEF";
    if (bytes != 6 || memcmp(text, "<0x", 3) || text[5] != '>') return -1;
    const char *high = memchr(digits, text[3], 16), *low = memchr(digits, text[4], 16);
    return high && low ? (int)(high - digits) * 16 + (int)(low - digits) : -1;
}

int pieces_find(const tinylm_tokenizer *t, const uint8_t *text, uint32_t bytes) {
    int is_longer = text[0] == ' ' && bytes > 1;
    const uint32_t *range = is_longer ? t->after_space + text[1] : t->first + text[0];
    uint32_t low = range[0], high = range[1];
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int id = t->sorted[middle], order = pieces_compare(piece_text(t, id), piece_bytes(t, id), text, bytes);
        if (!order) return id;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* The first of the sorted pieces from `low` to `high` whose byte at `depth` is not below `byte`. */
static uint32_t first_not_below(const tinylm_tokenizer *t, uint32_t low, uint32_t high, uint32_t depth, int byte) {
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (piece_text(t, t->sorted[middle])[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void pieces_narrow(const tinylm_tokenizer *t, const uint8_t *text, uint32_t depth, uint32_t *low, uint32_t *high) {
    if (depth == 1 && text[0] == ' ') {
        *low = t->after_space[text[1]];
        *high = t->after_space[text[1] + 1];
        return;
    }
    *low = first_not_below(t, *low, *high, depth, text[depth]);
    *high = first_not_below(t, *low, *high, depth, text[depth] + 1);
}

static int is_matched(int kind) {
    return kind == TINYLM_NORMAL || kind == TINYLM_USER_DEFINED || kind == TINYLM_UNUSED;
}

static int texts_valid(const tinylm_tokenizer *t) {
    uint32_t count = t->header->count;
    if (t->offset[0] || t->offset[count + 1] != t->header->text_bytes) return 0;
    for (uint32_t id = 0; id <= count; id++) { /* the last is what UNK shows as, which may be empty */
        if (t->offset[id] > t->offset[id + 1] || t->offset[id + 1] > t->header->text_bytes) return 0;
        uint32_t bytes = piece_bytes(t, (int)id);
        if (bytes > PIECE_MOST || (!bytes && id < count) || !utf8_valid(piece_text(t, (int)id), bytes)) return 0;
    }
    return 1;
}

/* Kinds and scores, and what follows from them for encoding. */
static int kinds_valid(tinylm_tokenizer *t) {
    uint32_t matched = 0, byte_pieces = 0;
    float least = 3.402823466e38f;
    t->unknown = -1, t->has_unused = 0;
    t->widest = 3; /* U+FFFD for a byte */
    memset(t->bytes, -1, sizeof t->bytes);
    memset(t->user_defined, 0, sizeof t->user_defined);
    for (uint32_t id = 0; id < t->header->count; id++) {
        int kind = t->kind[id];
        float score = t->score[id];
        if (kind < TINYLM_NORMAL || kind > TINYLM_BYTE || !(score - score == 0)) return 0; /* infinite or NaN */
        if (kind == TINYLM_UNKNOWN) {
            if (t->unknown >= 0) return 0;
            t->unknown = (int32_t)id;
        } else if (kind == TINYLM_BYTE) {
            int byte = piece_byte(piece_text(t, (int)id), piece_bytes(t, (int)id));
            if (byte < 0 || t->bytes[byte] >= 0) return 0;
            t->bytes[byte] = (int32_t)id, byte_pieces++;
        }
        if (kind == TINYLM_NORMAL && score < least) least = score;
        if (is_matched(kind) && piece_bytes(t, (int)id) > t->widest) t->widest = piece_bytes(t, (int)id);
        matched += (uint32_t)is_matched(kind);
        if (kind == TINYLM_USER_DEFINED) t->user_defined[piece_text(t, (int)id)[0]] = 1;
        t->has_unused |= kind == TINYLM_UNUSED;
    }
    if (piece_bytes(t, (int)t->header->count) > t->widest) t->widest = piece_bytes(t, (int)t->header->count);
    t->has_bytes = byte_pieces == 256;
    t->unknown_score = least - 10.0f; /* SentencePiece's penalty */
    return t->unknown >= 0 && (t->has_bytes || !byte_pieces) && matched == t->header->sorted;
}

static int compare_ids(const tinylm_tokenizer *t, int a, int b) {
    return pieces_compare(piece_text(t, a), piece_bytes(t, a), piece_text(t, b), piece_bytes(t, b));
}

static int order_valid(tinylm_tokenizer *t) {
    uint32_t next = 0, next_after = 0;
    for (uint32_t i = 0; i < t->header->sorted; i++) {
        int id = t->sorted[i], before = i ? t->sorted[i - 1] : 0;
        if ((uint32_t)id >= t->header->count || !is_matched(t->kind[id])) return 0;
        if (i && compare_ids(t, before, id) >= 0) return 0;
        const uint8_t *text = piece_text(t, id);
        while (next <= text[0]) t->first[next++] = i;
        while (text[0] == ' ' && piece_bytes(t, id) > 1 && next_after <= text[1]) t->after_space[next_after++] = i;
    }
    while (next <= 256) t->first[next++] = t->header->sorted;
    while (next_after <= 256) t->after_space[next_after++] = t->first[' ' + 1];
    return 1;
}

static int specials_valid(const pieces_header *h) {
    const int32_t ids[3] = {h->bos, h->eos, h->pad};
    for (int i = 0; i < 3; i++)
        if (ids[i] < -1 || ids[i] >= (int32_t)h->count) return 0;
    return 1;
}

size_t tinylm_tokenizer_bytes(void) {
    return sizeof(tinylm_tokenizer);
}

int tinylm_tokenizer_open(tinylm_tokenizer *t, const void *image, size_t bytes) {
    const pieces_header *h = image;
    if (!image || (uintptr_t)image % 8 || bytes < sizeof *h || memcmp(h->magic, "TLMP", 4)) return TINYLM_BAD_IMAGE;
    if (h->interface != TINYLM_INTERFACE || h->bytes != bytes) return TINYLM_BAD_IMAGE;
    if (h->algorithm != TINYLM_UNIGRAM && h->algorithm != TINYLM_BPE) return TINYLM_BAD_IMAGE;
    if (!h->count || h->count > PIECES_MOST || h->sorted > h->count) return TINYLM_BAD_IMAGE;
    pieces_layout at = pieces_lay_out(h); /* in 64 bits nothing of this can overflow */
    if (at.end != bytes || !specials_valid(h)) return TINYLM_BAD_IMAGE;
    const uint8_t *base = image;
    t->header = h;
    t->offset = (const uint32_t *)(base + at.offset);
    t->score = (const float *)(base + at.score);
    t->sorted = (const uint16_t *)(base + at.sorted);
    t->kind = base + at.kind;
    t->text = base + at.text;
    t->decomposition = (const uint64_t *)(base + at.decomposition);
    t->composition = (const uint16_t *)(base + at.composition);
    t->class_ = (const uint32_t *)(base + at.class_);
    return texts_valid(t) && kinds_valid(t) && order_valid(t) && nfc_tables_valid(t) ? 0 : TINYLM_BAD_IMAGE;
}

int tinylm_piece_count(const tinylm_tokenizer *t) {
    return (int)t->header->count;
}

int tinylm_tokenizer_algorithm(const tinylm_tokenizer *t) {
    return t->header->algorithm;
}

void tinylm_special_ids(const tinylm_tokenizer *t, int32_t *ids) {
    ids[0] = t->header->bos, ids[1] = t->header->eos, ids[2] = t->header->pad, ids[3] = t->unknown;
}

static int is_id(const tinylm_tokenizer *t, int id) {
    return id >= 0 && (uint32_t)id < t->header->count;
}

int tinylm_piece(const tinylm_tokenizer *t, int id, const char **text) {
    if (!is_id(t, id)) return TINYLM_BAD_TOKEN;
    *text = (const char *)piece_text(t, id);
    return (int)piece_bytes(t, id);
}

int tinylm_piece_kind(const tinylm_tokenizer *t, int id) {
    return is_id(t, id) ? t->kind[id] : TINYLM_BAD_TOKEN;
}

float tinylm_piece_score(const tinylm_tokenizer *t, int id) {
    return is_id(t, id) ? t->score[id] : 0;
}
