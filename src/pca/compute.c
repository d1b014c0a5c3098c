/* Principal components of a trajectory: selections, the file, the analysis, names. */
#include <autosim/pca.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pca/core.h"
#include "pca/reference.h"
#include "pca/source.h"

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static uint32_t *copy_indices(const struct asim_atom_list *list, struct asim_error *err)
{
    uint32_t *copy = asim_alloc_array(list->count, sizeof *copy, err);
    if (copy)
        memcpy(copy, list->index, list->count * sizeof *copy);
    return copy;
}

/* Ascending without repeats, as a selection gives them; within the topology. */
static int copy_given(const struct asim_topology *top,
                      const struct asim_atom_list *given,
                      struct asim_atom_list *ret_list, struct asim_error *err)
{
    for (size_t i = 0; i < given->count; i++) {
        if (given->index[i] >= top->atom_count)
            return asim_fail(err, ASIM_EINPUT,
                             "atom %u is beyond the %zu of the topology",
                             given->index[i], top->atom_count);
        if (i > 0 && given->index[i] <= given->index[i - 1])
            return asim_fail(err, ASIM_EUSAGE,
                             "atom %u stands behind atom %u: atoms that are given by "
                             "number must ascend, each once",
                             given->index[i], given->index[i - 1]);
    }
    uint32_t *index = copy_indices(given, err);
    if (!index)
        return -1;
    *ret_list = (struct asim_atom_list){.count = given->count, .index = index};
    return 0;
}

static int select_atoms(const struct asim_topology *top,
                        const struct asim_pca_options *options,
                        const struct asim_selection_context *context,
                        struct asim_atom_list *ret_list, char *ret_text, size_t size,
                        struct asim_error *err)
{
    if (options->atoms) {
        snprintf(ret_text, size, "%s",
                 options->selection ? options->selection : "given by number");
        return copy_given(top, options->atoms, ret_list, err);
    }
    if (!options->selection)
        return asim_selection_default(top, context, ret_list, ret_text, size, err);
    copy_text(ret_text, size, options->selection);
    return asim_selection_evaluate(top, options->selection, context, ret_list, err);
}

static bool lists_equal(const struct asim_atom_list *a, const struct asim_atom_list *b)
{
    return a->count == b->count &&
           memcmp(a->index, b->index, a->count * sizeof *a->index) == 0;
}

void asim_trajectory_log_damage(const struct asim_trajectory *traj,
                                struct asim_log *log)
{
    size_t count;
    const struct asim_damage *damage = asim_trajectory_damage(traj, &count);
    for (size_t i = 0; i < count; i++)
        asim_log_write(log, ASIM_LOG_WARNING,
                       "'%s' is damaged where frame %zu would start (byte %llu): %s",
                       asim_trajectory_path(traj), damage[i].frame_index,
                       (unsigned long long)damage[i].offset_bytes, damage[i].what);
}

static void log_result(const struct asim_pca *pca, struct asim_log *log)
{
    asim_log_write(log, ASIM_LOG_INFO,
                   "PCA of %zu frames, %zu atoms (%s): PC1 %.6g nm^2, %.1f%% of %.6g "
                   "nm^2, cosine content %.2f; %.1f ms, peak %.1f MB",
                   pca->frame_count, pca->atom_count, pca->selection,
                   pca->eigenvalues_nm2[0],
                   100.0 * pca->eigenvalues_nm2[0] / pca->total_variance_nm2,
                   pca->total_variance_nm2, pca->cosine_content[0],
                   pca->computation_time_ms, pca->peak_memory_mb);
}

int asim_pca_compute(const struct asim_topology *top, struct asim_trajectory *traj,
                     const struct asim_pca_options *options, struct asim_log *log,
                     struct asim_pca *ret_pca, struct asim_error *err)
{
    struct asim_atom_list atoms = {0}, align = {0};
    struct asim_trajectory_source source = {0};
    struct asim_pca pca = {0};
    uint32_t *atom_indices = NULL, *align_indices = NULL;
    double *fit_weights = NULL, *pca_weights = NULL, *reference = NULL;
    char selection[sizeof pca.selection] = "",
                          align_text[sizeof pca.align_selection] = "";
    int rc = -1;
    const struct asim_selection_context context = {
        .ndx_path = options->ndx_path, .residues = options->residues, .traj = traj};
    if (asim_trajectory_match(traj, top, err) < 0 ||
        select_atoms(top, options, &context, &atoms, selection, sizeof selection, err) <
            0)
        goto out;
    const char *align_selection =
        options->align_selection ? options->align_selection : options->selection;
    copy_text(align_text, sizeof align_text,
              options->align_atoms && !options->align_selection ? "given by number"
              : align_selection                                 ? align_selection
                                                                : selection);
    bool same = true;
    bool own_fit = options->align_selection || options->align_atoms;
    if (own_fit) {
        if ((options->align_atoms
                 ? copy_given(top, options->align_atoms, &align, err)
                 : asim_selection_evaluate(top, options->align_selection, &context,
                                           &align, err)) < 0) {
            asim_wrap(err, "selection of the fit");
            goto out;
        }
        same = lists_equal(&atoms, &align);
    }
    const struct asim_atom_list *fit = own_fit ? &align : &atoms;
    char calcium[300];
    if (asim_selection_calcium(top, &atoms, calcium, sizeof calcium))
        asim_log_write(log, ASIM_LOG_WARNING, "%s", calcium);
    asim_log_write(log, ASIM_LOG_INFO, "%zu atoms analysed: %s", atoms.count,
                   selection);
    if (!same)
        asim_log_write(log, ASIM_LOG_INFO, "%zu atoms superposed: %s", fit->count,
                       align_text);
    if (asim_trajectory_source_init(&source, top, traj, options, &atoms, fit, same, log,
                                    err) < 0)
        goto out;
    atom_indices = copy_indices(&atoms, err);
    align_indices = atom_indices ? copy_indices(fit, err) : NULL;
    if (!align_indices)
        goto out;
    if ((options->fit_weights == ASIM_WEIGHTS_MASS &&
         asim_masses_of(top, fit, &fit_weights, err) < 0) ||
        (options->pca_weights == ASIM_WEIGHTS_MASS &&
         asim_masses_of(top, &atoms, &pca_weights, err) < 0) ||
        (options->reference == ASIM_REFERENCE_FILE &&
         asim_reference_read(options->reference_path, top, options->pbc, fit,
                             &reference, err) < 0))
        goto out;
    struct asim_frame_source frames = asim_trajectory_source_frames(&source);
    frames.fit_weights = fit_weights;
    frames.pca_weights = pca_weights;
    frames.reference_nm = reference;
    if (asim_pca_analyse(&frames, options, log, &pca, err) < 0) {
        asim_wrap(err, "PCA of '%s'", asim_trajectory_path(traj));
        /* Damage may be why. */
        asim_trajectory_log_damage(traj, log);
        goto out;
    }
    pca.system_atom_count = top->atom_count;
    pca.atom_indices = atom_indices;
    pca.align_indices = align_indices;
    atom_indices = align_indices = NULL;
    pca.pbc = !source.whole                   ? ASIM_PBC_NONE
              : options->pbc == ASIM_PBC_AUTO ? ASIM_PBC_WHOLE
                                              : options->pbc;
    copy_text(pca.selection, sizeof pca.selection, selection);
    copy_text(pca.align_selection, sizeof pca.align_selection, align_text);
    asim_trajectory_log_damage(traj, log);
    log_result(&pca, log);
    *ret_pca = pca;
    rc = 0;
out:
    free(fit_weights);
    free(pca_weights);
    free(reference);
    free(atom_indices);
    free(align_indices);
    asim_trajectory_source_finish(&source);
    asim_atom_list_finish(&atoms);
    asim_atom_list_finish(&align);
    return rc;
}

int asim_extract_reaction_coordinates(const char *topology_path,
                                      const char *const *trajectory_paths,
                                      size_t trajectory_count,
                                      const struct asim_pca_options *options,
                                      struct asim_log *log, struct asim_pca *ret_pca,
                                      struct asim_error *err)
{
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    int rc = -1;
    if (asim_topology_read(topology_path, &top, err) == 0 &&
        (trajectory_count == 1
             ? asim_trajectory_open(trajectory_paths[0], &traj, err)
             : asim_trajectory_open_many(trajectory_paths, trajectory_count, &traj,
                                         err)) == 0)
        rc = asim_pca_compute(&top, traj, options, log, ret_pca, err);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    return rc;
}
