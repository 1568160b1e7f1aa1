/* tinylm's normalisation `nfc-2`: what `normalise` of tinylm/tokenizer/tokenizer.py does, in the same order.

   First what a terminal obeys and does not show goes, and what was typed over; then line ends become newlines, controls
   and noncharacters go, U+2581 becomes a space; then NFC. */
#include "pieces.h"
#include "utf8.h"
#include <string.h>

enum { BELL = 7, BACKSPACE = 8, ESCAPE = 0x1B, NEWLINE = '\n' };
enum { DCS = 0x90, CSI = 0x9B, STRING_END = 0x9C, OSC = 0x9D }; /* controls of one character, as code points */

/* A text and the place in it that is read. `code` is NOTHING at the end and REPLACEMENT for what is no UTF-8. */
typedef struct {
    const uint8_t *text;
    size_t bytes, no_end; /* before `no_end` no string that DCS or OSC begins has an end */
} source;

#define NOTHING UINT32_MAX

static uint32_t read_at(const source *s, size_t at, size_t *next) {
    uint32_t code;
    if (at >= s->bytes) {
        *next = at;
        return NOTHING;
    }
    int size = utf8_read(s->text + at, s->bytes - at, &code);
    *next = at + (size_t)(size ? size : 1);
    return size ? code : UTF8_REPLACEMENT;
}

/* Where the characters from `low` to `high` end that begin at `at`. */
static size_t skip(const source *s, size_t at, uint8_t low, uint8_t high) {
    while (at < s->bytes && s->text[at] >= low && s->text[at] <= high) at++;
    return at;
}

static int is_between(const source *s, size_t at, uint8_t low, uint8_t high) {
    return at < s->bytes && s->text[at] >= low && s->text[at] <= high;
}

/* Python's `$`: the end, or a newline that is the last character. */
static int is_last(const source *s, size_t at) {
    return at >= s->bytes || (at + 1 == s->bytes && s->text[at] == NEWLINE);
}

/* The end of a string such as a title: behind BEL, ESC \ or U+009C; 0 where none comes on this line. `stop` is where
   the search ended. */
static size_t string_end(const source *s, size_t at, size_t *stop) {
    for (size_t next;; at = next) {
        uint32_t code = read_at(s, at, &next);
        *stop = at;
        if (code == BELL || code == STRING_END) return next;
        if (code == ESCAPE) return is_between(s, next, '\\', '\\') ? next + 1 : 0;
        if (code == NEWLINE || code == NOTHING) return 0;
    }
}

/* The end of the sequence that begins with an ESC before `at`, or 0. */
static size_t escape_end(const source *s, size_t at) {
    if (is_between(s, at, '[', '[')) {
        size_t end = skip(s, skip(s, at + 1, '0', '?'), ' ', '/');
        if (is_between(s, end, '@', '~')) return end + 1;
        if (is_last(s, end)) return end;
    } else if (at < s->bytes && memchr("]PX^_", s->text[at], 5)) {
        size_t stop, end = string_end(s, at + 1, &stop);
        return end ? end : stop;
    }
    size_t end = skip(s, at, ' ', '/');
    return is_between(s, end, '0', '~') ? end + 1 : 0;
}

/* The same behind one of the controls CSI, DCS and OSC. */
static size_t control_end(source *s, uint32_t control, size_t at) {
    if (control == CSI) {
        size_t parameters = skip(s, at, '0', '?'), end = skip(s, parameters, ' ', '/');
        return parameters > at && is_between(s, end, '@', '~') ? end + 1 : 0;
    }
    if (at <= s->no_end) return 0; /* else a row of them would take quadratic time */
    size_t stop, end = string_end(s, at, &stop);
    if (!end) s->no_end = stop;
    return end;
}

/* Copy without escape sequences and what was typed over; all of it valid UTF-8. */
static size_t clean(source *s, uint8_t *to) {
    uint8_t *start = to;
    for (size_t at = 0, next, end; at < s->bytes; at = next) {
        if (s->text[at] >= ' ' && s->text[at] < 0x80) {
            next = at + 1;
            *to++ = s->text[at];
            continue;
        }
        uint32_t code = read_at(s, at, &next);
        if (code == ESCAPE && (end = escape_end(s, next))) {
            next = end;
        } else if ((code == CSI || code == DCS || code == OSC) && (end = control_end(s, code, next))) {
            next = end;
        } else if (code == BACKSPACE && to > start && to[-1] != NEWLINE && to[-1] != BACKSPACE) {
            do to--;
            while ((*to & 0xC0) == 0x80);
        } else {
            to += utf8_write(to, code);
        }
    }
    return (size_t)(to - start);
}

static int is_dropped(uint32_t code) {
    return code < 9 || (code > 10 && code < 0x20) || (code > 0x7E && code < 0xA0) || code == 0xFEFF || code == 0xFFFE ||
           code == 0xFFFF;
}

static void push_all(nfc_state *nfc, const source *s) {
    for (size_t at = 0, next; at < s->bytes; at = next) {
        uint32_t code = read_at(s, at, &next);
        if (code == '\r' && is_between(s, next, NEWLINE, NEWLINE)) continue;
        if (code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029) code = NEWLINE;
        if (is_dropped(code)) continue;
        nfc_push(nfc, code == 0x2581 ? ' ' : code);
    }
    nfc_flush(nfc);
}

/* Characters of the longest run. The room has that twice, the cleaned text and the result, up to 3 bytes a byte. */
static uint64_t run_most(size_t bytes) {
    return 2 * (uint64_t)bytes + 8;
}

size_t tinylm_normalise_room(size_t bytes) {
    uint64_t room = 2 * 4 * run_most(bytes) + 2 * (3 * (uint64_t)bytes + 4);
    return bytes > TINYLM_TEXT_MOST || room > SIZE_MAX / 2 ? 0 : (size_t)room;
}

int tinylm_normalise(const tinylm_tokenizer *t, const char *text, size_t bytes, void *room, const char **normal) {
    if (!tinylm_normalise_room(bytes) || !t->header->classes) return TINYLM_BAD_ARGUMENT;
    size_t most = (size_t)run_most(bytes);
    uint32_t *run = room;
    uint8_t *cleaned = (uint8_t *)(run + 2 * most), *out = cleaned + 3 * bytes + 4;
    source given = {(const uint8_t *)text, bytes, 0};
    source left = {cleaned, clean(&given, cleaned), 0};
    nfc_state nfc = {.t = t,
                     .out = out,
                     .out_end = out + 3 * bytes + 4,
                     .run = run,
                     .sorted = run + most,
                     .run_most = (uint32_t)most,
                     .held = NFC_NONE};
    push_all(&nfc, &left);
    *normal = (const char *)out;
    return nfc.error ? nfc.error : (int)(nfc.out - out);
}
