/* Following requests: what each of them changes in a campaign. */
#ifndef CAMPAIGN_REQUESTS_H
#define CAMPAIGN_REQUESTS_H

#include "campaign/campaign_internal.h"

/* Follows every request that waits in requests/, answers and removes it. `working`: a
 * driver is at work, for which a stop is meant. */
int asim_requests_take(struct asim_campaign *campaign, bool working,
                       struct asim_error *err);

#endif
