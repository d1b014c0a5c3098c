/* Prints what the library makes of text input, for comparison with another program:
 * temperature, then per window centre, force constant, count and samples. */
#include <stdio.h>
#include <stdlib.h>

#include <autosim/pmf.h>

static double number(void)
{
    double value;
    if (scanf("%lf", &value) != 1)
        exit(2);
    return value;
}

int main(void)
{
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    struct asim_pmf pmf = {0};
    struct asim_error err = {0};
    options.temperature_kelvin = number();
    options.thread_count = 1;
    size_t count = (size_t)number();
    struct asim_pmf_window *windows = calloc(count, sizeof *windows);
    double **values = calloc(count, sizeof *values);
    int rc = 1;
    if (!windows || !values)
        goto out;
    for (size_t k = 0; k < count; k++) {
        windows[k].bias.centre_nm = number();
        windows[k].bias.force_constant_kj_mol_nm2 = number();
        windows[k].count = (size_t)number();
        values[k] = calloc(windows[k].count + 1, sizeof(double));
        if (!values[k])
            goto out;
        for (size_t i = 0; i < windows[k].count; i++)
            values[k][i] = number();
        windows[k].value_nm = values[k];
    }
    if (asim_pmf_compute(windows, count, &options, &pmf, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        goto out;
    }
    printf("%.17g\n", pmf.residual);
    for (size_t k = 0; k < count; k++)
        printf("%.17g ", pmf.f_k_kj_mol[k]);
    printf("\n");
    for (size_t i = 0; i < count * count; i++)
        printf("%.17g ", pmf.overlap[i]);
    printf("\n");
    for (size_t k = 0; k < count; k++)
        printf("%.17g ", pmf.inefficiency[k]);
    printf("\n");
    for (size_t i = 0; i < pmf.bin_count; i++)
        printf("%.17g %.17g ", pmf.x_nm[i], pmf.pmf_kj_mol[i]);
    printf("\n");
    rc = 0;
out:
    for (size_t k = 0; values && k < count; k++)
        free(values[k]);
    free(values);
    free(windows);
    asim_pmf_finish(&pmf);
    return rc;
}
