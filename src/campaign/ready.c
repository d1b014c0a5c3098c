/*
 * A binary heap of windows by due time, O(log N) a step, so that 10,000 waiting windows
 * cost nothing while they wait. It must not know what a window is.
 */
#include "campaign/ready.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

void asim_ready_finish(struct asim_ready *ready)
{
    if (!ready)
        return;
    free(ready->items);
    *ready = (struct asim_ready){0};
}

int asim_ready_reserve(struct asim_ready *ready, size_t window_count,
                       struct asim_error *err)
{
    return asim_grow(&ready->items, &ready->capacity, window_count,
                     sizeof *ready->items, err);
}

static bool earlier(const struct asim_ready_item *a, const struct asim_ready_item *b)
{
    if (a->due_seconds != b->due_seconds)
        return a->due_seconds < b->due_seconds;
    return a->window_index < b->window_index;
}

void asim_ready_put(struct asim_ready *ready, size_t window_index, double due_seconds)
{
    assert(ready->count < ready->capacity);
    struct asim_ready_item item = {due_seconds, window_index};
    size_t at = ready->count++;
    while (at > 0 && earlier(&item, &ready->items[(at - 1) / 2])) {
        ready->items[at] = ready->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    ready->items[at] = item;
}

bool asim_ready_peek(const struct asim_ready *ready, struct asim_ready_item *ret_item)
{
    if (ready->count == 0)
        return false;
    *ret_item = ready->items[0];
    return true;
}

void asim_ready_drop_first(struct asim_ready *ready)
{
    struct asim_ready_item last = ready->items[--ready->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= ready->count)
            break;
        if (child + 1 < ready->count &&
            earlier(&ready->items[child + 1], &ready->items[child]))
            child++;
        if (!earlier(&ready->items[child], &last))
            break;
        ready->items[at] = ready->items[child];
        at = child;
    }
    ready->items[at] = last;
}
