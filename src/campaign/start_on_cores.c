/*
 * Starting a campaign on some of the cores: the driver divides those that the calling
 * thread may use, so the thread is confined to them meanwhile.
 */
#include <autosim/campaign.h>

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/error.h"

enum { CPUS_LARGEST = 1 << 16 };

static int get_mask(size_t bytes, cpu_set_t *mask, struct asim_error *err)
{
    if (sched_getaffinity(0, bytes, mask) == 0)
        return 0;
    return asim_fail(err, ASIM_EENV, "cannot tell which cores may be used: %s",
                     strerror(errno));
}

static int set_mask(size_t bytes, const cpu_set_t *mask, struct asim_error *err)
{
    if (sched_setaffinity(0, bytes, mask) == 0)
        return 0;
    return asim_fail(err, ASIM_EENV, "cannot be confined to the cores asked for: %s",
                     strerror(errno));
}

int asim_campaign_start_on_cores(struct asim_campaign *campaign,
                                 const struct asim_run_options *options,
                                 const int *cpus, size_t cpu_count,
                                 struct asim_error *err)
{
    size_t bytes = CPU_ALLOC_SIZE(CPUS_LARGEST);
    cpu_set_t *before = CPU_ALLOC(CPUS_LARGEST), *wanted = CPU_ALLOC(CPUS_LARGEST);
    int rc = -1;
    if (!before || !wanted) {
        asim_fail(err, ASIM_ENOMEM, "no memory for sets of cores");
        goto out;
    }
    if (get_mask(bytes, before, err) < 0)
        goto out;
    CPU_ZERO_S(bytes, wanted);
    for (size_t i = 0; i < cpu_count; i++) {
        if (cpus[i] < 0 || cpus[i] >= CPUS_LARGEST ||
            !CPU_ISSET_S(cpus[i], bytes, before)) {
            asim_fail(err, ASIM_EUSAGE, "core %d is not one that may be used", cpus[i]);
            goto out;
        }
        CPU_SET_S(cpus[i], bytes, wanted);
    }
    if (set_mask(bytes, wanted, err) < 0)
        goto out;
    rc = asim_campaign_start(campaign, options, err);
    if (set_mask(bytes, before, rc == 0 ? err : NULL) < 0)
        rc = -1;
out:
    if (before)
        CPU_FREE(before);
    if (wanted)
        CPU_FREE(wanted);
    return rc;
}
