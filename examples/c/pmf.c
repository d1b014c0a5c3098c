/*
 * The free-energy profile from the windows of a campaign.
 *
 *     cc pmf.c -o pmf $(pkg-config --cflags --libs autosim)
 *     ./pmf autosim
 */
#include <stdio.h>
#include <stdlib.h>

#include <autosim/autosim.h>

static void fail(const struct asim_error *err)
{
    fprintf(stderr, "pmf: %s\n", err->text);
    exit(asim_status_exit_code(err->status));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: pmf CAMPAIGN-FOLDER\n");
        return 2;
    }
    struct asim_error err = {0};
    struct asim_plan plan = {0};
    struct asim_pmf pmf = {0};
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    if (asim_plan_read(argv[1], &plan, &err) < 0)
        fail(&err);
    size_t count = plan.window_count;
    struct asim_series *series = calloc(count, sizeof *series);
    struct asim_pmf_window *windows = calloc(count, sizeof *windows);
    if (!series || !windows)
        return 1;

    for (size_t i = 0; i < count; i++) {
        char folder[4096];
        snprintf(folder, sizeof folder, "%s/windows/%03d", argv[1],
                 plan.windows[i].window_id);
        if (asim_series_read(folder, &plan, &plan.windows[i], &series[i], &err) < 0)
            fail(&err);
        size_t rest = series[i].count - series[i].steered_count;
        size_t skipped = series[i].steered_count + rest / 10; /* while it settles */
        windows[i] = (struct asim_pmf_window){
            .bias = plan.windows[i].bias,
            .value_nm = series[i].value_nm + skipped,
            .count = series[i].count - skipped,
        };
    }
    options.temperature_kelvin = plan.temperature_kelvin;
    if (asim_pmf_compute(windows, count, &options, &pmf, &err) < 0)
        fail(&err);

    printf("# %s\n# PC1/nm  PMF/(kJ/mol)  standard error\n", pmf.verdict);
    for (size_t b = 0; b < pmf.bin_count; b++)
        printf("%9.4f %10.3f %10.3f\n", pmf.x_nm[b], pmf.pmf_kj_mol[b],
               pmf.error_kj_mol[b]);

    for (size_t i = 0; i < count; i++)
        asim_series_finish(&series[i]);
    free(series);
    free(windows);
    asim_pmf_finish(&pmf);
    asim_plan_finish(&plan);
    return 0;
}
