/*
 * Copies of a TPR that start from another structure.
 *
 * Only fields at known offsets change; everything else stays as grompp wrote it. The
 * copy is parsed again and compared with what was asked, because mdrun trusts a TPR
 * without looking: a wrong byte shows up there as a crash or a silently wrong run.
 */
#include "formats/tpr.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/units.h"
#include "formats/tpr_layout.h"

static void store_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void store_u64(uint8_t *bytes, uint64_t value)
{
    store_u32(bytes, (uint32_t)(value >> 32));
    store_u32(bytes + 4, (uint32_t)value);
}

static void store_real(uint8_t *bytes, double value, bool double_precision)
{
    if (double_precision) {
        uint64_t bits;
        memcpy(&bits, &value, 8);
        store_u64(bytes, bits);
    } else {
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, 4);
        store_u32(bytes, bits);
    }
}

static void store_vectors(uint8_t *bytes, const float (*vectors)[3], size_t count,
                          bool double_precision)
{
    size_t real = double_precision ? 8 : 4;
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < 3; d++, bytes += real)
            store_real(bytes, (double)vectors[i][d], double_precision);
}

static int check_request(const struct asim_tpr *tpr, const struct asim_tpr_patch *patch,
                         struct asim_error *err)
{
    for (size_t i = 0; i < tpr->atom_count; i++)
        for (int d = 0; d < 3; d++)
            if (!isfinite(patch->x_nm[i][d]))
                return asim_fail(err, ASIM_EINPUT,
                                 "coordinate %c of atom %zu is not finite; the window "
                                 "cannot start from this frame",
                                 'x' + d, i + 1);
    for (int i = 0; patch->box_nm && i < 9; i++)
        if (!isfinite(patch->box_nm[i / 3][i % 3]))
            return asim_fail(err, ASIM_EINPUT, "the box of the frame is not finite");
    if (patch->nsteps < -1 || (tpr->file_version < 62 && patch->nsteps > INT32_MAX))
        return asim_fail(err, ASIM_EUSAGE,
                         "%" PRId64 " steps cannot be stored in a TPR of version %d",
                         patch->nsteps, tpr->file_version);
    if (!(patch->temperature_kelvin >= 0) || !isfinite(patch->temperature_kelvin))
        return asim_fail(err, ASIM_EUSAGE,
                         "a temperature of %g K is not possible; expected 0 or more",
                         patch->temperature_kelvin);
    if (!(patch->dt_ps >= 0) || !isfinite(patch->dt_ps))
        return asim_fail(err, ASIM_EUSAGE,
                         "a time step of %g ps is not possible; expected more than 0, "
                         "or 0 for the original's",
                         patch->dt_ps);
    return 0;
}

/*
 * Maxwell-Boltzmann: each component is Gaussian with variance kT/m, in (nm/ps)^2 as
 * kJ/mol is amu nm^2/ps^2. Massless particles (virtual sites) stay at rest, as mdrun
 * places them. The motion of the centre of mass is taken out.
 */
static float (*draw_velocities(const struct asim_topology *top, uint64_t seed,
                               double kelvin, struct asim_error *err))[3]
{
    size_t n = top->atom_count;
    float(*v)[3] = asim_alloc_array(n, sizeof *v, err);
    if (!v)
        return NULL;
    struct asim_random random;
    asim_random_seed(&random, seed);
    double momentum[3] = {0}, total_mass = 0;
    for (size_t i = 0; i < n; i++) {
        double mass = (double)top->mass_amu[i];
        if (!(mass > 0) || !isfinite(mass))
            continue;
        double scale = sqrt(ASIM_KB_KJ_MOL_K * kelvin / mass);
        for (int d = 0; d < 3; d++) {
            v[i][d] = (float)(scale * asim_random_gaussian(&random));
            momentum[d] += mass * (double)v[i][d];
        }
        total_mass += mass;
    }
    for (size_t i = 0; i < n; i++) {
        if (!(top->mass_amu[i] > 0) || !isfinite(top->mass_amu[i]))
            continue;
        for (int d = 0; d < 3; d++)
            v[i][d] = (float)((double)v[i][d] - momentum[d] / total_mass);
    }
    return v;
}

/* Writes what was asked into the copy; `shift` bytes were inserted before offset.v's
 * followers. */
static void apply(uint8_t *copy, const struct asim_tpr *tpr,
                  const struct asim_tpr_patch *patch, const float (*v)[3], size_t shift)
{
    bool wide = tpr->real_bytes == 8;
    bool packed = tpr->offset.body_size_field != 0;
    if (patch->box_nm)
        store_vectors(copy + tpr->offset.box, patch->box_nm, 3, wide);
    store_vectors(copy + tpr->offset.x, patch->x_nm, tpr->atom_count, wide);
    store_vectors(copy + tpr->offset.v, v, tpr->atom_count, wide);
    store_u32(copy + tpr->offset.v_flag, 1);
    if (packed)
        store_u64(copy + tpr->offset.body_size_field, tpr->offset.body_size + shift);
    uint8_t *nsteps = copy + tpr->offset.nsteps + shift;
    if (tpr->file_version >= 62)
        store_u64(nsteps, (uint64_t)patch->nsteps);
    else
        store_u32(nsteps, (uint32_t)(int32_t)patch->nsteps);
    if (patch->dt_ps > 0) /* double since version 59 */
        store_real(copy + tpr->offset.dt + shift, patch->dt_ps,
                   tpr->file_version >= 59 || wide);
    uint8_t *seed = copy + tpr->offset.ld_seed + shift;
    if (tpr->file_version >= 97)
        store_u64(seed, (uint64_t)(int64_t)patch->ld_seed);
    else
        store_u32(seed, (uint32_t)patch->ld_seed);
    if (packed)
        copy[tpr->offset.continuation + shift] = 0;
    else
        store_u32(copy + tpr->offset.continuation + shift, 0);
}

static int verify(const void *copy, size_t copy_size, const struct asim_tpr *tpr,
                  const struct asim_tpr_patch *patch, const float (*v)[3],
                  struct asim_error *err)
{
    struct asim_tpr again = {0};
    size_t n = tpr->atom_count;
    if (asim_tpr_parse(copy, copy_size, &again, NULL, err) < 0)
        return asim_wrap(err, "the patched TPR cannot be read back");
    double dt_ps = patch->dt_ps > 0 ? patch->dt_ps : tpr->dt_ps;
    const void *box = patch->box_nm ? (const void *)patch->box_nm : tpr->box_nm;
    bool same = again.atom_count == n && again.nsteps == patch->nsteps &&
                again.ld_seed == patch->ld_seed &&
                fabs(again.dt_ps - dt_ps) <= 1e-7 * dt_ps &&
                again.ref_t_kelvin == tpr->ref_t_kelvin && again.v_nm_ps &&
                !asim_tpr_continuation(copy, &again) &&
                memcmp(again.box_nm, box, sizeof again.box_nm) == 0 &&
                memcmp(again.x_nm, patch->x_nm, n * sizeof again.x_nm[0]) == 0 &&
                memcmp(again.v_nm_ps, v, n * sizeof again.v_nm_ps[0]) == 0;
    asim_tpr_finish(&again);
    if (!same)
        return asim_fail(err, ASIM_EFAIL,
                         "the patched TPR reads back different from what was written");
    return 0;
}

int asim_tpr_patch(const void *data, size_t size, const struct asim_tpr_patch *patch,
                   void **ret_data, size_t *ret_size, struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    struct asim_topology top = {0};
    float(*v)[3] = NULL;
    uint8_t *copy = NULL;
    int rc = -1;
    if (asim_tpr_parse(data, size, &tpr, &top, err) < 0 ||
        check_request(&tpr, patch, err) < 0)
        goto out;
    if (patch->box_nm && tpr.offset.box == 0) {
        asim_fail(err, ASIM_EINPUT, "the TPR has no box that could be replaced");
        goto out;
    }
    v = draw_velocities(&top, patch->velocity_seed, patch->temperature_kelvin, err);
    if (!v)
        goto out;

    size_t shift = tpr.v_nm_ps ? 0 : tpr.atom_count * 3 * (size_t)tpr.real_bytes;
    size_t body_end = (size_t)(tpr.offset.body + tpr.offset.body_size);
    size_t copy_size = body_end + shift;
    if (tpr.offset.body_size_field != 0)
        copy_size = (size_t)tpr.offset.body +
                    (size_t)(tpr.offset.body_size + shift + 3) / 4 * 4;
    copy = asim_alloc_array(copy_size, 1, err); /* zeroed: so is the padding */
    if (!copy)
        goto out;
    size_t before = (size_t)tpr.offset.v;
    memcpy(copy, data, before);
    memcpy(copy + before + shift, (const uint8_t *)data + before, body_end - before);
    apply(copy, &tpr, patch, v, shift);
    if (verify(copy, copy_size, &tpr, patch, v, err) < 0)
        goto out;
    *ret_data = copy;
    *ret_size = copy_size;
    copy = NULL;
    rc = 0;
out:
    free(copy);
    free(v);
    asim_topology_finish(&top);
    asim_tpr_finish(&tpr);
    return rc;
}
