/* A campaign's results made up for tests: a profile along PC1 as alanine dipeptide has,
 * sampled exactly. */
#ifndef TESTS_REPORT_SAMPLE_DATA_H
#define TESTS_REPORT_SAMPLE_DATA_H

#include <autosim/report.h>

struct sample_options {
    size_t window_count, samples_per_window, frame_count, bin_count;
    size_t missing_window; /* this one is left out of the overlap: a gap */
    const char *text;      /* every text that comes from files; NULL: plain ones */
};

struct sample_data {
    struct asim_pca pca;
    struct asim_plan plan;
    struct asim_pmf pmf;
    struct asim_series *series;
    struct asim_window_status *statuses;
    struct asim_window_check *checks;
    double *rows; /* behind the series' pointers */
    struct asim_report report;
};

/* Aborts where memory runs out. */
void sample_data_init(const struct sample_options *options, struct sample_data *data);
void sample_data_finish(struct sample_data *data);

#endif
