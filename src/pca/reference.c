/*
 * Masses for weights, and a structure file as the reference of the fit.
 * Invariant: atoms of a file are never taken for others on the word of their number
 * where the file has names.
 */
#include "pca/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/whole.h"

const char *asim_reference_name(enum asim_reference reference)
{
    static const char *const names[] = {"mean", "first", "file"};
    size_t i = (size_t)reference;
    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

int asim_masses_of(const struct asim_topology *top, const struct asim_atom_list *atoms,
                   double **ret_masses, struct asim_error *err)
{
    if (!top->mass_amu)
        return asim_fail(err, ASIM_EINPUT,
                         "the topology has no masses, so that nothing can be weighted "
                         "by them; give the .tpr or .psf of the simulation");
    double *masses = asim_alloc_array(atoms->count, sizeof *masses, err);
    if (!masses)
        return -1;
    for (size_t i = 0; i < atoms->count; i++) {
        masses[i] = (double)top->mass_amu[atoms->index[i]];
        if (masses[i] > 0.0 && isfinite(masses[i]))
            continue;
        asim_fail(err, ASIM_EINPUT,
                  "atom %u (numbered from 0, %s) has the mass %g, which is no weight; "
                  "leave it out of the selection",
                  atoms->index[i], asim_topology_atom_name(top, atoms->index[i]),
                  masses[i]);
        free(masses);
        return -1;
    }
    *ret_masses = masses;
    return 0;
}

/* Where in the file atom `i` of the list is. */
static size_t place_of(const struct asim_atom_list *atoms, size_t i, bool whole_system)
{
    return whole_system ? atoms->index[i] : i;
}

/* A file without names, such as a trajectory, passes. */
static int check_names(const char *path, const struct asim_topology *top,
                       const struct asim_atom_list *atoms, bool whole_system,
                       struct asim_error *err)
{
    struct asim_topology named = {0};
    const char *format = NULL;
    int rc = 0;
    if (asim_topology_recognise(path, &format, err) < 0)
        return -1;
    if (!format)
        return 0;
    if (asim_topology_read(path, &named, err) < 0)
        return -1;
    for (size_t i = 0; i < atoms->count && rc == 0; i++) {
        size_t at = place_of(atoms, i, whole_system);
        const char *wanted = asim_topology_atom_name(top, atoms->index[i]);
        const char *found =
            at < named.atom_count ? asim_topology_atom_name(&named, at) : "nothing";
        if (*wanted && strcmp(wanted, found) != 0)
            rc = asim_fail(err, ASIM_EINPUT,
                           "the reference '%s' has %s as its atom %zu where the fit "
                           "has %s (atom %u of the topology, both numbered from 0): "
                           "the reference must hold the same atoms in the same order",
                           path, found, at, wanted, atoms->index[i]);
    }
    asim_topology_finish(&named);
    return rc;
}

static int make_whole(const char *path, const struct asim_topology *top,
                      enum asim_pbc_mode pbc, const struct asim_atom_list *atoms,
                      struct asim_frame *frame, struct asim_error *err)
{
    char why[300];
    if (pbc == ASIM_PBC_NONE)
        return 0;
    if (!top->has_bonds)
        return asim_looks_broken(top, atoms->index, atoms->count, frame, why,
                                 sizeof why)
                   ? asim_fail(err, ASIM_EINPUT,
                               "the reference '%s': %s, and without bonds molecules "
                               "cannot be made whole; give a reference that is whole",
                               path, why)
                   : 0;
    struct asim_whole *whole = NULL;
    int rc =
        asim_whole_create(top, ASIM_PBC_WHOLE, atoms->index, atoms->count, &whole, err);
    if (rc == 0)
        rc = asim_whole_apply(whole, frame, err);
    asim_whole_destroy(whole);
    return rc < 0 ? asim_wrap(err, "the reference '%s'", path) : 0;
}

static int take_atoms(const char *path, const struct asim_frame *frame,
                      const struct asim_atom_list *atoms, bool whole_system,
                      double **ret_reference_nm, struct asim_error *err)
{
    double *reference = asim_alloc_array(atoms->count, 3 * sizeof *reference, err);
    if (!reference)
        return -1;
    for (size_t i = 0; i < atoms->count; i++) {
        size_t at = place_of(atoms, i, whole_system);
        for (size_t d = 0; d < 3; d++) {
            reference[3 * i + d] = (double)frame->x_nm[at][d];
            if (isfinite(frame->x_nm[at][d]))
                continue;
            free(reference);
            return asim_fail(err, ASIM_EINPUT,
                             "the reference '%s': atom %zu (numbered from 0) has a "
                             "coordinate that is not a finite number",
                             path, at);
        }
    }
    *ret_reference_nm = reference;
    return 0;
}

int asim_reference_read(const char *path, const struct asim_topology *top,
                        enum asim_pbc_mode pbc, const struct asim_atom_list *atoms,
                        double **ret_reference_nm, struct asim_error *err)
{
    struct asim_trajectory *traj = NULL;
    struct asim_frame frame = {0};
    int rc = -1;
    if (!path)
        return asim_fail(err, ASIM_EUSAGE,
                         "a reference file was asked for, but none "
                         "was named");
    if (asim_trajectory_open(path, &traj, err) < 0) {
        asim_wrap(err, "reference of the fit");
        goto out;
    }
    size_t count = asim_trajectory_atom_count(traj);
    bool whole_system = count == top->atom_count;
    if (!whole_system && count != atoms->count) {
        asim_fail(err, ASIM_EINPUT,
                  "the reference '%s' has %zu atoms; the %zu of the system or the %zu "
                  "of the fit were expected",
                  path, count, top->atom_count, atoms->count);
        goto out;
    }
    int got = asim_trajectory_next(traj, &frame, err);
    if (got == 0)
        asim_fail(err, ASIM_EINPUT, "the reference '%s' holds no structure", path);
    if (got <= 0 || check_names(path, top, atoms, whole_system, err) < 0 ||
        (whole_system && make_whole(path, top, pbc, atoms, &frame, err) < 0))
        goto out;
    rc = take_atoms(path, &frame, atoms, whole_system, ret_reference_nm, err);
out:
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
    return rc;
}

static void place_atoms(const uint32_t *indices, size_t count,
                        const double *structure_nm, size_t limit, float (*x_nm)[3])
{
    for (size_t a = 0; a < count; a++)
        for (size_t d = 0; indices[a] < limit && d < 3; d++)
            x_nm[indices[a]][d] = (float)structure_nm[3 * a + d];
}

int asim_pca_arrange(const struct asim_pca *pca, struct asim_whole *whole,
                     struct asim_error *err)
{
    const size_t limit = asim_whole_atom_limit(whole);
    float(*x_nm)[3] = asim_alloc_array(limit, sizeof *x_nm, err);
    if (!x_nm)
        return -1;
    place_atoms(pca->align_indices, pca->align_count, pca->reference_nm, limit, x_nm);
    place_atoms(pca->atom_indices, pca->atom_count, pca->mean_nm, limit, x_nm);
    asim_whole_arrange_like(whole, x_nm);
    free(x_nm);
    return 0;
}
