/* The standalone program: its payload, its command line and standard input, whatever the bytes are. What it asks of the
   system and of the C library's memory is answered here (`CALLS` in scripts/fuzz_native).

       byte 0        0: a trailer is put behind the parts; 1: they are a whole file, trailer and all; 3: whose checksums
                     are made right
       byte 1, 2     lengths of the command line and of standard input
       8 bytes       lengths of the four parts, 16 bits each
       then          the command line, words that end with a zero; standard input; the parts */
#include "fuzz.h"

#include <errno.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../tinylm/native/program/golden.h"
#include "../../../tinylm/native/program/orders.h"
#include "../../../tinylm/native/program/output.h"
#include "../../../tinylm/native/program/writing.h"

enum { MOST_BLOCKS = 4096, MOST_WORDS = 32, MOST_NEW_TOKENS = 40 };

/* ---- the system, as the program sees it ---- */

static jmp_buf ended;
static int exit_code;
static void *blocks[MOST_BLOCKS];
static int block_count;
static uint8_t *file;
static size_t file_bytes;
static input standard_input;

static void *block(size_t bytes) {
    CLAIM(block_count < MOST_BLOCKS);
    return blocks[block_count++] = aligned(bytes);
}

void *fuzz_malloc(size_t bytes) { return bytes > 1 << 28 ? NULL : block(bytes); }
void *fuzz_calloc(size_t count, size_t bytes) {
    void *memory = fuzz_malloc(count * bytes);
    return memory ? memset(memory, 0, count * bytes) : NULL;
}
void *fuzz_realloc(void *old, size_t bytes) {
    uint8_t *memory = fuzz_malloc(bytes); /* the only caller doubles what it has */
    if (old && memory) memcpy(memory, old, bytes / 2);
    return memory;
}
void fuzz_free(void *memory) {
    for (int i = 0; memory && i < block_count; i++)
        if (blocks[i] == memory) {
            free(memory);
            blocks[i] = blocks[--block_count];
            return;
        }
    CLAIM(!memory);
}
_Noreturn void fuzz_exit(int code) {
    exit_code = code;
    longjmp(ended, 1);
}
ssize_t fuzz_write(int to, const void *bytes, size_t count) {
    CLAIM((to == 1 || to == 2) && count && bytes);
    return (ssize_t)count;
}
ssize_t fuzz_read(int from, void *bytes, size_t count) {
    CLAIM(from == 0);
    size_t given = count < standard_input.left ? count : standard_input.left;
    for (size_t i = 0; i < given; i++) ((uint8_t *)bytes)[i] = next_byte(&standard_input);
    return (ssize_t)given;
}
int fuzz_open(const char *path, int flags, ...) {
    (void)flags;
    if (!strcmp(path, "/proc/self/exe")) return 3;
    errno = ENOENT;
    return -1;
}
int fuzz_close(int descriptor) {
    CLAIM(descriptor == 3);
    return 0;
}
int fuzz_fstat(int descriptor, struct stat *status) {
    CLAIM(descriptor == 3);
    status->st_size = (off_t)file_bytes;
    return 0;
}
ssize_t fuzz_pread(int descriptor, void *bytes, size_t count, off_t offset) {
    CLAIM(descriptor == 3 && offset >= 0);
    size_t left = (size_t)offset < file_bytes ? file_bytes - (size_t)offset : 0, given = count < left ? count : left;
    memcpy(bytes, file + offset, given);
    return (ssize_t)given;
}
void *fuzz_mmap(void *at, size_t bytes, int access, int flags, int descriptor, off_t offset) {
    (void)at, (void)access;
    if (flags & MAP_ANONYMOUS) return bytes > 1 << 28 ? MAP_FAILED : memset(block(bytes), 0, bytes);
    CLAIM(descriptor == 3 && (size_t)offset + bytes <= file_bytes);
    return memcpy(block(bytes), file + offset, bytes);
}

/* ---- a file that is whole ---- */

static void mend_checksums(void) {
    trailer last;
    checksum all = {0, 0}, own = {0, 0};
    if (file_bytes < sizeof last) return;
    uint8_t *end = file + file_bytes - sizeof last;
    memcpy(&last, end, sizeof last);
    checksum_add(&all, file, (size_t)(end - file));
    last.file_bytes = file_bytes, last.checksum = checksum_value(&all);
    checksum_add(&own, &last, offsetof(trailer, trailer_checksum));
    last.trailer_checksum = checksum_value(&own);
    memcpy(end, &last, sizeof last);
}

/* The parts behind each other, and a trailer that says so. */
static void make_file(const uint8_t *parts, const uint16_t *sizes) {
    trailer last = {.version = PAYLOAD_VERSION, .magic = PAYLOAD_MAGIC};
    size_t at = 0;
    for (int i = 0; i < PARTS; at += (sizes[i] + 63) & ~63u, i++) {
        last.parts[i].offset = at;
        last.parts[i].bytes = sizes[i];
    }
    file_bytes = at + sizeof last, file = memset(aligned(file_bytes), 0, file_bytes);
    for (int i = 0; i < PARTS; parts += sizes[i], i++) memcpy(file + last.parts[i].offset, parts, sizes[i]);
    if (sizes[PART_IMAGE] >= sizeof(tinylm_header)) ((tinylm_header *)file)->bytes = sizes[PART_IMAGE];
    memcpy(file + at, &last, sizeof last);
    mend_checksums();
}

static int run(char **words, int count) {
    standalone all = {0};
    all.file = payload_open("program");
    options chosen = read_options(count, words, &all.file.about);
    CLAIM(chosen.max_tokens > 0 && chosen.threads >= 0 && chosen.top_k >= 0);
    CLAIM(chosen.temperature >= 0 && chosen.top_p > 0 && chosen.repetition_penalty > 0);
    if (chosen.max_tokens > MOST_NEW_TOKENS) chosen.max_tokens = MOST_NEW_TOKENS;
    if (chosen.what == HELP) return show_help("program", &all.file.about), 0;
    if (chosen.what == PROBE || chosen.what == MEMORY_PROBE) {
        const orders *read = read_orders();
        CLAIM(read->prompt_count > 0 && read->prompt_tokens > 0 && read->new_tokens > 1 && read->requests > 0);
        for (int i = 0; i < read->prompt_count; i++) CLAIM(text_valid(read->prompts[i]) == read->prompts[i].size);
        return 0;
    }
    open_tokenizer(&all);
    open_model(&all, chosen.instructions, 1);
    open_sequence(&all);
    switch (chosen.what) {
    case SCORE: return score_text(&all, &chosen);
    case GOLDEN: return show_golden(&all);
    case INTERACTIVE: return write_interactively(&all, &chosen);
    default: return write_text(&all, &chosen);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 11) return 0;
    size_t words_bytes = data[1], input_bytes = data[2], at = 11, parts_bytes = 0;
    uint16_t sizes[PARTS];
    memcpy(sizes, data + 3, sizeof sizes);
    for (int i = 0; i < PARTS; i++) parts_bytes += sizes[i];
    if (size < at + words_bytes + input_bytes) return 0;
    char *line = memcpy(aligned(words_bytes + 1), data + at, words_bytes), *words[MOST_WORDS + 2] = {"program"};
    line[words_bytes] = 0;
    int count = 1;
    for (size_t i = 0; i < words_bytes && count <= MOST_WORDS; i += strlen(line + i) + 1) words[count++] = line + i;
    standard_input = (input){data + at + words_bytes, input_bytes};
    const uint8_t *parts = data + at + words_bytes + input_bytes;
    size_t rest = size - at - words_bytes - input_bytes;
    if (data[0] & 1) {
        file_bytes = rest, file = memcpy(aligned(rest), parts, rest);
        if (data[0] & 2) mend_checksums();
    } else if (parts_bytes <= rest)
        make_file(parts, sizes);
    if (file) {
        exit_code = 0;
        if (!setjmp(ended)) exit_code = run(words, count);
        CLAIM(exit_code >= 0 && exit_code <= 2);
        standard_output.length = standard_error.length = 0;
        while (block_count) free(blocks[--block_count]);
    }
    free(file), file = NULL;
    free(line);
    return 0;
}
