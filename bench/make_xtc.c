/*
 * A longer trajectory out of a short one: make_xtc IN OUT FRAMES ATOMS SEED [SPREAD].
 *
 * Frame f is frame f mod n of IN, its first ATOMS atoms (0: all), with ten slow
 * collective waves of falling amplitude and a little noise added, so that it compresses
 * and moves like a simulation. The same seed gives the same file. SPREAD, default 1,
 * scales the waves.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <autosim/trajectory.h>

#include "base/random.h"
#include "formats/xtc.h"

enum { WAVES = 10, MOST_INPUT = 64 };

static void move(struct asim_frame *frame, size_t atoms, size_t number, double spread,
                 struct asim_random *random)
{
    for (size_t a = 0; a < atoms; a++)
        for (size_t d = 0; d < 3; d++) {
            double shift = 0.003 * asim_random_gaussian(random);
            for (size_t w = 0; w < WAVES; w++)
                shift +=
                    spread * 0.12 / (1.0 + (double)w) *
                    sin(2e-3 * (double)((a % 3341) * (w + 1)) + (double)(3 * w + d)) *
                    sin(0.37 * (double)number / (1.0 + 0.7 * (double)w) + (double)w);
            frame->x_nm[a][d] += (float)shift;
        }
}

static int make(char **argv, double spread, struct asim_error *err)
{
    size_t frames = strtoull(argv[3], NULL, 10), atoms = strtoull(argv[4], NULL, 10);
    struct asim_frame input[MOST_INPUT] = {{0}}, frame = {0};
    struct asim_trajectory *traj = NULL;
    struct asim_xtc_bytes bytes = {0};
    struct asim_random random;
    size_t count = 0;
    int rc = -1;
    FILE *out = fopen(argv[2], "wb");
    asim_random_seed(&random, strtoull(argv[5], NULL, 10));
    if (!out || asim_trajectory_open(argv[1], &traj, err) < 0 ||
        asim_trajectory_read_block(traj, input, MOST_INPUT, 1, &count, err) < 0)
        goto out;
    if (atoms == 0 || atoms > input[0].atom_count)
        atoms = input[0].atom_count;
    for (size_t f = 0; f < frames; f++) {
        const struct asim_frame *from = &input[f % count];
        if (asim_frame_reserve(&frame, atoms, err) < 0)
            goto out;
        for (size_t a = 0; a < atoms; a++)
            for (size_t d = 0; d < 3; d++) {
                frame.x_nm[a][d] = from->x_nm[a][d];
                frame.box_nm[d][a % 3] = from->box_nm[d][a % 3];
            }
        move(&frame, atoms, f, spread, &random);
        frame.atom_count = atoms;
        frame.time_ps = (double)f;
        frame.step = (int64_t)f;
        frame.precision = from->precision;
        bytes.size = 0;
        if (asim_xtc_append(&bytes, &frame, ASIM_XTC_MAGIC_1995, err) < 0 ||
            fwrite(bytes.data, 1, bytes.size, out) != bytes.size)
            goto out;
    }
    rc = 0;
out:
    if (out && fclose(out) != 0)
        rc = -1;
    for (size_t i = 0; i < MOST_INPUT; i++)
        asim_frame_finish(&input[i]);
    asim_frame_finish(&frame);
    asim_xtc_bytes_finish(&bytes);
    asim_trajectory_close(traj);
    return rc;
}

int main(int argc, char **argv)
{
    struct asim_error err = {0};
    if (argc < 6) {
        fprintf(stderr, "make_xtc IN OUT FRAMES ATOMS SEED [SPREAD]\n");
        return 2;
    }
    if (make(argv, argc > 6 ? atof(argv[6]) : 1.0, &err) < 0) {
        fprintf(stderr, "%s\n", err.text[0] ? err.text : "cannot write");
        return 1;
    }
    return 0;
}
