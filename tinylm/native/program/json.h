/* JSON read strictly and without allocation: the reader goes once over a document in memory, strings are decoded in
   place. Whoever reads says what must come next; anything else sets `problem`, and all later reads then do nothing.

       json_reader json = json_read(text, size);
       char name[32];
       for (json_open(&json, '{'); json_key(&json, name, sizeof name);) ...one value...
       json_end(&json);
       if (json.problem) ...

   It is stricter than the format: no duplicate check is made here, numbers are whole and of 64 bits, text is UTF-8. */
#ifndef TINYLM_JSON_H
#define TINYLM_JSON_H
#include "text.h"
#include <stdint.h>

typedef struct {
    char *next, *end;
    const char *problem; /* what was wrong first, in English; NULL so far */
    int fresh;           /* nothing of the open list or table has been read yet */
} json_reader;

json_reader json_read(char *document, size_t size);
/* A list `[` or a table `{` begins. */
void json_open(json_reader *json, char bracket);
/* Whether another element of the list comes; its end is read where none does. */
int json_element(json_reader *json);
/* Whether another entry of the table comes, whose key is then in `name`, cut to what fits with a zero at its end. */
int json_key(json_reader *json, char *name, size_t room);
text json_string(json_reader *json);
int64_t json_integer(json_reader *json);
int json_boolean(json_reader *json);
/* Whether the value is null, which is then read. */
int json_null(json_reader *json);
/* Nothing but white space may be left. */
void json_end(json_reader *json);
#endif
