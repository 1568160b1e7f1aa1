#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A file of /proc, line by line; they are small, or (smaps) long and read through a window. */
typedef struct {
    int file;
    size_t begin, end;
    char bytes[2048];
} line_reader;

static line_reader lines;

static int open_lines(const char *path) {
    lines.begin = lines.end = 0;
    lines.file = open(path, O_RDONLY | O_CLOEXEC);
    return lines.file >= 0;
}

/* The next line without its end, cut where it is longer than the window; NULL, and closed, after the last. */
static char *next_line(void) {
    for (;;) {
        char *end = memchr(lines.bytes + lines.begin, '\n', lines.end - lines.begin);
        if (end) {
            char *line = lines.bytes + lines.begin;
            *end = 0;
            lines.begin = (size_t)(end + 1 - lines.bytes);
            return line;
        }
        memmove(lines.bytes, lines.bytes + lines.begin, lines.end - lines.begin);
        lines.end -= lines.begin;
        lines.begin = 0;
        size_t room = sizeof lines.bytes - 1 - lines.end;
        ssize_t count = room ? read(lines.file, lines.bytes + lines.end, room) : 0;
        if (count < 0 && errno == EINTR) continue;
        if (count > 0) {
            lines.end += (size_t)count;
            continue;
        }
        if (lines.end) { /* the last line, or the beginning of one that is too long */
            lines.bytes[lines.end] = 0;
            lines.end = 0;
            return lines.bytes;
        }
        close(lines.file);
        return NULL;
    }
}

static int64_t whole(const char *text) {
    int64_t value = 0;
    while (*text == ' ' || *text == '\t') text++;
    if (*text < '0' || *text > '9') return -1;
    for (; *text >= '0' && *text <= '9' && value < INT64_MAX / 20; text++) value = value * 10 + (*text - '0');
    return value;
}

/* The bytes of a line `Name:  123 kB`, or -1 when it is another. */
static int64_t kilobytes(const char *line, const char *name) {
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || line[length] != ':') return -1;
    int64_t value = whole(line + length + 1);
    return value < 0 ? -1 : value * 1024;
}

process_memory own_memory(void) {
    process_memory memory = {-1, -1, -1, -1, -1, -1, -1};
    int64_t clean = -1, dirty = -1;
    const struct {
        const char *file, *name;
        int64_t *value;
    } fields[] = {
        {"/proc/self/status", "VmHWM", &memory.peak_rss_bytes},
        {"/proc/self/status", "VmRSS", &memory.rss_bytes},
        {"/proc/self/status", "RssAnon", &memory.anonymous_bytes},
        {"/proc/self/status", "RssFile", &memory.file_bytes},
        {"/proc/self/status", "VmSwap", &memory.swap_bytes},
        {"/proc/self/smaps_rollup", "Pss", &memory.pss_bytes},
        {"/proc/self/smaps_rollup", "Private_Clean", &clean},
        {"/proc/self/smaps_rollup", "Private_Dirty", &dirty},
    };
    const char *const files[] = {"/proc/self/status", "/proc/self/smaps_rollup"};
    for (int i = 0; i < 2; i++) {
        if (!open_lines(files[i])) continue;
        for (char *line; (line = next_line());)
            for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
                if (strcmp(fields[k].file, files[i]) == 0 && kilobytes(line, fields[k].name) >= 0)
                    *fields[k].value = kilobytes(line, fields[k].name);
    }
    if (clean >= 0 || dirty >= 0) memory.uss_bytes = (clean > 0 ? clean : 0) + (dirty > 0 ? dirty : 0);
    return memory;
}

static int64_t field(const char *file, const char *name) {
    int64_t found = -1;
    if (!open_lines(file)) return -1;
    for (char *line; (line = next_line());)
        if (kilobytes(line, name) >= 0) found = kilobytes(line, name);
    return found;
}

int64_t own_anonymous_bytes(void) {
    int64_t exact = field("/proc/self/smaps_rollup", "Anonymous");
    return exact >= 0 ? exact : field("/proc/self/status", "RssAnon");
}

static uint64_t hexadecimal(const char **text) {
    uint64_t value = 0;
    for (;; (*text)++) {
        const char *digits = "0123456789abcdef", *found = **text ? strchr(digits, **text) : NULL;
        if (!found) return value;
        value = value << 4 | (uint64_t)(found - digits);
    }
}

void own_file_bytes(const void *inside, int64_t *of_it, int64_t *of_the_rest) {
    *of_it = *of_the_rest = 0;
    if (!open_lines("/proc/self/smaps")) return;
    int here = 0;
    int64_t resident = 0;
    for (char *line; (line = next_line());) {
        const char *next = line;
        uint64_t begin = hexadecimal(&next);
        if (next > line && *next == '-') { /* a mapping begins: its addresses */
            next++;
            uint64_t end = hexadecimal(&next);
            here = begin <= (uintptr_t)inside && (uintptr_t)inside < end;
        } else if (kilobytes(line, "Rss") >= 0) {
            resident = kilobytes(line, "Rss");
        } else if (kilobytes(line, "Anonymous") >= 0) {
            *(here ? of_it : of_the_rest) += resident - kilobytes(line, "Anonymous");
        }
    }
}

int64_t waited_ns(void) {
    if (!open_lines("/proc/thread-self/schedstat")) return -1;
    int64_t waited = -1;
    for (char *line; (line = next_line());) {
        /* Time on a core, time waiting for one, turns (Documentation/scheduler/sched-stats); all 0 where it is off. */
        char *second = strchr(line, ' '), *third = second ? strchr(second + 1, ' ') : NULL;
        if (third && whole(third + 1) > 0) waited = whole(second + 1);
    }
    return waited;
}

static int64_t now(clockid_t clock) {
    struct timespec time;
    return clock_gettime(clock, &time) == 0 ? (int64_t)time.tv_sec * 1000000000 + time.tv_nsec : 0;
}

int64_t since_start_ns(void) {
    int64_t ticks = -1, per_second = sysconf(_SC_CLK_TCK);
    if (!open_lines("/proc/self/stat")) return -1;
    for (char *line; (line = next_line());) {
        /* The name in field 2 may hold spaces and brackets; field 22 is the start, in ticks since boot (man 5 proc). */
        char *place = strrchr(line, ')');
        for (int i = 2; place && i < 22; i++) place = strchr(place + 1, ' ');
        if (place) ticks = whole(place);
    }
    if (ticks < 0 || per_second <= 0) return -1;
    return now(CLOCK_BOOTTIME) - ticks * (1000000000 / per_second);
}

int64_t clock_ns(void) { return now(CLOCK_MONOTONIC); }
int64_t thread_cpu_ns(void) { return now(CLOCK_THREAD_CPUTIME_ID); }
int64_t process_cpu_ns(void) { return now(CLOCK_PROCESS_CPUTIME_ID); }
