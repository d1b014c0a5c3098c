/*
 * A slot: a driver inside a job of a cluster, one of several that share a campaign.
 *
 * It runs windows with the driver, the shim and the judge of a local run. What differs
 * is who may run what: a slot runs only windows it has claimed (claim.h), keeps a lease
 * (lease.h) as long as it lives, takes over windows of slots that are over or whose
 * lease has lapsed, and writes to its own journal (fold.h). Slots need nobody but the
 * file system to agree: neither Slurm nor the coordinator.
 */
#ifndef CAMPAIGN_SLOT_H
#define CAMPAIGN_SLOT_H

#include "campaign/driver.h"
#include "campaign/lease.h"

struct asim_slot;

/* A window that is due: claims it. *ret_start: it is ours and may be started now. What
 * a slot that is gone left running is taken over instead. */
int asim_slot_take_window(struct asim_driver *driver, size_t i, bool *ret_start,
                          struct asim_error *err);
/* Reads what others report, looks at their leases, queues windows that nobody has. */
int asim_slot_refresh(struct asim_driver *driver, double now, struct asim_error *err);
double asim_slot_next_refresh(const struct asim_slot *slot);
/* Nothing runs here and nothing can be had: all that is left is in living hands. */
bool asim_slot_is_done(const struct asim_slot *slot);
/* An attempt ended here: a machine on which one window after the other fails is left
 * before it has used up the retries of all. */
void asim_slot_saw_end(struct asim_driver *driver, size_t i,
                       const struct asim_window_change *change);
/* Ends the lease, before the driver is destroyed; says why where nothing runs any
 * more. */
void asim_slot_close(struct asim_campaign *campaign);

#endif
