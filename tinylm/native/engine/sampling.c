/* The choice of the next token: the formula and the orders of `tinylm.runtime.sampling`.

   Candidates stand by falling score, of equals the lower id first (with neither top-k nor top-p: by id), and the token
   is the one in whose share of the summed mass the uniform number falls. Nothing is sorted that is not a candidate. */
#include "internal.h"

/* ---- a heap of ids; `worse` says which of two stands further back ---- */

static int worse(const float *score, int a, int b) { return score[a] < score[b] || (score[a] == score[b] && a > b); }

/* The heap's first is the worst of all when `first` is 1, the best when it is 0. */
static void sink(int32_t *heap, int n, int i, const float *score, int first) {
    int id = heap[i];
    for (int child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && worse(score, heap[child + 1], heap[child]) == first) child++;
        if (worse(score, heap[child], id) != first) break;
        heap[i] = heap[child];
    }
    heap[i] = id;
}

static void order(int32_t *heap, int n, const float *score, int first) {
    for (int i = n / 2 - 1; i >= 0; i--) sink(heap, n, i, score, first);
}

/* Put the k best ids of n, in falling order; returns how many there are. */
static int best(const kernels *kernels, const float *score, int n, int k, int32_t *ids) {
    int held = 0;
    float least = LOWEST;
    for (int block = 0; (block = kernels->above(score, block, padded(n), least)) < padded(n); block += 16)
        for (int i = block; i < block + 16 && i < n; i++) {
            if (!(score[i] > least)) continue;
            if (held < k) {
                ids[held++] = i;
                if (held < k) continue;
                order(ids, k, score, 1);
            } else {
                ids[0] = i; /* the worst goes */
                sink(ids, k, 0, score, 1);
            }
            least = score[ids[0]]; /* of equals the lower ids stay, because they came first */
        }
    if (held < k) order(ids, held, score, 1);
    for (int left = held - 1; left > 0; left--) { /* the worst goes to the end */
        int32_t worst = ids[0];
        ids[0] = ids[left], ids[left] = worst;
        sink(ids, left, 0, score, 1);
    }
    return held;
}

/* ---- the draw ---- */

/* ln x for x > 0, by 2 atanh((m - 1) / (m + 1)) of the mantissa: the same bits with every C library. */
static double logarithm(double x) {
    int exponent = 0;
    while (x > 1.4142135623730951) x *= .5, exponent++;
    while (x < 0.7071067811865476) x *= 2, exponent--;
    double s = (x - 1) / (x + 1), power = s, sum = 0;
    for (int i = 1; i < 26; i += 2) sum += power / i, power *= s * s;
    return 2 * sum + exponent * 0.6931471805599453;
}

static double total_of(const float *x, int n) {
    double sum[8] = {0}; /* a fixed order that needs no waiting for the sum before */
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) sum[j] += x[i + j];
    for (int j = 0; i < n; i++, j++) sum[j] += x[i];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

/* Draw from masses [n] of candidates, `id` [n] or, when NULL, 0 to n - 1. */
static int draw(const float *mass, const int32_t *id, int n, float uniform, float *logprob) {
    double total = total_of(mass, n), until = 0;
    float target = (float)((float)total * uniform);
    int i = 0, last = 0;
    for (; i < n; i++) {
        if (mass[i] > 0) last = i;
        if ((float)(until += mass[i]) > target) break;
    }
    if (i == n) i = last; /* the sums were rounded */
    if (logprob) *logprob = (float)logarithm(mass[i] / total);
    return id ? id[i] : i;
}

/* The smallest set of likeliest ids with at least the share `p`, in order; its masses go to the front of `mass`. */
static int nucleus(const float *score, float *mass, double total, int n, float p, int32_t *ids) {
    /* Sorting all would take longer than the model. What lies below a share of (1 - p) / n is together less than
       1 - p, so the last floor always suffices; as a rule the first does. */
    const double floors[] = {1e-3, 1e-4, (1 - (double)p) / n, 0};
    int held = 0;
    for (int f = 0; f < 4; f++) {
        double sum = 0;
        held = 0;
        for (int i = 0; i < n; i++)
            if (mass[i] > floors[f] * total) ids[held++] = i, sum += mass[i];
        if (sum >= p * total && held) break;
    }
    order(ids, held, score, 0);
    double until = 0;
    int chosen = 0;
    for (int left = held; left > 0;) { /* the best goes behind the heap: ids [left..held) ends up in rising order */
        int32_t first = ids[0];
        ids[0] = ids[--left], ids[left] = first;
        sink(ids, left, 0, score, 0);
        chosen++;
        if ((until += mass[first]) >= p * total) break;
    }
    for (int i = 0, from = held - chosen; i < chosen / 2; i++) {
        int32_t other = ids[from + i];
        ids[from + i] = ids[held - 1 - i], ids[held - 1 - i] = other;
    }
    for (int i = 0; i < chosen; i++) ids[i] = ids[held - chosen + i];
    return chosen;
}

int tinylm_check_sampling(const tinylm_sampling *how, float uniform) {
    int valid = (how->temperature == 0 || (how->temperature >= 0.001f && how->temperature <= 100)) && how->top_k >= 0 &&
                how->top_p > 0 && how->top_p <= 1 && uniform >= 0 && uniform < 1 &&
                how->repetition_penalty >= 0.01f && how->repetition_penalty <= 100 &&
                (how->repetition_penalty == 1 || how->seen);
    return valid ? 0 : TINYLM_BAD_ARGUMENT;
}

int tinylm_sample(const kernels *k, float *scores, int n, const tinylm_sampling *how, float uniform,
                  int32_t *candidates, float *masses, float *logprob) {
    if (tinylm_check_sampling(how, uniform)) return TINYLM_BAD_ARGUMENT;
    if (how->repetition_penalty != 1) {
        float against = how->repetition_penalty, inverse = 1.0f / against;
        for (int i = 0; i < n; i++)
            if (how->seen[i] && scores[i] > LOWEST) scores[i] = scores[i] * (scores[i] > 0 ? inverse : against);
        for (int i = 0; i < n; i++)
            if (scores[i] < LOWEST) scores[i] = LOWEST; /* what is forbidden stays finite */
    }
    int top = k->argmax(scores, padded(n));
    if (top < 0 || scores[top] <= LOWEST) return TINYLM_NOT_FINITE; /* or there is nothing that may be chosen */
    if (how->temperature == 0) {
        if (logprob) *logprob = 0;
        return top;
    }
    float factor = 1.0f / how->temperature, most = how->top_k ? scores[top] / how->temperature : scores[top] * factor;
    if (!(most - most == 0)) return TINYLM_NOT_FINITE; /* a finite logit, but not over a small temperature */
    if (how->top_k) {
        int held = best(k, scores, n, how->top_k < n ? how->top_k : n, candidates);
        for (int i = 0; i < held; i++) masses[i] = scores[candidates[i]] / how->temperature;
        for (int i = held; i < padded(held); i++) masses[i] = LOWEST;
        k->exponentials(masses, 1, masses[0], masses, padded(held));
        if (how->top_p < 1) {
            double total = total_of(masses, held), until = 0;
            int count = 0;
            while (count < held && (until += masses[count++]) < how->top_p * total) continue;
            held = count;
        }
        return draw(masses, candidates, held, uniform, logprob);
    }
    k->exponentials(scores, factor, most, masses, padded(n));
    if (how->top_p == 1) return draw(masses, 0, n, uniform, logprob);
    int held = nucleus(scores, masses, total_of(masses, n), n, how->top_p, candidates);
    for (int i = 0; i < held; i++) scores[i] = masses[candidates[i]];
    return draw(scores, candidates, held, uniform, logprob);
}

int tinylm_choose(const float *logits, int n, uint64_t forbidden, const tinylm_sampling *how, float uniform,
                  float *scratch, float *logprob) {
    if (n < 1 || n > 1 << 24) return TINYLM_BAD_ARGUMENT;
    float *scores = scratch, *masses = scratch + padded(n);
    for (int i = 0; i < padded(n); i++) {
        scores[i] = i < n && !(i < 64 && forbidden >> i & 1) ? logits[i] : LOWEST;
        if (scores[i] != scores[i]) return TINYLM_NOT_FINITE;
        if (scores[i] < LOWEST) scores[i] = LOWEST; /* minus infinity is a mask */
    }
    return tinylm_sample(*tinylm_usable(), scores, n, how, uniform, (int32_t *)(masses + padded(n)), masses, logprob);
}

/* The ln of the sum of exp(logits), less their largest, which goes to `*most`; not finite when the logits are not. */
static double log_total(const kernels *k, const float *logits, int n, float *most, float *masses) {
    *most = logits[0];
    for (int i = 1; i < n; i++)
        if (logits[i] > *most || logits[i] != logits[i]) *most = logits[i];
    if (!(*most - *most == 0)) return *most;
    k->exponentials(logits, 1, *most, masses, padded(n));
    return logarithm(total_of(masses, n));
}

/* -ln of the probability of `token`, in nats; not finite when the logits are not. */
double tinylm_cost(const kernels *k, const float *logits, int n, int token, float *masses) {
    float most;
    double total = log_total(k, logits, n, &most, masses);
    return total - ((double)logits[token] - most);
}

int tinylm_top_logprobs(const float *logits, int n, uint64_t forbidden, int token, int count, int32_t *ids,
                        double *logprobs, double *logprob, float *scratch) {
    if (n < 1 || n > 1 << 24 || token < 0 || token >= n || count < 0 || count > n) return TINYLM_BAD_ARGUMENT;
    const kernels *k = *tinylm_usable();
    for (int i = 0; i < padded(n); i++)
        scratch[i] = i < n && !(i < 64 && forbidden >> i & 1) ? logits[i] : LOWEST;
    int held = count ? best(k, scratch, n, count, ids) : 0;
    for (int i = 0; i < n && i < 64; i++) scratch[i] = logits[i];
    float most;
    double total = log_total(k, scratch, n, &most, scratch);
    if (!(total - total == 0)) return TINYLM_NOT_FINITE;
    for (int i = 0; i < held; i++) logprobs[i] = (double)logits[ids[i]] - most - total;
    *logprob = (double)logits[token] - most - total;
    return held;
}
