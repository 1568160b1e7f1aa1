/* The memory probe, as tinylm/runtime/measurement/memory_probe.py: what every step of opening takes, and growth. */
#include "output.h"
#include "probe.h"
#include <stdlib.h>
#include <string.h>

enum { READINGS = 20 /* of the growth, evenly spread over the requests */, PAGE = 4096 };

static int steps;

static void step(const char *name) {
    output *out = &standard_output;
    int64_t bytes = own_anonymous_bytes();
    if (bytes < 0) return;
    put(out, steps++ ? ", {\"name\": " : "{\"name\": ");
    put_json(out, name);
    put(out, ", \"anonymous_bytes\": ");
    put_integer(out, bytes);
    put(out, "}");
}

/* Write to all of the cache's memory, so that the system gives it now and not when a text is long enough. */
static void fill_cache(standalone *all) {
    size_t bytes;
    volatile char *cache = tinylm_cache(all->text.sequence, &bytes);
    for (size_t place = 0; place < bytes; place += PAGE) cache[place] = 0;
    if (bytes) cache[bytes - 1] = 0;
}

int memory_probe(standalone *all, const options *chosen) {
    output *out = &standard_output;
    orders *ordered = read_orders();
    open_tokenizer(all);
    check_orders(all, ordered);
    open_model(all, chosen->instructions, ordered->threads);
    check_fits(all, ordered);
    put(out, "{\"schema\": \"2.0\", \"steps\": [");
    step("program");
    open_sequence(all);
    set_sampling(all, chosen);
    fill_cache(all);
    step("key/value cache");
    for (int i = 0; i < ordered->warmup; i++) do_request(all, ordered, i);
    step("working memory of a request");
    put(out, "],\n\"growth\": [");
    int every = ordered->requests < READINGS ? 1 : ordered->requests / READINGS, readings = 0;
    for (int i = 1; i <= ordered->requests; i++) {
        do_request(all, ordered, i);
        int64_t bytes = i % every == 0 ? own_anonymous_bytes() : -1;
        if (bytes < 0) continue;
        put(out, readings++ ? ", {\"requests\": " : "{\"requests\": ");
        put_integer(out, i);
        put(out, ", \"anonymous_bytes\": ");
        put_integer(out, bytes);
        put(out, "}");
    }
    int64_t of_payload, of_program;
    own_file_bytes(all->file.mapped, &of_payload, &of_program);
    put(out, "],\n\"files_bytes\": {\"graph and weights\": ");
    put_integer(out, of_payload);
    put(out, ", \"program\": ");
    put_integer(out, of_program);
    put(out, "},\n");
    put_memory(own_memory());
    put(out, "}\n");
    if (flush(out)) FAIL(2, "read it to its end", "the result cannot be written: ", strerror(out->error));
    return 0;
}
