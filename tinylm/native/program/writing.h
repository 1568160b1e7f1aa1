/* Texts for people: from the command line, from standard input, line after line. */
#ifndef TINYLM_WRITING_H
#define TINYLM_WRITING_H
#include "standalone.h"

/* Write on where the prompt ends, as it comes; the exit code. */
int write_text(standalone *all, const options *chosen);
/* One text after another, each begun by a line of standard input. */
int write_interactively(standalone *all, const options *chosen);
/* Bits per byte of a file or of standard input. */
int score_text(standalone *all, const options *chosen);
#endif
