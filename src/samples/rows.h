/* Rows of samples as they stand in files, before they are a time series. */
#ifndef SAMPLES_ROWS_H
#define SAMPLES_ROWS_H

#include <stdbool.h>

#include <autosim/samples.h>

struct asim_sample_row {
    double time_ps, value_nm, bias_kj_mol;
    size_t
        index; /* rising in the order of the files: of one time the last one counts */
};

struct asim_sample_rows {
    struct asim_sample_row *rows; /* owned */
    size_t count, capacity;
};

void asim_sample_rows_finish(struct asim_sample_rows *rows);
int asim_sample_rows_add(struct asim_sample_rows *rows, double time_ps, double value_nm,
                         double bias_kj_mol, struct asim_error *err);

/* By time, the last row of each; `rows` is reordered. */
int asim_sample_rows_series(struct asim_sample_rows *rows,
                            struct asim_series *ret_series, struct asim_error *err);

/* Largest difference between a value and its print with so many significant digits. */
double asim_print_rounding(double value, int digits);

/*
 * Whether a printed energy is k/2 (p-p0)^2 of the printed p, whose errors are `dp` and
 * `dv`: it may differ by k |p-p0| dp + k/2 dp^2 + dv, of which twice is allowed.
 */
bool asim_energy_fits(const struct asim_bias *bias, double value_nm,
                      double energy_kj_mol, double dp, double dv, double *ret_expected);

/* A table whose header lines name the columns; see labelled_output.c. */
struct asim_labelled_layout {
    const char *header; /* what a header line begins with */
    const char *axis;   /* labels of the columns */
    const char *value;
    const char *energy;
    int digits; /* significant, of value and energy */
};

extern const struct asim_labelled_layout asim_colvars_layout, asim_plumed_layout;

/* Adds the rows of a file in memory, each checked against `bias`; `axis_ps` is one unit
 * of its axis: a step of Colvars, a ps of PLUMED. `steering` may be NULL. ASIM_EINPUT
 * names the line. */
int asim_labelled_parse(const char *data, size_t size,
                        const struct asim_labelled_layout *layout, double axis_ps,
                        const struct asim_bias *bias,
                        const struct asim_steering *steering,
                        struct asim_sample_rows *rows, struct asim_error *err);

/* The rows of what mdrun -eo wrote; see asim_series_read_file. */
int asim_edi_output_read(const char *path, const struct asim_bias *bias,
                         struct asim_sample_rows *rows, struct asim_error *err);

#endif
