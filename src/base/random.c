/* xoshiro256** and splitmix64, from the published recurrences. */
#include "base/random.h"

#include <math.h>
#include <sys/random.h>
#include <time.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void asim_random_seed(struct asim_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        random->state[i] = splitmix64(&seed);
    random->has_spare = 0;
    random->spare_gaussian = 0;
}

uint64_t asim_random_derive(uint64_t seed, uint64_t index)
{
    uint64_t state = seed;
    state = splitmix64(&state) ^ (index * 0xd1342543de82ef95u);
    return splitmix64(&state);
}

static uint64_t rotate_left(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

uint64_t asim_random_u64(struct asim_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double asim_random_uniform(struct asim_random *random)
{
    return (double)(asim_random_u64(random) >> 11) * 0x1p-53;
}

double asim_random_gaussian(struct asim_random *random)
{
    if (random->has_spare) {
        random->has_spare = 0;
        return random->spare_gaussian;
    }
    double u, v, s; /* Marsaglia's polar method */
    do {
        u = 2 * asim_random_uniform(random) - 1;
        v = 2 * asim_random_uniform(random) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    double scale = sqrt(-2 * log(s) / s);
    random->spare_gaussian = v * scale;
    random->has_spare = 1;
    return u * scale;
}

double asim_random_exponential(struct asim_random *random)
{
    return -log1p(-asim_random_uniform(random));
}

uint64_t asim_random_entropy(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec;
    }
    return seed ? seed : 1;
}
