/* SentencePiece's BPE: characters are joined, two neighbours at a time, in the order of the scores of what they make.

   A symbol lies in `symbols` at the byte where it begins; the next one begins where it ends. Pairs wait in a heap. A
   pair whose symbols have changed since it was put there has another length, and is passed over: a symbol only grows.
   (R. Sennrich et al., Neural machine translation of rare words with subword units, 2016; bpe_model.cc.) */
#include "pieces.h"
#include "utf8.h"
#include <string.h>

typedef struct {
    uint32_t bytes;    /* 0: it is part of another */
    uint32_t previous; /* NONE at the start */
    uint32_t frozen;   /* a user-defined symbol, which never joins */
} symbol;

typedef struct {
    uint64_t rank; /* the score, made sortable, above; below, the complement of the place: of equals the left first */
    uint32_t bytes;
} pair;

typedef struct {
    const tinylm_tokenizer *t;
    const uint8_t *text;
    uint32_t bytes;
    symbol *symbols;
    uint16_t *left_bytes; /* of what each unused piece was joined from; 0 */
    pair *heap;
    uint32_t pairs;
    piece_list *found;
} bpe;

#define NONE UINT32_MAX
enum { DEEPEST = 100 }; /* how often unused pieces are taken apart, as in SentencePiece */

static uint64_t padded(uint64_t bytes) {
    return (bytes + 7) & ~(uint64_t)7;
}

/* Each joining takes a pair out and puts two in; so there are never more than two a character. */
uint64_t bpe_room(const tinylm_tokenizer *t, size_t bytes) {
    uint64_t left_bytes = t->has_unused ? t->header->count * sizeof(uint16_t) : 0;
    return (uint64_t)bytes * (2 * sizeof(pair)) + padded((uint64_t)bytes * sizeof(symbol)) + left_bytes;
}

/* Bytes of the longest user-defined symbol that the text begins with; 0. */
static uint32_t user_defined(const tinylm_tokenizer *t, const uint8_t *text, uint32_t left) {
    if (!t->user_defined[text[0]]) return 0;
    uint32_t low = t->first[text[0]], high = t->first[text[0] + 1], longest = 0;
    for (uint32_t depth = 1; low < high; depth++) {
        int id = t->sorted[low];
        if (piece_bytes(t, id) == depth) {
            low++;
            if (t->kind[id] == TINYLM_USER_DEFINED) longest = depth;
        }
        if (depth == left) break;
        if (low < high) pieces_narrow(t, text, depth, &low, &high);
    }
    return longest;
}

/* Integers in the order of the floats. */
static uint32_t sortable(float score) {
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static void push(bpe *b, pair added) {
    uint32_t i = b->pairs++;
    for (; i > 0 && b->heap[(i - 1) / 2].rank < added.rank; i = (i - 1) / 2) b->heap[i] = b->heap[(i - 1) / 2];
    b->heap[i] = added;
}

static pair pop(bpe *b) {
    pair top = b->heap[0], last = b->heap[--b->pairs];
    uint32_t i = 0;
    for (uint32_t child; (child = 2 * i + 1) < b->pairs; i = child) {
        if (child + 1 < b->pairs && b->heap[child].rank < b->heap[child + 1].rank) child++;
        if (b->heap[child].rank <= last.rank) break;
        b->heap[i] = b->heap[child];
    }
    b->heap[i] = last;
    return top;
}

/* Put the symbol at `left` and its right neighbour on the heap, if they make a piece. */
static void consider(bpe *b, uint32_t left) {
    const symbol *first = &b->symbols[left], *second = first + first->bytes;
    if (left + first->bytes >= b->bytes || first->frozen || second->frozen) return;
    uint32_t bytes = first->bytes + second->bytes;
    int id = pieces_find(b->t, b->text + left, bytes);
    if (id < 0) return;
    push(b, (pair){(uint64_t)sortable(b->t->score[id]) << 32 | (uint32_t)~left, bytes});
    if (b->t->kind[id] == TINYLM_UNUSED) b->left_bytes[id] = (uint16_t)first->bytes;
}

static void join(bpe *b) {
    while (b->pairs) {
        pair top = pop(b);
        uint32_t left = ~(uint32_t)top.rank;
        symbol *first = &b->symbols[left];
        uint32_t right = left + first->bytes;
        if (!first->bytes || right >= b->bytes || first->bytes + b->symbols[right].bytes != top.bytes) continue;
        first->bytes = top.bytes;
        b->symbols[right].bytes = 0;
        if (left + top.bytes < b->bytes) b->symbols[left + top.bytes].previous = left;
        if (first->previous != NONE) consider(b, first->previous);
        consider(b, left);
    }
}

/* The symbol's id, or those of what it was joined from where the piece is unused. */
static void emit(bpe *b, uint32_t start, uint32_t bytes, int depth) {
    const tinylm_tokenizer *t = b->t;
    int id = pieces_find(t, b->text + start, bytes);
    if (id >= 0 && t->kind[id] == TINYLM_UNUSED && depth <= DEEPEST) {
        uint32_t left = b->left_bytes[id];
        if (left > 0 && left < bytes) {
            emit(b, start, left, depth + 1);
            emit(b, start + left, bytes - left, depth + 1);
            return;
        }
        id = -1;
    }
    piece_found(t, b->text, start, start + bytes, id < 0 ? t->unknown : id, b->found);
}

void bpe_encode(const tinylm_tokenizer *t, const uint8_t *text, uint32_t bytes, void *room, piece_list *found) {
    bpe b = {.t = t, .text = text, .bytes = bytes, .found = found, .heap = room};
    b.symbols = (symbol *)(b.heap + 2 * (size_t)bytes);
    if (t->has_unused) {
        b.left_bytes = (uint16_t *)((uint8_t *)b.symbols + padded((uint64_t)bytes * sizeof(symbol)));
        memset(b.left_bytes, 0, t->header->count * sizeof(uint16_t));
    }
    for (uint32_t at = 0, before = NONE, size; at < bytes; before = at, at += size) {
        uint32_t code, frozen = size = user_defined(t, text + at, bytes - at);
        if (!size) size = (uint32_t)utf8_read(text + at, bytes - at, &code);
        if (!size) size = 1;
        b.symbols[at] = (symbol){size, before, frozen};
    }
    for (uint32_t at = 0; at < bytes; at += b.symbols[at].bytes) consider(&b, at);
    join(&b);
    for (uint32_t at = 0; at < bytes; at += b.symbols[at].bytes) emit(&b, at, b.symbols[at].bytes, 0);
}
