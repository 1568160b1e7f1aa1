/* UTF-8, as the Unicode standard has it: no surrogates, nothing longer than it must be. */
#ifndef TINYLM_UTF8_H
#define TINYLM_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that begins here; 0 when there is none. */
int utf8_character(const char *text, size_t size);
/* Bytes before the first that belongs to no character: `size` when all of it is UTF-8. */
size_t utf8_valid(const char *text, size_t size);
/* Characters of valid text. */
size_t utf8_length(const char *text, size_t size);
/* The UTF-8 of a code point below 0x110000 into `to`, which has room for 4 bytes; how many there are. */
int utf8_encode(uint32_t code, char *to);
#endif
