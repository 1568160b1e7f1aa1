/* The latency probe, as tinylm/runtime/measurement/probe.py: cold start, times of requests, memory, golden tokens. */
#include "probe.h"
#include "golden.h"
#include "output.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { BLOCK_BYTES = 512 /* of ru_inblock, whatever the disk's own (man 2 getrusage) */, WORK = 400000 };

static volatile uint32_t worked;

/* Processor time of a fixed piece of work, which grows when the clock goes down; 2 ms on an A53. */
static int64_t work_ns(void) {
    int64_t start = thread_cpu_ns();
    uint32_t state = worked | 1;
    for (int i = 0; i < WORK; i++) state = state * 1103515245u + 12345u;
    worked = state;
    return thread_cpu_ns() - start;
}

static void put_ms(int64_t ns) {
    if (ns < 0) ns = 0;
    put_decimal(&standard_output, (double)ns / 1e6, 3);
}

/* `"key": [...],` of one value a request, `stride` bytes apart. */
static void put_times(const char *key, const int64_t *values, int count, size_t stride) {
    output *out = &standard_output;
    put_json(out, key);
    put(out, ": [");
    for (int i = 0; i < count; i++) {
        if (i) put(out, ", ");
        put_ms(*(const int64_t *)(const void *)((const char *)values + (size_t)i * stride));
    }
    put(out, "],\n");
}

enum { STAGES = 4 };
static const char *const stage_names[STAGES] = {"start the program", "check the file, open the tokenizer",
                                                "load the model", "first request"};

static void put_stages(const int64_t *until_ns) {
    output *out = &standard_output;
    put(out, "\"stages\": [");
    for (int i = 0; i < STAGES; i++) {
        put(out, i ? ", {\"name\": " : "{\"name\": ");
        put_json(out, stage_names[i]);
        put(out, ", \"until_ms\": ");
        if (until_ns[i] < 0) put(out, "null");
        else put_ms(until_ns[i]);
        put(out, "}");
    }
    put(out, "],\n");
}

static int told;

static void tell_json(const char *difference) {
    if (told++) put(&standard_output, ", ");
    put_json(&standard_output, difference);
}

static void put_held_out(standalone *all) {
    output *out = &standard_output;
    enum { MOST = 32 };
    static held_out sums[MOST];
    held_out found;
    int languages = 0;
    for (part_reader place = {0}; next_held_out(all, &place, &found);) {
        int i = 0;
        while (i < languages && (sums[i].language.size != found.language.size ||
                                 memcmp(sums[i].language.bytes, found.language.bytes, found.language.size) != 0))
            i++;
        if (i == MOST) REFUSE("", "the file has held-out text of more than ", number(MOST), " languages");
        if (i == languages) {
            sums[languages++] = found;
        } else {
            sums[i].text_bytes += found.text_bytes;
            sums[i].bits += found.bits;
            sums[i].bits_fp32 += found.bits_fp32;
        }
    }
    put(out, "\"held_out\": [");
    for (int i = 0; i < languages; i++) {
        put(out, i ? ", {\"language\": " : "{\"language\": ");
        put_json_bytes(out, sums[i].language.bytes, sums[i].language.size);
        put(out, ", \"text_bytes\": ");
        put_unsigned(out, sums[i].text_bytes);
        put(out, ", \"bits\": ");
        put_decimal(out, sums[i].bits, 9);
        put(out, ", \"bits_fp32\": ");
        put_decimal(out, sums[i].bits_fp32, 9);
        put(out, "}");
    }
    put(out, "]");
}

static void put_verification(standalone *all) {
    output *out = &standard_output;
    put(out, "\"verification\": {\"mismatches\": [");
    golden_counts counts = check_golden(all, tell_json);
    put(out, "], \"prompts\": ");
    put_integer(out, counts.prompts);
    put(out, ", \"tokens\": ");
    put_integer(out, counts.tokens);
    put(out, ", \"encodings\": ");
    put_integer(out, counts.encodings);
    put(out, ", ");
    put_held_out(all);
    put(out, "}");
}

static void *series(int count, size_t bytes) {
    void *memory = calloc((size_t)count, bytes);
    if (!memory) REFUSE("order fewer requests", "no memory for the times of ", number(count), " requests");
    return memory;
}

int probe(standalone *all, const options *chosen) {
    int64_t until_ns[STAGES] = {since_start_ns()};
    orders *ordered = read_orders();
    open_tokenizer(all);
    check_orders(all, ordered);
    until_ns[1] = since_start_ns();
    open_model(all, chosen->instructions, ordered->threads);
    check_fits(all, ordered);
    open_sequence(all);
    set_sampling(all, chosen);
    until_ns[2] = since_start_ns();
    int64_t before_first = since_start_ns(), first = do_request(all, ordered, 0).ttft_ns;
    struct rusage started, usage, after;
    getrusage(RUSAGE_SELF, &started);
    until_ns[3] = since_start_ns();
    for (int i = 1; i < ordered->warmup; i++) do_request(all, ordered, i);

    int count = ordered->requests, alone = ordered->threads == 1;
    timing *times = series(count, sizeof *times);
    int64_t *work = series(count + 1, sizeof *work), *waits = series(count, sizeof *waits), cpu_ns = 0;
    int waiting_known = alone && waited_ns() >= 0;
    work[0] = work_ns();
    getrusage(RUSAGE_SELF, &usage);
    for (int i = 0; i < count; i++) {
        int64_t waited = waiting_known ? waited_ns() : 0;
        int64_t cpu = alone ? thread_cpu_ns() : process_cpu_ns();
        times[i] = do_request(all, ordered, ordered->first_request + i);
        int64_t own = (alone ? thread_cpu_ns() : process_cpu_ns()) - cpu;
        cpu_ns += own;
        if (waiting_known) { /* what lies before the request begins or after it ended is no part of it */
            int64_t wait = waited_ns() - waited, most = times[i].latency_ns - own;
            waits[i] = wait < 0 || most < 0 ? 0 : wait < most ? wait : most;
        }
        work[i + 1] = work_ns();
    }
    getrusage(RUSAGE_SELF, &after);
    process_memory memory = own_memory();
    for (int i = count - 1; i >= 0; i--) times[i].begin_ns -= times[0].begin_ns;

    output *out = &standard_output;
    put(out, "{\"schema\": \"2.0\", \"first_request\": ");
    put_integer(out, ordered->first_request);
    put(out, ", \"engine\": \"native ");
    put(out, tinylm_model_instructions(all->model));
    put(out, "\",\n");
    put_times("at_ms", &times->begin_ns, count, sizeof *times);
    put_times("latency_ms", &times->latency_ns, count, sizeof *times);
    put_times("ttft_ms", &times->ttft_ns, count, sizeof *times);
    put_times("itl_ms", &times->itl_ns, count, sizeof *times);
    put_times("work_ms", work, count + 1, sizeof *work);
    put_times("waited_ms", waits, waiting_known ? count : 0, sizeof *waits);
    put(out, "\"cold_start_ms\": ");
    if (before_first < 0) put(out, "null");
    else put_ms(before_first + first);
    put(out, ", \"storage_read_bytes\": ");
    put_integer(out, (int64_t)started.ru_inblock * BLOCK_BYTES);
    put(out, ",\n");
    put_stages(until_ns);
    put_memory(memory);
    put(out, ",\n\"requests_cpu_ms\": ");
    put_ms(cpu_ns);
    put(out, ", \"involuntary_switches\": ");
    put_integer(out, after.ru_nivcsw - usage.ru_nivcsw);
    put(out, ", \"major_faults\": ");
    put_integer(out, after.ru_majflt - usage.ru_majflt);
    put(out, ",\n");
    if (ordered->verify) put_verification(all);
    else put(out, "\"verification\": null");
    put(out, "}\n");
    if (flush(out)) FAIL(2, "read it to its end", "the result cannot be written: ", strerror(out->error));
    return 0;
}
