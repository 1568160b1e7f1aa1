/* Tokens to text, one by one, never a part of a character, as tinylm/runtime/generation.py's TextDecoder does it.

   A vocabulary with byte fallback spells rare characters as one token a byte. Their text is held back until the
   character is complete, or cannot be completed any more. */
#ifndef TINYLM_TEXT_STREAM_H
#define TINYLM_TEXT_STREAM_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char held[4]; /* bytes that may be the beginning of a character */
    int count;
} text_stream;

/* The text that became certain with one byte, into `to` [16]; how many bytes it has. What is no character shows as
   U+FFFD, one a byte. */
int text_stream_byte(text_stream *stream, uint8_t byte, char *to);
/* The text of what is held back, because no further byte follows, into `to` [16]. */
int text_stream_flush(text_stream *stream, char *to);
#endif
