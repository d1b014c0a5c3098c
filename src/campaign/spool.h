/*
 * requests/: what other processes ask of the driver, one sealed file a request, and the
 * driver's answers. A request is there whole or not at all (written beside and renamed)
 * and stays until it has been followed.
 */
#ifndef CAMPAIGN_SPOOL_H
#define CAMPAIGN_SPOOL_H

#include <autosim/campaign.h>

#include "campaign/records.h"

#define ASIM_SPOOL_FOLDER "requests"

/* The ids of waiting requests, oldest first; freed by free(). None where there is no
 * folder. */
int asim_spool_list(const char *folder, char (**ret_ids)[ASIM_REQUEST_ID_BYTES],
                    size_t *ret_count, struct asim_error *err);

struct asim_spooled {
    struct asim_request request; /* points into what is owned here */
    int *window_ids;
    char *plan_path;
};
void asim_spooled_finish(struct asim_spooled *spooled);

/* ASIM_EINPUT where the file is damaged or asks for something unknown. */
int asim_spool_read(const char *folder, const char *id,
                    struct asim_spooled *ret_spooled, struct asim_error *err);
/* The content of a request's file; `spooled` is to be finished on failure too. */
int asim_spool_decode(const json_t *json, struct asim_spooled *spooled,
                      struct asim_error *err);
/* Writes the request and gives its new id. Of INSERT a copy of the plan is kept with
 * it. */
int asim_spool_write(const char *folder, const struct asim_request *request,
                     char ret_id[ASIM_REQUEST_ID_BYTES], struct asim_error *err);
/* Leaves the answer (`failure` NULL: it was followed) and removes the request. */
int asim_spool_answer(const char *folder, const char *id,
                      const struct asim_answer *answer,
                      const struct asim_error *failure, struct asim_error *err);
/* 1: answered, and the answer is removed; 0: not yet; -1: it failed, or the answer says
 * that the request did. */
int asim_spool_take_answer(const char *folder, const char *id,
                           struct asim_answer *ret_answer, struct asim_error *err);
/* Removes answers that nobody took within an hour. */
void asim_spool_clean(const char *folder);
/* An inotify descriptor that becomes readable when a request comes; -1 where the file
 * system cannot tell (look from time to time then). Makes the folder. */
int asim_spool_watch(const char *folder);

#endif
