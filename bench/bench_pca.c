/*
 * How fast frames in memory become principal components:
 * bench_pca FRAMES ATOMS FILE [ROUNDS [THREADS [RMSIP [REFERENCE]]]], FILE holding
 * FRAMES x ATOMS x 3 floats; RMSIP 0 leaves out the analysis of the halves; REFERENCE
 * first or mean, the default, which takes several superpositions. Prints the
 * milliseconds of processor time of each round, then the ten largest eigenvalues.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <autosim/pca.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    struct asim_error err = {0};
    if (argc < 4) {
        fprintf(stderr, "bench_pca FRAMES ATOMS FILE [ROUNDS [THREADS [RMSIP "
                        "[REFERENCE]]]]\n");
        return 2;
    }
    size_t frames = strtoull(argv[1], NULL, 10), atoms = strtoull(argv[2], NULL, 10);
    int rounds = argc > 4 ? atoi(argv[4]) : 5, rc = 1;
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    options.thread_count = argc > 5 ? atoi(argv[5]) : 1;
    options.skip_rmsip = argc > 6 && atoi(argv[6]) == 0;
    if (argc > 7 && strcmp(argv[7], "first") == 0)
        options.reference = ASIM_REFERENCE_FIRST;
    float *x = malloc(frames * atoms * 3 * sizeof *x);
    FILE *file = fopen(argv[3], "rb");
    if (!x || !file || fread(x, 3 * atoms * sizeof *x, frames, file) != frames) {
        fprintf(stderr, "cannot read %zu frames of %zu atoms from '%s'\n", frames,
                atoms, argv[3]);
        goto out;
    }
    for (int round = 0; round < rounds; round++) {
        struct asim_pca pca = {0};
        double start = seconds();
        if (asim_pca_compute_array(x, frames, atoms, NULL, &options, NULL, &pca, &err) <
            0) {
            fprintf(stderr, "%s\n", err.text);
            goto out;
        }
        printf("%.4f\n", 1e3 * (seconds() - start));
        if (round + 1 == rounds)
            for (size_t k = 0; k < pca.component_count; k++)
                printf("eigenvalue %.12g\n", pca.eigenvalues_nm2[k]);
        asim_pca_finish(&pca);
    }
    rc = 0;
out:
    if (file)
        fclose(file);
    free(x);
    return rc;
}
