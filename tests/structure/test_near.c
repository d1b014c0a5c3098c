/*
 * The cell list against every pair at every image, in random boxes of any shape: cubes,
 * flat and triclinic ones, open directions, positions many boxes away, cutoffs from a
 * tenth of the box to more than all of it. Seeds are counted from the first argument.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "structure/near.h"

enum { MOST = 60 };

static double between(struct asim_random *random, double low, double high)
{
    return low + (high - low) * asim_random_uniform(random);
}

/* Shapes that GROMACS accepts, some with open directions. */
static void make_box(struct asim_random *random, float box[3][3])
{
    memset(box, 0, 9 * sizeof(float));
    for (int k = 0; k < 3; k++)
        box[k][k] = (float)between(random, 1.0, 4.0);
    if (asim_random_u64(random) % 2) {
        box[1][0] = (float)between(random, -0.5, 0.5) * box[0][0];
        box[2][0] = (float)between(random, -0.5, 0.5) * box[0][0];
        box[2][1] = (float)between(random, -0.5, 0.5) * box[1][1];
    }
    switch (asim_random_u64(random) % 6) {
    case 0:
        memset(box[2], 0, sizeof box[2]);
        break;
    case 1:
        memset(box, 0, 9 * sizeof(float));
        break;
    default:
        break;
    }
}

/* The squared distance to the nearest image, by trying all that can be it once the
 * difference is brought near to the origin. */
static double nearest(const float box[3][3], const float a[3], const float b[3])
{
    double d[3], best = INFINITY;
    for (int k = 0; k < 3; k++)
        d[k] = (double)a[k] - (double)b[k];
    for (int i = 2; i >= 0; i--) {
        double n = box[i][i] != 0.0f ? rint(d[i] / (double)box[i][i]) : 0.0;
        for (int k = 0; k < 3; k++)
            d[k] -= n * (double)box[i][k];
    }
    for (int x = -2; x <= 2; x++) {
        for (int y = -2; y <= 2; y++) {
            for (int z = -2; z <= 2; z++) {
                double sum = 0.0;
                for (int k = 0; k < 3; k++) {
                    double moved = d[k] + x * (double)box[0][k] +
                                   y * (double)box[1][k] + z * (double)box[2][k];
                    sum += moved * moved;
                }
                best = fmin(best, sum);
            }
        }
    }
    return best;
}

static int check(unsigned long seed)
{
    struct asim_random random;
    struct asim_error err = {0};
    float box[3][3], centres[MOST][3], points[MOST][3];
    uint8_t near[MOST] = {0};
    asim_random_seed(&random, seed);
    make_box(&random, box);
    size_t centre_count = 1 + asim_random_u64(&random) % (MOST - 1);
    double spread = asim_random_u64(&random) % 2 ? 4.0 : 40.0;
    double cutoff = between(&random, 0.0, asim_random_u64(&random) % 4 ? 1.5 : 8.0);
    for (size_t i = 0; i < MOST; i++) {
        for (int k = 0; k < 3; k++) {
            centres[i][k] = (float)between(&random, -spread, spread);
            points[i][k] = (float)between(&random, -spread, spread);
        }
    }
    if (asim_near(box, (const float(*)[3])centres, centre_count,
                  (const float(*)[3])points, MOST, cutoff, near, &err) < 0) {
        printf("seed %lu: %s\n", seed, err.text);
        return 1;
    }
    for (size_t i = 0; i < MOST; i++) {
        double best = INFINITY;
        for (size_t j = 0; j < centre_count; j++)
            best = fmin(best, sqrt(nearest(box, centres[j], points[i])));
        if (fabs(best - cutoff) > 1e-5 && near[i] != (best <= cutoff)) {
            printf("seed %lu point %zu: at %g, cutoff %g, found %d\n", seed, i, best,
                   cutoff, near[i]);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    int failures = 0;
    for (unsigned long seed = first; seed < first + 3000 && failures < 5; seed++)
        failures += check(seed);
    return failures ? 1 : 0;
}
