/*
 * Running a campaign, whichever way: by the driver, which runs windows here (on its own
 * or as a slot of a job), or by the coordinator, which looks after jobs.
 *
 * Invariant: the campaign's mutex is held in both. It must not know what either does.
 */
#include <string.h>

#include "campaign/driver.h"
#include "campaign/requests.h"
#include "campaign/slurm.h"
#include "campaign/spool.h"

/* A start is a wish to go on: an earlier pause ends. */
static int end_pause(struct asim_campaign *campaign, struct asim_error *err)
{
    if (!campaign->paused)
        return 0;
    if (asim_journal_add(campaign->journal, asim_record_hold(false, ""), err) < 0)
        return -1;
    campaign->paused = false;
    return 0;
}

/* Requests and pauses are the coordinator's matter; a slot only reads of them. */
static int take_requests(struct asim_campaign *campaign, struct asim_error *err)
{
    if (campaign->slot)
        return 0;
    asim_spool_clean(campaign->folder);
    if (asim_requests_take(campaign, false, err) < 0)
        return -1;
    return end_pause(campaign, err);
}

static int start(struct asim_campaign *campaign, const struct asim_run_options *options,
                 struct asim_error *err)
{
    bool started = campaign->driver || campaign->slurm;
    if (campaign->readonly || started)
        return asim_fail(err, ASIM_EUSAGE,
                         started ? "the campaign has been started already"
                                 : "the campaign was opened for looking only");
    if (take_requests(campaign, err) < 0)
        return -1;
    if (options->backend == ASIM_BACKEND_SLURM)
        return asim_slurm_start(campaign, options, err);
    if (!campaign->slot && asim_slots_check_gone(campaign, err) < 0)
        return -1;
    return asim_driver_start(campaign, options, err);
}

int asim_campaign_start(struct asim_campaign *campaign,
                        const struct asim_run_options *options, struct asim_error *err)
{
    asim_campaign_enter(campaign);
    int rc = start(campaign, options, err);
    asim_campaign_leave(campaign);
    return rc;
}

int asim_campaign_dispatch(struct asim_campaign *campaign, struct asim_error *err)
{
    asim_campaign_enter(campaign);
    int rc = campaign->slurm ? asim_slurm_dispatch(campaign->slurm, err)
             : campaign->driver
                 ? asim_driver_dispatch(campaign->driver, err)
                 : asim_fail(err, ASIM_EUSAGE, "the campaign has not been started");
    asim_campaign_leave(campaign);
    return rc;
}

int asim_campaign_event_fd(const struct asim_campaign *campaign)
{
    asim_campaign_enter(campaign);
    int fd = campaign->slurm    ? campaign->slurm->epoll_fd
             : campaign->driver ? campaign->driver->epoll_fd
                                : -1;
    asim_campaign_leave(campaign);
    return fd;
}

void asim_campaign_stop(struct asim_campaign *campaign)
{
    asim_campaign_enter(campaign);
    if (campaign->slurm)
        asim_slurm_stop(campaign->slurm);
    if (campaign->driver) {
        campaign->driver->stop_requests++;
        asim_driver_wake(campaign->driver);
    }
    asim_campaign_leave(campaign);
}
