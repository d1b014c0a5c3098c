/*
 * How fast a trajectory is read: bench_xtc FILE [ATOMS [ROUNDS [THREADS [PATH]]]].
 *
 * A round reads the whole file once by every path that the machine has, one after the
 * other, so that a disturbance meets all alike; reading and system calls are included,
 * the disk is not (the first, uncounted round fills the cache). Every path must give
 * the same sum over the coordinates' bits. One line a path: best and median seconds of
 * processor time and of wall time, frames/s and million atoms/s by the best processor
 * time, or by the best wall time where there are several threads. ATOMS > 0 reads only
 * the first so many, FIRST:END:STEP every STEPth of them (END not included); with
 * THREADS > 1 every thread visits the frames that it decodes. PATH: only that one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <autosim/trajectory.h>

enum { PATHS = 3, MOST_ROUNDS = 101, MOST_THREADS = 64 };
static const char *const paths[PATHS] = {"scalar", "avx2", "avx512"};

struct result {
    double wall[MOST_ROUNDS], cpu[MOST_ROUNDS];
    uint64_t sum;
    size_t frames, atoms;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The atoms that are read: those from first to end, every step-th. */
struct atoms {
    size_t first, end, step; /* end 0: all */
};

static uint64_t sum_bits(const struct asim_frame *frame, const struct atoms *atoms)
{
    uint64_t sum = 0;
    for (size_t i = atoms->first; i < frame->atom_count; i += atoms->step)
        for (size_t d = 0; d < 3; d++) {
            uint32_t bits;
            memcpy(&bits, &frame->x_nm[i][d], sizeof bits);
            sum += bits * (uint64_t)(3 * i + d + 1);
        }
    return sum * (2 * frame->frame_index + 1);
}

static int choose_atoms(struct asim_trajectory *traj, const struct atoms *atoms,
                        struct asim_error *err)
{
    if (atoms->step == 1) {
        asim_trajectory_limit_atoms(traj, atoms->end);
        return 0;
    }
    size_t count = 0;
    uint32_t *list = calloc(atoms->end + 1, sizeof *list);
    if (!list)
        return -1;
    for (size_t i = atoms->first; i < atoms->end; i += atoms->step)
        list[count++] = (uint32_t)i;
    int rc = asim_trajectory_select_atoms(traj, list, count, err);
    free(list);
    return rc;
}

/* What one thread has read, in cache lines of its own. */
struct tally {
    _Alignas(64) size_t frames;
    size_t atoms;
    uint64_t sum;
};

struct reading {
    const struct atoms *atoms;
    int check; /* sums the coordinates, which costs more than decoding them */
    struct tally tallies[MOST_THREADS];
};

static int count_frame(void *context, struct asim_frame *frame, int thread_index,
                       struct asim_error *err)
{
    struct reading *reading = context;
    struct tally *tally = &reading->tallies[thread_index];
    (void)err;
    tally->frames++;
    tally->atoms = frame->atom_count;
    if (reading->check)
        tally->sum += sum_bits(frame, reading->atoms);
    return 0;
}

static int read_file(const char *file, const struct atoms *atoms, int threads,
                     int check, struct result *result, struct asim_error *err)
{
    struct reading reading = {.atoms = atoms, .check = check};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    if (asim_trajectory_open(file, &traj, err) < 0)
        return -1;
    int rc = choose_atoms(traj, atoms, err);
    if (rc == 0 && threads > 1)
        rc = asim_trajectory_visit(traj, threads, count_frame, &reading, err);
    while (rc >= 0 && threads <= 1 &&
           (rc = asim_trajectory_next(traj, &frame, err)) == 1)
        count_frame(&reading, &frame, 0, err);
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
    result->frames = 0;
    for (int i = 0; i < MOST_THREADS; i++) {
        const struct tally *tally = &reading.tallies[i];
        result->frames += tally->frames;
        if (tally->frames > 0)
            result->atoms = tally->atoms;
        if (check)
            result->sum += tally->sum;
    }
    return rc;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static struct result results[PATHS];
    struct asim_error err = {0};
    int have[PATHS] = {0}, rc = 0;
    if (argc < 2 || argc > 6) {
        fprintf(stderr, "bench_xtc FILE [ATOMS [ROUNDS [THREADS [PATH]]]]\n");
        return 2;
    }
    struct atoms atoms = {.step = 1};
    if (argc > 2 &&
        sscanf(argv[2], "%zu:%zu:%zu", &atoms.first, &atoms.end, &atoms.step) != 3)
        atoms = (struct atoms){.end = strtoull(argv[2], NULL, 10), .step = 1};
    if (atoms.step == 0)
        atoms.step = 1;
    int rounds = argc > 3 ? atoi(argv[3]) : 7;
    int threads = argc > 4 ? atoi(argv[4]) : 1;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        rounds = 7;
    if (threads > MOST_THREADS)
        threads = MOST_THREADS;
    for (int round = -1; round < rounds; round++)
        for (int p = 0; p < PATHS; p++) {
            if (argc > 5 && strcmp(argv[5], paths[p]) != 0)
                continue;
            if (round >= 0 && !have[p])
                continue;
            setenv("AUTOSIM_SIMD", paths[p], 1);
            double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
            double wall = seconds(CLOCK_MONOTONIC);
            if (read_file(argv[1], &atoms, threads, round < 0, &results[p], &err) < 0) {
                if (round < 0 && err.status == ASIM_EENV)
                    continue;
                fprintf(stderr, "%s\n", err.text);
                return 1;
            }
            have[p] = 1;
            if (round >= 0) {
                results[p].cpu[round] = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
                results[p].wall[round] = seconds(CLOCK_MONOTONIC) - wall;
            }
        }
    printf("%-8s %9s %9s %9s %9s %10s %9s\n", "path", "cpu_min", "cpu_med", "wall_min",
           "wall_med", "frames/s", "Matoms/s");
    for (int p = 0; p < PATHS; p++) {
        struct result *r = &results[p];
        if (!have[p])
            continue;
        if (have[0] && r->sum != results[0].sum) {
            fprintf(stderr, "%s gives other coordinates than scalar\n", paths[p]);
            rc = 1;
        }
        qsort(r->cpu, (size_t)rounds, sizeof *r->cpu, compare);
        qsort(r->wall, (size_t)rounds, sizeof *r->wall, compare);
        double rate = (double)r->frames / (threads > 1 ? r->wall[0] : r->cpu[0]);
        printf("%-8s %9.6f %9.6f %9.6f %9.6f %10.0f %9.1f\n", paths[p], r->cpu[0],
               r->cpu[rounds / 2], r->wall[0], r->wall[rounds / 2], rate,
               1e-6 * rate * (double)r->atoms);
    }
    return rc;
}
