/* Shared by the sections of the report's page. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdbool.h>
#include <stdio.h>

#include <autosim/report.h>

#include "report/figures.h"

/* Sizes of figures on the page. */
extern const struct asim_figure_size asim_page_wide, asim_page_low_wide,
    asim_page_narrow, asim_page_half, asim_page_square;

/* With so many significant digits, for people. */
void asim_html_number(FILE *stream, double value, int digits);
/* What is not there, and why. */
void asim_html_missing(FILE *stream, const char *sentence);
bool asim_html_has_profile(const struct asim_pmf *pmf);

/* html_profile.c: the profile with its checks, and, where `along` is not NULL, the one
 * along another coordinate. */
int asim_html_profile(FILE *stream, const struct asim_report *report,
                      struct asim_error *err);
int asim_html_along(FILE *stream, const struct asim_along *along,
                    struct asim_error *err);

#endif
