/* A PCA of one component for tests: a random structure, a reference that is not quite
 * its mean, and a random vector of unit length; all centred. */
#ifndef TESTS_RANDOM_MODE_H
#define TESTS_RANDOM_MODE_H

#include <math.h>

#include <autosim/pca.h>

#include "base/random.h"

enum { RANDOM_MODE_MOST = 8 };

struct random_mode {
    struct asim_pca pca;
    uint32_t atoms[RANDOM_MODE_MOST];
    double vector[3 * RANDOM_MODE_MOST], mean[3 * RANDOM_MODE_MOST],
        reference[3 * RANDOM_MODE_MOST];
};

static void random_mode_centre(double *x, size_t count)
{
    for (size_t a = 0; a < 3; a++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += x[3 * i + a];
        for (size_t i = 0; i < count; i++)
            x[3 * i + a] -= sum / (double)count;
    }
}

/* Of `count` atoms that are spread by `spread_nm`; their numbers are the caller's to
 * give. `mode` stays where it is: its PCA points into it. */
static void random_mode_set_up(struct random_mode *mode, size_t count, double spread_nm,
                               double reference_nm, uint64_t seed)
{
    struct asim_random random;
    double norm = 0;
    *mode = (struct random_mode){0};
    asim_random_seed(&random, seed);
    for (size_t i = 0; i < 3 * count; i++) {
        mode->mean[i] = spread_nm * asim_random_gaussian(&random);
        mode->reference[i] =
            mode->mean[i] + reference_nm * asim_random_gaussian(&random);
        mode->vector[i] = asim_random_gaussian(&random);
    }
    random_mode_centre(mode->mean, count);
    random_mode_centre(mode->reference, count);
    random_mode_centre(mode->vector, count);
    for (size_t i = 0; i < 3 * count; i++)
        norm += mode->vector[i] * mode->vector[i];
    for (size_t i = 0; i < 3 * count; i++)
        mode->vector[i] /= sqrt(norm);
    mode->pca = (struct asim_pca){
        .atom_count = count,
        .align_count = count,
        .component_count = 1,
        .atom_indices = mode->atoms,
        .align_indices = mode->atoms,
        .eigenvectors = mode->vector,
        .mean_nm = mode->mean,
        .reference_nm = mode->reference,
        .pbc = ASIM_PBC_NONE,
        .align_same = true,
    };
}

#endif
