/*
 * The program behind peer_trajectory.py: hands what the readers read, and what the
 * writer writes, to other implementations.
 *
 *   peer_xtc dump FILE OUT        every frame as float32 x, float32 box, float32 time,
 *                                 int32 step, float32 precision
 *   peer_xtc blocks FILE OUT N    the same, read in blocks on N threads
 *   peer_xtc encode FILE OUT M    every frame written again as XTC of magic M
 *   peer_xtc random SEED OUT M    random frames of many shapes, one shape a file
 *   peer_xtc names FILE OUT       resid, residue name, atom name of every atom of a GRO
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <autosim/trajectory.h>

#include "base/file.h"
#include "base/random.h"
#include "formats/gro.h"
#include "formats/xtc.h"

static int complain(const struct asim_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static int dump_frame(FILE *out, const struct asim_frame *frame)
{
    float time_ps = (float)frame->time_ps;
    int32_t step = (int32_t)frame->step;
    fwrite(frame->x_nm, sizeof *frame->x_nm, frame->atom_count, out);
    fwrite(frame->box_nm, sizeof frame->box_nm, 1, out);
    fwrite(&time_ps, sizeof time_ps, 1, out);
    fwrite(&step, sizeof step, 1, out);
    fwrite(&frame->precision, sizeof frame->precision, 1, out);
    return ferror(out);
}

static int convert(const char *in, const char *out, int magic)
{
    struct asim_error err = {0};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    struct asim_xtc_bytes bytes = {0};
    if (asim_trajectory_open(in, &traj, &err) < 0)
        return complain(&err);
    FILE *file = magic ? NULL : fopen(out, "wb");
    int rc, failed = 0;
    while ((rc = asim_trajectory_next(traj, &frame, &err)) == 1 && !failed)
        failed = magic ? asim_xtc_append(&bytes, &frame, (enum asim_xtc_magic)magic,
                                         &err) < 0
                       : dump_frame(file, &frame);
    if (magic && !failed)
        failed = asim_file_replace(out, bytes.data, bytes.size, &err) < 0;
    if (file)
        failed |= fclose(file) != 0;
    size_t damage_count;
    asim_trajectory_damage(traj, &damage_count);
    asim_trajectory_close(traj);
    asim_frame_finish(&frame);
    asim_xtc_bytes_finish(&bytes);
    return rc < 0 || failed ? complain(&err) : damage_count > 0;
}

static int dump_blocks(const char *in, const char *out, int thread_count)
{
    enum { BLOCK = 4 };
    struct asim_error err = {0};
    struct asim_trajectory *traj;
    struct asim_frame frames[BLOCK] = {{0}};
    if (asim_trajectory_open(in, &traj, &err) < 0)
        return complain(&err);
    FILE *file = fopen(out, "wb");
    size_t got = 0;
    int rc, failed = !file;
    do {
        rc = asim_trajectory_read_block(traj, frames, BLOCK, thread_count, &got, &err);
        for (size_t k = 0; rc == 0 && !failed && k < got; k++)
            failed = dump_frame(file, &frames[k]);
    } while (rc == 0 && !failed && got == BLOCK);
    if (file)
        failed |= fclose(file) != 0;
    for (size_t k = 0; k < BLOCK; k++)
        asim_frame_finish(&frames[k]);
    asim_trajectory_close(traj);
    return rc < 0 || failed ? complain(&err) : 0;
}

static int random_file(uint64_t seed, const char *out, int magic)
{
    static const double widths_nm[] = {0.02, 0.5, 5, 50, 2000, 30000};
    static const float precisions[] = {100, 1000, 10000, 12345, 1e6f};
    struct asim_error err = {0};
    struct asim_random random;
    struct asim_frame frame = {0};
    struct asim_xtc_bytes bytes = {0};
    asim_random_seed(&random, seed);
    size_t atom_count = 10 + asim_random_u64(&random) % 300;
    double width = widths_nm[asim_random_u64(&random) % 6];
    frame.precision = precisions[asim_random_u64(&random) % 5];
    if (width * (double)frame.precision > 1e9)
        frame.precision = 1000;
    if (asim_frame_reserve(&frame, atom_count, &err) < 0)
        return complain(&err);
    frame.atom_count = atom_count;
    for (int f = 0; f < 3; f++) {
        frame.time_ps = f;
        frame.step = f - 1;
        for (int d = 0; d < 3; d++)
            for (int e = 0; e <= d; e++)
                frame.box_nm[d][e] = (float)asim_random_uniform(&random) * 9;
        double chance = asim_random_uniform(&random), bond = 0.1;
        for (size_t i = 0; i < atom_count; i++)
            for (int d = 0; d < 3; d++) {
                if (d == 0)
                    bond = asim_random_uniform(&random) < chance ? 0.1 : width;
                double centre = i > 0 && bond < width ? frame.x_nm[i - 1][d] : 0;
                frame.x_nm[i][d] =
                    (float)(centre + bond * (2 * asim_random_uniform(&random) - 1));
            }
        if (asim_xtc_append(&bytes, &frame, (enum asim_xtc_magic)magic, &err) < 0)
            return complain(&err);
    }
    char *raw = malloc(strlen(out) + 5);
    sprintf(raw, "%s.raw", out);
    /* The last frame as it was before rounding, for a peer's writer. */
    FILE *file = fopen(raw, "wb");
    int failed = dump_frame(file, &frame);
    failed |= fclose(file) != 0;
    failed |= asim_file_replace(out, bytes.data, bytes.size, &err) < 0;
    free(raw);
    asim_frame_finish(&frame);
    asim_xtc_bytes_finish(&bytes);
    return failed;
}

static int names(const char *in, const char *out)
{
    struct asim_error err = {0};
    struct asim_topology top;
    if (asim_gro_read_topology(in, &top, &err) < 0)
        return complain(&err);
    FILE *file = fopen(out, "wb");
    for (size_t i = 0; i < top.atom_count; i++)
        fprintf(file, "%d %s %s\n", top.residues[top.residue[i]].resid,
                asim_topology_residue_name(&top, i), asim_topology_atom_name(&top, i));
    asim_topology_finish(&top);
    return fclose(file) != 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "dump") == 0)
        return convert(argv[2], argv[3], 0);
    if (argc == 4 && strcmp(argv[1], "names") == 0)
        return names(argv[2], argv[3]);
    if (argc == 5 && strcmp(argv[1], "blocks") == 0)
        return dump_blocks(argv[2], argv[3], atoi(argv[4]));
    if (argc == 5 && strcmp(argv[1], "encode") == 0)
        return convert(argv[2], argv[3], atoi(argv[4]));
    if (argc == 5 && strcmp(argv[1], "random") == 0)
        return random_file(strtoull(argv[2], NULL, 10), argv[3], atoi(argv[4]));
    fprintf(stderr, "peer_xtc dump|blocks|encode|random|names ...\n");
    return 2;
}
