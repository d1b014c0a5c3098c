/*
 * Who may run a window: files windows/NNN/claim-1, claim-2, ... each made once, by
 * link(), and never changed or removed. The newest names the slot that the window
 * belongs to until that slot is over; then whoever makes the next one first has it.
 * link() of a file into a name that must not exist is atomic on every POSIX file
 * system, NFS of all versions included, whatever its caches say.
 */
#ifndef CAMPAIGN_CLAIM_H
#define CAMPAIGN_CLAIM_H

#include "campaign/fold.h"

struct asim_claim {
    int generation; /* 0: nobody ever claimed the window */
    char owner[ASIM_SLOT_ID_BYTES];
};

/* The newest claim, which is no older than the last one this process has seen: give it
 * in `ret_claim` (zeroed: none), where the search begins. */
int asim_claim_read(const char *window_folder, struct asim_claim *ret_claim,
                    struct asim_error *err);

/* 1: `owner` has the window from now on; 0: another was faster; -1: an error. */
int asim_claim_take(const char *window_folder, int generation, const char *owner,
                    struct asim_error *err);

#endif
