/* What is kept in memory: decided before anything large is allocated. */
#ifndef PCA_PLAN_H
#define PCA_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <autosim/pca.h>

#include "pca/components.h"
#include "pca/frames.h"

struct asim_plan {
    bool streaming;          /* coordinates are read again in each pass */
    bool spilled;            /* coordinates are kept in a file */
    enum asim_method method; /* how eigenpairs are found */
    bool halves;             /* the two halves get their own covariance, for RMSIP */
    uint64_t needed_bytes, allowed_bytes;
};

/* ASIM_ENOMEM, with the numbers, where nothing fits. `frame_count` is what there is, or
 * an upper bound of it. `ret_words` gets the plan as a sentence. */
int asim_plan_choose(const struct asim_layout *layout, size_t frame_count,
                     const struct asim_pca_options *options, int thread_count,
                     struct asim_plan *ret_plan, char *ret_words, size_t words_size,
                     struct asim_error *err);

/* Would keeping all frames fit? */
bool asim_plan_fits_memory(const struct asim_layout *layout, size_t frame_count,
                           const struct asim_pca_options *options, int thread_count);

#endif
