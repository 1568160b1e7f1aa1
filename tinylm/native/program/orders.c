#include "orders.h"
#include "output.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BYTES = 1 << 20, MAX_TOKENS = 1 << 20, MAX_REQUESTS = 1000000 };

_Noreturn void refuse(const char *hint, const char *const *parts) {
    output *out = &standard_output;
    char message[512];
    join(message, sizeof message, parts);
    put(out, "{\"refused\": {\"message\": ");
    put_json(out, message);
    put(out, ", \"hint\": ");
    put_json(out, hint);
    put(out, ", \"exit_code\": 2}}");
    flush(out);
    exit(2);
}

static int64_t bounded(json_reader *json, const char *key, int64_t least, int64_t most) {
    int64_t value = json_integer(json);
    if (!json->problem && (value < least || value > most))
        REFUSE("", "the orders: `", key, "` is ", number(value), "; ", number(least), " to ", number(most), " is needed");
    return value;
}

static int equal(text found, const char *expected) {
    return found.size == strlen(expected) && memcmp(found.bytes, expected, found.size) == 0;
}

static void read_prompts(json_reader *json, orders *read) {
    for (json_open(json, '['); json_element(json);) {
        if (read->prompt_count == MAX_PROMPTS) REFUSE("", "the orders have more than ", number(MAX_PROMPTS), " prompts");
        read->prompts[read->prompt_count++] = json_string(json);
    }
}

static void read_value(json_reader *json, orders *read, const char *key) {
    if (strcmp(key, "schema") == 0) {
        text schema = json_string(json);
        if (!json->problem && (schema.size < 3 || memcmp(schema.bytes, "2.", 2) != 0))
            REFUSE("use the tinylm that made this file", "the orders are of another schema; this file reads 2.x");
    } else if (strcmp(key, "prompts") == 0) {
        read_prompts(json, read);
    } else if (strcmp(key, "first_request") == 0) {
        read->first_request = bounded(json, key, 0, INT64_MAX / 2);
    } else if (strcmp(key, "prompt_tokens") == 0) {
        read->prompt_tokens = (int)bounded(json, key, 1, MAX_TOKENS);
    } else if (strcmp(key, "new_tokens") == 0) {
        read->new_tokens = (int)bounded(json, key, 2, MAX_TOKENS);
    } else if (strcmp(key, "threads") == 0) {
        read->threads = (int)bounded(json, key, 1, 1024);
    } else if (strcmp(key, "warmup") == 0) {
        read->warmup = (int)bounded(json, key, 1, MAX_REQUESTS);
    } else if (strcmp(key, "requests") == 0) {
        read->requests = (int)bounded(json, key, 1, MAX_REQUESTS);
    } else if (strcmp(key, "verify") == 0) {
        read->verify = json_boolean(json);
    } else if (strcmp(key, "backend") == 0) {
        text backend = json_string(json);
        if (!json->problem && !equal(backend, "auto") && !equal(backend, "native"))
            REFUSE("leave the backend out", "the orders want another backend than `native`, the only one of this file");
    } else if (strcmp(key, "decoder") == 0) {
        if (!json_null(json)) REFUSE("", "the orders are about a decoder from elsewhere; this file measures itself");
    } else if (strcmp(key, "bundle_sha256") == 0) {
        if (!json_null(json)) read->bundle_sha256 = json_string(json);
    } else {
        REFUSE("use the tinylm that made this file", "the orders have the unknown key `", key, "`");
    }
}

static size_t read_all(char *buffer, size_t room) {
    size_t size = 0;
    while (size < room) {
        ssize_t count = read(0, buffer + size, room - size);
        if (count == 0 || (count < 0 && errno != EINTR)) break;
        if (count > 0) size += (size_t)count;
    }
    return size;
}

orders *read_orders(void) {
    static const char *const keys[] = {"schema",  "prompts", "first_request", "prompt_tokens", "new_tokens", "threads",
                                       "warmup", "requests", "verify",        "backend",       "decoder",    "bundle_sha256"};
    enum { NEEDED = 9, KEYS = sizeof keys / sizeof *keys };
    char *buffer = malloc(MAX_BYTES), key[32];
    orders *read = calloc(1, sizeof *read);
    if (!buffer || !read) REFUSE("end other programs", "no memory for the orders");
    size_t size = read_all(buffer, MAX_BYTES);
    if (size == MAX_BYTES) REFUSE("", "the orders have more than ", number(MAX_BYTES - 1), " bytes");
    json_reader json = json_read(buffer, size);
    int seen[KEYS] = {0};
    for (json_open(&json, '{'); json_key(&json, key, sizeof key);) {
        for (int i = 0; i < KEYS; i++)
            if (strcmp(key, keys[i]) == 0 && seen[i]++) REFUSE("", "the orders have the key `", key, "` twice");
        read_value(&json, read, key);
    }
    json_end(&json);
    if (json.problem) REFUSE("", "the orders on standard input are no JSON of a probe: ", json.problem);
    for (int i = 0; i < NEEDED; i++)
        if (!seen[i]) REFUSE("", "the orders lack the key `", keys[i], "`");
    if (!read->prompt_count) REFUSE("", "the orders have no prompt");
    return read;
}
