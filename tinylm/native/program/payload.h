/* What `tinylm export --standalone` (tinylm/native/standalone.py) appends to the program, read in place from the
   program's own file.

       the program        padded with zeros to a multiple of 4096
       image              engine/image.h
       tokenizer          tokenizer/tinylm_tokenizer.h
       golden             what every device must answer: `golden.h`
       about              what it is, and how tokens are chosen by default: `about` below
       trailer            the last bytes of the file

   Every part begins at a multiple of 64; between them lie zeros. Numbers are little-endian. Inside `golden` and `about`
   everything lies one after the other: a number of 4 or 8 bytes; a text as its size (4 bytes) and its UTF-8, padded
   with zeros to a multiple of 4; a list of ids as their count (4 bytes) and 4 bytes each. */
#ifndef TINYLM_PAYLOAD_H
#define TINYLM_PAYLOAD_H
#include "text.h"
#include <stddef.h>
#include <stdint.h>

enum { PART_IMAGE, PART_TOKENIZER, PART_GOLDEN, PART_ABOUT, PARTS };

typedef struct {
    struct {
        uint64_t offset, bytes;
    } parts[PARTS];
    uint64_t file_bytes;        /* of the whole file */
    uint64_t checksum;          /* of all bytes before the trailer, `checksum` below */
    uint64_t trailer_checksum;  /* of the trailer up to here */
    uint32_t version;           /* PAYLOAD_VERSION */
    char magic[12];             /* PAYLOAD_MAGIC */
} trailer;

#define PAYLOAD_VERSION 1
#define PAYLOAD_MAGIC "tinylm model"

/* Fletcher's sums over 32-bit little-endian words, `bytes` being a multiple of 4: the sum of the words and the sum of
   these sums, modulo 2^64. Begins with two zeros. They tell a damaged or half-copied file, not a forged one. */
typedef struct {
    uint64_t words, sums;
} checksum;

void checksum_add(checksum *sums, const void *bytes, size_t size);
uint64_t checksum_value(const checksum *sums);

/* A part that is read from its beginning to its end. A read beyond it gives nothing and sets `broken`. */
typedef struct {
    const uint8_t *next;
    size_t left;
    int broken;
} part_reader;

typedef struct {
    const int32_t *ids;
    int count;
} id_list;

uint32_t part_u32(part_reader *part);
uint64_t part_u64(part_reader *part);
float part_float(part_reader *part);
double part_double(part_reader *part);
text part_text(part_reader *part);
id_list part_ids(part_reader *part);

typedef struct {
    const uint8_t *bytes;
    size_t size;
} part;

/* What the model is, of the `about` part: these fields in this order. */
typedef struct {
    float temperature, top_p, repetition_penalty;
    int32_t top_k, max_tokens;
    text name, version, manifest_sha256, tinylm_version;
} about;

typedef struct {
    const uint8_t *mapped; /* where the payload lies in memory, and how much of the file that is */
    size_t mapped_bytes;
    part parts[PARTS];
    about about;
} payload;

/* Map the payload of this very program and check it; ends the program when it is damaged or there is none. `name` is
   argv[0], for a system without /proc. */
payload payload_open(const char *name);
/* The path of this very program. */
const char *program_path(const char *name);
#endif
