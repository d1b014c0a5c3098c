/* campaign.lock: one driver at a time works on a campaign. */
#ifndef CAMPAIGN_LOCK_H
#define CAMPAIGN_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* ASIM_ELOCKED names the process and machine that hold it. The lock lives as long as
 * the descriptor: it goes with the process, however that ends. */
int asim_campaign_lock_take(const char *folder, int *ret_fd, struct asim_error *err);
/* Looks only. */
bool asim_campaign_lock_is_held(const char *folder);
/* Gives the lock back and sets *fd to -1; nothing happens where it is negative. */
void asim_campaign_lock_give(int *fd);

#endif
