/*
 * Trajectories: any bytes, read to the end by every decoder that the machine has, then
 * again with a limit after a seek, then a few atoms alone. All must find the same
 * frames and the same damage.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/simd.h"
#include "formats/trajectory_format.h"
#include "target.h"

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3;
    return hash;
}

static uint64_t read_frames(struct asim_trajectory *traj, size_t *ret_frames)
{
    struct asim_frame frame = {0};
    struct asim_error err = {0};
    uint64_t hash = 0;
    int rc;
    while ((rc = asim_trajectory_next(traj, &frame, &err)) == 1) {
        ++*ret_frames;
        hash = mix(hash, frame.x_nm, frame.atom_count * sizeof *frame.x_nm);
        hash = mix(hash, &frame.frame_index, sizeof frame.frame_index);
    }
    if (rc < 0)
        abort(); /* damage is never an error of reading */
    asim_frame_finish(&frame);
    return hash;
}

/* A few atoms of every frame. */
static uint64_t read_selected(struct asim_trajectory *traj)
{
    struct asim_frame frame = {0};
    struct asim_error err = {0};
    uint64_t hash = 0;
    uint32_t atoms[3];
    const size_t atom_count = asim_trajectory_atom_count(traj);
    for (size_t i = 0; i < 3; i++)
        atoms[i] = (uint32_t)((2 * i + 1) * atom_count / 8);
    if (asim_trajectory_select_atoms(traj, atoms, 3, &err) < 0 ||
        asim_trajectory_seek(traj, 0, &err) < 0)
        abort();
    while (asim_trajectory_next(traj, &frame, &err) == 1)
        for (size_t i = 0; i < 3; i++)
            hash = mix(hash, frame.x_nm[atoms[i]], sizeof *frame.x_nm);
    asim_frame_finish(&frame);
    return hash;
}

/* A hash of all that was found; 0 where the bytes are no trajectory. */
static uint64_t read_by(enum asim_simd simd, const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_trajectory *traj;
    size_t frames = 0, counted, damages;
    setenv("AUTOSIM_SIMD", asim_simd_name(simd), 1);
    if (asim_trajectory_open_memory(data, size, "fuzz", &traj, &err) < 0)
        return 0;
    uint64_t hash = read_frames(traj, &frames);
    if (asim_trajectory_frame_count(traj, &counted, &err) < 0 || frames > counted)
        abort();
    const struct asim_damage *damage = asim_trajectory_damage(traj, &damages);
    if (frames < counted && damages == 0)
        abort(); /* a frame lost in silence */
    for (size_t i = 0; i < damages; i++)
        hash = mix(hash, damage[i].what, strlen(damage[i].what));
    asim_trajectory_limit_atoms(traj, asim_trajectory_atom_count(traj) / 2 + 1);
    if (counted > 0 && asim_trajectory_seek(traj, counted / 2, &err) < 0)
        abort();
    hash ^= read_frames(traj, &frames);
    if (counted > 0)
        hash ^= read_selected(traj);
    asim_trajectory_close(traj);
    return hash | 1;
}

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    if (!asim_xtc_format.recognise(data, size))
        return; /* another target's */
    uint64_t scalar = read_by(ASIM_SIMD_SCALAR, data, size);
    for (enum asim_simd simd = ASIM_SIMD_AVX2; simd <= ASIM_SIMD_AVX512; simd++)
        if (asim_simd_available(simd) && read_by(simd, data, size) != scalar)
            abort();
}
