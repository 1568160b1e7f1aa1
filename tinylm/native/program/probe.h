/* The probes: orders on standard input, what was measured on standard output, as the probes in
   tinylm/runtime/measurement/ answer them. */
#ifndef TINYLM_PROBE_H
#define TINYLM_PROBE_H
#include "orders.h"
#include "process.h"
#include "standalone.h"

/* Refuse orders that are about another bundle, whose prompts are too short (the tokenizer is open), and whose request
   does not fit the context (the model is open). */
void check_orders(standalone *all, orders *ordered);
void check_fits(const standalone *all, const orders *ordered);

typedef struct {
    int64_t begin_ns, latency_ns, ttft_ns, itl_ns;
} timing;

/* Do the request with this number, which fixes its prompt and its random numbers, and time it. */
timing do_request(standalone *all, const orders *ordered, int64_t number);

/* The entry `memory` of a result, as JSON. */
void put_memory(process_memory memory);
/* A number of bytes, or null for a negative one. */
void put_bytes_or_null(int64_t bytes);

/* Measure the open payload as ordered on standard input, and answer; the exit code. */
int probe(standalone *all, const options *chosen);
int memory_probe(standalone *all, const options *chosen);
#endif
