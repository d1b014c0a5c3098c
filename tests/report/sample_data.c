/*
 * Made-up results with exact relations among them: samples follow the biased Boltzmann
 * distribution of the profile, the overlap matrix is its integral, errors are of the
 * size that such a campaign has.
 */
#include "sample_data.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/units.h"

static const double low_nm = -0.27, high_nm = 0.21, temperature_kelvin = 300.0;
enum { GRID = 4000 };

static void *zeroed(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);
    assert(array);
    return array;
}

/* Two basins, 6 kJ/mol between them. */
static double profile(double x)
{
    double t = (x + 0.03) / 0.15;
    return 4.4 * (t * t - 1.0) * (t * t - 1.0) + 1.3 * (1.0 + t) + 0.25 * sin(9.0 * t);
}

static double grid_x(size_t i)
{
    return low_nm - 0.1 + (high_nm - low_nm + 0.2) * ((double)i + 0.5) / GRID;
}

static void fill_density(const struct asim_bias *bias, double *density)
{
    double sum = 0.0, beta = 1.0 / (ASIM_KB_KJ_MOL_K * temperature_kelvin);
    for (size_t i = 0; i < GRID; i++) {
        double d = grid_x(i) - bias->centre_nm;
        density[i] = exp(-beta * (profile(grid_x(i)) +
                                  0.5 * bias->force_constant_kj_mol_nm2 * d * d));
        sum += density[i];
    }
    for (size_t i = 0; i < GRID; i++)
        density[i] /= sum;
}

static double draw(const double *density, struct asim_random *random)
{
    double u = asim_random_uniform(random);
    size_t i = 0;
    while (i + 1 < GRID && u > density[i])
        u -= density[i++];
    return grid_x(i) + (asim_random_uniform(random) - 0.5) * (grid_x(1) - grid_x(0));
}

static void fill_windows(const struct sample_options *options, struct sample_data *data,
                         struct asim_random *random)
{
    size_t count = options->window_count, samples = options->samples_per_window;
    double spacing = (high_nm - low_nm) / (count > 1 ? (double)(count - 1) : 1.0);
    double kt = ASIM_KB_KJ_MOL_K * temperature_kelvin;
    double *density = zeroed(GRID, sizeof *density);
    data->plan = (struct asim_plan){.window_count = count,
                                    .temperature_kelvin = temperature_kelvin,
                                    .spacing_nm = spacing,
                                    .dt_ps = 0.002,
                                    .sample_steps = 50};
    data->plan.windows = zeroed(count, sizeof *data->plan.windows);
    data->series = zeroed(count, sizeof *data->series);
    data->statuses = zeroed(count, sizeof *data->statuses);
    data->checks = zeroed(count, sizeof *data->checks);
    data->rows = zeroed(2 * count * samples, sizeof *data->rows);
    for (size_t k = 0; k < count; k++) {
        struct asim_window *window = &data->plan.windows[k];
        window->window_id = (int)k;
        data->checks[k] = (struct asim_window_check){.frame_count = 100 + k,
                                                     .largest_difference_nm = 5.1e-7,
                                                     .tolerance_nm = 6.2e-6,
                                                     .force_error = 0.062,
                                                     .w2 = 0.0038};
        window->bias.centre_nm = low_nm + spacing * (double)k;
        window->bias.force_constant_kj_mol_nm2 = 2.0 * kt / (spacing * spacing);
        struct asim_series *series = &data->series[k];
        series->value_nm = data->rows + 2 * k * samples;
        series->time_ps = series->value_nm + samples;
        series->count = samples;
        fill_density(&window->bias, density);
        for (size_t i = 0; i < samples; i++) {
            series->time_ps[i] = 0.1 * (double)i;
            series->value_nm[i] =
                samples > 100
                    ? draw(density, random)
                    : window->bias.centre_nm + spacing * asim_random_gaussian(random);
        }
        struct asim_window_status *status = &data->statuses[k];
        status->window_id = (int)k;
        status->state = ASIM_WINDOW_COMPLETED;
        status->attempts = 1;
        status->step = status->nsteps = 500000;
        status->ns_per_day = 182.0 + 6.0 * asim_random_gaussian(random);
        status->final_potential_energy_kj_mol =
            -31250.0 + 90.0 * asim_random_gaussian(random);
        status->runtime_seconds = 474.0 + 9.0 * asim_random_gaussian(random);
        if (options->text)
            snprintf(status->cause, sizeof status->cause, "%s", options->text);
    }
    if (count > 4) {
        data->statuses[4].attempts = 2;
        data->statuses[4].failures = 1;
        snprintf(data->statuses[4].cause, sizeof data->statuses[4].cause, "%s",
                 options->text ? options->text
                               : "resumed from its checkpoint after the machine "
                                 "went down");
    }
    free(density);
}

static void fill_overlap(struct sample_data *data, size_t gap)
{
    size_t count = data->plan.window_count;
    double *densities = zeroed(count * GRID, sizeof *densities);
    for (size_t k = 0; k < count; k++) {
        struct asim_bias bias = data->plan.windows[k].bias;
        if (k == gap) /* so stiff that it meets nobody */
            bias.force_constant_kj_mol_nm2 *= 400.0;
        fill_density(&bias, densities + k * GRID);
    }
    for (size_t g = 0; g < GRID; g++) {
        double sum = 0.0;
        for (size_t k = 0; k < count; k++)
            sum += densities[k * GRID + g];
        for (size_t i = 0; sum > 0 && i < count; i++)
            for (size_t j = 0; j < count; j++)
                data->pmf.overlap[i * count + j] +=
                    densities[i * GRID + g] * densities[j * GRID + g] / sum;
    }
    free(densities);
}

static void add_gate(struct asim_pmf *pmf, const char *name, bool pass, double value,
                     double limit, const char *sentence)
{
    struct asim_gate *gate = &pmf->gates[pmf->gate_count++];
    snprintf(gate->name, sizeof gate->name, "%s", name);
    snprintf(gate->sentence, sizeof gate->sentence, "%s", sentence);
    gate->pass = pass;
    gate->value = value;
    gate->limit = limit;
}

/* The height of the profile from ever more of the runs, and each window's error. */
static void fill_convergence(struct asim_pmf *pmf)
{
    pmf->convergence_count = 8;
    pmf->share = zeroed(8, sizeof(double));
    pmf->forward_kj_mol = zeroed(8, sizeof(double));
    pmf->backward_kj_mol = zeroed(8, sizeof(double));
    for (size_t i = 0; i < 8; i++) {
        pmf->share[i] = (double)(i + 1) / 8;
        pmf->forward_kj_mol[i] = i == 0 ? NAN : 13.7 + 0.3 / (double)(i + 1);
        pmf->backward_kj_mol[i] = 13.7 - 0.5 / (double)(i + 1);
    }
    pmf->from_nm = -0.17;
    pmf->to_nm = high_nm;
    pmf->height_error_kj_mol = 0.2;
    pmf->variance_share = zeroed(pmf->window_count, sizeof(double));
    for (size_t i = 0; i < pmf->window_count; i++)
        pmf->variance_share[i] = (i % 3 == 0 ? 2.0 : 0.5) / (double)pmf->window_count;
}

static void fill_pmf(const struct sample_options *options, struct sample_data *data,
                     struct asim_random *random)
{
    struct asim_pmf *pmf = &data->pmf;
    size_t count = data->plan.window_count, bins = options->bin_count;
    bool gap = options->missing_window < count;
    pmf->bin_count = bins;
    pmf->window_count = count;
    pmf->x_nm = zeroed(bins, sizeof(double));
    pmf->pmf_kj_mol = zeroed(bins, sizeof(double));
    pmf->error_kj_mol = zeroed(bins, sizeof(double));
    pmf->band_kj_mol = zeroed(bins, sizeof(double));
    pmf->overlap = zeroed(count * count, sizeof(double));
    pmf->gates = zeroed(8, sizeof *pmf->gates);
    fill_convergence(pmf);
    double least = INFINITY, drift = 0.0;
    for (size_t i = 0; i < bins; i++) {
        double t = ((double)i + 0.5) / (double)bins;
        /* Its ends are left out, as where there are too few samples. */
        pmf->x_nm[i] = low_nm + (high_nm - low_nm) * (0.03 + 0.94 * t);
        drift = 0.97 * drift + 0.03 * asim_random_gaussian(random);
        pmf->pmf_kj_mol[i] = profile(pmf->x_nm[i]) + drift;
        pmf->error_kj_mol[i] = 0.11 + 0.16 * fabs(t - 0.5) + (gap && t > 0.6 ? 0.6 : 0);
        pmf->band_kj_mol[i] = 2.9 * pmf->error_kj_mol[i];
        if (gap && t > 0.56 && t < 0.6)
            pmf->pmf_kj_mol[i] = NAN;
        least = fmin(least, pmf->pmf_kj_mol[i]);
    }
    for (size_t i = 0; i < bins; i++)
        pmf->pmf_kj_mol[i] -= least;
    if (count <= 200)
        fill_overlap(data, options->missing_window);
    else
        for (size_t i = 0; i < count; i++)
            for (size_t j = i > 2 ? i - 2 : 0; j < count && j <= i + 2; j++)
                pmf->overlap[i * count + j] = i == j ? 0.4 : 0.15;
    pmf->residual = 3.1e-13;
    pmf->temperature_kelvin = temperature_kelvin;
    pmf->connected = !gap;
    pmf->trustworthy = !gap;
    add_gate(pmf, "connectivity", true, 1, 1, "all windows form one chain");
    add_gate(pmf, "overlap", !gap, gap ? 0.011 : 0.19, 0.03,
             gap ? "windows 6 and 7 share too few samples: their free energy "
                   "difference is not known; add a window between them"
                 : "every window shares enough samples with its neighbour");
    add_gate(pmf, "bin support", !gap, gap ? 0 : 812, 50,
             gap ? "a bin has no effective samples; add windows where the line has gaps"
                 : "every bin has enough effective samples from two windows or more");
    add_gate(pmf, "convergence", true, 1.31e-15, 1e-8, "the MBAR equations hold");
    add_gate(pmf, "consistency", true, 2.31, 3.29,
             "each window's histogram agrees with what the others predict for it");
    add_gate(pmf, "integration", true, 0.87, 3.0,
             "umbrella integration gives the same differences within their errors");
    add_gate(pmf, "drift", true, 0.042, 0.00091,
             "no window drifts between its beginning and its end");
    add_gate(pmf, "halves", true, 1.22, 2.0,
             "forward and backward halves agree within two standard errors");
    snprintf(pmf->verdict, sizeof pmf->verdict, "%s",
             gap ? "Two of seven checks failed. The part left of 0.00 nm holds; the "
                   "difference to the part right of it does not."
                 : "All seven checks passed. The profile is known to 1.6 kJ/mol or "
                   "better over its whole range, with 95% confidence.");
    if (options->text) {
        snprintf(pmf->verdict, sizeof pmf->verdict, "%s", options->text);
        for (size_t i = 0; i < pmf->gate_count; i++) {
            snprintf(pmf->gates[i].name, sizeof pmf->gates[i].name, "%s",
                     options->text);
            snprintf(pmf->gates[i].sentence, sizeof pmf->gates[i].sentence, "%s",
                     options->text);
            pmf->gates[i].pass = i % 2 == 0;
        }
    }
}

static void fill_pca(const struct sample_options *options, struct sample_data *data,
                     struct asim_random *random)
{
    enum { COMPONENTS = 10 };
    static const double spread_nm[COMPONENTS] = {0.118, 0.071, 0.046, 0.031, 0.024,
                                                 0.019, 0.016, 0.013, 0.011, 0.009};
    struct asim_pca *pca = &data->pca;
    size_t frames = options->frame_count;
    pca->frame_count = frames;
    pca->atom_count = 10;
    pca->component_count = COMPONENTS;
    pca->eigenvalues_nm2 = zeroed(COMPONENTS, sizeof(double));
    pca->cosine_content = zeroed(COMPONENTS, sizeof(double));
    pca->projections_nm = zeroed(COMPONENTS * frames, sizeof(double));
    pca->time_ps = zeroed(frames, sizeof(double));
    pca->align_same = true;
    pca->rmsip = 0.96;
    pca->cosine_content[0] = 0.04;
    snprintf(pca->selection, sizeof pca->selection, "%s",
             options->text ? options->text : "protein and not name H*");
    for (size_t c = 0; c < COMPONENTS; c++) {
        pca->eigenvalues_nm2[c] = spread_nm[c] * spread_nm[c];
        pca->total_variance_nm2 += 1.03 * pca->eigenvalues_nm2[c];
    }
    double x = -0.18, y = 0.0;
    for (size_t i = 0; i < frames; i++) {
        pca->time_ps[i] = 10.0 * (double)i;
        /* Langevin steps on the profile for PC1, an Ornstein-Uhlenbeck walk for PC2. */
        for (int step = 0; step < 8; step++) {
            double force = -(profile(x + 1e-5) - profile(x - 1e-5)) / 2e-5;
            x += 3e-5 * force + 0.0122 * asim_random_gaussian(random);
        }
        y = 0.8 * y + 0.6 * asim_random_gaussian(random);
        pca->projections_nm[i] = x;
        pca->projections_nm[frames + i] = 0.06 * y + 2.2 * (x + 0.03) * (x + 0.03);
    }
}

void sample_data_init(const struct sample_options *options, struct sample_data *data)
{
    struct asim_random random;
    asim_random_seed(&random, 20260220);
    *data = (struct sample_data){0};
    fill_windows(options, data, &random);
    fill_pmf(options, data, &random);
    fill_pca(options, data, &random);
    data->report = (struct asim_report){
        .title = options->text ? options->text : "alanine dipeptide, solvated.tpr",
        .pca = &data->pca,
        .plan = &data->plan,
        .pmf = &data->pmf,
        .series = data->series,
        .statuses = data->statuses,
        .checks = data->checks,
        .provenance_json =
            options->text
                ? options->text
                : "{\n \"autosim\": \"0.1.0\",\n \"gromacs\": \"2022.5\",\n "
                  "\"arguments\": [\"run\", \"solvated.tpr\", \"traj.xtc\"],\n "
                  "\"seed\": 4283\n}\n",
    };
}

void sample_data_finish(struct sample_data *data)
{
    free(data->plan.windows);
    free(data->series);
    free(data->statuses);
    free(data->checks);
    free(data->rows);
    free(data->pmf.x_nm);
    free(data->pmf.pmf_kj_mol);
    free(data->pmf.error_kj_mol);
    free(data->pmf.band_kj_mol);
    free(data->pmf.overlap);
    free(data->pmf.share);
    free(data->pmf.forward_kj_mol);
    free(data->pmf.backward_kj_mol);
    free(data->pmf.variance_share);
    free(data->pmf.gates);
    free(data->pca.eigenvalues_nm2);
    free(data->pca.cosine_content);
    free(data->pca.projections_nm);
    free(data->pca.time_ps);
    *data = (struct sample_data){0};
}
