/*
 * The lease of a slot: a file that it rewrites all the time, and a promise of the
 * kernel that it does not live on when it cannot.
 *
 * The keeper writes a new beat every sixth of the lease from a thread of its own, and
 * with each beat that has reached the disk winds a kernel timer up again that would
 * kill the process (SIGKILL) one lease after that beat began. Nothing of the keeper
 * can prevent that: not a hung file system, not SIGSTOP of the whole job. What it
 * started with `bound` (engine/process.h) is killed with it.
 *
 * Others look at the file now and then and measure on their own clock how long it has
 * not changed; after two leases the keeper is gone for certain, by then for at least
 * one. No clocks are compared between machines.
 */
#ifndef CAMPAIGN_LEASE_H
#define CAMPAIGN_LEASE_H

#include <stdbool.h>

#include "base/error.h"

#define ASIM_LEASE_NAME "lease"
enum { ASIM_LEASE_BYTES = 256 };

struct asim_lease;

/* Writes FOLDER/lease and keeps it. */
int asim_lease_keep(const char *folder, double seconds, struct asim_lease **ret_lease,
                    struct asim_error *err);
/* The last word: "over WHY"; NULL where it shall look lost (tests). Frees it. */
void asim_lease_end(struct asim_lease *lease, const char *why);

enum asim_lease_state {
    ASIM_LEASE_UNSURE, /* has not been seen to change, nor for long enough not to */
    ASIM_LEASE_ALIVE,  /* changed while it was watched, and not too long ago */
    ASIM_LEASE_OVER,   /* its keeper said so */
    ASIM_LEASE_LAPSED, /* its keeper is gone */
};

/* What an onlooker remembers of one lease. Zeroed: nothing yet. */
struct asim_lease_watch {
    char text[ASIM_LEASE_BYTES]; /* as last read; after "over " the reason */
    double since;                /* asim_monotonic_seconds when it came to be so */
    bool seen, changed, lapsed;
};

/* A file that cannot be read is as one that does not change. `seconds` holds where the
 * file does not say its own. */
enum asim_lease_state asim_lease_look(const char *folder, double seconds,
                                      struct asim_lease_watch *watch);

#endif
