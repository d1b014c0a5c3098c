/* Tables of the report's page. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include <stdio.h>

#include <autosim/report.h>

void asim_html_gates(FILE *stream, const struct asim_gate *gates, size_t gate_count);
/* `statuses` [plan->window_count]. */
void asim_html_windows(FILE *stream, const struct asim_plan *plan,
                       const struct asim_window_status *statuses);
/* `checks` [plan->window_count]. */
void asim_html_bias(FILE *stream, const struct asim_plan *plan,
                    const struct asim_window_check *checks);

#endif
