/* Python's random numbers: `random.Random(seed).random()` for whole numbers as seeds.

   The Mersenne Twister of Matsumoto and Nishimura (1998), seeded by the 32-bit words of the seed as its authors'
   init_by_array does, two outputs a number of 53 bits. */
#ifndef TINYLM_TWISTER_H
#define TINYLM_TWISTER_H
#include <stdint.h>

typedef struct {
    uint32_t state[624];
    int next;
} twister;

void twister_seed(twister *twister, uint64_t seed);
/* The next number, from 0 to below 1. */
double twister_random(twister *twister);
#endif
