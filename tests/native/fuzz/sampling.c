/* The choice of a token from logits that may be anything: on every instruction set the same, never a token that is
   forbidden, and of the k likeliest where only those may be chosen.

       the settings, the uniform number, the forbidden ids and 1 byte for the tokens seen; then the logits */
#include "fuzz.h"

#include "../../../tinylm/native/engine/internal.h"

enum { MOST_LOGITS = 700 };

static int stands_before(const float *score, int a, int b) {
    return score[a] > score[b] || (score[a] == score[b] && a < b);
}

static int is_forbidden(uint64_t forbidden, int id) { return id < 64 && forbidden >> id & 1; }

/* The scores that the choice is made from, as `tinylm.runtime.sampling` says; 0 when one of them is NaN. */
static int expected_scores(const float *logits, int n, uint64_t forbidden, const tinylm_sampling *how, float *scores) {
    for (int i = 0; i < n; i++) {
        float score = is_forbidden(forbidden, i) ? LOWEST : logits[i];
        if (score != score) return 0;
        if (score < LOWEST) score = LOWEST;
        if (how->repetition_penalty != 1 && how->seen[i] && score > LOWEST)
            score *= score > 0 ? 1.0f / how->repetition_penalty : how->repetition_penalty;
        scores[i] = score < LOWEST ? LOWEST : score;
    }
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input from = {data, size};
    static uint8_t seen[MOST_LOGITS];
    static float scores[MOST_LOGITS];
    tinylm_sampling how = next_sampling(&from, seen);
    float uniform = next_float(&from);
    uint64_t forbidden = next_word(&from) | (uint64_t)next_word(&from) << 32;
    uint8_t marks = next_byte(&from), plain = next_byte(&from);
    int n = (int)(plain & 1 ? from.left / 4 : from.left);
    if (n > MOST_LOGITS) n = MOST_LOGITS;
    float *logits = aligned(sizeof(float) * (size_t)n), *scratch = aligned(3 * sizeof(float) * ((size_t)n + 15));
    for (int i = 0; i < n; i++) {
        if (plain & 1) {
            uint32_t bits = next_word(&from);
            memcpy(logits + i, &bits, 4);
        } else
            logits[i] = (float)(next_byte(&from) - 128) * (plain & 2 ? 0.125f : 1e36f);
        seen[i] = marks >> (i & 7) & 1;
    }
    int first = 0;
    float first_logprob = 0;
    for (const kernels *const *k = tinylm_usable(); *k; k++) {
        float logprob = 1;
        int chosen;
        if (k == tinylm_usable())
            chosen = tinylm_choose(logits, n, forbidden, &how, uniform, scratch, &logprob);
        else {
            chosen = TINYLM_BAD_ARGUMENT; /* as tinylm_choose does, with another instruction set */
            float *s = scratch, *masses = scratch + padded(n);
            int32_t *candidates = (int32_t *)(masses + padded(n));
            int strange = 0;
            for (int i = 0; i < padded(n); i++) {
                s[i] = i < n && !is_forbidden(forbidden, i) ? logits[i] : LOWEST;
                strange |= s[i] != s[i];
                if (s[i] < LOWEST) s[i] = LOWEST;
            }
            if (strange)
                chosen = TINYLM_NOT_FINITE;
            else if (n)
                chosen = tinylm_sample(*k, s, n, &how, uniform, candidates, masses, &logprob);
        }
        if (k == tinylm_usable()) first = chosen, first_logprob = logprob;
        CLAIM(chosen == first && (chosen < 0 || logprob == first_logprob));
        CLAIM(chosen < n && (chosen < 0 || logprob <= 0));
    }
    if (first >= 0) {
        CLAIM(is_valid(&how, uniform) && !is_forbidden(forbidden, first));
        CLAIM(expected_scores(logits, n, forbidden, &how, scores));
        int before = 0;
        for (int i = 0; i < n; i++) before += stands_before(scores, i, first);
        CLAIM(how.temperature != 0 || before == 0);
        CLAIM(how.top_k == 0 || before < how.top_k);
    } else
        CLAIM(first == TINYLM_NOT_FINITE || (first == TINYLM_BAD_ARGUMENT && (!n || !is_valid(&how, uniform))));
    int count = n < 20 ? n : 20, token = n ? marks % n : 0;
    int32_t ids[20];
    double logprobs[20], logprob;
    int held = tinylm_top_logprobs(logits, n, forbidden, token, count, ids, logprobs, &logprob, scratch);
    CLAIM(held <= count && (held >= 0 || held == (n ? TINYLM_NOT_FINITE : TINYLM_BAD_ARGUMENT)));
    CLAIM(held < 0 || logprob <= 0);
    for (int i = 0; i < held; i++) {
        CLAIM(ids[i] >= 0 && ids[i] < n && !is_forbidden(forbidden, ids[i]) && logprobs[i] <= 0);
        CLAIM(!i || stands_before(logits, ids[i - 1], ids[i]));
    }
    free(logits);
    free(scratch);
    return 0;
}
