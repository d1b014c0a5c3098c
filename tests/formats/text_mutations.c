/*
 * PDB and PSF files that were cut at every byte, had bits flipped, or lines moved,
 * repeated and joined with other files: read without a crash, in bounded memory.
 * The program is linked with --wrap for the allocators, which count what is held. *
 *   text_mutations FOLDER COUNT   COUNT mutations of the files of FOLDER
 */
#include <dirent.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "formats/pdb.h"
#include "formats/psf.h"
#include "formats/trajectory_format.h"

enum {
    MOST_FILES = 32,
    /* Readers may hold this many bytes for each of the file's, and a fixed number for
     * what every file needs. */
    BYTES_PER_BYTE = 16,
    FIXED_BYTES = 8192,
    MANY_ATOMS = 20000,
};

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **text, const char *format, va_list arguments);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **text, const char *format, va_list arguments);

static size_t held_bytes, peak_bytes;

static void *count_in(void *memory)
{
    if (memory)
        held_bytes += malloc_usable_size(memory);
    if (held_bytes > peak_bytes)
        peak_bytes = held_bytes;
    return memory;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return count_in(__real_calloc(count, size));
}

void *__wrap_malloc(size_t size)
{
    return count_in(__real_malloc(size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    size_t before = memory ? malloc_usable_size(memory) : 0;
    void *grown = __real_realloc(memory, size);
    if (grown)
        held_bytes -= before;
    return count_in(grown);
}

void __wrap_free(void *memory)
{
    if (memory)
        held_bytes -= malloc_usable_size(memory);
    __real_free(memory);
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size)
{
    int rc = __real_posix_memalign(memory, alignment, size);
    if (rc == 0)
        count_in(*memory);
    return rc;
}

char *__wrap_strdup(const char *text)
{
    return count_in(__real_strdup(text));
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    int length = __real_vasprintf(text, format, arguments);
    if (length >= 0)
        count_in(*text);
    return length;
}

static size_t accepted;
static double worst_ratio;

static void read_all(const char *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_topology top = {0};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    if (asim_pdb_parse_topology(data, size, "mutant", &top, &err) == 0) {
        asim_topology_finish(&top);
        accepted++;
    }
    if (asim_psf_parse_topology(data, size, "mutant", &top, &err) == 0) {
        asim_topology_finish(&top);
        accepted++;
    }
    if (asim_trajectory_open_memory(data, size, "mutant", &traj, &err) == 0) {
        while (asim_trajectory_next(traj, &frame, &err) == 1)
            ;
        asim_trajectory_close(traj);
    }
    asim_frame_finish(&frame);
}

static int run(const char *data, size_t size, const char *what)
{
    size_t before = held_bytes;
    peak_bytes = held_bytes;
    /* Exactly as large as the mutant, so that a sanitizer sees reads behind its end. */
    char *copy = __real_malloc(size ? size : 1);
    memcpy(copy, data, size);
    double start = asim_monotonic_seconds();
    read_all(copy, size);
    double seconds = asim_monotonic_seconds() - start;
    __real_free(copy);
    size_t used = peak_bytes - before;
    double ratio = ((double)used - FIXED_BYTES) / (double)(size + 1);
    if (ratio > worst_ratio)
        worst_ratio = ratio;
    if (used <= FIXED_BYTES + BYTES_PER_BYTE * size && held_bytes == before &&
        seconds < 10.0)
        return 0;
    fprintf(stderr, "%s: %zu bytes took %zu bytes, %zu were kept, %.3f s\n", what, size,
            used, held_bytes - before, seconds);
    return -1;
}

struct seed_file {
    char *data;
    size_t size;
};

static size_t random_below(struct asim_random *random, size_t limit)
{
    return limit ? (size_t)(asim_random_u64(random) % limit) : 0;
}

/* The start of a line at or before a random place. */
static size_t random_line(struct asim_random *random, const struct seed_file *file)
{
    size_t at = random_below(random, file->size + 1);
    while (at > 0 && file->data[at - 1] != '\n')
        at--;
    return at;
}

static size_t mutate(struct asim_random *random, const struct seed_file *files,
                     size_t file_count, char *out)
{
    const struct seed_file *a = &files[random_below(random, file_count)];
    const struct seed_file *b = &files[random_below(random, file_count)];
    size_t size = a->size;
    memcpy(out, a->data, a->size);
    if (asim_random_u64(random) % 2) {
        /* The head of one file, then another from one of its lines on. */
        size_t head = random_line(random, a), from = random_line(random, b);
        memcpy(out + head, b->data + from, b->size - from);
        size = head + b->size - from;
    }
    size_t flips = random_below(random, 8);
    for (size_t i = 0; i < flips && size > 0; i++) {
        size_t at = random_below(random, size);
        if (asim_random_u64(random) % 2)
            out[at] = (char)(out[at] ^ (1 << asim_random_u64(random) % 8));
        else
            out[at] = " 0129A.-\n\t*"[asim_random_u64(random) % 11];
    }
    return size;
}

/* Files whose every word is another, which is the most to keep for each byte. */
static int run_worst(void)
{
    size_t room = (size_t)MANY_ATOMS * 140 + 100, pdb = 0, psf;
    char *text = __real_malloc(room);
    for (int i = 1; i <= MANY_ATOMS; i++)
        pdb += (size_t)sprintf(text + pdb,
                               "ATOM  %5d %4xA%4x A%4d    %8.3f%8.3f%8.3f%22s\n", i, i,
                               i + 20000, i % 10000, 1.0, 2.0, 3.0, "");
    for (int i = 1; i < MANY_ATOMS; i++)
        pdb += (size_t)sprintf(text + pdb, "CONECT%5d%5d%5d\n", i, i + 1,
                               (i + 2) % MANY_ATOMS);
    int rc = run(text, pdb, "a PDB file of different names");
    psf = (size_t)sprintf(text, "PSF\n%d !NATOM\n", MANY_ATOMS);
    for (int i = 1; i <= MANY_ATOMS; i++)
        psf += (size_t)sprintf(text + psf, "%d A%x %d B%x C%x D%x 0 0\n", i, i, i % 9,
                               i, i, i);
    psf += (size_t)sprintf(text + psf, "%d !NBOND\n", MANY_ATOMS);
    for (int i = 1; i <= MANY_ATOMS; i++)
        psf += (size_t)sprintf(text + psf, "1 2 ");
    rc |= run(text, psf, "a PSF file of different names");
    __real_free(text);
    return rc;
}

int main(int argc, char **argv)
{
    struct seed_file files[MOST_FILES];
    struct asim_error err = {0};
    size_t count = 0, largest = 0;
    long mutants = argc == 3 ? atol(argv[2]) : 0;
    DIR *folder = mutants > 0 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: text_mutations FOLDER COUNT\n");
        return 2;
    }
    const struct dirent *entry;
    while ((entry = readdir(folder)) && count < MOST_FILES) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = asim_path_join(argv[1], entry->d_name, &err);
        if (!path || asim_file_read(path, 1 << 20, &files[count].data,
                                    &files[count].size, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        free(path);
        largest = files[count].size > largest ? files[count].size : largest;
        count++;
    }
    closedir(folder);
    int rc = count == 0 || run_worst() < 0;
    char *out = __real_malloc(2 * largest + 1);
    struct asim_random random;
    const char *seed = getenv("AUTOSIM_TEST_SEED");
    uint64_t seed_number = seed ? strtoull(seed, NULL, 10) : 20260220;
    asim_random_seed(&random, seed_number);
    for (size_t k = 0; k < count; k++)
        for (size_t size = 0; size <= files[k].size && !rc; size++)
            rc |= run(files[k].data, size, "a cut file") < 0;
    size_t accepted_cuts = accepted;
    for (long i = 0; i < mutants && !rc; i++)
        rc |= run(out, mutate(&random, files, count, out), "a mutant") < 0;
    printf("seed %llu: %zu files cut at every byte (%zu topologies), %ld mutants (%zu "
           "topologies); at most %.1f bytes held for each of a file's\n",
           (unsigned long long)seed_number, count, accepted_cuts, mutants,
           accepted - accepted_cuts, worst_ratio > 0 ? worst_ratio : 0.0);
    __real_free(out);
    for (size_t k = 0; k < count; k++)
        free(files[k].data);
    return rc || accepted == 0;
}
