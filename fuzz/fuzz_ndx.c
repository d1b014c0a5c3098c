/* Any bytes as an index file: groups cover their numbers, and no number is 0. */
#include <stdint.h>
#include <stdlib.h>

#include "structure/ndx.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_ndx ndx = {0};
    struct asim_error err;
    if (size == 0)
        return;
    if (asim_ndx_parse((const char *)data, size, "fuzz.ndx", &ndx, &err) < 0)
        return;
    size_t next = 0;
    for (size_t i = 0; i < ndx.group_count; i++) {
        if (ndx.groups[i].first != next || ndx.groups[i].name[0] == '\0')
            abort();
        next += ndx.groups[i].count;
    }
    if (next != ndx.number_count)
        abort();
    for (size_t i = 0; i < ndx.number_count; i++)
        if (ndx.numbers[i] == 0)
            abort();
    asim_ndx_finish(&ndx);
}
