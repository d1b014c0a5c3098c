/* Windows sampled from a known profile, for tests of the pmf stage. */
#ifndef TESTS_PMF_SYNTHETIC_H
#define TESTS_PMF_SYNTHETIC_H

#include <math.h>
#include <stdlib.h>

#include <autosim/pmf.h>

#include "base/random.h"
#include "base/units.h"

/* F(x) = curvature/2 x^2 in kJ/mol under biases K/2 (x - c)^2: window k is normal with
 * mean K c / (curvature + K) and variance kT / (curvature + K). */
struct synthetic {
    double temperature_kelvin;
    double curvature_kj_mol_nm2;
    double force_constant_kj_mol_nm2;
    double first_centre_nm, spacing_nm;
    size_t window_count, sample_count;
    double inefficiency; /* of the first-order autoregressive series */
    unsigned long long seed;
};

static inline struct synthetic synthetic_default(void)
{
    return (struct synthetic){.temperature_kelvin = 300,
                              .curvature_kj_mol_nm2 = 200,
                              .force_constant_kj_mol_nm2 = 2000,
                              .first_centre_nm = -0.25,
                              .spacing_nm = 0.05,
                              .window_count = 11,
                              .sample_count = 4000,
                              .inefficiency = 1,
                              .seed = 7};
}

static inline double synthetic_kt(const struct synthetic *s)
{
    return ASIM_KB_KJ_MOL_K * s->temperature_kelvin;
}

/* A new array of windows whose samples follow in the same block of memory. */
static inline struct asim_pmf_window *synthetic_windows(const struct synthetic *s)
{
    struct asim_pmf_window *windows = calloc(s->window_count, sizeof *windows);
    double rho = (s->inefficiency - 1) / (s->inefficiency + 1);
    for (size_t k = 0; k < s->window_count; k++) {
        double centre = s->first_centre_nm + (double)k * s->spacing_nm;
        double total = s->curvature_kj_mol_nm2 + s->force_constant_kj_mol_nm2;
        double mean = s->force_constant_kj_mol_nm2 * centre / total;
        double sd = sqrt(synthetic_kt(s) / total);
        double *values = calloc(s->sample_count ? s->sample_count : 1, sizeof *values);
        struct asim_random random;
        asim_random_seed(&random, asim_random_derive(s->seed, k));
        double state = asim_random_gaussian(&random);
        for (size_t i = 0; i < s->sample_count; i++) {
            values[i] = mean + sd * state;
            state = rho * state + sqrt(1 - rho * rho) * asim_random_gaussian(&random);
        }
        windows[k] = (struct asim_pmf_window){
            {centre, s->force_constant_kj_mol_nm2}, values, s->sample_count};
    }
    return windows;
}

/* The truth of a bin: -kT ln of the mean of exp(-F/kT) over it. */
static inline double synthetic_exact_bin(const struct synthetic *s, double x,
                                         double width)
{
    enum { POINTS = 64 };
    double sum = 0, kt = synthetic_kt(s);
    for (int i = 0; i < POINTS; i++) {
        double y = x + width * ((i + 0.5) / POINTS - 0.5);
        sum += exp(-0.5 * s->curvature_kj_mol_nm2 * y * y / kt) / POINTS;
    }
    return -kt * log(sum);
}

static inline double *synthetic_values(struct asim_pmf_window *window)
{
    union {
        const double *constant;
        double *changeable;
    } pointer = {window->value_nm};
    return pointer.changeable;
}

static inline void synthetic_free(struct asim_pmf_window *windows, size_t count)
{
    for (size_t k = 0; windows && k < count; k++)
        free(synthetic_values(&windows[k]));
    free(windows);
}

#endif
