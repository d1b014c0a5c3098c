/* Any bytes as an answer of squeue: what is taken for ours is well formed, and counts
 * of elements are those of the lines. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "campaign/slurm_jobs.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_jobs jobs = {0};
    struct asim_element element;
    struct asim_error err;
    int queued;
    char *text = asim_alloc_array(size + 1, 1, &err);
    if (!text || asim_jobs_add(&jobs, "00112233aabb", 3, &err) < 0) {
        free(text);
        return;
    }
    memcpy(text, data, size);
    if (asim_queue_line(text, &element) == 1 &&
        (strlen(element.token) != ASIM_TOKEN_BYTES - 1 ||
         strlen(element.id) >= sizeof element.id ||
         strlen(element.node) >= sizeof element.node))
        abort();
    asim_jobs_look(&jobs, text);
    int live = asim_jobs_live(&jobs, &queued);
    if (queued > live || live < 0 || (size_t)live > size + 3)
        abort();
    asim_jobs_finish(&jobs);
    free(text);
}
