/* The request that both probes do, and what they say of memory. */
#include "output.h"
#include "probe.h"
#include "process.h"
#include <stdlib.h>
#include <string.h>

/* How many words the text has: runs of anything but white space. */
static int count_words(text given) {
    int words = 0;
    for (size_t i = 0; i < given.size; i++) {
        int space = strchr(" \t\r\n\f\v", given.bytes[i]) != NULL;
        int before = i == 0 || strchr(" \t\r\n\f\v", given.bytes[i - 1]) != NULL;
        words += !space && before;
    }
    return words;
}

/* The text, or its words on a line each for a tokenizer that has fewer tokens for it than words (`readable` of
   tinylm/runtime/measurement/candidate.py). */
static text readable(const standalone *all, text given) {
    encoding encoded = encode(all, given.bytes, given.size);
    int tokens = encoded.count - 1;
    encoding_free(&encoded);
    if (tokens >= count_words(given)) return given;
    char *lines = malloc(given.size);
    if (!lines) FAIL(2, "end other programs", "no memory for a prompt");
    size_t size = 0;
    for (size_t i = 0; i < given.size; i++) {
        int space = strchr(" \t\r\n\f\v", given.bytes[i]) != NULL;
        if (!space) lines[size++] = given.bytes[i];
        else if (size && lines[size - 1] != '\n') lines[size++] = '\n';
    }
    if (size && lines[size - 1] == '\n') size--;
    return (text){lines, size};
}

void check_orders(standalone *all, orders *ordered) {
    text own = all->file.about.manifest_sha256, wanted = ordered->bundle_sha256;
    if (wanted.size && (wanted.size != own.size || memcmp(wanted.bytes, own.bytes, own.size) != 0))
        REFUSE("make the file again from that bundle", "this file was made from another bundle than the orders are about");
    for (int i = 0; i < ordered->prompt_count; i++) {
        ordered->prompts[i] = readable(all, ordered->prompts[i]);
        encoding encoded = encode(all, ordered->prompts[i].bytes, ordered->prompts[i].size);
        if (encoded.count < ordered->prompt_tokens)
            REFUSE("lower `prompt_tokens` in the budget", "a request reads ", number(ordered->prompt_tokens),
                   " tokens; prompt ", number(i + 1), " has only ", number(encoded.count));
        encoding_free(&encoded);
    }
}

void check_fits(const standalone *all, const orders *ordered) {
    int context = tinylm_context_length(all->model);
    if ((int64_t)ordered->prompt_tokens + ordered->new_tokens > context)
        REFUSE("train with a larger `context_length`, or choose a budget with a smaller request", "the request of ",
               number(ordered->prompt_tokens), " + ", number(ordered->new_tokens),
               " tokens does not fit the model's context of ", number(context));
}

timing do_request(standalone *all, const orders *ordered, int64_t number) {
    text prompt = ordered->prompts[number % ordered->prompt_count];
    static char piece[PIECE_ROOM];
    text_stream stream = {.count = 0};
    timing times = {.begin_ns = clock_ns()};
    encoding encoded = encode(all, prompt.bytes, prompt.size);
    twister_seed(&all->text.random, (uint64_t)number);
    check(generation_begin(&all->text, encoded.ids, ordered->prompt_tokens, ordered->new_tokens));
    encoding_free(&encoded);
    int64_t first = 0, last = 0;
    for (int i = 0; i < ordered->new_tokens; i++) {
        int token = generation_next(&all->text);
        check(token);
        check(token_text(all, &stream, token, piece));
        last = clock_ns();
        if (i == 0) first = last;
    }
    check(token_text(all, &stream, TEXT_END, piece));
    times.latency_ns = clock_ns() - times.begin_ns;
    times.ttft_ns = first - times.begin_ns;
    times.itl_ns = (last - first) / (ordered->new_tokens - 1);
    return times;
}

void put_bytes_or_null(int64_t bytes) {
    if (bytes < 0) put(&standard_output, "null");
    else put_integer(&standard_output, bytes);
}

static void put_field(const char *key, int64_t bytes) {
    put_json(&standard_output, key);
    put(&standard_output, ": ");
    put_bytes_or_null(bytes);
}

void put_memory(process_memory memory) {
    output *out = &standard_output;
    if (memory.peak_rss_bytes < 0) {
        put(out, "\"memory\": null");
        return;
    }
    put(out, "\"memory\": {");
    const struct {
        const char *key;
        int64_t bytes;
    } fields[] = {
        {"peak_rss_bytes", memory.peak_rss_bytes},   {"rss_bytes", memory.rss_bytes},
        {"anonymous_bytes", memory.anonymous_bytes}, {"file_bytes", memory.file_bytes},
        {"swap_bytes", memory.swap_bytes},           {"pss_bytes", memory.pss_bytes},
        {"uss_bytes", memory.uss_bytes},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (i) put(out, ", ");
        put_field(fields[i].key, fields[i].bytes);
    }
    put(out, "}");
}
