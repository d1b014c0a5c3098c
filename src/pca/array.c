/* Principal components of frames that the caller holds in an array. */
#include <autosim/pca.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pca/core.h"

struct array {
    const float *x; /* [frame_count][atom_count][3] */
    const double *times_ps;
    size_t frame_count, next;
    struct asim_layout layout;
};

static int array_rewind(void *context, struct asim_error *err)
{
    (void)err;
    ((struct array *)context)->next = 0;
    return 0;
}

static int array_read(void *context, size_t count, int thread_count, float *rows,
                      float *align_rows, double *times_ps, uint64_t *frame_indices,
                      size_t *ret_count, struct asim_error *err)
{
    (void)thread_count;
    (void)align_rows;
    struct array *array = context;
    size_t atoms = array->layout.atom_count, done = 0;
    for (; done < count && array->next < array->frame_count; done++, array->next++) {
        if (!array->layout.kernels->gather(
                array->x + array->next * atoms * 3, atoms, array->layout.padded,
                rows + done * asim_row_width(&array->layout)))
            return asim_fail(err, ASIM_EINPUT,
                             "frame %zu has a coordinate that is not a finite number",
                             array->next);
        times_ps[done] =
            array->times_ps ? array->times_ps[array->next] : (double)array->next;
        frame_indices[done] = array->next;
    }
    *ret_count = done;
    return 0;
}

static uint32_t *count_up(size_t count, struct asim_error *err)
{
    uint32_t *indices = asim_alloc_array(count, sizeof *indices, err);
    for (size_t i = 0; indices && i < count; i++)
        indices[i] = (uint32_t)i;
    return indices;
}

int asim_pca_compute_array(const float *x_nm, size_t frame_count, size_t atom_count,
                           const double *times_ps,
                           const struct asim_pca_options *options, struct asim_log *log,
                           struct asim_pca *ret_pca, struct asim_error *err)
{
    struct array array = {.x = x_nm,
                          .times_ps = times_ps,
                          .frame_count = frame_count,
                          .layout = asim_layout_make(atom_count, atom_count, true)};
    struct asim_frame_source source = {.context = &array,
                                       .layout = &array.layout,
                                       .frame_bound = frame_count,
                                       .rewind = array_rewind,
                                       .read = array_read};
    struct asim_pca pca = {0};
    if (atom_count > UINT32_MAX)
        return asim_fail(err, ASIM_EUSAGE, "%zu atoms are more than can be numbered",
                         atom_count);
    if (options->reference == ASIM_REFERENCE_FILE || options->fit_weights ||
        options->pca_weights)
        return asim_fail(err, ASIM_EUSAGE,
                         "frames in memory have no topology, which a reference file "
                         "and weighting by mass need");
    if (asim_pca_analyse(&source, options, log, &pca, err) < 0)
        return -1;
    pca.atom_indices = count_up(atom_count, err);
    pca.align_indices = pca.atom_indices ? count_up(atom_count, err) : NULL;
    if (!pca.align_indices) {
        asim_pca_finish(&pca);
        return -1;
    }
    strcpy(pca.selection, "all");
    strcpy(pca.align_selection, "all");
    *ret_pca = pca;
    return 0;
}
