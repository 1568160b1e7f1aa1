/* Text that comes from outside: read whole, with bounds, and refused where it is not UTF-8. */
#ifndef TINYLM_INPUT_H
#define TINYLM_INPUT_H
#include "text.h"

/* All of a file, `-` being standard input; ends the program when it cannot be read or has more than `most` bytes. */
text read_file(const char *path, size_t most);
/* Ends the program when the text is not UTF-8; `what` names it. */
void check_utf8(text given, const char *what);
#endif
