/*
 * Reading of damaged trajectories from memory, watched: what came out, and how much
 * memory it took. Programs that use it are linked with --wrap for the allocations.
 */
#ifndef TESTS_FORMATS_MUTATION_H
#define TESTS_FORMATS_MUTATION_H

#include <stddef.h>
#include <stdint.h>

#include <autosim/trajectory.h>

struct reading {
    int opened;
    size_t frames, damages;
    struct asim_damage first;
    double last_time_ps;
    struct asim_error err;
};

/* Most memory that reading `size` bytes may take at once. Parts of it: two windows of
 * up to 1.5 files each (grown by half), a frame, fixed atoms, the index, and damages of
 * 216 bytes for as little as 72 of the file. */
size_t reading_memory_limit(size_t size);

/* Opens, reads to the end, and fails the test where the reader fails otherwise than by
 * refusing the file, loses a frame in silence, or takes too much memory. */
struct reading read_bytes(const void *data, size_t size);

/* `count` copies with one to three flipped bits each, then as many with a piece cut out
 * or repeated. */
void read_mutations(const unsigned char *data, size_t size, int count, uint64_t seed);

#endif
