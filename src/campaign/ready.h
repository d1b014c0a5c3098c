/* Windows that wait for a start: those that are not due yet by the time they are, those
 * that are by priority, then in the order of the plan. Two binary heaps. */
#ifndef CAMPAIGN_READY_H
#define CAMPAIGN_READY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct asim_ready_item {
    double due_seconds; /* asim_monotonic_seconds */
    int priority;       /* higher ones first */
    size_t window_index;
};

struct asim_ready_heap {
    struct asim_ready_item *items; /* owned */
    size_t count, capacity;
};

struct asim_ready {
    struct asim_ready_heap later, due;
};

void asim_ready_finish(struct asim_ready *ready);
/* Afterwards `window_count` items fit without another allocation. */
int asim_ready_reserve(struct asim_ready *ready, size_t window_count,
                       struct asim_error *err);
void asim_ready_clear(struct asim_ready *ready);
size_t asim_ready_count(const struct asim_ready *ready);
/* There must be room: a window waits at most once. */
void asim_ready_put(struct asim_ready *ready, const struct asim_ready_item *item);
/* Takes out the first of those that are due; false where none is. */
bool asim_ready_take(struct asim_ready *ready, double now_seconds,
                     struct asim_ready_item *ret_item);
/* When the next one is due, in the past where one is; INFINITY: none waits. */
double asim_ready_next(const struct asim_ready *ready);

#endif
