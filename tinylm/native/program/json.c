#include "json.h"
#include "../tokenizer/utf8.h"
#include <string.h>

static void refuse(json_reader *json, const char *problem) {
    if (!json->problem) json->problem = problem;
    json->next = json->end;
}

json_reader json_read(char *document, size_t size) {
    return (json_reader){.next = document, .end = document + size};
}

/* The next byte that is no white space, not read yet; 0 at the end. */
static char peek(json_reader *json) {
    while (json->next < json->end && memchr(" \t\r\n", *json->next, 4)) json->next++;
    return json->next < json->end ? *json->next : 0;
}

void json_open(json_reader *json, char bracket) {
    if (peek(json) != bracket) {
        refuse(json, bracket == '{' ? "a table was expected" : "a list was expected");
        return;
    }
    json->next++;
    json->fresh = 1;
}

/* Whether another entry comes before `bracket`, which is read where none does. */
static int another(json_reader *json, char bracket) {
    char next = peek(json);
    int fresh = json->fresh;
    json->fresh = 0;
    if (json->problem) return 0;
    if (next == bracket) {
        json->next++;
        return 0;
    }
    if (fresh) return 1;
    if (next != ',') {
        refuse(json, "a comma or an end was expected");
        return 0;
    }
    json->next++;
    return 1;
}

int json_element(json_reader *json) { return another(json, ']'); }

int json_key(json_reader *json, char *name, size_t room) {
    if (!another(json, '}')) return 0;
    text key = json_string(json);
    if (peek(json) != ':') {
        refuse(json, "a colon was expected");
        return 0;
    }
    json->next++;
    size_t count = key.size < room ? key.size : room - 1;
    memcpy(name, key.bytes, count);
    name[count] = 0;
    return 1;
}

/* Four hexadecimal digits at `from`, or -1. */
static int32_t four_digits(const char *from, const char *end) {
    int32_t value = 0;
    if (end - from < 4) return -1;
    for (int i = 0; i < 4; i++) {
        const char *hexadecimal = "0123456789abcdef0123456789ABCDEF", *found = memchr(hexadecimal, from[i], 32);
        if (!found) return -1;
        value = value * 16 + (int32_t)((found - hexadecimal) % 16);
    }
    return value;
}

/* The code point behind `\u` at `*from`, which may be two escapes; -1 when it is none. */
static int32_t escaped(const char **from, const char *end) {
    int32_t code = four_digits(*from, end);
    if (code < 0 || (code >= 0xdc00 && code < 0xe000)) return -1;
    *from += 4;
    if (code < 0xd800 || code >= 0xe000) return code;
    if (end - *from < 2 || (*from)[0] != '\\' || (*from)[1] != 'u') return -1;
    int32_t low = four_digits(*from + 2, end);
    if (low < 0xdc00 || low >= 0xe000) return -1;
    *from += 6;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

text json_string(json_reader *json) {
    static const char nothing[1];
    if (peek(json) != '"') {
        refuse(json, "a string was expected");
        return (text){nothing, 0};
    }
    const char *from = json->next + 1, *end = json->end;
    char *begin = json->next + 1, *to = begin;
    while (from < end && *from != '"') {
        if ((unsigned char)*from < 0x20) break;
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        if (++from == end) break;
        static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
        const char *found = memchr(escapes, *from, sizeof escapes - 1);
        if (found) {
            *to++ = meanings[found - escapes];
            from++;
        } else {
            int32_t code = -1;
            if (*from == 'u') {
                from++;
                code = escaped(&from, end);
            }
            if (code < 0) {
                refuse(json, "a string has an escape that is none");
                return (text){nothing, 0};
            }
            to += utf8_write((uint8_t *)to, (uint32_t)code);
        }
    }
    if (from >= end || *from != '"') {
        refuse(json, "a string does not end");
        return (text){nothing, 0};
    }
    size_t size = (size_t)(to - begin);
    if (text_valid((text){begin, size}) != size) {
        refuse(json, "a string is not UTF-8");
        return (text){nothing, 0};
    }
    json->next += from + 1 - json->next;
    return (text){begin, size};
}

int64_t json_integer(json_reader *json) {
    int negative = peek(json) == '-';
    if (negative) json->next++;
    const char *begin = json->next;
    int64_t value = 0;
    while (json->next < json->end && *json->next >= '0' && *json->next <= '9') {
        int digit = *json->next++ - '0';
        if (value > (INT64_MAX - digit) / 10) {
            refuse(json, "a whole number is larger than 64 bits");
            return 0;
        }
        value = value * 10 + digit;
    }
    int leading_zero = json->next - begin > 1 && *begin == '0';
    int fraction = json->next < json->end && memchr(".eE", *json->next, 3) != NULL;
    if (json->next == begin || leading_zero || fraction) {
        refuse(json, "a whole number was expected");
        return 0;
    }
    return negative ? -value : value;
}

/* Whether the document goes on with `word`, which is then read. */
static int word(json_reader *json, const char *word) {
    size_t size = strlen(word);
    peek(json);
    if ((size_t)(json->end - json->next) < size || memcmp(json->next, word, size) != 0) return 0;
    json->next += size;
    return 1;
}

int json_boolean(json_reader *json) {
    if (word(json, "true")) return 1;
    if (!word(json, "false")) refuse(json, "true or false was expected");
    return 0;
}

int json_null(json_reader *json) { return word(json, "null"); }

void json_end(json_reader *json) {
    peek(json);
    if (json->next < json->end) refuse(json, "something follows its end");
}
