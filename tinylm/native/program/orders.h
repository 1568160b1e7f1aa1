/* What a probe is told: `ProbeOrders` of tinylm/runtime/measurement/protocol.py, read strictly. */
#ifndef TINYLM_ORDERS_H
#define TINYLM_ORDERS_H
#include "json.h"
#include <stdint.h>

enum { MAX_PROMPTS = 256 };

typedef struct {
    text prompts[MAX_PROMPTS];
    int prompt_count;
    int64_t first_request;
    int prompt_tokens, new_tokens, threads, warmup, requests;
    int verify;
    text bundle_sha256; /* empty: whatever bundle it is */
} orders;

/* Read the orders on standard input; ends the program by `refuse` when they cannot be followed. */
orders *read_orders(void);
/* Answer why it cannot be measured, as JSON on standard output, and end the program with exit code 2. */
#define REFUSE(hint, ...) refuse(hint, (const char *const[]){__VA_ARGS__, NULL})
_Noreturn void refuse(const char *hint, const char *const *parts);
#endif
