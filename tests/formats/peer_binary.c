/*
 * The program behind peer_binary.py: hands what the TRR and DCD readers read, and what
 * the TRR writer and the tests' DCD builder write, to other implementations.
 *
 *   peer_binary dump FILE OUT      every frame as float32 x, float32 box, float64 time,
 *                                  int64 step
 *   peer_binary trr FILE OUT KIND  every frame written again as TRR: x, xv, xvf of
 *                                  floats, X, XV, XVF of doubles; v = 2 x, f = 3 x
 *   peer_binary dcd OUT KIND       a DCD file of random atoms; letters of KIND: s other
 *                                  byte order, w wide markers, x X-PLOR, f fixed
 *                                  atoms, 4 fourth dimension, c cosines, d degrees,
 *                                  m shape matrix, 0 no frame count
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <autosim/trajectory.h>

#include "base/file.h"
#include "dcd_builder.h"
#include "formats/trr.h"

static int complain(const struct asim_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static int dump_frame(FILE *out, const struct asim_frame *frame)
{
    fwrite(frame->x_nm, sizeof *frame->x_nm, frame->atom_count, out);
    fwrite(frame->box_nm, sizeof frame->box_nm, 1, out);
    fwrite(&frame->time_ps, sizeof frame->time_ps, 1, out);
    fwrite(&frame->step, sizeof frame->step, 1, out);
    return ferror(out);
}

static int append(struct asim_trr_bytes *bytes, const struct asim_frame *frame,
                  const char *kind, struct asim_error *err)
{
    float(*more)[3] = malloc((2 * frame->atom_count + 1) * sizeof *more);
    float(*f)[3] = more + frame->atom_count;
    for (size_t i = 0; i < frame->atom_count; i++)
        for (int d = 0; d < 3; d++) {
            more[i][d] = 2 * frame->x_nm[i][d];
            f[i][d] = 3 * frame->x_nm[i][d];
        }
    struct asim_trr_extra extra = {
        .v_nm_ps = strpbrk(kind, "vV") ? (const float(*)[3])more : NULL,
        .f_kj_mol_nm = strpbrk(kind, "fF") ? (const float(*)[3])f : NULL,
        .of_doubles = kind[0] == 'X'};
    int rc = asim_trr_append(bytes, frame, &extra, err);
    free(more);
    return rc;
}

static int convert(const char *in, const char *out, const char *kind)
{
    struct asim_error err = {0};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    struct asim_trr_bytes bytes = {0};
    if (asim_trajectory_open(in, &traj, &err) < 0)
        return complain(&err);
    FILE *file = kind ? NULL : fopen(out, "wb");
    int rc, failed = 0;
    while ((rc = asim_trajectory_next(traj, &frame, &err)) == 1 && !failed)
        failed =
            kind ? append(&bytes, &frame, kind, &err) < 0 : dump_frame(file, &frame);
    if (kind && !failed)
        failed = asim_file_replace(out, bytes.data, bytes.size, &err) < 0;
    if (file)
        failed |= fclose(file) != 0;
    size_t damage_count;
    asim_trajectory_damage(traj, &damage_count);
    asim_trajectory_close(traj);
    asim_frame_finish(&frame);
    asim_trr_bytes_finish(&bytes);
    return rc < 0 || failed ? complain(&err) : damage_count > 0;
}

static int build(const char *out, const char *kind)
{
    static const double degrees[6] = {62, 80, 71, 75, 100, 54};
    static const double cosines[6] = {62, 0.25, 71, -0.125, 0.5, 54};
    static const double shape[6] = {39, -5, 48, 5.5, 10, 58};
    struct asim_error err = {0};
    struct dcd_flavour f = dcd_flavour_plain();
    const double *cell = NULL;
    if (strchr(kind, 'd'))
        cell = degrees;
    if (strchr(kind, 'c'))
        cell = cosines;
    if (strchr(kind, 'm'))
        cell = shape;
    f.other_endian = strchr(kind, 's') != NULL;
    f.wide_markers = strchr(kind, 'w') != NULL;
    f.charmm_version = strchr(kind, 'x') ? 0 : strchr(kind, 'm') ? 35 : 24;
    f.fixed_count = strchr(kind, 'f') ? 4 : 0;
    f.fourth = strchr(kind, '4') != NULL;
    f.header_frame_count = strchr(kind, '0') ? 0 : f.frame_count;
    f.cell = cell != NULL;
    if (cell)
        memcpy(f.cell_record, cell, sizeof f.cell_record);
    struct dcd_bytes bytes = dcd_build(&f, 5);
    int rc = asim_file_replace(out, bytes.data, bytes.size, &err);
    dcd_bytes_finish(&bytes);
    return rc < 0 ? complain(&err) : 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "dump") == 0)
        return convert(argv[2], argv[3], NULL);
    if (argc == 5 && strcmp(argv[1], "trr") == 0)
        return convert(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "dcd") == 0)
        return build(argv[2], argv[3]);
    fprintf(stderr, "peer_binary dump|trr|dcd ...\n");
    return 2;
}
