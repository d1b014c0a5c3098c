/* Reproducible random numbers: xoshiro256** (Blackman & Vigna 2018), seeded by
 * splitmix64. The same seed gives the same numbers on every machine. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct asim_random {
    uint64_t state[4];
    double spare_gaussian;
    int has_spare;
};

void asim_random_seed(struct asim_random *random, uint64_t seed);
/* A seed of stream `index` derived from `seed`: independent for all practical ends. */
uint64_t asim_random_derive(uint64_t seed, uint64_t index);
uint64_t asim_random_u64(struct asim_random *random);
double asim_random_uniform(struct asim_random *random);     /* in [0, 1) */
double asim_random_gaussian(struct asim_random *random);    /* mean 0, variance 1 */
double asim_random_exponential(struct asim_random *random); /* mean 1 */
/* A seed from the system, never 0. */
uint64_t asim_random_entropy(void);

#endif
