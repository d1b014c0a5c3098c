/*
 * Tables: the status of the windows as text for a terminal and as HTML, and the gates.
 * Invariant: text from files is escaped in HTML; in the terminal's table only numbers
 * and our own words occur.
 */
#include "report/table.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/markup.h"

/* More rows than this are folded away, with those that need attention left in view. */
enum { ROWS_OPEN = 60, ATTENTION_LARGEST = 50 };

enum { STATUS_COLUMNS = 6, CELL_SIZE = 32 };

static const char *const status_heads[STATUS_COLUMNS] = {
    "Window ID", "Status", "ns/day", "Exit Code", "Energy (kJ/mol)", "Time (s)"};

static void cell_number(double value, int decimals, char cell[CELL_SIZE])
{
    if (!isfinite(value))
        snprintf(cell, CELL_SIZE, "-");
    else if (fabs(value) < 1e12)
        snprintf(cell, CELL_SIZE, "%.*f", decimals, value);
    else
        snprintf(cell, CELL_SIZE, "%.6e", value);
}

static void status_cells(const struct asim_window_status *status,
                         char cells[STATUS_COLUMNS][CELL_SIZE])
{
    snprintf(cells[0], CELL_SIZE, "%d", status->window_id);
    snprintf(cells[1], CELL_SIZE, "%s", asim_window_state_name(status->state));
    cell_number(status->ns_per_day, 2, cells[2]);
    /* Before the first attempt ends there is no exit code. */
    bool ended = status->state == ASIM_WINDOW_COMPLETED ||
                 status->state == ASIM_WINDOW_FAILED ||
                 status->state == ASIM_WINDOW_WAITING;
    if (ended)
        snprintf(cells[3], CELL_SIZE, "%d", status->exit_code);
    else
        snprintf(cells[3], CELL_SIZE, "-");
    cell_number(status->final_potential_energy_kj_mol, 2, cells[4]);
    /* The time is that of attempts that have ended. */
    if (!ended && !(status->runtime_seconds > 0))
        snprintf(cells[5], CELL_SIZE, "-");
    else
        cell_number(status->runtime_seconds, 1, cells[5]);
}

static char *put_cell(char *out, const char *text, size_t width, bool to_left)
{
    size_t length = strlen(text), blanks = width > length ? width - length : 0;
    *out++ = '|';
    *out++ = ' ';
    if (!to_left) {
        memset(out, ' ', blanks);
        out += blanks;
    }
    memcpy(out, text, length);
    out += length;
    if (to_left) {
        memset(out, ' ', blanks);
        out += blanks;
    }
    *out++ = ' ';
    return out;
}

static char *status_table(const struct asim_window_status *statuses, size_t count,
                          struct asim_error *err)
{
    char cells[STATUS_COLUMNS][CELL_SIZE];
    size_t widths[STATUS_COLUMNS], row_length = 2; /* the last bar and the newline */
    for (int c = 0; c < STATUS_COLUMNS; c++)
        widths[c] = strlen(status_heads[c]);
    for (size_t i = 0; i < count; i++) {
        status_cells(&statuses[i], cells);
        for (int c = 0; c < STATUS_COLUMNS; c++)
            widths[c] = strlen(cells[c]) > widths[c] ? strlen(cells[c]) : widths[c];
    }
    for (int c = 0; c < STATUS_COLUMNS; c++)
        row_length += widths[c] + 3;
    if (count > SIZE_MAX - 3) {
        asim_fail(err, ASIM_ENOMEM, "a table of %zu windows does not fit in memory",
                  count);
        return NULL;
    }
    /* One byte a row more than needed; the last of them is the NUL. */
    char *table = asim_alloc_array(count + 2, row_length + 1, err);
    if (!table)
        return NULL;
    char *out = table;
    for (int c = 0; c < STATUS_COLUMNS; c++)
        out = put_cell(out, status_heads[c], widths[c], c == 1);
    memcpy(out, "|\n", 2);
    out += 2;
    for (int c = 0; c < STATUS_COLUMNS; c++) {
        *out++ = '|';
        memset(out, '-', widths[c] + 2);
        /* Markdown: a colon behind the dashes sets the column to the right. */
        if (c != 1)
            out[widths[c] + 1] = ':';
        out += widths[c] + 2;
    }
    memcpy(out, "|\n", 2);
    out += 2;
    for (size_t i = 0; i < count; i++) {
        status_cells(&statuses[i], cells);
        for (int c = 0; c < STATUS_COLUMNS; c++)
            out = put_cell(out, cells[c], widths[c], c == 1);
        memcpy(out, "|\n", 2);
        out += 2;
    }
    *out = '\0';
    return table;
}

char *asim_window_status_table(const struct asim_window_status *statuses, size_t count,
                               struct asim_error *err)
{
    /* Points in numbers, whatever the caller's locale: scripts read this table too. */
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale) {
        asim_fail(err, ASIM_ENOMEM, "no memory for a table of %zu windows", count);
        return NULL;
    }
    locale_t callers = uselocale(c_locale);
    char *table = status_table(statuses, count, err);
    uselocale(callers);
    freelocale(c_locale);
    return table;
}

void asim_html_gates(FILE *stream, const struct asim_gate *gates, size_t gate_count)
{
    fputs("<table class=\"gates\">\n<thead><tr><th scope=\"col\">Check</th>"
          "<th scope=\"col\">Result</th><th scope=\"col\" class=\"num\">Value</th>"
          "<th scope=\"col\" class=\"num\">Limit</th>"
          "<th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n",
          stream);
    for (size_t i = 0; i < gate_count; i++) {
        const struct asim_gate *gate = &gates[i];
        char value[64], limit[64];
        asim_number_text(gate->value, 3, value, sizeof value);
        asim_number_text(gate->limit, 3, limit, sizeof limit);
        fputs("<tr><th scope=\"row\">", stream);
        asim_markup_text(stream, gate->name);
        fprintf(stream,
                "</th><td><span class=\"badge %s\">%s</span></td>"
                "<td class=\"num\" data-head=\"Value\">%s</td>"
                "<td class=\"num\" data-head=\"Limit\">%s</td><td class=\"words\">",
                gate->pass ? "pass" : "fail", gate->pass ? "pass" : "fail", value,
                limit);
        asim_markup_text(stream, gate->sentence);
        fputs("</td></tr>\n", stream);
    }
    fputs("</tbody></table>\n", stream);
}

/* With a true minus sign, and a dash for what is not known. */
static void put_number_cell(FILE *stream, const char *text)
{
    if (strcmp(text, "-") == 0)
        fputs("<td>\u2013", stream);
    else if (text[0] == '-')
        fprintf(stream, "<td>\u2212%s", text + 1);
    else
        fprintf(stream, "<td>%s", text);
}

static void window_row(FILE *stream, const struct asim_window *window,
                       const struct asim_window_status *status)
{
    char cells[STATUS_COLUMNS][CELL_SIZE], centre[CELL_SIZE];
    status_cells(status, cells);
    cell_number(window->bias.centre_nm, 4, centre);
    bool bad = status->state == ASIM_WINDOW_FAILED;
    fprintf(stream, "<tr><td>%s", cells[0]);
    put_number_cell(stream, centre);
    fputs("<td class=w>", stream);
    if (bad)
        fprintf(stream, "<span class=\"badge fail\">%s</span>", cells[1]);
    else
        fputs(cells[1], stream);
    if (status->cause[0] != '\0') {
        fputs("<br><small>", stream);
        asim_markup_text(stream, status->cause);
        fputs("</small>", stream);
    }
    for (int c = 2; c < STATUS_COLUMNS; c++)
        put_number_cell(stream, cells[c]);
    fputs("\n", stream);
}

static void window_table(FILE *stream, const struct asim_plan *plan,
                         const struct asim_window_status *statuses, bool attention)
{
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
          "aria-label=\"Table of windows\"><table class=\"windows\">\n<thead><tr>"
          "<th scope=\"col\">Window ID<th scope=\"col\">Centre (nm)"
          "<th scope=\"col\" class=w>Status<th scope=\"col\">ns/day"
          "<th scope=\"col\">Exit Code<th scope=\"col\">Energy (kJ/mol)"
          "<th scope=\"col\">Time (s)</tr></thead>\n<tbody>\n",
          stream);
    size_t rows = 0;
    for (size_t i = 0; i < plan->window_count; i++) {
        enum asim_window_state state = statuses[i].state;
        if (attention && state != ASIM_WINDOW_FAILED && state != ASIM_WINDOW_WAITING)
            continue;
        if (attention && rows++ == ATTENTION_LARGEST)
            break;
        window_row(stream, &plan->windows[i], &statuses[i]);
    }
    fputs("</tbody></table></div>\n", stream);
}

void asim_html_windows(FILE *stream, const struct asim_plan *plan,
                       const struct asim_window_status *statuses)
{
    if (plan->window_count <= ROWS_OPEN) {
        window_table(stream, plan, statuses, false);
        return;
    }
    size_t attention = 0;
    for (size_t i = 0; i < plan->window_count; i++)
        attention += statuses[i].state == ASIM_WINDOW_FAILED ||
                     statuses[i].state == ASIM_WINDOW_WAITING;
    if (attention > 0) {
        fprintf(stream, "<p>%zu window%s failed or wait%s for another attempt%s:</p>\n",
                attention, attention == 1 ? "" : "s", attention == 1 ? "s" : "",
                attention > ATTENTION_LARGEST ? "; the first 50 are" : "");
        window_table(stream, plan, statuses, true);
    }
    fprintf(stream, "<details><summary>All %zu windows</summary>\n",
            plan->window_count);
    window_table(stream, plan, statuses, false);
    fputs("</details>\n", stream);
}

static void bias_row(FILE *stream, const struct asim_window *window,
                     const struct asim_window_check *check)
{
    char cells[4][64];
    fprintf(stream, "<tr><td>%d", window->window_id);
    if (check->frame_count == 0) {
        fputs("<td colspan=\"5\" class=w>", stream);
        asim_markup_text(stream, check->why);
        fputs("\n", stream);
        return;
    }
    const double values[] = {check->largest_difference_nm, check->tolerance_nm,
                             check->force_error, check->w2};
    fprintf(stream, "<td>%zu", check->frame_count);
    for (size_t i = 0; i < 4; i++) {
        asim_number_text(values[i], 2, cells[i], sizeof cells[i]);
        put_number_cell(stream, cells[i]);
    }
    fputs("\n", stream);
}

void asim_html_bias(FILE *stream, const struct asim_plan *plan,
                    const struct asim_window_check *checks)
{
    bool folded = plan->window_count > ROWS_OPEN;
    if (folded)
        fprintf(stream, "<details><summary>All %zu windows</summary>\n",
                plan->window_count);
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
          "aria-label=\"Table of the bias\"><table class=\"windows\">\n<thead><tr>"
          "<th scope=\"col\">Window ID<th scope=\"col\">Frames compared"
          "<th scope=\"col\">Largest difference (nm)"
          "<th scope=\"col\">Explained by rounding (nm)"
          "<th scope=\"col\">Error of the force<th scope=\"col\">&lt;w<sup>2</sup>&gt;"
          "</tr></thead>\n<tbody>\n",
          stream);
    for (size_t i = 0; i < plan->window_count; i++)
        bias_row(stream, &plan->windows[i], &checks[i]);
    fputs("</tbody></table></div>\n", stream);
    if (folded)
        fputs("</details>\n", stream);
}
