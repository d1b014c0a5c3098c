/* Windows that wait for a start. It must not know what a window is. */
#include "campaign/ready.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

typedef bool (*before_fn)(const struct asim_ready_item *a,
                          const struct asim_ready_item *b);

static bool is_earlier(const struct asim_ready_item *a, const struct asim_ready_item *b)
{
    return a->due_seconds < b->due_seconds;
}

static bool is_preferred(const struct asim_ready_item *a,
                         const struct asim_ready_item *b)
{
    return a->priority != b->priority ? a->priority > b->priority
                                      : a->window_index < b->window_index;
}

static void push(struct asim_ready_heap *heap, const struct asim_ready_item *item,
                 before_fn before)
{
    size_t at = heap->count++;
    while (at > 0 && before(item, &heap->items[(at - 1) / 2])) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = *item;
}

static struct asim_ready_item pop(struct asim_ready_heap *heap, before_fn before)
{
    struct asim_ready_item first = heap->items[0], last = heap->items[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count &&
            before(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!before(&heap->items[child], &last))
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = last;
    return first;
}

void asim_ready_finish(struct asim_ready *ready)
{
    free(ready->later.items);
    free(ready->due.items);
    *ready = (struct asim_ready){0};
}

int asim_ready_reserve(struct asim_ready *ready, size_t window_count,
                       struct asim_error *err)
{
    if (asim_grow(&ready->later.items, &ready->later.capacity, window_count,
                  sizeof *ready->later.items, err) < 0)
        return -1;
    return asim_grow(&ready->due.items, &ready->due.capacity, window_count,
                     sizeof *ready->due.items, err);
}

void asim_ready_clear(struct asim_ready *ready)
{
    ready->later.count = ready->due.count = 0;
}

size_t asim_ready_count(const struct asim_ready *ready)
{
    return ready->later.count + ready->due.count;
}

void asim_ready_put(struct asim_ready *ready, const struct asim_ready_item *item)
{
    push(&ready->later, item, is_earlier);
}

bool asim_ready_take(struct asim_ready *ready, double now_seconds,
                     struct asim_ready_item *ret_item)
{
    while (ready->later.count > 0 && ready->later.items[0].due_seconds <= now_seconds) {
        struct asim_ready_item item = pop(&ready->later, is_earlier);
        push(&ready->due, &item, is_preferred);
    }
    if (ready->due.count == 0)
        return false;
    *ret_item = pop(&ready->due, is_preferred);
    return true;
}

double asim_ready_next(const struct asim_ready *ready)
{
    if (ready->due.count > 0)
        return -INFINITY;
    return ready->later.count > 0 ? ready->later.items[0].due_seconds : INFINITY;
}
