/* Times, frame numbers and projections of a result. Knows nothing of what they mean. */
#include "pca/storage.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/spill.h"
#include "pca/sizes.h"

struct asim_pca_storage {
    struct asim_spill spill;
};

uint64_t asim_pca_storage_bytes(uint64_t frames, uint64_t components)
{
    return asim_size_times(
        frames, asim_size_times(asim_size_add(components, 2), sizeof(double)));
}

static int on_heap(struct asim_pca *pca, size_t frames, size_t components,
                   struct asim_error *err)
{
    pca->time_ps = asim_alloc_array(frames, sizeof *pca->time_ps, err);
    if (pca->time_ps)
        pca->frame_indices = asim_alloc_array(frames, sizeof *pca->frame_indices, err);
    if (pca->frame_indices)
        pca->projections_nm =
            asim_alloc_array(components, frames * sizeof *pca->projections_nm, err);
    if (pca->projections_nm)
        return 0;
    asim_pca_storage_finish(pca);
    return -1;
}

int asim_pca_storage_create(struct asim_pca *pca, size_t frames, size_t components,
                            bool spilled, const char *folder, struct asim_error *err)
{
    uint64_t bytes = asim_pca_storage_bytes(frames, components);
    if (bytes > SIZE_MAX / 2)
        return asim_fail(err, ASIM_ENOMEM,
                         "%zu components of %zu frames exceed the address space",
                         components, frames);
    if (!spilled)
        return on_heap(pca, frames, components, err);
    pca->storage = asim_alloc_array(1, sizeof *pca->storage, err);
    if (!pca->storage)
        return -1;
    if (asim_spill_create(folder, (size_t)bytes, &pca->storage->spill, err) < 0) {
        free(pca->storage);
        pca->storage = NULL;
        return -1;
    }
    pca->time_ps = pca->storage->spill.data;
    pca->frame_indices = (uint64_t *)(pca->time_ps + frames);
    pca->projections_nm = pca->time_ps + 2 * frames;
    return 0;
}

void asim_pca_storage_finish(struct asim_pca *pca)
{
    if (pca->storage) {
        asim_spill_finish(&pca->storage->spill);
        free(pca->storage);
    } else {
        free(pca->time_ps);
        free(pca->frame_indices);
        free(pca->projections_nm);
    }
    pca->storage = NULL;
    pca->time_ps = pca->projections_nm = NULL;
    pca->frame_indices = NULL;
}

void asim_pca_storage_release(const struct asim_pca *pca)
{
    if (pca->storage)
        asim_spill_release(pca->storage->spill.data, pca->storage->spill.bytes);
}
