#include "twister.h"

enum { LENGTH = 624, MIDDLE = 397 };

void twister_seed(twister *twister, uint64_t seed) {
    uint32_t *state = twister->state;
    const uint32_t words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const int count = words[1] ? 2 : 1;
    state[0] = 19650218u;
    for (int i = 1; i < LENGTH; i++) state[i] = 1812433253u * (state[i - 1] ^ state[i - 1] >> 30) + (uint32_t)i;
    int place = 1;
    for (int k = 0; k < LENGTH; k++) {
        uint32_t before = state[place - 1];
        int word = k % count;
        state[place] = (state[place] ^ (before ^ before >> 30) * 1664525u) + words[word] + (uint32_t)word;
        if (++place == LENGTH) {
            state[0] = state[LENGTH - 1];
            place = 1;
        }
    }
    for (int k = 0; k < LENGTH - 1; k++) {
        uint32_t before = state[place - 1];
        state[place] = (state[place] ^ (before ^ before >> 30) * 1566083941u) - (uint32_t)place;
        if (++place == LENGTH) {
            state[0] = state[LENGTH - 1];
            place = 1;
        }
    }
    state[0] = 0x80000000u;
    twister->next = LENGTH;
}

static void renew(uint32_t *state) {
    for (int i = 0; i < LENGTH; i++) {
        uint32_t joined = (state[i] & 0x80000000u) | (state[(i + 1) % LENGTH] & 0x7fffffffu);
        state[i] = state[(i + MIDDLE) % LENGTH] ^ joined >> 1 ^ (joined & 1 ? 0x9908b0dfu : 0);
    }
}

static uint32_t next_word(twister *twister) {
    if (twister->next == LENGTH) {
        renew(twister->state);
        twister->next = 0;
    }
    uint32_t word = twister->state[twister->next++];
    word ^= word >> 11;
    word ^= word << 7 & 0x9d2c5680u;
    word ^= word << 15 & 0xefc60000u;
    return word ^ word >> 18;
}

double twister_random(twister *twister) {
    uint32_t high = next_word(twister) >> 5, low = next_word(twister) >> 6;
    return (high * 67108864.0 + low) * (1.0 / 9007199254740992.0);
}
