#include "input.h"
#include "output.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

text read_file(const char *path, size_t most) {
    int standard = strcmp(path, "-") == 0;
    int file = standard ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0, capacity = 0;
    char *bytes = NULL;
    while (file >= 0) {
        if (size == capacity) {
            capacity = capacity ? 2 * capacity : 4096;
            if (capacity > most + 1) capacity = most + 1;
            char *larger = realloc(bytes, capacity);
            if (!larger) FAIL(2, "end other programs", "no memory for `", path, "`");
            bytes = larger;
        }
        ssize_t count = read(file, bytes + size, capacity - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        if (count == 0) {
            if (!standard) close(file);
            return (text){bytes, size};
        }
        size += (size_t)count;
        if (size > most)
            FAIL(2, "keep a part of it", standard ? "the text on standard input" : path, " has more than ",
                 number((int64_t)most), " bytes");
    }
    FAIL(2, "name a file that is there, or `-` for standard input", "cannot read ",
         standard ? "standard input" : path, ": ", strerror(errno));
}

void check_utf8(text given, const char *what) {
    size_t valid = text_valid(given);
    if (valid != given.size)
        FAIL(2, "write it in a UTF-8 terminal, or convert it with `iconv -t UTF-8`", what,
             " is not UTF-8 text: byte ", number((int64_t)valid + 1), " cannot be decoded");
}
