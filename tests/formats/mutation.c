/* Reading of damaged trajectories from memory, watched. */
#include "mutation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "formats/trajectory_format.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
int __real_posix_memalign(void **ret, size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
int __wrap_posix_memalign(void **ret, size_t alignment, size_t size);
void __wrap_free(void *memory);

/* Bytes in use between a start of counting and now; what was there before and is freed
 * meanwhile takes it below zero. */
static int64_t live_bytes, peak_bytes;

static void count(void *memory, int sign)
{
    live_bytes += sign * (int64_t)malloc_usable_size(memory);
    if (live_bytes > peak_bytes)
        peak_bytes = live_bytes;
}

void *__wrap_malloc(size_t size)
{
    void *memory = __real_malloc(size);
    count(memory, 1);
    return memory;
}

void *__wrap_calloc(size_t number, size_t size)
{
    void *memory = __real_calloc(number, size);
    count(memory, 1);
    return memory;
}

void *__wrap_realloc(void *old, size_t size)
{
    size_t before = malloc_usable_size(old);
    void *memory = __real_realloc(old, size);
    if (memory) {
        /* Both exist while it copies. */
        count(memory, 1);
        live_bytes -= (int64_t)before;
    }
    return memory;
}

int __wrap_posix_memalign(void **ret, size_t alignment, size_t size)
{
    int rc = __real_posix_memalign(ret, alignment, size);
    if (rc == 0)
        count(*ret, 1);
    return rc;
}

void __wrap_free(void *memory)
{
    count(memory, -1);
    __real_free(memory);
}

size_t reading_memory_limit(size_t size)
{
    return 12 * size + 1000000;
}

struct reading read_bytes(const void *data, size_t size)
{
    struct reading reading = {0};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    /* A copy of the exact size lets the sanitizer see every read past the end. */
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    live_bytes = peak_bytes = 0;
    if (asim_trajectory_open_memory(copy, size, "test", &traj, &reading.err) == 0) {
        int rc;
        size_t counted;
        reading.opened = 1;
        while ((rc = asim_trajectory_next(traj, &frame, &reading.err)) == 1) {
            reading.frames++;
            reading.last_time_ps = frame.time_ps;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(asim_trajectory_frame_count(traj, &counted, &reading.err), 0);
        const struct asim_damage *damage =
            asim_trajectory_damage(traj, &reading.damages);
        assert_true(reading.frames == counted || reading.damages > 0);
        if (reading.damages)
            reading.first = damage[0];
        asim_trajectory_close(traj);
    } else {
        assert_int_equal(reading.err.status, ASIM_EINPUT);
        assert_true(strlen(reading.err.text) > 10);
    }
    asim_frame_finish(&frame);
    if (peak_bytes > (int64_t)reading_memory_limit(size))
        fail_msg("%lld bytes of memory for %zu bytes of file", (long long)peak_bytes,
                 size);
    free(copy);
    return reading;
}

void read_mutations(const unsigned char *data, size_t size, int number, uint64_t seed)
{
    struct asim_random random;
    asim_random_seed(&random, seed);
    unsigned char *copy = malloc(2 * size);
    for (int k = 0; k < number; k++) {
        memcpy(copy, data, size);
        for (int f = 0; f <= k % 3; f++) {
            /* Half of them in the headers in front, which decide most. */
            size_t within = f % 2 == 0 && k % 2 && size > 400 ? 400 : size;
            uint64_t bit = asim_random_u64(&random) % (within * 8);
            copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        read_bytes(copy, size);
    }
    for (int k = 0; k < number; k++) {
        size_t a = asim_random_u64(&random) % size, b = asim_random_u64(&random) % size;
        memcpy(copy, data, a);
        memcpy(copy + a, data + b, size - b);
        read_bytes(copy, a + size - b);
    }
    free(copy);
}
