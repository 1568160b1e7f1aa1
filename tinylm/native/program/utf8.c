#include "utf8.h"

int utf8_character(const char *text, size_t size) {
    const unsigned char *bytes = (const unsigned char *)text;
    if (!size) return 0;
    unsigned lead = bytes[0];
    if (lead < 0x80) return 1;
    int length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || (size_t)length > size) return 0;
    for (int i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80) return 0;
    /* Too long, surrogates, beyond the last code point: the second byte tells. */
    if ((lead == 0xe0 && bytes[1] < 0xa0) || (lead == 0xed && bytes[1] > 0x9f)) return 0;
    if ((lead == 0xf0 && bytes[1] < 0x90) || (lead == 0xf4 && bytes[1] > 0x8f)) return 0;
    return length;
}

size_t utf8_valid(const char *text, size_t size) {
    size_t place = 0;
    while (place < size) {
        int length = utf8_character(text + place, size - place);
        if (!length) break;
        place += (size_t)length;
    }
    return place;
}

size_t utf8_length(const char *text, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

int utf8_encode(uint32_t code, char *to) {
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    int length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, code >>= 6) to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)((0xf00u >> length & 0xff) | code);
    return length;
}
