/* Text to standard output and standard error: buffered, without printf, whose room for floating point is more than the
   smallest stacks have. */
#ifndef TINYLM_OUTPUT_H
#define TINYLM_OUTPUT_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int error; /* errno of the first write that failed; nothing is written after it */
    size_t length;
    char bytes[4096];
} output;

extern output standard_output, standard_error;

void put_bytes(output *to, const char *bytes, size_t count);
void put(output *to, const char *text);
void put_integer(output *to, int64_t value);
void put_unsigned(output *to, uint64_t value);
/* `decimals` digits, at most 9, behind the point; exact below 2^53 / 10^decimals in size, and 10^19 / 10^decimals at
   most. */
void put_decimal(output *to, double value, int decimals);
/* A JSON string of UTF-8 text, quotes included. */
void put_json_bytes(output *to, const char *text, size_t count);
void put_json(output *to, const char *text);
/* Write what is held; 0, or the errno of whatever failed so far. */
int flush(output *to);

/* `error: ...`, a blank line, `hint: ...` on standard error, and the exit code. The parts of the message are joined;
   the last is NULL. The code is 2 for unusable input and 1 for a check that failed, as everywhere in tinylm. */
#define FAIL(code, hint, ...) fail(code, hint, (const char *const[]){__VA_ARGS__, NULL})
_Noreturn void fail(int code, const char *hint, const char *const *parts);
/* The parts of a message, the last of which is NULL, joined with a zero at the end and cut to what fits. */
void join(char *to, size_t room, const char *const *parts);
/* A number as a part of a message; the last four stay valid. */
const char *number(int64_t value);
#endif
