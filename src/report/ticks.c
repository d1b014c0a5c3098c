/*
 * Axis ranges and tick positions. Pure arithmetic.
 * Invariant: whatever doubles come in, a settled axis has finite low < high with
 * enough room between them for the ticks to be different numbers.
 */
#include <float.h>
#include <math.h>

#include "report/svg.h"

/* Values beyond this are drawn at the rim; the difference of two stays finite. */
static const double largest_value = 1e300;
/* Narrower than this, relative to the magnitude, is a constant: ticks would need more
 * digits than a double has. */
static const double narrowest_relative = 1e-12;

void asim_axis_start(struct asim_axis *axis, const char *label)
{
    *axis = (struct asim_axis){.low = INFINITY, .high = -INFINITY, .label = label};
}

void asim_axis_include(struct asim_axis *axis, double value)
{
    if (!isfinite(value))
        return;
    value = fmax(-largest_value, fmin(largest_value, value));
    axis->low = fmin(axis->low, value);
    axis->high = fmax(axis->high, value);
}

void asim_axis_include_all(struct asim_axis *axis, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        asim_axis_include(axis, values[i]);
}

void asim_axis_settle(struct asim_axis *axis, double margin)
{
    if (!(axis->low <= axis->high)) {
        axis->low = 0.0;
        axis->high = 1.0;
        return;
    }
    double magnitude = fmax(fabs(axis->low), fabs(axis->high));
    double span = axis->high - axis->low;
    if (span <= narrowest_relative * magnitude || span < DBL_MIN / DBL_EPSILON) {
        double room = magnitude > 1e-290 ? 0.1 * magnitude : 1.0;
        axis->low -= room;
        axis->high += room;
    } else {
        axis->low -= margin * span;
        axis->high += margin * span;
    }
}

void asim_ticks_choose(double low, double high, int largest_count, bool whole,
                       struct asim_ticks *ret_ticks)
{
    if (largest_count > ASIM_TICKS_LARGEST)
        largest_count = ASIM_TICKS_LARGEST;
    if (largest_count < 2)
        largest_count = 2;
    /* n steps need n + 1 ticks; start below the answer and go up 1, 2, 5, 10. */
    int power = (int)floor(log10((high - low) / largest_count)) - 1;
    if (whole && power < 0)
        power = 0;
    static const int digits[] = {1, 2, 5};
    struct asim_ticks ticks = {0};
    int step_exponent = 0;
    for (int candidate = 0; candidate < 12; candidate++) {
        int digit = digits[candidate % 3], exponent = power + candidate / 3;
        ticks.step =
            exponent < 0 ? digit / pow(10.0, -exponent) : digit * pow(10.0, exponent);
        /* A tick within a billionth of a step of the end belongs to it. */
        ticks.first_multiple = ceil(low / ticks.step - 1e-9);
        double last_multiple = floor(high / ticks.step + 1e-9);
        double count = last_multiple - ticks.first_multiple + 1;
        ticks.count = count < 0 ? 0 : (int)fmin(count, largest_count);
        step_exponent = exponent;
        if (count <= largest_count)
            break;
    }
    double magnitude = fmax(fabs(low), fabs(high));
    if (magnitude >= 1e5 || magnitude < 2e-2)
        ticks.exponent = 3 * (int)floor(log10(magnitude) / 3.0);
    int decimals = ticks.exponent - step_exponent;
    ticks.decimals = decimals < 0 ? 0 : decimals > 15 ? 15 : decimals;
    *ret_ticks = ticks;
}

double asim_ticks_position(const struct asim_ticks *ticks, int i)
{
    double position = (ticks->first_multiple + i) * ticks->step;
    return position == 0 ? 0.0 : position; /* no minus zero */
}

void asim_ticks_label(const struct asim_ticks *ticks, int i, char *ret_text,
                      size_t size)
{
    double value = asim_ticks_position(ticks, i);
    /* Two factors: 10^-300 in one would overflow its inverse. */
    int half = ticks->exponent / 2;
    value = value / pow(10.0, half) / pow(10.0, ticks->exponent - half);
    snprintf(ret_text, size, "%s%.*f", value < 0 ? "\u2212" : "", ticks->decimals,
             fabs(value));
}
