/* One file that is a model: engine, weights, tokenizer and evidence, made by `tinylm export --standalone`.

   The order of things: the payload behind the program is mapped and checked (payload.c), the command line read
   (options.c), tokenizer and model opened (standalone.c), and one of the things done that `--help` lists. */
#include "golden.h"
#include "output.h"
#include "probe.h"
#include "threads.h"
#include "writing.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

static void put_line(const char *name, text value) {
    put(&standard_output, name);
    put_bytes(&standard_output, value.bytes, value.size);
    put(&standard_output, "\n");
}

static int show_version(const standalone *all) {
    const about *about = &all->file.about;
    put_bytes(&standard_output, about->name.bytes, about->name.size);
    put_line(" ", about->version);
    put_line("manifest sha256: ", about->manifest_sha256);
    put_line("made by tinylm: ", about->tinylm_version);
    const char *sets = tinylm_instruction_sets();
    put_line("instruction sets here, fastest first: ", (text){sets, strlen(sets)});
    return 0;
}

static int run(standalone *all, const options *chosen) {
    switch (chosen->what) {
    case PROBE: return probe(all, chosen);
    case MEMORY_PROBE: return memory_probe(all, chosen);
    case VERSION: return show_version(all);
    default: break;
    }
    open_tokenizer(all);
    int threads = chosen->threads;
    if (!threads) threads = fastest_threads(all->file.parts[PART_IMAGE], chosen->instructions);
    open_model(all, chosen->instructions, threads);
    open_sequence(all);
    switch (chosen->what) {
    case SCORE: return score_text(all, chosen);
    case GOLDEN: return show_golden(all);
    case INTERACTIVE: return write_interactively(all, chosen);
    default: return write_text(all, chosen);
    }
}

int main(int count, char **arguments) {
    static standalone all;
    const char *name = count > 0 ? arguments[0] : "tinylm";
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is noticed when writing */
    all.file = payload_open(name);
    options chosen = read_options(count, arguments, &all.file.about);
    if (chosen.what == HELP) show_help(name, &all.file.about);
    int code = chosen.what == HELP ? 0 : run(&all, &chosen);
    if (flush(&standard_output) && code == 0 && standard_output.error != EPIPE)
        FAIL(2, "write elsewhere", "the output cannot be written: ", strerror(standard_output.error));
    return code;
}
