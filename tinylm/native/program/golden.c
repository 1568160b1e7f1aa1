#include "golden.h"
#include "output.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The beginning of a text, on one line, to name it in a message; the last stays valid. */
static const char *shortened(text given) {
    enum { CHARACTERS = 40 };
    static char name[4 * CHARACTERS + 4];
    size_t size = 0, from = 0;
    int cut = text_characters(given) > CHARACTERS;
    for (int i = 0; i < CHARACTERS - cut && from < given.size; i++) {
        int length = text_character((text){given.bytes + from, given.size - from});
        if (!length) break;
        memcpy(name + size, given.bytes + from, (size_t)length);
        if (name[size] == '\n') name[size] = ' ';
        size += (size_t)length;
        from += (size_t)length;
    }
    memcpy(name + size, cut ? "…" : "", cut ? 4 : 1);
    return name;
}

/* Where two lists of ids part, in words; NULL when they are equal. */
static const char *difference(id_list found, id_list expected) {
    static char words[96];
    int common = found.count < expected.count ? found.count : expected.count, place = 0;
    while (place < common && found.ids[place] == expected.ids[place]) place++;
    if (place < common) {
        const char *const parts[] = {"position ",     number(place),               ": token ", number(found.ids[place]),
                                     " instead of ", number(expected.ids[place]), NULL};
        join(words, sizeof words, parts);
        return words;
    }
    if (found.count == expected.count) return NULL;
    const char *const parts[] = {number(found.count), " tokens instead of ", number(expected.count), NULL};
    join(words, sizeof words, parts);
    return words;
}

/* The ids that follow the prompt greedily, EOS among them, compared. */
static const char *greedy_difference(standalone *all, id_list prompt, id_list expected) {
    int32_t *found = malloc((size_t)expected.count * sizeof *found);
    if (!found) FAIL(2, "end other programs", "no memory for golden tokens");
    check(generation_begin(&all->text, prompt.ids, prompt.count, expected.count));
    for (int i = 0; i < expected.count; i++) {
        found[i] = generation_next(&all->text);
        check(found[i]);
    }
    const char *parts = difference((id_list){found, expected.count}, expected);
    free(found);
    return parts;
}

/* Add the logits after every token that a golden id was chosen from to the hash. */
static uint64_t hash_logits(standalone *all, id_list prompt, id_list ids, uint64_t hash) {
    tinylm_sequence *sequence = all->text.sequence;
    check(tinylm_truncate(sequence, 0));
    check(tinylm_prefill(sequence, prompt.ids, prompt.count - 1));
    for (int i = 0; i == 0 || i < ids.count; i++) {
        const float *logits;
        check(tinylm_logits(sequence, i ? ids.ids[i - 1] : prompt.ids[prompt.count - 1], &logits));
        hash = tinylm_hash_logits(sequence, hash);
    }
    return hash;
}

static part_reader golden_part(const standalone *all) {
    part found = all->file.parts[PART_GOLDEN];
    return (part_reader){found.bytes, found.size, 0};
}

static void check_whole(const part_reader *from) {
    if (from->broken)
        FAIL(2, "make the file again with `tinylm export --standalone`", "the golden tokens of this file are cut");
}

static int tell_difference(void tell(const char *), const char *what, text given, const char *parts) {
    char message[400];
    const char *const words[] = {what, " `", shortened(given), "`, ", parts, NULL};
    if (!parts) return 0;
    join(message, sizeof message, words);
    tell(message);
    return 1;
}

static int tell_hash(void tell(const char *), uint64_t found, uint64_t expected) {
    char message[128], here[17], there[17];
    for (int i = 0; i < 16; i++) {
        here[i] = "0123456789abcdef"[found >> (60 - 4 * i) & 15];
        there[i] = "0123456789abcdef"[expected >> (60 - 4 * i) & 15];
    }
    here[16] = there[16] = 0;
    const char *const words[] = {"bits of all logits over the golden prompts: ", here, " instead of ", there, NULL};
    if (found == expected) return 0;
    join(message, sizeof message, words);
    tell(message);
    return 1;
}

/* Prompts, then encodings, are read from the part; with `tell`, compared. */
static golden_counts walk(standalone *all, part_reader *from, void tell(const char *)) {
    golden_counts counts = {.hashed = part_u32(from) == TINYLM_ARITHMETIC};
    uint64_t expected = part_u64(from), hash = TINYLM_HASH_START;
    uint32_t prompts = part_u32(from);
    for (uint32_t i = 0; i < prompts && !from->broken; i++, counts.prompts++) {
        text prompt = part_text(from);
        id_list prompt_ids = part_ids(from), ids = part_ids(from);
        counts.tokens += ids.count;
        if (!prompt_ids.count) from->broken = 1;
        if (!tell || from->broken) continue;
        if (counts.hashed) hash = hash_logits(all, prompt_ids, ids, hash);
        encoding found = encode(all, prompt.bytes, prompt.size);
        int other = tell_difference(tell, "encoded prompt", prompt,
                                    difference((id_list){found.ids, found.count}, prompt_ids));
        encoding_free(&found);
        if (!other && ids.count)
            other = tell_difference(tell, "after the prompt", prompt, greedy_difference(all, prompt_ids, ids));
        counts.mismatches += other;
    }
    uint32_t encodings = part_u32(from);
    for (uint32_t i = 0; i < encodings && !from->broken; i++, counts.encodings++) {
        text encoded = part_text(from);
        id_list ids = part_ids(from);
        if (!tell || from->broken) continue;
        encoding found = encode(all, encoded.bytes, encoded.size);
        id_list without_bos = {found.ids + 1, found.count - 1};
        counts.mismatches += tell_difference(tell, "tokenizer,", encoded, difference(without_bos, ids));
        encoding_free(&found);
    }
    check_whole(from);
    if (tell && counts.hashed) counts.mismatches += tell_hash(tell, hash, expected);
    return counts;
}

golden_counts check_golden(standalone *all, void tell(const char *)) {
    const options greedy = {.top_p = 1, .repetition_penalty = 1};
    set_sampling(all, &greedy);
    part_reader from = golden_part(all);
    return walk(all, &from, tell);
}

int next_held_out(standalone *all, part_reader *place, held_out *found) {
    static uint32_t left;
    if (!place->next) {
        *place = golden_part(all);
        walk(all, place, NULL);
        left = part_u32(place);
    }
    check_whole(place);
    if (!left) return 0;
    left--;
    found->language = part_text(place);
    text scored = part_text(place);
    found->bits_fp32 = part_double(place);
    check_whole(place);
    int tokens;
    found->bits = text_bits(all, scored, &found->text_bytes, &tokens);
    return 1;
}

double text_bits(standalone *all, text scored, size_t *bytes, int *tokens) {
    encoding encoded = encode(all, scored.bytes, scored.size);
    int window = all->text.context_length;
    double *nats = malloc((size_t)window * sizeof *nats), sum = 0;
    if (!nats) FAIL(2, "end other programs", "no memory to score a text");
    for (int begin = 0; begin < encoded.count - 1; begin += window) {
        int predicted = encoded.count - 1 - begin < window ? encoded.count - 1 - begin : window;
        check(tinylm_truncate(all->text.sequence, 0));
        check(tinylm_score(all->text.sequence, encoded.ids + begin, predicted + 1, nats));
        for (int i = 0; i < predicted; i++) sum += nats[i];
    }
    free(nats);
    *bytes = encoded.normal_bytes;
    *tokens = encoded.count - 1;
    double bits = sum / 0.69314718055994530942 + 8 * (double)encoded.unknown_bytes;
    encoding_free(&encoded);
    return bits;
}

static void show(const char *difference) {
    put(&standard_output, "differs: ");
    put(&standard_output, difference);
    put(&standard_output, "\n");
}

int show_golden(standalone *all) {
    golden_counts counts = check_golden(all, show);
    output *out = &standard_output;
    put_integer(out, counts.prompts);
    put(out, " prompts, ");
    put_integer(out, counts.tokens);
    put(out, " tokens, ");
    put_integer(out, counts.encodings);
    put(out, counts.hashed ? " encodings, the bits of all logits: " : " encodings: ");
    if (counts.mismatches) {
        put_integer(out, counts.mismatches);
        put(out, " differ from the export's\n");
    } else {
        put(out, "all as the export says, by ");
        put(out, tinylm_model_instructions(all->model));
        put(out, "\n");
    }
    if (flush(out)) FAIL(2, "write elsewhere", "the output cannot be written");
    return counts.mismatches > 0;
}
