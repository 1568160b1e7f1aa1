/* Lays an image of pieces out from a SentencePiece model file, which is a message of protobuf's wire format.

   Read are the fields that decide what comes out (numbers as in sentencepiece_model.proto); what could change it and is
   not implemented here refuses the file. Every length is checked against what is left. */
#include "pieces.h"
#include "utf8.h"
#include <string.h>

typedef struct {
    const uint8_t *at, *end;
} bytes_view;

typedef struct {
    uint32_t number, wire;
    uint64_t value;   /* of a varint */
    bytes_view bytes; /* of anything else */
} field;

enum { VARINT, FIXED64, LENGTH, FIXED32 = 5 };
enum { MODEL_PIECE = 1, MODEL_TRAINER, MODEL_NORMALIZER, MODEL_DENORMALIZER = 5 };
enum { PIECE_TEXT = 1, PIECE_SCORE, PIECE_KIND };
enum { TRAINER_ALGORITHM = 3, TRAINER_BYTES = 35, UNKNOWN_SURFACE = 44, UNKNOWN_NAME, BOS_NAME, EOS_NAME, PAD_NAME };
enum { CHARACTER_MAP = 2, DUMMY_PREFIX, EXTRA_SPACES, ESCAPED_SPACES };

/* What a file says beside its pieces. */
typedef struct {
    int algorithm, has_bytes, has_trainer, has_normalizer;
    int has_prefix, drops_spaces, escapes_spaces, maps_characters;
    bytes_view surface, unknown, bos, eos, pad;
} rules;

static size_t length(bytes_view view) {
    return (size_t)(view.end - view.at);
}

static bytes_view text(const char *value) {
    return (bytes_view){(const uint8_t *)value, (const uint8_t *)value + strlen(value)};
}

static int varint(bytes_view *from, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 64 && from->at < from->end; shift += 7) {
        uint8_t byte = *from->at++;
        if (shift == 63 && byte > 1) return 0;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return 1;
    }
    return 0;
}

/* The next field; 0 at the end, -1 where the message is damaged. */
static int next_field(bytes_view *from, field *found) {
    uint64_t tag, size;
    if (from->at == from->end) return 0;
    if (!varint(from, &tag) || tag >> 3 == 0 || tag >> 3 >= 1u << 29) return -1;
    found->number = (uint32_t)(tag >> 3), found->wire = tag & 7;
    if (found->wire == VARINT) return varint(from, &found->value) ? 1 : -1;
    if (found->wire == FIXED64 || found->wire == FIXED32)
        size = found->wire == FIXED64 ? 8 : 4;
    else if (found->wire != LENGTH || !varint(from, &size))
        return -1;
    if (size > length(*from)) return -1;
    found->bytes = (bytes_view){from->at, from->at + size};
    from->at += size;
    return 1;
}

static int read_trainer(bytes_view message, rules *r) {
    field f;
    int more;
    while ((more = next_field(&message, &f)) > 0) {
        if (f.number == TRAINER_ALGORITHM || f.number == TRAINER_BYTES) {
            if (f.wire != VARINT) return 0;
            if (f.number == TRAINER_BYTES)
                r->has_bytes = f.value != 0;
            else
                r->algorithm = f.value == TINYLM_UNIGRAM || f.value == TINYLM_BPE ? (int)f.value : 0;
        } else if (f.number >= UNKNOWN_SURFACE && f.number <= PAD_NAME) {
            bytes_view *names[] = {&r->surface, &r->unknown, &r->bos, &r->eos, &r->pad};
            if (f.wire != LENGTH) return 0;
            *names[f.number - UNKNOWN_SURFACE] = f.bytes;
        }
    }
    return more == 0;
}

static int read_normalizer(bytes_view message, rules *r, int is_for_text) {
    int *values[] = {&r->has_prefix, &r->drops_spaces, &r->escapes_spaces};
    field f;
    int more;
    while ((more = next_field(&message, &f)) > 0) {
        if (f.number == CHARACTER_MAP) {
            if (f.wire != LENGTH) return 0;
            r->maps_characters |= length(f.bytes) > 0;
        } else if (f.number >= DUMMY_PREFIX && f.number <= ESCAPED_SPACES && is_for_text) {
            if (f.wire != VARINT) return 0;
            *values[f.number - DUMMY_PREFIX] = f.value != 0;
        }
    }
    return more == 0;
}

/* Read all but the pieces, which are counted and their bytes added up; whether the file is one that is implemented. */
static int read_rules(bytes_view file, rules *r, uint32_t *count, uint64_t *bytes) {
    *r = (rules){.algorithm = TINYLM_UNIGRAM, .has_prefix = 1, .drops_spaces = 1, .escapes_spaces = 1};
    r->surface = text(" \xE2\x81\x87 "), r->unknown = text("<unk>");
    r->bos = text("<s>"), r->eos = text("</s>"), r->pad = text("<pad>");
    field f;
    int more;
    for (*count = 0, *bytes = 0; (more = next_field(&file, &f)) > 0;) {
        if (f.number > MODEL_DENORMALIZER) continue;
        if (f.wire != LENGTH) return 0;
        if (f.number == MODEL_PIECE) {
            if (++*count > PIECES_MOST) return 0;
            *bytes += length(f.bytes);
        } else if (f.number == MODEL_TRAINER) {
            if (r->has_trainer++ || !read_trainer(f.bytes, r)) return 0;
        } else if (f.number == MODEL_NORMALIZER) {
            if (r->has_normalizer++ || !read_normalizer(f.bytes, r, 1)) return 0;
        } else if (f.number == MODEL_DENORMALIZER && !read_normalizer(f.bytes, r, 0)) {
            return 0;
        }
    }
    *bytes += length(r->surface);
    return more == 0 && *count && *bytes < 1u << 30 && r->algorithm && !r->maps_characters && !r->has_prefix &&
           !r->drops_spaces && r->escapes_spaces;
}

/* Copy with U+2581 as a space; the bytes written, 0 where the text has a space already or a zero byte. */
static uint32_t copy_text(uint8_t *to, bytes_view from) {
    uint8_t *start = to;
    for (; from.at < from.end; to++) {
        if (!*from.at || *from.at == ' ') return 0;
        int is_space = length(from) >= 3 && !memcmp(from.at, "\xE2\x96\x81", 3);
        *to = is_space ? ' ' : *from.at;
        from.at += is_space ? 3 : 1;
    }
    return (uint32_t)(to - start);
}

static int read_piece(bytes_view message, bytes_view *name, float *score, uint8_t *kind) {
    field f;
    int more;
    *name = text(""), *score = 0, *kind = TINYLM_NORMAL;
    while ((more = next_field(&message, &f)) > 0) {
        if (f.number == PIECE_TEXT) {
            if (f.wire != LENGTH) return 0;
            *name = f.bytes;
        } else if (f.number == PIECE_SCORE) {
            if (f.wire != FIXED32) return 0;
            uint32_t bits = f.bytes.at[0] | (uint32_t)f.bytes.at[1] << 8 | (uint32_t)f.bytes.at[2] << 16 |
                            (uint32_t)f.bytes.at[3] << 24;
            memcpy(score, &bits, sizeof bits);
        } else if (f.number == PIECE_KIND) {
            if (f.wire != VARINT || f.value < TINYLM_NORMAL || f.value > TINYLM_BYTE) return 0;
            *kind = (uint8_t)f.value;
        }
    }
    return more == 0 && length(*name) > 0;
}

/* Ids with their texts, while they are sorted. */
typedef struct {
    uint16_t *ids, *scratch;
    const uint32_t *offset;
    const uint8_t *text;
} sorting;

static int is_less(const sorting *s, uint16_t a, uint16_t b) {
    return pieces_compare(s->text + s->offset[a], s->offset[a + 1] - s->offset[a], s->text + s->offset[b],
                          s->offset[b + 1] - s->offset[b]) < 0;
}

/* Merge sort: pairs of rows that are sorted become one, from rows of one id on. */
static void sort(sorting s, uint32_t count) {
    uint16_t *result = s.ids;
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t start = 0; start < count; start += 2 * width) {
            uint32_t middle = start + width < count ? start + width : count;
            uint32_t end = middle + width < count ? middle + width : count;
            for (uint32_t to = start, left = start, right = middle; to < end; to++) {
                int is_right = left == middle || (right < end && is_less(&s, s.ids[right], s.ids[left]));
                s.scratch[to] = s.ids[is_right ? right++ : left++];
            }
        }
        uint16_t *sorted = s.scratch;
        s.scratch = s.ids, s.ids = sorted;
    }
    if (s.ids != result) memcpy(result, s.ids, count * sizeof *result);
}

static int is_same(bytes_view name, bytes_view other) {
    return length(name) == length(other) && !memcmp(name.at, other.at, length(name));
}

size_t tinylm_pieces_room(const void *model, size_t bytes, size_t tables_bytes) {
    rules r;
    uint32_t count;
    uint64_t text_bytes;
    bytes_view file = {model, (const uint8_t *)model + bytes};
    if (tables_bytes > 1u << 20 || !read_rules(file, &r, &count, &text_bytes)) return 0;
    pieces_header h = {.count = count, .sorted = count, .text_bytes = (uint32_t)text_bytes};
    uint64_t room = pieces_lay_out(&h).end + tables_bytes + 2 * (uint64_t)count; /* the last is for sorting */
    return room > SIZE_MAX / 2 ? 0 : (size_t)room;
}

/* Tables are the three counts and a 0 as uint32, then the three parts as they lie in an image. */
static int lay_tables(const uint8_t *tables, size_t bytes, pieces_header *h, uint8_t *image) {
    uint32_t counts[4] = {0};
    if (bytes && bytes < sizeof counts) return 0;
    if (bytes) memcpy(counts, tables, sizeof counts);
    h->decompositions = counts[0], h->compositions = counts[1], h->classes = counts[2];
    pieces_layout at = pieces_lay_out(h);
    if (bytes && at.end - at.decomposition != bytes - sizeof counts) return 0;
    if (at.end > UINT32_MAX) return 0;
    if (bytes) memcpy(image + at.decomposition, tables + sizeof counts, bytes - sizeof counts);
    h->bytes = (uint32_t)at.end;
    return 1;
}

/* Move kinds and texts down to where they stay, with zeros between the parts. */
static void move(uint8_t *image, pieces_layout to, const uint8_t *kind, uint32_t count, const uint8_t *texts,
                 uint32_t text_bytes) {
    memmove(image + to.kind, kind, count);
    memset(image + to.kind + count, 0, (size_t)(to.text - to.kind) - count);
    memmove(image + to.text, texts, text_bytes);
    memset(image + to.text + text_bytes, 0, (size_t)(to.decomposition - to.text) - text_bytes);
}

/* Text, offsets, kinds, scores, ids to be sorted and the special ids, from the pieces of a file that is good. The text
   is written where it will lie when all pieces are sorted, and moved when it is known how many are not. */
static int lay_pieces(bytes_view file, const rules *r, pieces_header *h, uint8_t *image, uint16_t *scratch) {
    pieces_layout at = pieces_lay_out(h);
    uint32_t *offset = (uint32_t *)(image + at.offset), written = 0, id = 0;
    float *score = (float *)(image + at.score);
    uint16_t *ids = (uint16_t *)(image + at.sorted);
    uint8_t *kind = image + at.kind, *to = image + at.text;
    h->sorted = 0, h->bos = h->eos = h->pad = -1;
    int unknown = -1;
    for (field f; next_field(&file, &f) > 0;) {
        bytes_view name;
        if (f.number != MODEL_PIECE) continue;
        if (!read_piece(f.bytes, &name, &score[id], &kind[id])) return 0;
        uint32_t size = copy_text(to + written, name);
        if (!size || size > PIECE_MOST) return 0;
        if (kind[id] == TINYLM_CONTROL && is_same(name, r->bos)) h->bos = (int32_t)id;
        if (kind[id] == TINYLM_CONTROL && is_same(name, r->eos)) h->eos = (int32_t)id;
        if (kind[id] == TINYLM_CONTROL && is_same(name, r->pad)) h->pad = (int32_t)id;
        if (kind[id] == TINYLM_UNKNOWN && is_same(name, r->unknown)) unknown = (int)id;
        if ((kind[id] == TINYLM_BYTE) > r->has_bytes) return 0;
        if (kind[id] == TINYLM_NORMAL || kind[id] == TINYLM_USER_DEFINED || kind[id] == TINYLM_UNUSED)
            ids[h->sorted++] = (uint16_t)id;
        offset[id++] = written;
        written += size;
    }
    if (length(r->surface) > PIECE_MOST) return 0;
    memcpy(to + written, r->surface.at, length(r->surface));
    offset[id] = written, offset[id + 1] = written + (uint32_t)length(r->surface);
    h->text_bytes = offset[id + 1];
    sort((sorting){ids, scratch, offset, to}, h->sorted);
    move(image, pieces_lay_out(h), kind, h->count, to, h->text_bytes);
    return unknown >= 0;
}

int tinylm_pieces_lay(const void *model, size_t bytes, const void *tables, size_t tables_bytes, void *image) {
    rules r;
    pieces_header h = {.interface = TINYLM_INTERFACE};
    uint64_t text_bytes;
    bytes_view file = {model, (const uint8_t *)model + bytes};
    size_t room = tinylm_pieces_room(model, bytes, tables_bytes);
    if (!room || (uintptr_t)image % 8 || !read_rules(file, &r, &h.count, &text_bytes)) return TINYLM_BAD_IMAGE;
    memset(image, 0, room);
    memcpy(h.magic, "TLMP", sizeof h.magic);
    h.algorithm = r.algorithm, h.sorted = h.count, h.text_bytes = (uint32_t)text_bytes;
    uint16_t *scratch = (uint16_t *)((uint8_t *)image + pieces_lay_out(&h).end);
    if (!lay_pieces(file, &r, &h, image, scratch)) return TINYLM_BAD_IMAGE;
    if (!lay_tables(tables, tables_bytes, &h, image)) return TINYLM_BAD_IMAGE;
    memcpy(image, &h, sizeof h);
    tinylm_tokenizer opened;
    return tinylm_tokenizer_open(&opened, image, h.bytes) || opened.has_bytes != r.has_bytes ? TINYLM_BAD_IMAGE
                                                                                          : (int)h.bytes;
}
