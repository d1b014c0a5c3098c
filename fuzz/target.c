/*
 * One input of a fuzz target, within limits that hold for every format:
 *
 *   memory alive at once on behalf of an input of n bytes <= 32 n + 128 KiB,
 *   1 second of CPU time.
 *
 * The arithmetic of 32: a float frame takes 12 bytes an atom where XTC has at least 1
 * in the file; a topology takes about 60 bytes an atom where text has at least 20 and
 * TPR 12; windows on the file take 1.5 n each (grown by half). The constant is for
 * what does not depend on the input: tables of a format (80 KiB for XTC), buffers of
 * streams.
 *
 * Allocations are seen through the hooks of the address sanitizer; without it only the
 * time is watched. What was seen is printed at the end, and where the environment asks
 * for so many seconds of CPU time or executions (AUTOSIM_FUZZ_SECONDS,
 * AUTOSIM_FUZZ_EXECUTIONS), the run ends itself once both are reached.
 */
#include "target.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MEMORY_MULTIPLE = 32, MEMORY_CONSTANT = 1 << 17 };

#define MOST_CPU_SECONDS 1.0

typedef void (*malloc_hook_fn)(const volatile void *memory, size_t size);
typedef void (*free_hook_fn)(const volatile void *memory);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(malloc_hook_fn,
                                                                    free_hook_fn);
__attribute__((weak)) size_t __sanitizer_get_allocated_size(const volatile void *);

static struct {
    bool installed, counting;
    uint64_t live_bytes, peak_bytes; /* of the present input */
    size_t input_size;
    uint64_t executions;
    uint64_t largest_bytes; /* of the input that came closest to its limit */
    size_t largest_size;
    double largest_part;
    double slowest_seconds;
    double wanted_seconds, wanted_executions; /* 0: for ever */
} run;

static uint64_t memory_limit(size_t size)
{
    return (uint64_t)MEMORY_MULTIPLE * size + MEMORY_CONSTANT;
}

static void on_malloc(const volatile void *memory, size_t size)
{
    (void)memory;
    if (!run.counting)
        return;
    run.live_bytes += size;
    if (run.live_bytes <= run.peak_bytes)
        return;
    run.peak_bytes = run.live_bytes;
    if (run.peak_bytes > memory_limit(run.input_size)) {
        run.counting = false;
        fprintf(stderr, "memory: %llu bytes alive for an input of %zu\n",
                (unsigned long long)run.peak_bytes, run.input_size);
        abort();
    }
}

static void on_free(const volatile void *memory)
{
    if (!run.counting || !memory)
        return;
    uint64_t size = __sanitizer_get_allocated_size(memory);
    /* What was there before the input may go during it. */
    run.live_bytes -= size < run.live_bytes ? size : run.live_bytes;
}

static void print_summary(void)
{
    printf("%llu executions, slowest %.0f ms, most memory %llu bytes for an input of "
           "%zu: %.0f%% of the limit\n",
           (unsigned long long)run.executions, 1e3 * run.slowest_seconds,
           (unsigned long long)run.largest_bytes, run.largest_size,
           100 * run.largest_part);
    fflush(stdout);
}

static double number_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? strtod(text, NULL) : 0;
}

static void start(void)
{
    run.installed = true;
    run.wanted_seconds = number_of("AUTOSIM_FUZZ_SECONDS");
    run.wanted_executions = number_of("AUTOSIM_FUZZ_EXECUTIONS");
    if (__sanitizer_install_malloc_and_free_hooks)
        __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    atexit(print_summary);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void end_if_done(double now)
{
    if (run.wanted_seconds + run.wanted_executions <= 0 || now < run.wanted_seconds ||
        (double)run.executions < run.wanted_executions)
        return;
    /* libFuzzer prints its statistics and ends without handlers of exit. */
    print_summary();
    raise(SIGINT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!run.installed)
        start();
    run.input_size = size;
    run.live_bytes = run.peak_bytes = 0;
    double begin = cpu_seconds();
    run.counting = true;
    asim_fuzz_input(data, size);
    run.counting = false;
    double now = cpu_seconds(), taken = now - begin;
    run.executions++;
    if (taken > run.slowest_seconds)
        run.slowest_seconds = taken;
    double part = (double)run.peak_bytes / (double)memory_limit(size);
    if (part > run.largest_part) {
        run.largest_part = part;
        run.largest_bytes = run.peak_bytes;
        run.largest_size = size;
    }
    if (taken > MOST_CPU_SECONDS) {
        fprintf(stderr, "time: %.2f s for an input of %zu bytes\n", taken, size);
        abort();
    }
    end_if_done(now);
    return 0;
}
