/* UTF-8, one character at a time; what is malformed, overlong or a surrogate is no character. */
#ifndef TINYLM_UTF8_H
#define TINYLM_UTF8_H
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xFFFDu

/* Bytes of the character at `text`, of which `left` (above 0) bytes are there, and its code point; 0: malformed. */
static inline int utf8_read(const uint8_t *text, size_t left, uint32_t *code) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = text[0];
    if (c < 0x80) {
        *code = c;
        return 1;
    }
    int size = c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    if (!size || (size_t)size > left) return 0;
    c &= 0x7Fu >> size;
    for (int i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (text[i] & 0x3F);
    }
    if (c < least[size] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
    *code = c;
    return size;
}

static inline int utf8_size(uint32_t code) {
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/* Write `code`, which is no surrogate and below 0x110000; the bytes written. */
static inline int utf8_write(uint8_t *to, uint32_t code) {
    int size = utf8_size(code);
    if (size == 1) {
        to[0] = (uint8_t)code;
        return 1;
    }
    for (int i = size - 1; i > 0; i--, code >>= 6) to[i] = (uint8_t)(0x80 | (code & 0x3F));
    to[0] = (uint8_t)(0xF00u >> size | code);
    return size;
}

static inline int utf8_valid(const uint8_t *text, size_t bytes) {
    uint32_t code;
    for (size_t at = 0, size; at < bytes; at += size)
        if (!(size = (size_t)utf8_read(text + at, bytes - at, &code))) return 0;
    return 1;
}
#endif
