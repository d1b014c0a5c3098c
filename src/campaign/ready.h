/* Windows that wait for a start, by the time they are due: a binary heap. */
#ifndef CAMPAIGN_READY_H
#define CAMPAIGN_READY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct asim_ready_item {
    double due_seconds; /* asim_monotonic_seconds */
    size_t window_index;
};

struct asim_ready {
    struct asim_ready_item *items; /* owned */
    size_t count, capacity;
};

void asim_ready_finish(struct asim_ready *ready);
/* Afterwards `window_count` items fit without another allocation. */
int asim_ready_reserve(struct asim_ready *ready, size_t window_count,
                       struct asim_error *err);
/* There must be room: a window waits at most once. */
void asim_ready_put(struct asim_ready *ready, size_t window_index, double due_seconds);
/* The earliest, lowest index first among equals; false where there is none. */
bool asim_ready_peek(const struct asim_ready *ready, struct asim_ready_item *ret_item);
void asim_ready_drop_first(struct asim_ready *ready);

#endif
