#include "writing.h"
#include "golden.h"
#include "input.h"
#include "output.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SCORED_BYTES = 1 << 20 };

/* End the program where its text cannot be written; a reader that has gone (`| head`) ends it quietly. */
static void check_written(void) {
    int error = flush(&standard_output);
    if (error == EPIPE) exit(0);
    if (error) FAIL(2, "free some space, or write elsewhere", "the output cannot be written: ", strerror(error));
}

static void seed(generation *text, const options *chosen) {
    uint64_t number = chosen->seed;
    if (!chosen->seeded && getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) {
        /* Soon after the start of a board there may be no random numbers yet; a text is no secret. */
        struct timespec time;
        clock_gettime(CLOCK_REALTIME, &time);
        number = (uint64_t)time.tv_nsec << 32 ^ (uint64_t)time.tv_sec ^ (uint64_t)getpid();
    }
    twister_seed(&text->random, number);
}

static void warn(const standalone *all, const encoding *prompt, int max_tokens) {
    output *to = &standard_error;
    if (prompt->unknown_bytes) {
        put(to, "warning: the model does not know some characters of the prompt (");
        put_unsigned(to, prompt->unknown_bytes);
        put(to, " bytes)\n");
    }
    int cut = generation_cut(&all->text, prompt->count, max_tokens);
    if (cut) {
        put(to, "warning: the prompt is too long; its first ");
        put_integer(to, cut);
        put(to, " of ");
        put_integer(to, prompt->count - 1);
        put(to, " tokens are cut\n");
    }
    flush(to);
}

/* The text that follows the prompt, up to EOS or the most tokens, and a line end. */
static void write_on(standalone *all, text prompt, int max_tokens) {
    encoding encoded = encode(all, prompt.bytes, prompt.size);
    warn(all, &encoded, max_tokens);
    check(generation_begin(&all->text, encoded.ids, encoded.count, max_tokens));
    encoding_free(&encoded);
    text_stream stream = {.count = 0};
    static char piece[PIECE_ROOM];
    for (int i = 0; i < max_tokens; i++) {
        int token = generation_next(&all->text);
        check(token);
        if (token == EOS) break;
        int size = token_text(all, &stream, token, piece);
        check(size);
        if (size) {
            put_bytes(&standard_output, piece, (size_t)size);
            check_written();
        }
    }
    put_bytes(&standard_output, piece, (size_t)token_text(all, &stream, TEXT_END, piece));
    put(&standard_output, "\n");
    check_written();
}

static void check_length(text prompt, const char *what) {
    size_t length = text_characters(prompt);
    if (length > MAX_PROMPT_CHARACTERS)
        FAIL(2, "keep its end: the model sees no more of it than its context holds", what, " has ",
             number((int64_t)length), " characters; at most ", number(MAX_PROMPT_CHARACTERS), " are read");
}

static text read_prompt(const char *given) {
    text prompt = {given ? given : "", given ? strlen(given) : 0};
    int standard = given && strcmp(given, "-") == 0;
    const char *what = standard ? "the prompt on standard input" : "the prompt";
    if (standard) prompt = read_file("-", 4 * MAX_PROMPT_CHARACTERS);
    check_utf8(prompt, what);
    check_length(prompt, what);
    if (standard && prompt.size && prompt.bytes[prompt.size - 1] == '\n') prompt.size--; /* of `echo` */
    if (standard && prompt.size && prompt.bytes[prompt.size - 1] == '\r') prompt.size--;
    return prompt;
}

int write_text(standalone *all, const options *chosen) {
    set_sampling(all, chosen);
    seed(&all->text, chosen);
    write_on(all, read_prompt(chosen->prompt), chosen->max_tokens);
    return 0;
}

/* The next line of standard input without its end; 0 when there is none. A line that is too long is cut. */
static int next_line(char *line, size_t most, size_t *size) {
    int any = 0;
    for (*size = 0;; any = 1) {
        char byte;
        ssize_t count = read(0, &byte, 1);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return any;
        if (byte == '\n') return 1;
        if (*size < most) line[(*size)++] = byte;
    }
}

int write_interactively(standalone *all, const options *chosen) {
    set_sampling(all, chosen);
    seed(&all->text, chosen);
    enum { MOST = 4 * MAX_PROMPT_CHARACTERS };
    char *line = room(MOST);
    int terminal = isatty(0);
    for (size_t size;;) {
        if (terminal) {
            put(&standard_error, "> ");
            flush(&standard_error);
        }
        if (!next_line(line, MOST, &size)) break;
        if (size && line[size - 1] == '\r') size--;
        text prompt = {line, size};
        check_utf8(prompt, "the line");
        check_length(prompt, "the line");
        write_on(all, prompt, chosen->max_tokens);
    }
    if (terminal) put(&standard_error, "\n");
    flush(&standard_error);
    return 0;
}

int score_text(standalone *all, const options *chosen) {
    text scored = read_file(chosen->score, MAX_SCORED_BYTES);
    check_utf8(scored, "the text");
    size_t bytes;
    int tokens;
    double bits = text_bits(all, scored, &bytes, &tokens);
    if (!bytes) FAIL(2, "name a text", "there is nothing to score: the text is empty");
    output *out = &standard_output;
    put_decimal(out, bits / (double)bytes, 4);
    put(out, " bits per byte (");
    put_decimal(out, bits, 1);
    put(out, " bits, ");
    put_unsigned(out, bytes);
    put(out, " bytes, ");
    put_integer(out, tokens);
    put(out, " tokens)\n");
    check_written();
    return 0;
}
