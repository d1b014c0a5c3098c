/* Frames from an array, and synthetic motion, for tests of the analysis. */
#ifndef TESTS_PCA_ARRAY_SOURCE_H
#define TESTS_PCA_ARRAY_SOURCE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "pca/core.h"

struct array_source {
    struct asim_layout layout;
    const float *x; /* [frames][atoms][3] */
    size_t frames, atoms, next;
    size_t align_first; /* fit atoms are align_first .. align_first+align_count-1 */
};

static inline int array_rewind(void *context, struct asim_error *err)
{
    (void)err;
    ((struct array_source *)context)->next = 0;
    return 0;
}

static inline int array_read(void *context, size_t count, int thread_count, float *rows,
                             float *align_rows, double *times_ps,
                             uint64_t *frame_indices, size_t *ret_count,
                             struct asim_error *err)
{
    (void)thread_count;
    (void)err;
    struct array_source *source = context;
    size_t done = 0;
    for (; done < count && source->next < source->frames; done++, source->next++) {
        const float *x = source->x + source->next * source->atoms * 3;
        float *row = rows + done * asim_row_width(&source->layout);
        for (size_t a = 0; a < source->layout.atom_count; a++)
            for (size_t d = 0; d < 3; d++)
                row[d * source->layout.padded + a] = x[3 * a + d];
        for (size_t a = 0; align_rows && a < source->layout.align_count; a++)
            for (size_t d = 0; d < 3; d++)
                align_rows[done * asim_align_width(&source->layout) +
                           d * source->layout.align_padded + a] =
                    x[3 * (source->align_first + a) + d];
        times_ps[done] = 2.0 * (double)source->next;
        frame_indices[done] = source->next;
    }
    *ret_count = done;
    return 0;
}

/* The first `analysed` of the atoms are analysed, fitted on themselves (align_count 0)
 * or on align_count atoms from align_first. */
static inline struct asim_frame_source array_source(struct array_source *source,
                                                    size_t analysed, size_t align_count)
{
    source->layout = asim_layout_make(analysed, align_count ? align_count : analysed,
                                      align_count == 0);
    source->next = 0;
    return (struct asim_frame_source){.context = source,
                                      .layout = &source->layout,
                                      .frame_bound = source->frames,
                                      .rewind = array_rewind,
                                      .read = array_read};
}

/* The analysis of all atoms; ends the test where it fails. */
static inline void array_compute(const float *x, size_t frames, size_t atoms,
                                 size_t align_count,
                                 const struct asim_pca_options *options,
                                 struct asim_pca *ret_pca)
{
    struct array_source source = {.x = x, .frames = frames, .atoms = atoms};
    struct asim_frame_source from = array_source(&source, atoms, align_count);
    struct asim_error err = {0};
    if (asim_pca_analyse(&from, options, NULL, ret_pca, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

/* A random coil that moves along a few collective directions of falling amplitude plus
 * noise, tumbling and drifting as a whole. [frames][atoms][3], nm; free() it. */
static inline float *synthetic_motion(size_t frames, size_t atoms, uint64_t seed)
{
    enum { MODES = 12 };
    struct asim_random random;
    asim_random_seed(&random, seed);
    float *x = malloc(frames * atoms * 3 * sizeof *x);
    double *base = malloc(atoms * 3 * sizeof *base);
    double *modes = malloc(MODES * atoms * 3 * sizeof *modes);
    double *now = malloc(atoms * 3 * sizeof *now);
    if (!x || !base || !modes || !now)
        abort();
    double at[3] = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < 3 * atoms; i++) {
        at[i % 3] += 0.25 * asim_random_gaussian(&random) - 0.05 * at[i % 3];
        base[i] = at[i % 3];
    }
    for (size_t i = 0; i < MODES * 3 * atoms; i++)
        modes[i] = asim_random_gaussian(&random);
    for (size_t f = 0; f < frames; f++) {
        for (size_t i = 0; i < 3 * atoms; i++)
            now[i] = base[i] + 0.01 * asim_random_gaussian(&random);
        for (size_t m = 0; m < MODES; m++) {
            double amplitude =
                0.06 / (1.0 + 0.35 * (double)m) * asim_random_gaussian(&random);
            for (size_t i = 0; i < 3 * atoms; i++)
                now[i] += amplitude * modes[m * 3 * atoms + i];
        }
        double q[4], norm = 0.0, shift[3];
        for (int i = 0; i < 4; i++) {
            q[i] = asim_random_gaussian(&random);
            norm += q[i] * q[i];
        }
        for (int d = 0; d < 3; d++)
            shift[d] = 5.0 + asim_random_gaussian(&random);
        double w = q[0], a = q[1], b = q[2], c = q[3];
        double r[3][3] = {
            {w * w + a * a - b * b - c * c, 2 * (a * b - w * c), 2 * (a * c + w * b)},
            {2 * (a * b + w * c), w * w - a * a + b * b - c * c, 2 * (b * c - w * a)},
            {2 * (a * c - w * b), 2 * (b * c + w * a), w * w - a * a - b * b + c * c}};
        for (size_t p = 0; p < atoms; p++)
            for (int d = 0; d < 3; d++)
                x[(f * atoms + p) * 3 + d] =
                    (float)((r[d][0] * now[3 * p] + r[d][1] * now[3 * p + 1] +
                             r[d][2] * now[3 * p + 2]) /
                                norm +
                            shift[d]);
    }
    free(base);
    free(modes);
    free(now);
    return x;
}

#endif
