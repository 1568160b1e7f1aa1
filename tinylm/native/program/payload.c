#include "payload.h"
#include "output.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_AGAIN "copy the file again, or make it again with `tinylm export --standalone`"

void checksum_add(checksum *sums, const void *bytes, size_t size) {
    const uint8_t *next = bytes;
    uint64_t words = sums->words, all = sums->sums;
    for (size_t i = 0; i + 4 <= size; i += 4) {
        uint32_t word;
        memcpy(&word, next + i, 4);
        words += word;
        all += words;
    }
    sums->words = words;
    sums->sums = all;
}

uint64_t checksum_value(const checksum *sums) { return sums->words ^ (sums->sums << 32 | sums->sums >> 32); }

/* The next `size` bytes of the part; NULL when it has fewer. */
static const uint8_t *take(part_reader *part, size_t size) {
    if (part->broken || size > part->left) {
        part->broken = 1;
        return NULL;
    }
    const uint8_t *taken = part->next;
    part->next += size;
    part->left -= size;
    return taken;
}

uint32_t part_u32(part_reader *part) {
    uint32_t value = 0;
    const uint8_t *bytes = take(part, sizeof value);
    if (bytes) memcpy(&value, bytes, sizeof value);
    return value;
}

uint64_t part_u64(part_reader *part) {
    uint64_t low = part_u32(part), high = part_u32(part);
    return high << 32 | low;
}

float part_float(part_reader *part) {
    uint32_t bits = part_u32(part);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double part_double(part_reader *part) {
    uint64_t bits = part_u64(part);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

text part_text(part_reader *part) {
    uint32_t size = part_u32(part);
    const uint8_t *bytes = size > part->left ? NULL : take(part, ((size_t)size + 3) / 4 * 4);
    if (!bytes) part->broken = 1;
    return bytes ? (text){(const char *)bytes, size} : (text){"", 0};
}

id_list part_ids(part_reader *part) {
    uint32_t count = part_u32(part);
    const uint8_t *bytes = count > part->left / 4 || count > INT32_MAX ? NULL : take(part, (size_t)count * 4);
    if (!bytes) part->broken = 1;
    return bytes ? (id_list){(const int32_t *)(const void *)bytes, (int)count} : (id_list){NULL, 0};
}

const char *program_path(const char *name) {
    static char path[1024];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0 || path[0] != '/') return name;
    path[length] = 0;
    return path;
}

static _Noreturn void damaged(const char *what) { FAIL(2, COPY_AGAIN, "this file is damaged: ", what); }

/* Fill `buffer` from the file; 0 when it ends before. */
static int read_at(int file, void *buffer, size_t size, uint64_t offset) {
    uint8_t *to = buffer;
    while (size) {
        ssize_t count = pread(file, to, size, (off_t)offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return 0;
        to += count;
        size -= (size_t)count;
        offset += (uint64_t)count;
    }
    return 1;
}

static trailer read_trailer(int file, uint64_t file_bytes) {
    trailer last;
    checksum own = {0, 0};
    if (file_bytes < sizeof last || !read_at(file, &last, sizeof last, file_bytes - sizeof last)) memset(&last, 0, sizeof last);
    if (memcmp(last.magic, PAYLOAD_MAGIC, sizeof last.magic) != 0)
        FAIL(2, COPY_AGAIN, "no model is at the end of this file: it is cut, or it is the bare program");
    if (last.version != PAYLOAD_VERSION) damaged("its layout is of another version than its program");
    checksum_add(&own, &last, offsetof(trailer, trailer_checksum));
    if (checksum_value(&own) != last.trailer_checksum) damaged("its table of parts has another checksum");
    if (last.file_bytes != file_bytes) damaged("its size is another than when it was made");
    uint64_t free_from = 0, end = file_bytes - sizeof last;
    for (int i = 0; i < PARTS; i++) {
        uint64_t offset = last.parts[i].offset;
        if (offset % 64 || offset < free_from || offset > end || last.parts[i].bytes > end - offset)
            damaged("its table of parts is impossible");
        free_from = offset + last.parts[i].bytes;
    }
    return last;
}

static about read_about(part found) {
    part_reader from = {found.bytes, found.size, 0};
    about read;
    read.temperature = part_float(&from);
    read.top_p = part_float(&from);
    read.repetition_penalty = part_float(&from);
    read.top_k = (int32_t)part_u32(&from);
    read.max_tokens = (int32_t)part_u32(&from);
    read.name = part_text(&from);
    read.version = part_text(&from);
    read.manifest_sha256 = part_text(&from);
    read.tinylm_version = part_text(&from);
    if (from.broken) damaged("what it says of itself is cut");
    int temperature = read.temperature == 0 || (read.temperature >= 0.001f && read.temperature <= 100);
    int penalty = read.repetition_penalty >= 0.01f && read.repetition_penalty <= 100;
    if (!temperature || !penalty || !(read.top_p > 0 && read.top_p <= 1) || read.top_k < 0 || read.max_tokens < 1)
        damaged("its generation defaults are impossible");
    return read;
}

payload payload_open(const char *name) {
    /* Not by the path: a file that was renamed or replaced meanwhile is another one. */
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (file < 0) file = open(name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0)
        FAIL(2, "mount /proc, or call the program by its full path", "this program cannot read its own file: ",
             strerror(errno));
    trailer last = read_trailer(file, (uint64_t)status.st_size);

    /* The program itself is read and not mapped: it lies in memory already. */
    uint64_t begin = last.parts[0].offset, end = last.file_bytes - sizeof last;
    checksum all = {0, 0};
    static uint8_t buffer[4096];
    for (uint64_t offset = 0; offset < begin; offset += sizeof buffer) {
        size_t size = begin - offset < sizeof buffer ? (size_t)(begin - offset) : sizeof buffer;
        if (!read_at(file, buffer, size, offset)) damaged("it cannot be read");
        checksum_add(&all, buffer, size);
    }
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), from = begin / page * page;
    if (last.file_bytes - from > SIZE_MAX / 2) damaged("it is larger than the memory of this processor");
    size_t size = (size_t)(last.file_bytes - from);
    const uint8_t *mapped = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, (off_t)from);
    if (mapped == MAP_FAILED)
        FAIL(2, "end other programs", "no memory to map the ", number((int64_t)size), " bytes of the model: ",
             strerror(errno));
    close(file);
    checksum_add(&all, mapped + (begin - from), (size_t)(end - begin));
    if (checksum_value(&all) != last.checksum) damaged("its contents have another checksum");

    payload found = {.mapped = mapped, .mapped_bytes = size};
    for (int i = 0; i < PARTS; i++)
        found.parts[i] = (part){mapped + (last.parts[i].offset - from), (size_t)last.parts[i].bytes};
    found.about = read_about(found.parts[PART_ABOUT]);
    return found;
}
