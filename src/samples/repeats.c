/*
 * Repeated stretches of a series, in linear time: every sample whose bits hash to a
 * sixteenth of all values is an anchor, so a stretch and its copy have the same ones,
 * wherever they stand. An anchor seen before is compared sample by sample.
 */
#include "samples/repeats.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { SHORTEST = 8, ANCHORS_IN = 16 };

static uint64_t hash(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits ^= bits >> 32;
    bits *= 0x9e3779b97f4a7c15u;
    bits ^= bits >> 29;
    bits *= 0xbf58476d1ce4e5b9u;
    return bits ^ (bits >> 32);
}

static size_t common_length(const double *values, size_t earlier, size_t later,
                            size_t count)
{
    size_t length = 0;
    while (later + length < count && values[earlier + length] == values[later + length])
        length++;
    return length;
}

int asim_repeated_samples(const double *values, size_t count, size_t *ret_repeated,
                          struct asim_error *err)
{
    size_t size = 64, repeated = 0;
    while (size < count / (ANCHORS_IN / 4))
        size *= 2;
    size_t *seen = asim_alloc_array(size, sizeof *seen, err); /* index + 1; 0: free */
    if (!seen)
        return -1;
    for (size_t i = 0; i + SHORTEST <= count;) {
        uint64_t anchor = hash(values[i]);
        size_t step = 1;
        if (anchor % ANCHORS_IN == 0) {
            /* The next sample too: single values may come back, pairs hardly. */
            size_t slot = (hash(values[i + 1]) + anchor / ANCHORS_IN) % size;
            size_t length =
                seen[slot] ? common_length(values, seen[slot] - 1, i, count) : 0;
            seen[slot] = i + 1;
            if (length >= SHORTEST) {
                repeated += length;
                step = length;
            }
        }
        i += step;
    }
    free(seen);
    *ret_repeated = repeated;
    return 0;
}
