/* SentencePiece's unigram model: of all ways to cut a text into pieces, the one whose scores add up to most.

   `reached[i]` is the best way to the first i bytes; each place is left through all pieces that begin there. Sums are
   single precision, in SentencePiece's order, and of equal ones the first stays, since ties are decided by it.
   (T. Kudo, Subword Regularization, 2018, section 3.2; EncodeOptimized in SentencePiece's unigram_model.cc.) */
#include "pieces.h"
#include "utf8.h"

typedef struct {
    float score;
    int32_t id;
    uint32_t from; /* where its last piece begins; UNREACHED */
} place;

#define UNREACHED UINT32_MAX
/* Sums are set back to 0 beyond this, as SentencePiece does, so that long texts keep their precision. */
#define FARTHEST 100000.0f

uint64_t unigram_room(size_t bytes) {
    return ((uint64_t)bytes + 1) * sizeof(place);
}

/* A user-defined symbol wins over what it is made of, a longer one over shorter ones. */
static float user_defined_score(const tinylm_tokenizer *t, int id) {
    int length = (int)piece_bytes(t, id);
    for (uint32_t i = 0; i < piece_bytes(t, id); i++) length += piece_text(t, id)[i] == ' ' ? 2 : 0; /* U+2581 */
    return (float)(0.1 * (length - 1));
}

static void reach(place *reached, uint32_t from, uint32_t to, int id, float score) {
    float sum = score + reached[from].score;
    if (reached[to].from == UNREACHED || sum > reached[to].score) reached[to] = (place){sum, id, from};
}

/* Reach all places that a piece leads to from `start`; the farthest. `single`: one covers just the first character. */
static uint32_t reach_by_pieces(const tinylm_tokenizer *t, const uint8_t *text, uint32_t bytes, uint32_t start,
                                uint32_t character, place *reached, int *single) {
    uint32_t low = t->first[text[start]], high = t->first[text[start] + 1], farthest = start;
    for (uint32_t depth = 1; low < high; depth++) {
        int id = t->sorted[low];
        if (piece_bytes(t, id) == depth) { /* the shortest comes first */
            low++;
            if (t->kind[id] != TINYLM_UNUSED) {
                int is_user_defined = t->kind[id] == TINYLM_USER_DEFINED;
                reach(reached, start, start + depth, id, is_user_defined ? user_defined_score(t, id) : t->score[id]);
                farthest = start + depth;
                *single |= depth == character;
            }
        }
        if (start + depth == bytes) break;
        if (low < high) pieces_narrow(t, text + start, depth, &low, &high);
    }
    return farthest;
}

static void set_back(place *reached, uint32_t start, uint32_t farthest) {
    float sum = reached[start].score;
    for (uint32_t i = start; i <= farthest; i++)
        if (i == start || reached[i].from != UNREACHED) reached[i].score -= sum;
}

void unigram_encode(const tinylm_tokenizer *t, const uint8_t *text, uint32_t bytes, void *room, piece_list *found) {
    place *reached = room;
    for (uint32_t i = 0; i <= bytes; i++) reached[i] = (place){0, 0, UNREACHED};
    uint32_t farthest = 0, code;
    for (uint32_t start = 0, character; start < bytes; start += character) {
        if (reached[start].score < -FARTHEST || reached[start].score > FARTHEST) set_back(reached, start, farthest);
        int size = utf8_read(text + start, bytes - start, &code), single = 0;
        character = size ? (uint32_t)size : 1;
        uint32_t end = reach_by_pieces(t, text, bytes, start, character, reached, &single);
        if (!single) {
            reach(reached, start, start + character, t->unknown, t->unknown_score);
            if (end < start + character) end = start + character;
        }
        if (end > farthest) farthest = end;
    }
    /* Turn the way round: a place on it then says where the piece that follows it ends. */
    uint32_t next = bytes;
    for (uint32_t at = bytes; at > 0;) {
        uint32_t from = reached[at].from;
        reached[at].from = next;
        next = at, at = from;
    }
    for (uint32_t start = 0; start < bytes; start = next, next = reached[start].from)
        piece_found(t, text, start, next, reached[next].id, found);
}
