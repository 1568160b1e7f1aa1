#include "text_stream.h"
#include "text.h"
#include <string.h>

/* How many bytes at the end may be the beginning of a character that is not complete yet. */
static int unfinished(const char *bytes, int count) {
    for (int back = 1; back <= 3 && back <= count; back++) {
        unsigned lead = (unsigned char)bytes[count - back];
        if (lead >= 0xc0) return back < (lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4) ? back : 0;
        if (lead < 0x80) return 0;
    }
    return 0;
}

static int release(text_stream *stream, int count, char *to) {
    int size = 0;
    for (int place = 0; place < count;) {
        int length = text_character((text){stream->held + place, (size_t)(count - place)});
        const char *from = length ? stream->held + place : "\xef\xbf\xbd";
        int bytes = length ? length : 3;
        memcpy(to + size, from, (size_t)bytes);
        size += bytes;
        place += length ? length : 1;
    }
    stream->count -= count;
    memmove(stream->held, stream->held + count, (size_t)stream->count);
    return size;
}

int text_stream_byte(text_stream *stream, uint8_t byte, char *to) {
    stream->held[stream->count++] = (char)byte;
    return release(stream, stream->count - unfinished(stream->held, stream->count), to);
}

int text_stream_flush(text_stream *stream, char *to) { return release(stream, stream->count, to); }
