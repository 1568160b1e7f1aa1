/* Unicode's normalization form C, of characters that come one after another (Unicode Standard Annex #15).

   Almost every character is NFC whatever stands around it. One is held back until the next shows that it does not
   attach; only where one does, or changes alone, a run is taken apart, put in order and composed. The tables lie in the
   image. They decide what comes out, but never where it is written to. */
#include "pieces.h"
#include "utf8.h"
#include <string.h>

enum { S = 0xAC00, L = 0x1100, V = 0x1161, T = 0x11A7, L_COUNT = 19, V_COUNT = 21, T_COUNT = 28 }; /* Hangul */
enum { S_COUNT = L_COUNT * V_COUNT * T_COUNT, PLAIN = 0x300 }; /* below PLAIN all characters are NFC and no marks */
enum { DECOMPOSED_MOST = 4 };                                  /* characters that one becomes */

static uint32_t character_of(uint64_t d) {
    return (uint32_t)(d >> 43);
}
static uint32_t first_of(uint64_t d) {
    return (uint32_t)(d >> 22) & 0x1FFFFF;
}
static uint32_t second_of(uint64_t d) {
    return (uint32_t)(d >> 1) & 0x1FFFFF;
}
/* The first and second of a pair, as one number. */
static uint64_t pair_of(uint64_t d) {
    return d >> 1 & 0x3FFFFFFFFFF;
}

static int is_character(uint32_t code) {
    return code < 0x110000 && (code < 0xD800 || code > 0xDFFF);
}

int nfc_tables_valid(const tinylm_tokenizer *t) {
    const pieces_header *h = t->header;
    for (uint32_t i = 0; i < h->decompositions; i++) {
        uint64_t d = t->decomposition[i];
        if (i && character_of(t->decomposition[i - 1]) >= character_of(d)) return 0;
        if (!is_character(character_of(d)) || !is_character(first_of(d)) || !is_character(second_of(d))) return 0;
    }
    for (uint32_t i = 0; i < h->compositions; i++) {
        if (t->composition[i] >= h->decompositions) return 0;
        uint64_t d = t->decomposition[t->composition[i]];
        if (!(d & 1) || (i && pair_of(t->decomposition[t->composition[i - 1]]) >= pair_of(d))) return 0;
    }
    for (uint32_t i = 0; i < h->classes; i++)
        if (t->class_[i] >> 10 >= 0x110000 || (i && t->class_[i - 1] >> 10 >= t->class_[i] >> 10)) return 0;
    return 1;
}

/* Flags and combining class of a character. */
static uint32_t class_of(nfc_state *nfc, uint32_t code) {
    if (code < PLAIN) return 0;
    if (code >= nfc->range_start && code < nfc->range_end) return nfc->range_class;
    const uint32_t *class_ = nfc->t->class_;
    uint32_t low = 0, high = nfc->t->header->classes;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (class_[middle] >> 10 <= code)
            low = middle + 1;
        else
            high = middle;
    }
    nfc->range_start = low ? class_[low - 1] >> 10 : 0;
    nfc->range_end = low < nfc->t->header->classes ? class_[low] >> 10 : 0x110000;
    nfc->range_class = low ? class_[low - 1] & 0x3FF : 0;
    return nfc->range_class;
}

/* What a character is made of, or 0. */
static uint64_t decomposition_of(const tinylm_tokenizer *t, uint32_t code) {
    uint32_t low = 0, high = t->header->decompositions;
    while (low < high) {
        uint32_t middle = (low + high) / 2, found = character_of(t->decomposition[middle]);
        if (found == code) return t->decomposition[middle];
        if (found < code)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* The character that two become, or 0. */
static uint32_t composed(const tinylm_tokenizer *t, uint32_t first, uint32_t second) {
    if (first - L < L_COUNT && second - V < V_COUNT) return S + ((first - L) * V_COUNT + second - V) * T_COUNT;
    if (first - S < S_COUNT && (first - S) % T_COUNT == 0 && second - T - 1 < T_COUNT - 1) return first + second - T;
    uint64_t pair = (uint64_t)first << 21 | second;
    uint32_t low = 0, high = t->header->compositions;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        uint64_t d = t->decomposition[t->composition[middle]];
        if (pair_of(d) == pair) return character_of(d);
        if (pair_of(d) < pair)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

static void emit(nfc_state *nfc, uint32_t code) {
    if (nfc->out_end - nfc->out < 4)
        nfc->error = TINYLM_BAD_IMAGE; /* no text grows so much by Unicode's tables */
    else
        nfc->out += utf8_write(nfc->out, code);
}

static void add(nfc_state *nfc, uint32_t code) {
    nfc->run[nfc->run_count++] = (class_of(nfc, code) & 0xFF) << 24 | code;
}

/* Append what `code` is made of, down to characters that are made of no others. */
static void decompose(nfc_state *nfc, uint32_t code) {
    if (nfc->run_most - nfc->run_count < DECOMPOSED_MOST) {
        nfc->error = TINYLM_BAD_IMAGE;
    } else if (code - S < S_COUNT) {
        uint32_t index = code - S, last = index % T_COUNT;
        add(nfc, L + index / T_COUNT / V_COUNT), add(nfc, V + index / T_COUNT % V_COUNT);
        if (last) add(nfc, T + last);
    } else {
        uint32_t seconds[DECOMPOSED_MOST], count = 0;
        uint64_t d = code < 0xC0 ? 0 : decomposition_of(nfc->t, code);
        for (int step = 1; d && step < DECOMPOSED_MOST; step++, d = decomposition_of(nfc->t, code)) {
            if (second_of(d)) seconds[count++] = second_of(d);
            code = first_of(d);
        }
        add(nfc, code);
        while (count) add(nfc, seconds[--count]);
    }
}

/* Put marks that follow each other in the order of their classes, those of the same class as they stood. */
static void put_in_order(nfc_state *nfc) {
    uint32_t *run = nfc->run;
    for (uint32_t start = 0, end; start < nfc->run_count; start = end + 1) {
        int in_order = 1;
        for (end = start; end < nfc->run_count && run[end] >> 24; end++)
            in_order &= end == start || run[end - 1] >> 24 <= run[end] >> 24;
        if (in_order) continue;
        uint32_t at[257] = {0}; /* counting sort: a long row of marks takes linear time */
        for (uint32_t i = start; i < end; i++) at[(run[i] >> 24) + 1]++;
        for (int i = 1; i < 257; i++) at[i] += at[i - 1];
        for (uint32_t i = start; i < end; i++) nfc->sorted[at[run[i] >> 24]++] = run[i];
        memcpy(run + start, nfc->sorted, (end - start) * sizeof *run);
    }
}

static void compose(nfc_state *nfc) {
    uint32_t *run = nfc->run, kept = 0, starter = NFC_NONE, last = 0; /* class of the last one kept after the starter */
    for (uint32_t i = 0; i < nfc->run_count; i++) {
        uint32_t class = run[i] >> 24, code = run[i] & 0x1FFFFF, made;
        if (starter != NFC_NONE && (!last || last < class) && (made = composed(nfc->t, run[starter], code))) {
            run[starter] = made;
            continue;
        }
        if (!class) starter = kept;
        last = class;
        run[kept++] = code;
    }
    for (uint32_t i = 0; i < kept; i++) emit(nfc, run[i]);
}

void nfc_flush(nfc_state *nfc) {
    if (nfc->held != NFC_NONE) {
        emit(nfc, nfc->held);
        nfc->held = NFC_NONE;
    } else if (nfc->run_count) {
        put_in_order(nfc);
        compose(nfc);
        nfc->run_count = 0;
    }
}

void nfc_push(nfc_state *nfc, uint32_t code) {
    uint32_t class = class_of(nfc, code);
    if (!(class & CLASS_ATTACHES)) {
        nfc_flush(nfc);
        if (class & CLASS_CHANGES)
            decompose(nfc, code);
        else
            nfc->held = code;
        return;
    }
    if (nfc->held != NFC_NONE) {
        uint32_t held = nfc->held;
        nfc->held = NFC_NONE;
        decompose(nfc, held);
    }
    decompose(nfc, code);
}
