/*
 * The inner loops of the PMF on their own: bench_mbar KERNEL ROUNDS.
 *
 * `cells-0`, `cells-1`, `cells-2`: the sums over the samples of a cell, 256 of them
 * under 8 windows, by the portable, the AVX2 and the AVX-512 variant. `evaluate`:
 * gradient and Hessian of the MBAR equations of 40 windows on 2000 nodes. Prints
 * nanoseconds of processor time of each round for a sample and window, or for a node
 * and window kept, and how many of these a round has.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pmf/cell_sums.h"
#include "pmf/mbar.h"

enum { SAMPLES = 256, TERMS = 8, CELLS = 400, WINDOWS = 40, NODES = 2000, TIMES = 10 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Biases of K = 1500 kJ/mol nm^-2 at 310 K every 12.5 pm, samples within 1 pm. */
static double sum_cells(int variant)
{
    static _Alignas(64) double distance[SAMPLES], work[2 * ASIM_LANES * TERMS];
    struct asim_cell_term terms[TERMS];
    double p[TERMS] = {0}, sum = 0;
    for (int k = 0; k < TERMS; k++) {
        double linear = 582 * 0.0125 * (k - 3.5);
        terms[k] =
            (struct asim_cell_term){exp(-291 * pow(0.0125 * (k - 3.5), 2)), linear,
                                    -291, asim_cell_degree(1, linear, -291, 1e-3)};
    }
    for (int i = 0; i < SAMPLES; i++)
        distance[i] = 2e-3 * i / SAMPLES - 1e-3;
    for (int cell = 0; cell < CELLS; cell++)
        sum +=
            asim_cell_sums_variant(variant, distance, SAMPLES, terms, TERMS, p, work);
    return sum + p[0];
}

static struct asim_mbar_nodes nodes;
static struct asim_mbar_work work;
static double mass[NODES], weight[WINDOWS], a[WINDOWS];

static int prepare(struct asim_error *err)
{
    struct asim_reduced_bias biases[WINDOWS];
    double x[NODES];
    for (int k = 0; k < WINDOWS; k++) {
        biases[k] = (struct asim_reduced_bias){-0.25 + 0.0125 * k, 582, 0};
        weight[k] = NODES / WINDOWS;
    }
    for (int g = 0; g < NODES; g++) {
        x[g] = -0.27 + 0.54 * g / NODES;
        mass[g] = 1;
    }
    return asim_mbar_nodes_make(x, NODES, biases, WINDOWS, a, &nodes, err) < 0 ||
                   asim_mbar_work_init(&work, &nodes, err) < 0
               ? -1
               : 0;
}

static double evaluate(void)
{
    double sum = 0;
    for (int i = 0; i < TIMES; i++)
        sum += asim_mbar_evaluate(&nodes, mass, weight, a, &work);
    return sum;
}

int main(int argc, char **argv)
{
    struct asim_error err = {0};
    int variant =
        argc > 1 && strncmp(argv[1], "cells-", 6) == 0 ? atoi(argv[1] + 6) : -1;
    if (argc != 3 || (variant < 0 && strcmp(argv[1], "evaluate") != 0)) {
        fprintf(stderr, "bench_mbar cells-0|cells-1|cells-2|evaluate ROUNDS\n");
        return 2;
    }
    if (variant >= asim_cell_variant_count()) {
        fprintf(stderr, "this processor has no variant %d\n", variant);
        return 1;
    }
    if (prepare(&err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    size_t kept = 0;
    for (size_t g = 0; g < nodes.count; g++)
        kept += nodes.last[g] - nodes.first[g];
    double items =
        variant < 0 ? (double)(TIMES * kept) : (double)CELLS * SAMPLES * TERMS;
    volatile double keep = 0;
    for (int round = 0; round < atoi(argv[2]); round++) {
        double start = seconds();
        keep = keep + (variant < 0 ? evaluate() : sum_cells(variant));
        printf("%.4f\n", 1e9 * (seconds() - start) / items);
    }
    printf("items %.0f\n", items);
    asim_mbar_work_finish(&work);
    asim_mbar_nodes_finish(&nodes);
    return 0;
}
