#include "options.h"
#include "output.h"
#include <string.h>
#include <unistd.h>

#define SEE_HELP "`--help` shows what there is"

/* The words of the command line, and which of them is next. */
typedef struct {
    char **next;
    const char *option; /* as it was typed, without a value behind `=` */
    const char *value;  /* behind `=`; NULL when there is none */
    const char *action; /* what is to be done; NULL so far */
} words;

static const char *value_of(words *line) {
    const char *value = line->value ? line->value : *line->next ? *line->next++ : NULL;
    if (!value) FAIL(2, SEE_HELP, line->option, " needs a value");
    return value;
}

/* Digits alone; 0 when `text` is none, or more than 64 bits. */
static int read_digits(const char *text, uint64_t *value) {
    uint64_t found = 0;
    if (!*text) return 0;
    for (; *text; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (digit > 9 || found > (UINT64_MAX - digit) / 10) return 0;
        found = found * 10 + digit;
    }
    *value = found;
    return 1;
}

/* A decimal number of up to 15 digits, rounded correctly: such numbers and powers of ten up to 10^22 are exact. */
static int read_decimal(const char *text, double *value) {
    uint64_t whole = 0;
    int digits = 0, behind = 0, point = 0, any = 0;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = 1;
            continue;
        }
        any = 1;
        if ((digits += whole || *text != '0') > 15 || (behind += point) > 22) return 0;
        whole = whole * 10 + (uint64_t)(*text - '0');
    }
    if (!any || *text) return 0;
    double power = 1;
    while (behind-- > 0) power *= 10;
    *value = (double)whole / power;
    return 1;
}

/* A number that is 0 where `zero` allows it, or from `least` to `most`. */
static float ranged(words *line, int zero, double least, double most, const char *needed) {
    const char *typed = value_of(line);
    double value;
    if (!read_decimal(typed, &value) || !((zero && value == 0) || (least <= value && value <= most)))
        FAIL(2, "leave it out for the model's own", line->option, " is ", typed, "; ", needed, " is needed");
    return (float)value;
}

static int counted(words *line, int least, const char *needed) {
    const char *typed = value_of(line);
    size_t length = strlen(typed);
    uint64_t value = 0;
    int large = length > 0 && strspn(typed, "0123456789") == length; /* as good as no limit */
    if (!read_digits(typed, &value) && large) value = INT32_MAX;
    if (!large || value < (uint64_t)least)
        FAIL(2, "leave it out for the model's own", line->option, " is ", typed, "; ", needed, " is needed");
    return value > INT32_MAX ? INT32_MAX : (int)value;
}

static int threads(words *line) {
    const char *typed = value_of(line);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t value = 0;
    if (cores < 1) cores = 1;
    if (strcmp(typed, "auto") == 0) return 0;
    if (!read_digits(typed, &value) || value < 1 || value > (uint64_t)cores)
        FAIL(2, cores == 1 ? "use 1" : "use fewer, or `auto` for what is fastest here", line->option, " is ", typed,
             "; this machine has ", number(cores), cores == 1 ? " core" : " cores");
    return (int)value;
}

static void choose(options *chosen, words *line, what_to_do what) {
    if (line->action) FAIL(2, "call it once for each", line->action, " and ", line->option, " cannot be done together");
    line->action = line->option;
    chosen->what = what;
}

options read_options(int count, char **arguments, const about *about) {
    options chosen = {
        .what = GENERATE,
        .temperature = about->temperature,
        .top_p = about->top_p,
        .repetition_penalty = about->repetition_penalty,
        .top_k = about->top_k,
        .max_tokens = about->max_tokens,
        .threads = 1,
    };
    words line = {.next = arguments + (count > 0)};
    int only_words = 0;
    while (*line.next) {
        char *word = *line.next++;
        if (only_words || word[0] != '-' || !word[1]) {
            if (chosen.prompt)
                FAIL(2, "put the beginning of the text in quotes", "`", word, "` is one text too many: there is `",
                     chosen.prompt, "` already");
            chosen.prompt = word;
            continue;
        }
        char *equals = strchr(word, '=');
        line.option = word;
        line.value = equals ? equals + 1 : NULL;
        if (equals) *equals = 0;
        const struct {
            const char *name;
            what_to_do what;
        } actions[] = {
            {"--interactive", INTERACTIVE}, {"--golden", GOLDEN}, {"--probe", PROBE}, {"--memory-probe", MEMORY_PROBE},
            {"--help", HELP},               {"-h", HELP},         {"--version", VERSION},
        };
        size_t action = 0;
        while (action < sizeof actions / sizeof *actions && strcmp(word, actions[action].name) != 0) action++;
        if (action < sizeof actions / sizeof *actions) {
            if (line.value) FAIL(2, SEE_HELP, word, " takes no value");
            choose(&chosen, &line, actions[action].what);
        } else if (strcmp(word, "--") == 0 && !line.value) {
            only_words = 1;
        } else if (strcmp(word, "--score") == 0) {
            choose(&chosen, &line, SCORE);
            chosen.score = value_of(&line);
        } else if (strcmp(word, "--max-tokens") == 0) {
            chosen.max_tokens = counted(&line, 1, "at least 1");
        } else if (strcmp(word, "--temperature") == 0) {
            chosen.temperature = ranged(&line, 1, 0.001, 100, "0, or 0.001 to 100");
        } else if (strcmp(word, "--top-k") == 0) {
            chosen.top_k = counted(&line, 0, "0 (off) or more");
        } else if (strcmp(word, "--top-p") == 0) {
            chosen.top_p = ranged(&line, 0, 1e-22, 1, "above 0 and at most 1 (off)");
        } else if (strcmp(word, "--repetition-penalty") == 0) {
            chosen.repetition_penalty = ranged(&line, 0, 0.01, 100, "0.01 to 100");
        } else if (strcmp(word, "--seed") == 0) {
            const char *typed = value_of(&line);
            if (!read_digits(typed, &chosen.seed))
                FAIL(2, "", word, " is ", typed, "; 0 to 18446744073709551615 is needed");
            chosen.seeded = 1;
        } else if (strcmp(word, "--threads") == 0) {
            chosen.threads = threads(&line);
        } else if (strcmp(word, "--instructions") == 0) {
            chosen.instructions = value_of(&line);
        } else {
            FAIL(2, SEE_HELP "; a text that begins with `-` comes after `--`", "there is no option ", word);
        }
    }
    if (chosen.prompt && chosen.what != GENERATE)
        FAIL(2, "leave one of them out", "`", chosen.prompt, "` begins a text, and another thing is to be done");
    return chosen;
}

static void put_option(const char *option, const char *meaning) {
    put(&standard_output, "  ");
    put(&standard_output, option);
    for (size_t column = strlen(option); column < 28; column++) put(&standard_output, " ");
    put(&standard_output, meaning);
}

static void put_default(double value, int decimals) {
    put(&standard_output, " [");
    put_decimal(&standard_output, value, decimals);
    put(&standard_output, "]\n");
}

void show_help(const char *name, const about *about) {
    output *out = &standard_output;
    put(out, "Usage: ");
    put(out, name);
    put(out, " [OPTIONS] [TEXT]\n\nWrite on where TEXT ends, which is not repeated; `-` reads it from standard input.\n\n");
    put_option("--max-tokens NUMBER", "The most tokens to write.");
    put_default(about->max_tokens, 0);
    put_option("--temperature NUMBER", "0 takes the likeliest token; higher is more varied.");
    put_default((double)about->temperature, 3);
    put_option("--top-k NUMBER", "Draw from the k likeliest tokens only; 0 is off.");
    put_default(about->top_k, 0);
    put_option("--top-p NUMBER", "Draw from the likeliest with this probability in all; 1 is off.");
    put_default((double)about->top_p, 3);
    put_option("--repetition-penalty NUMBER", "Above 1 avoids tokens that were seen; 1 is off.");
    put_default((double)about->repetition_penalty, 3);
    put_option("--seed NUMBER", "The same seed gives the same text; another each time when left out.\n");
    put_option("--threads NUMBER|auto", "Processor threads; `auto` measures what is fastest here. [1]\n");
    put_option("--instructions NAME", "The instruction set; `--version` shows which there are. [the fastest]\n\n");
    put_option("--interactive", "One text after another: each line of standard input begins one.\n");
    put_option("--score FILE", "How many bits a byte of this text takes; `-` is standard input.\n");
    put_option("--golden", "Check that this machine answers as it must; exit code 1 when not.\n");
    put_option("--probe", "Measure requests: orders as JSON on standard input, times on standard output.\n");
    put_option("--memory-probe", "The same for memory, step by step.\n");
    put_option("--version", "What this file is, with its hashes, and the instruction sets.\n");
    put_option("--help", "This.\n");
}
