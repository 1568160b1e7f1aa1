/* A text: UTF-8 of known size, without a zero at its end. */
#ifndef TINYLM_TEXT_H
#define TINYLM_TEXT_H
#include <stddef.h>

typedef struct {
    const char *bytes;
    size_t size;
} text;

/* Bytes before the first that belongs to no character: all of them when it is UTF-8. */
size_t text_valid(text given);
/* Characters of valid text. */
size_t text_characters(text given);
/* Bytes of the character that begins a text; 0 when there is none. */
int text_character(text given);
#endif
