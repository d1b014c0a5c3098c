/*
 * Can a GROMACS simulate a TPR? What is known before it is tried: better one sentence
 * now than as many failed windows later.
 */
#include "engine/readable.h"

#include "base/error.h"

enum { FIRST_WITHOUT_GROUP_CUTOFFS = 2020, FIRST_WITH_COLVARS = 2024 };

/* The TPR version that mdrun writes, which is the newest it reads, by release (the
 * version table of docs/formats.md). */
static const struct {
    int year, patch, file_version;
} releases[] = {
    {2016, 0, 110}, {2018, 0, 112}, {2019, 0, 116}, {2020, 0, 119},
    {2021, 0, 122}, {2022, 0, 127}, {2023, 0, 129}, {2024, 0, 133},
    {2024, 3, 134}, {2025, 0, 137}, {2026, 0, 138},
};

/* 0: not known. */
static int newest_file_version(const struct asim_gromacs *gromacs)
{
    int newest = 0;
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++)
        if (releases[i].year == gromacs->year && releases[i].patch <= gromacs->patch)
            newest = releases[i].file_version;
    return newest;
}

int asim_gromacs_check_parsed(const struct asim_gromacs *gromacs,
                              const struct asim_tpr *tpr, const char *path,
                              struct asim_error *err)
{
    int newest = newest_file_version(gromacs);
    if (newest > 0 && tpr->file_version > newest)
        return asim_fail(
            err, ASIM_EINPUT,
            "'%s' was made by GROMACS %s (TPR version %d), and '%s' (%s) reads "
            "none newer than version %d: name a GROMACS that is as new with "
            "--gmx, or make the TPR again with this one's grompp",
            path, tpr->gromacs_version, tpr->file_version, gromacs->path,
            gromacs->version, newest);
    if (tpr->group_cutoffs && gromacs->year >= FIRST_WITHOUT_GROUP_CUTOFFS)
        return asim_fail(
            err, ASIM_EINPUT,
            "'%s' was made with cutoff-scheme = group, which GROMACS %d and "
            "newer cannot simulate, and '%s' is %s: make the TPR again with "
            "cutoff-scheme = Verlet, or name an older GROMACS with --gmx",
            path, FIRST_WITHOUT_GROUP_CUTOFFS, gromacs->path, gromacs->version);
    return 0;
}

int asim_gromacs_check_tpr(const struct asim_gromacs *gromacs, const char *tpr_path,
                           struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    if (asim_tpr_read(tpr_path, &tpr, NULL, err) < 0)
        return -1;
    int rc = asim_gromacs_check_parsed(gromacs, &tpr, tpr_path, err);
    asim_tpr_finish(&tpr);
    return rc;
}

int asim_gromacs_check_bias(const struct asim_gromacs *gromacs,
                            enum asim_bias_engine bias, struct asim_error *err)
{
    if (bias != ASIM_BIAS_COLVARS || gromacs->year == 0 ||
        gromacs->year >= FIRST_WITH_COLVARS)
        return 0;
    return asim_fail(
        err, ASIM_EENV,
        "the windows were planned with the colvars bias, and '%s' (%s) has "
        "none: name the GROMACS that they were planned for with --gmx, of "
        "%d or newer",
        gromacs->path, gromacs->version, FIRST_WITH_COLVARS);
}
