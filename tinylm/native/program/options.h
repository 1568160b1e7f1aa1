/* The command line: the options of `tinylm generate`, and what else this file can do. */
#ifndef TINYLM_OPTIONS_H
#define TINYLM_OPTIONS_H
#include "payload.h"
#include <stdint.h>

typedef enum { GENERATE, INTERACTIVE, SCORE, GOLDEN, PROBE, MEMORY_PROBE, HELP, VERSION } what_to_do;

typedef struct {
    what_to_do what;
    const char *prompt;       /* NULL: none; `-` is standard input */
    const char *score;        /* the file to score; `-` is standard input */
    const char *instructions; /* NULL: the fastest */
    float temperature, top_p, repetition_penalty;
    int32_t top_k;
    int max_tokens, threads; /* threads 0: `auto` */
    int seeded;
    uint64_t seed;
} options;

/* Read and check the command line, over the model's own defaults; ends the program where it cannot be used. */
options read_options(int count, char **arguments, const about *about);
void show_help(const char *name, const about *about);
#endif
