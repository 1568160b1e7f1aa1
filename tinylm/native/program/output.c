#include "output.h"
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

output standard_output, standard_error;

int flush(output *to) {
    const int descriptor = to == &standard_error ? 2 : 1; /* not in the struct: its buffer then needs no bytes in the file */
    size_t written = 0;
    while (!to->error && written < to->length) {
        ssize_t count = write(descriptor, to->bytes + written, to->length - written);
        if (count >= 0)
            written += (size_t)count;
        else if (errno != EINTR)
            to->error = errno;
    }
    to->length = 0;
    return to->error;
}

void put_bytes(output *to, const char *bytes, size_t count) {
    while (count) {
        if (to->length == sizeof to->bytes) flush(to);
        size_t room = sizeof to->bytes - to->length, part = count < room ? count : room;
        memcpy(to->bytes + to->length, bytes, part);
        to->length += part;
        bytes += part;
        count -= part;
    }
}

void put(output *to, const char *text) { put_bytes(to, text, strlen(text)); }

/* The digits of `value`, at least `least` of them, end before `end`; where they begin. */
static char *digits(char *end, uint64_t value, int least) {
    for (; value || least > 0; value /= 10, least--) *--end = (char)('0' + value % 10);
    return end;
}

void put_unsigned(output *to, uint64_t value) {
    char text[20], *end = text + sizeof text, *begin = digits(end, value, 1);
    put_bytes(to, begin, (size_t)(end - begin));
}

void put_integer(output *to, int64_t value) {
    if (value < 0) put(to, "-");
    put_unsigned(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void put_decimal(output *to, double value, int decimals) {
    uint64_t unit = 1;
    for (int i = 0; i < decimals; i++) unit *= 10;
    if (value < 0) put(to, "-");
    double size = (value < 0 ? -value : value) * (double)unit + 0.5;
    uint64_t scaled = size < 1e19 ? (uint64_t)size : 10000000000000000000u;
    put_unsigned(to, scaled / unit);
    if (decimals) {
        char text[20], *end = text + sizeof text;
        put(to, ".");
        put_bytes(to, digits(end, scaled % unit, decimals), (size_t)decimals);
    }
}

void put_json_bytes(output *to, const char *text, size_t count) {
    put(to, "\"");
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\') {
            put(to, "\\");
            put_bytes(to, text + i, 1);
        } else if (byte < 0x20) {
            put(to, "\\u00");
            put_bytes(to, &"0123456789abcdef"[byte >> 4], 1);
            put_bytes(to, &"0123456789abcdef"[byte & 15], 1);
        } else {
            put_bytes(to, text + i, 1);
        }
    }
    put(to, "\"");
}

void put_json(output *to, const char *text) { put_json_bytes(to, text, strlen(text)); }

void join(char *to, size_t room, const char *const *parts) {
    size_t size = 0;
    for (; *parts; parts++) {
        size_t part = strlen(*parts), left = room - 1 - size;
        memcpy(to + size, *parts, part < left ? part : left);
        size += part < left ? part : left;
    }
    to[size] = 0;
}

const char *number(int64_t value) {
    static char texts[4][22];
    static int turn;
    turn = (turn + 1) % 4;
    char *end = texts[turn] + sizeof texts[turn] - 1;
    *end = 0;
    char *begin = digits(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
    if (value < 0) *--begin = '-';
    return begin;
}

_Noreturn void fail(int code, const char *hint, const char *const *parts) {
    flush(&standard_output);
    put(&standard_error, "error: ");
    while (*parts) put(&standard_error, *parts++);
    put(&standard_error, "\n");
    if (*hint) {
        put(&standard_error, "\nhint: ");
        put(&standard_error, hint);
        put(&standard_error, "\n");
    }
    flush(&standard_error);
    exit(code);
}
