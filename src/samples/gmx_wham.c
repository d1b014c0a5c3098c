/*
 * The lists of gmx wham: TPRs, and what mdrun wrote of their pull coordinates.
 *
 * Files read off GROMACS 2018 to 2022: pullx has the legends "1", "2", ... for the
 * coordinates, with more ("1 ref", "1 dX", ...) where components are printed; pullf has
 * "1", "2", ...; with one coordinate and nothing else there may be no legend at all.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "formats/tpr.h"
#include "samples/external.h"

/* The windows of one TPR. */
struct part {
    struct asim_external_window *windows;
    size_t count, dihedral_count;
};

static const double DEGREE = M_PI / 180, TURN = 360;

struct lists {
    const char *tpr_path, *pull_path, *along;
    struct asim_list tprs, pulls;
    struct part *parts; /* [tprs.line_count] */
};

static size_t find_column(const struct asim_xvg *xvg, size_t coordinate,
                          size_t coordinate_count)
{
    char legend[24];
    snprintf(legend, sizeof legend, "%zu", coordinate + 1);
    bool any = false;
    for (size_t column = 1; column < xvg->column_count; column++) {
        any = any || xvg->legends[column];
        if (xvg->legends[column] && strcmp(xvg->legends[column], legend) == 0)
            return column;
    }
    bool plain = !any && xvg->column_count == coordinate_count + 1;
    return plain ? coordinate + 1 : 0;
}

static int check_coordinate(const struct asim_tpr_pull_coordinate *coordinate,
                            size_t index, struct asim_error *err)
{
    if (coordinate->geometry >= ASIM_PULL_ANGLE &&
        coordinate->geometry != ASIM_PULL_DIHEDRAL)
        return asim_fail(err, ASIM_EINPUT,
                         "pull coordinate %zu is an angle or a transformation; a "
                         "distance, a direction or a dihedral was expected",
                         index + 1);
    if (coordinate->rate_per_ps != 0)
        return asim_fail(err, ASIM_EINPUT,
                         "the reference of pull coordinate %zu moves by %g a ps, and "
                         "has no equilibrium samples; pull-coord%zu-rate = 0 was "
                         "expected",
                         index + 1, coordinate->rate_per_ps, index + 1);
    return 0;
}

/* Positions, or forces into positions. */
static int read_samples(const struct asim_xvg *xvg, size_t column, bool forces,
                        bool dihedral, const char *along,
                        struct asim_external_window *window, struct asim_error *err)
{
    if (asim_external_take_series(xvg, column, along, window, err) < 0)
        return -1;
    /* Of dihedrals files have degrees, but moments and constants per radian. */
    double k = window->bias.force_constant_kj_mol_nm2, unit = dihedral ? DEGREE : 1;
    for (size_t i = 0; forces && i < window->series.count; i++)
        window->series.value_nm[i] =
            window->bias.centre_nm - window->series.value_nm[i] / k / unit;
    window->bias.force_constant_kj_mol_nm2 *= unit * unit;
    return 0;
}

static int take_coordinate(const struct asim_tpr *tpr, size_t index,
                           const struct asim_xvg *xvg, const char *pull_path,
                           const char *along, struct part *part, struct asim_error *err)
{
    const struct asim_tpr_pull_coordinate *coordinate = &tpr->pull_coordinates[index];
    bool forces = xvg->y_label && strncasecmp(xvg->y_label, "Force", 5) == 0;
    if (coordinate->type != ASIM_PULL_UMBRELLA || !(coordinate->k > 0))
        return 0; /* nothing harmonic */
    if (check_coordinate(coordinate, index, err) < 0)
        return -1;
    size_t column = find_column(xvg, index, tpr->pull_coordinate_count);
    if (column == 0)
        return asim_fail(err, ASIM_EINPUT,
                         "no column of pull coordinate %zu: the legend \"%zu\" was "
                         "expected",
                         index + 1, index + 1);
    if (!forces && xvg->y_label && !strstr(xvg->y_label, "(nm)") &&
        !strstr(xvg->y_label, "(nm, deg)"))
        return asim_fail(err, ASIM_EINPUT,
                         "the y axis is '%s'; \"Position (nm)\" of a pullx file or "
                         "\"Force (kJ/mol/nm)\" of a pullf file was expected",
                         xvg->y_label);
    bool dihedral = coordinate->geometry == ASIM_PULL_DIHEDRAL;
    struct asim_external_window *window = &part->windows[part->count++];
    part->dihedral_count += dihedral;
    window->bias = (struct asim_bias){coordinate->init, coordinate->k};
    window->temperature_kelvin = tpr->ref_t_kelvin;
    window->name = tpr->pull_coordinate_count == 1
                       ? asim_strdup(pull_path, err)
                       : asim_format(err, "%s, coordinate %zu", pull_path, index + 1);
    return window->name
               ? read_samples(xvg, column, forces, dihedral, along, window, err)
               : -1;
}

static int check_tpr(const struct asim_tpr *tpr, struct asim_error *err)
{
    if (tpr->pull_coordinate_count == 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "no pull coordinate%s; the run input of an umbrella window was "
            "expected",
            tpr->file_version < 101 ? " can be read from files older than "
                                      "GROMACS 5.1"
                                    : "");
    if (!(tpr->ref_t_kelvin > 0) || !tpr->one_temperature)
        return asim_fail(err, ASIM_EINPUT,
                         "%s; a thermostat at one temperature was expected",
                         tpr->ref_t_kelvin > 0 ? "temperature groups differ in ref-t"
                                               : "no reference temperature");
    return 0;
}

static int read_pair(const char *tpr_path, const char *pull_path, const char *along,
                     struct part *part, struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    struct asim_xvg xvg = {0};
    int rc = -1;
    if (asim_tpr_read(tpr_path, &tpr, NULL, err) < 0)
        return -1;
    if (check_tpr(&tpr, err) < 0) {
        asim_wrap(err, "'%s'", tpr_path);
        goto out;
    }
    if (asim_xvg_read(pull_path, &xvg, err) < 0)
        goto out;
    part->windows =
        asim_alloc_array(tpr.pull_coordinate_count, sizeof *part->windows, err);
    if (!part->windows)
        goto out;
    for (size_t i = 0; i < tpr.pull_coordinate_count; i++)
        if (take_coordinate(&tpr, i, &xvg, pull_path, along, part, err) < 0) {
            asim_wrap(err, "'%s' with '%s'", pull_path, tpr_path);
            goto out;
        }
    if (part->count == 0)
        asim_fail(err, ASIM_EINPUT,
                  "'%s': no pull coordinate is harmonic (pull-coord-type = umbrella "
                  "with k > 0)",
                  tpr_path);
    else
        rc = 0;
out:
    asim_xvg_finish(&xvg);
    asim_tpr_finish(&tpr);
    return rc;
}

static int read_line(void *context, size_t index, int thread_index,
                     struct asim_error *err)
{
    (void)thread_index;
    const struct lists *lists = context;
    const struct asim_list_line *tpr_line = &lists->tprs.lines[index];
    const struct asim_list_line *pull_line = &lists->pulls.lines[index];
    int rc = -1;
    if (tpr_line->word_count != 1 || pull_line->word_count != 1)
        return asim_fail(
            err, ASIM_EINPUT, "'%s', line %zu: one file name a line was expected",
            tpr_line->word_count != 1 ? lists->tpr_path : lists->pull_path,
            tpr_line->word_count != 1 ? tpr_line->number : pull_line->number);
    char *tpr = asim_list_path(lists->tpr_path, tpr_line->words[0], err);
    char *pull = asim_list_path(lists->pull_path, pull_line->words[0], err);
    if (tpr && pull)
        rc = read_pair(tpr, pull, lists->along, &lists->parts[index], err);
    free(tpr);
    free(pull);
    return rc;
}

static int join_parts(struct lists *lists, struct asim_external *ret_external,
                      struct asim_error *err)
{
    size_t total = 0, dihedrals = 0;
    for (size_t i = 0; i < lists->tprs.line_count; i++) {
        total += lists->parts[i].count;
        dihedrals += lists->parts[i].dihedral_count;
    }
    if (dihedrals > 0 && dihedrals < total)
        return asim_fail(err, ASIM_EINPUT,
                         "%zu of %zu pull coordinates are dihedrals and the others "
                         "lengths; one kind of coordinate was expected",
                         dihedrals, total);
    ret_external->windows = asim_alloc_array(total, sizeof *ret_external->windows, err);
    if (!ret_external->windows)
        return -1;
    for (size_t i = 0; i < lists->tprs.line_count; i++)
        for (size_t k = 0; k < lists->parts[i].count; k++) {
            ret_external->windows[ret_external->count++] = lists->parts[i].windows[k];
            lists->parts[i].windows[k] = (struct asim_external_window){0};
        }
    if (asim_external_settle(ret_external, err) < 0)
        return -1;
    snprintf(ret_external->coordinate, sizeof ret_external->coordinate, "%s",
             dihedrals > 0 ? "Dihedral angle" : "Pull coordinate");
    snprintf(ret_external->unit, sizeof ret_external->unit, "%s",
             dihedrals > 0 ? "deg" : "nm");
    if (dihedrals > 0)
        asim_external_set_period(ret_external, TURN);
    return 0;
}

static void free_parts(struct lists *lists)
{
    for (size_t i = 0; lists->parts && i < lists->tprs.line_count; i++) {
        struct asim_external part = {.count = lists->parts[i].count,
                                     .windows = lists->parts[i].windows};
        asim_external_finish(&part);
    }
    free(lists->parts);
}

int asim_external_read_gmx_wham(const char *tpr_list, const char *pull_list,
                                const char *along, int thread_count,
                                struct asim_external *ret_external,
                                struct asim_error *err)
{
    struct lists lists = {.tpr_path = tpr_list, .pull_path = pull_list, .along = along};
    struct asim_external external = {0};
    int rc = -1;
    if (asim_list_read(tpr_list, &lists.tprs, err) < 0 ||
        asim_list_read(pull_list, &lists.pulls, err) < 0)
        goto out;
    if (lists.tprs.line_count != lists.pulls.line_count) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' lists %zu files and '%s' %zu; a TPR for each file of samples "
                  "was expected",
                  tpr_list, lists.tprs.line_count, pull_list, lists.pulls.line_count);
        goto out;
    }
    lists.parts = asim_alloc_array(lists.tprs.line_count, sizeof *lists.parts, err);
    if (!lists.parts ||
        asim_parallel(lists.tprs.line_count, thread_count, read_line, &lists, err) <
            0 ||
        join_parts(&lists, &external, err) < 0)
        goto out;
    *ret_external = external;
    external = (struct asim_external){0};
    rc = 0;
out:
    asim_external_finish(&external);
    free_parts(&lists);
    asim_list_finish(&lists.tprs);
    asim_list_finish(&lists.pulls);
    return rc;
}
