/* `--threads auto`: how many threads decode fastest here, measured. */
#ifndef TINYLM_PROGRAM_THREADS_H
#define TINYLM_PROGRAM_THREADS_H
#include "payload.h"

/* The fewest threads that no larger number beats by 10 %, as tinylm/runtime/threads.py; takes a fraction of a second. */
int fastest_threads(part image, const char *instructions);
#endif
