/* The profile of samples that were made elsewhere. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pipeline.h"

static int read_samples(const struct settings *settings, struct asim_external *ret,
                        struct asim_error *err)
{
    int threads = settings->pmf.thread_count;
    if (strcmp(settings->from, "meta") == 0)
        return asim_external_read_meta(settings->arguments[0], settings->pmf.period_nm,
                                       settings->along, threads, ret, err);
    return asim_external_read_gmx_wham(settings->arguments[0], settings->arguments[1],
                                       settings->along, threads, ret, err);
}

static int choose_temperature(const struct settings *settings,
                              const struct asim_external *external, double *ret_kelvin,
                              struct asim_error *err)
{
    double said = external->temperature_kelvin, given = settings->from_kelvin;
    if (!(said > 0) && !(given > 0))
        return asim_fail(err, ASIM_EUSAGE,
                         "the list does not say the temperature: give --temperature K");
    if (said > 0 && given > 0 && fabs(said - given) > 1e-6 * said)
        return asim_fail(err, ASIM_EUSAGE, "--temperature %g, but the input says %g K",
                         given, said);
    *ret_kelvin = said > 0 ? said : given;
    return 0;
}

/* Rows before this time go: as the user says, else only what drifts. */
static size_t skipped_rows(struct workplace *workplace,
                           const struct asim_external *external, size_t i)
{
    const struct settings *settings = workplace->settings;
    const struct asim_external_window *window = &external->windows[i];
    const struct asim_series *series = &window->series;
    if (!isnan(settings->pmf_begin_ps) && !isnan(window->spacing_ps)) {
        double rows = ceil(settings->pmf_begin_ps / window->spacing_ps - 1e-9);
        return rows < (double)series->count ? (size_t)fmax(rows, 0) : series->count;
    }
    size_t row =
        asim_settled_start(series->value_nm, series->count, settings->pmf.block_count,
                           ASIM_DRIFT_LEVEL / (double)external->count);
    if (row > 0)
        asim_log_write(
            workplace->log, ASIM_LOG_WARNING,
            "'%s' had not settled at first: its first %zu samples are left out",
            window->name, row);
    return row;
}

/* The profile, and the one along another coordinate where that is asked for; into
 * pmf/. */
static int compute(struct workplace *workplace, const struct asim_external *external,
                   struct asim_pmf *ret_pmf, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct asim_pmf_options options = settings->pmf;
    const struct asim_along_options along_options = {
        .coordinate = settings->along, .bootstrap_count = options.bootstrap_count};
    struct asim_pmf_companion *companions = NULL;
    struct asim_pmf pmf = {0};
    struct asim_along along = {0};
    int rc = -1;
    if (options.period_nm > 0 && options.period_nm != external->period)
        return asim_fail(err, ASIM_EUSAGE, "--periodic %g, but the pull coordinates %s",
                         options.period_nm,
                         external->period > 0 ? "are dihedrals, in degrees"
                                              : "are lengths");
    options.period_nm = external->period;
    options.coordinate = external->coordinate;
    options.unit = external->unit;
    if (choose_temperature(workplace->settings, external, &options.temperature_kelvin,
                           err) < 0)
        return -1;
    struct asim_pmf_window *windows =
        asim_alloc_array(external->count, sizeof *windows, err);
    companions = asim_alloc_array(external->count, sizeof *companions, err);
    if (!windows || !companions)
        goto out;
    for (size_t i = 0; i < external->count; i++) {
        const struct asim_external_window *window = &external->windows[i];
        if (!isnan(workplace->settings->pmf_begin_ps) && isnan(window->spacing_ps)) {
            asim_fail(err, ASIM_EUSAGE,
                      "'%s' counts steps and does not say their length: --discard has "
                      "no meaning for it",
                      window->name);
            goto out;
        }
        size_t skipped = skipped_rows(workplace, external, i);
        if (skipped == window->series.count) {
            asim_fail(
                err, ASIM_EINPUT,
                "'%s' has no sample after the first %g ps, which --discard leaves "
                "out",
                window->name, workplace->settings->pmf_begin_ps);
            goto out;
        }
        windows[i] = (struct asim_pmf_window){
            .bias = window->bias,
            .value_nm = window->series.value_nm + skipped,
            .count = window->series.count - skipped,
        };
        if (window->along)
            companions[i] = (struct asim_pmf_companion){window->along + skipped, NULL,
                                                        windows[i].count};
        asim_log_write(workplace->log, ASIM_LOG_DEBUG, "Window %zu: %s, %zu samples", i,
                       window->name, windows[i].count);
    }
    if (asim_pmf_compute(windows, external->count, &options, &pmf, err) < 0 ||
        write_profile(settings, &pmf, err) < 0)
        goto out;
    if (settings->along && (asim_pmf_along(windows, companions, &pmf, &options,
                                           &along_options, &along, err) < 0 ||
                            write_along(workplace, &along, err) < 0))
        goto out;
    *ret_pmf = pmf;
    pmf = (struct asim_pmf){0};
    rc = 0;
out:
    free(windows);
    free(companions);
    asim_along_finish(&along);
    asim_pmf_finish(&pmf);
    return rc;
}

int stage_external(struct workplace *workplace, struct asim_pmf *ret_pmf,
                   struct asim_error *err)
{
    struct asim_external external = {0};
    struct asim_pmf pmf = {0};
    int rc = -1;
    if (read_samples(workplace->settings, &external, err) < 0)
        return -1;
    if (external.duplicate_count > 0)
        asim_log_write(workplace->log, ASIM_LOG_WARNING,
                       "%zu rows were left out because a later row had the same time, "
                       "as after a restart",
                       external.duplicate_count);
    if (compute(workplace, &external, &pmf, err) < 0)
        goto out;
    asim_log_write(
        workplace->log, ASIM_LOG_INFO,
        "PMF from %zu windows at %g K: MBAR residual %.1e after %d iterations",
        pmf.window_count, pmf.temperature_kelvin, pmf.residual, pmf.iterations);
    *ret_pmf = pmf;
    pmf = (struct asim_pmf){0};
    rc = 0;
out:
    asim_pmf_finish(&pmf);
    asim_external_finish(&external);
    return rc;
}
