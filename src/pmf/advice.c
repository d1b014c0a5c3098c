/*
 * Where the next nanosecond is spent best.
 *
 * First the windows must hang together: between neighbours that hardly overlap new ones
 * are inserted, one in the middle with four times the force constant where they are
 * near (a steep or narrow place), else as many as the usual spacing asks for. Then
 * samples go where they lower the largest band most, in the windows that are there or
 * in one more where the scan of add_window.c finds that it would lower it much more.
 *
 * Must not know simulations: samples are its only unit of cost.
 */
#include "pmf/advice.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pmf/add_window.h"

/* Aims a little below the target, for predictions are not exact. */
static const double AIM = 0.93;
/* No window more than doubles before its numbers are looked at again. */
static const double MOST_GROWTH = 1, STEP = 0.05;
/* Of the samples there are, where the target was reached once: the second look. */
static const double CONFIRMATION = 0.1;
/* A new window must find its equilibrium first, so it must be worth clearly more. */
static const double WORTH_A_WINDOW = 1.5;
enum { MOST_INSERTIONS = 64 };

struct list {
    struct asim_advice *items;
    size_t count, capacity;
};

static struct asim_advice *append(struct list *list, struct asim_error *err)
{
    if (asim_grow(&list->items, &list->capacity, list->count + 1, sizeof *list->items,
                  err) < 0)
        return NULL;
    list->items[list->count] = (struct asim_advice){0};
    return &list->items[list->count++];
}

static void ASIM_PRINTF(2, 3)
    give_reason(struct asim_advice *advice, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(advice->reason, sizeof advice->reason, format, arguments);
    va_end(arguments);
}

static double median_count(const struct asim_lattice *lattice, struct asim_error *err)
{
    size_t count = lattice->window_count;
    double *sorted = asim_alloc_array(count, sizeof *sorted, err);
    if (!sorted)
        return -1;
    for (size_t k = 0; k < count; k++) {
        double own = (double)lattice->windows[k].count;
        size_t at = k;
        for (; at > 0 && sorted[at - 1] > own; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = own;
    }
    double median = sorted[count / 2];
    free(sorted);
    return median;
}

static double pair_overlap(const struct asim_advice_input *input, size_t k)
{
    size_t count = input->lattice->window_count;
    const double *overlap = input->estimate->pair_overlap;
    return fmin(overlap[k * count + k + 1], overlap[(k + 1) * count + k]);
}

/* Windows between k and k+1, which hardly overlap. */
static int bridge(const struct asim_advice_input *input, size_t k, double samples,
                  struct list *list, struct asim_error *err)
{
    const struct asim_reduced_bias *left = &input->biases[k], *right = left + 1;
    double gap = right->centre_nm - left->centre_nm;
    double constant = fmax(left->reduced_k_per_nm2, right->reduced_k_per_nm2);
    double usual = sqrt(2 / constant);
    size_t more = 1;
    if (!(gap > 0) || !(constant > 0))
        return 0; /* the same place, or no bias: another window between changes nothing
                   */
    if (gap > 1.7 * usual)
        more = (size_t)fmin(ceil(gap / usual) - 1, MOST_INSERTIONS);
    else
        constant *= 4;
    for (size_t i = 1; i <= more; i++) {
        struct asim_advice *advice = append(list, err);
        if (!advice)
            return -1;
        advice->kind = ASIM_ADVICE_INSERT;
        advice->window_index = k;
        advice->bias.centre_nm = left->centre_nm + gap * (double)i / (double)(more + 1);
        advice->bias.force_constant_kj_mol_nm2 = constant * input->kt_kj_mol;
        advice->sample_count = (size_t)samples;
        give_reason(advice,
                    "windows on either side overlap by only %.2g, where %.2g is needed",
                    pair_overlap(input, k), input->minimum_overlap);
    }
    return 0;
}

double asim_advice_allocate(const double *variance, const double *count,
                            size_t window_count, size_t bin_count, double target,
                            double growth, double most, double *ret_more)
{
    double *more = ret_more, spent = 0, largest = 0;
    memset(more, 0, window_count * sizeof *more);
    for (;;) {
        size_t worst = 0, best = window_count;
        double gain = 0;
        largest = 0;
        for (size_t bin = 0; bin < bin_count; bin++) {
            double sum = 0;
            for (size_t k = 0; k < window_count; k++)
                sum += variance[k * bin_count + bin] * count[k] / (count[k] + more[k]);
            if (sum > largest) {
                largest = sum;
                worst = bin;
            }
        }
        if (largest <= target * target)
            break;
        /* -d/dN_k of V_k N_k / (N_k + n_k) */
        for (size_t k = 0; k < window_count; k++) {
            double total = count[k] + more[k];
            double rate = variance[k * bin_count + worst] * count[k] / (total * total);
            if (more[k] + STEP * count[k] <= growth * count[k] && rate > gain) {
                gain = rate;
                best = k;
            }
        }
        if (best == window_count || spent + STEP * count[best] > most)
            break;
        more[best] += STEP * count[best];
        spent += STEP * count[best];
    }
    return sqrt(largest);
}

/* What each window adds to the squared band of each bin, kJ^2/mol^2. */
static double *band_shares(const struct asim_advice_input *input,
                           struct asim_error *err)
{
    size_t bins = input->pmf->bin_count, count = input->lattice->window_count;
    double *shares = asim_alloc_array(count, bins * sizeof *shares, err);
    for (size_t bin = input->pmf->first_bin; shares && bin <= input->pmf->last_bin;
         bin++) {
        double band = input->pmf->band_kj_mol[bin];
        double whole = input->influence->long_variance[bin];
        double factor = isfinite(band) && whole > 0 ? band * band / whole : 0;
        for (size_t k = 0; k < count; k++)
            shares[k * bins + bin] =
                factor * input->influence->window_variance[k * bins + bin];
    }
    return shares;
}

static size_t worst_bin(const struct asim_pmf *pmf)
{
    size_t worst = pmf->first_bin;
    for (size_t bin = pmf->first_bin; bin <= pmf->last_bin; bin++)
        if (pmf->band_kj_mol[bin] > pmf->band_kj_mol[worst] ||
            isnan(pmf->band_kj_mol[worst]))
            worst = bin;
    return worst;
}

/* Where among the bins whose band is too wide the window matters most. */
static void explain_share(const struct asim_advice_input *input, const double *shares,
                          size_t k, double target, struct asim_advice *advice)
{
    const struct asim_pmf *pmf = input->pmf;
    size_t best = worst_bin(pmf);
    double largest = -1;
    for (size_t bin = pmf->first_bin; bin <= pmf->last_bin; bin++) {
        double band = pmf->band_kj_mol[bin];
        double share = shares[k * pmf->bin_count + bin] / (band * band);
        if (band > target && share > largest) {
            largest = share;
            best = bin;
        }
    }
    give_reason(advice,
                "it makes %.0f%% of the squared band of +-%.2g kJ/mol at %.4g nm",
                100 * fmax(largest, 0), pmf->band_kj_mol[best], pmf->x_nm[best]);
}

/* Windows get what the band needs or what the gates ask for, whichever is more. */
static int extend(const struct asim_advice_input *input, struct list *list,
                  struct asim_error *err)
{
    const struct asim_pmf *pmf = input->pmf;
    size_t bins = pmf->bin_count, count = input->lattice->window_count;
    double total = 0, most = (double)input->most_samples;
    double *shares = band_shares(input, err);
    double *counts = asim_alloc_array(count, 2 * sizeof *counts, err);
    int rc = -1;
    if (!shares || !counts)
        goto out;
    double *more = counts + count;
    for (size_t k = 0; k < count; k++) {
        counts[k] = (double)input->lattice->windows[k].count;
        total += counts[k];
    }
    double target = AIM * input->target_kj_mol;
    bool confirming = pmf->reached;
    if (confirming) { /* the best use of a tenth more */
        target = 0;
        most = fmin(most, CONFIRMATION * total);
    }
    double predicted = asim_advice_allocate(shares, counts, count, bins, target,
                                            MOST_GROWTH, most, more);
    for (size_t k = 0; k < count; k++) {
        double asked = confirming ? 0 : fmin(input->need[k], MOST_GROWTH) * counts[k];
        bool by_gate = asked > more[k];
        more[k] = fmax(more[k], asked);
        if (more[k] < 1)
            continue;
        struct asim_advice *advice = append(list, err);
        if (!advice)
            goto out;
        advice->kind = ASIM_ADVICE_EXTEND;
        advice->window_index = k;
        advice->bias = input->pmf->window_bias[k];
        advice->sample_count = (size_t)ceil(more[k]);
        advice->predicted_band_kj_mol = predicted;
        if (by_gate)
            give_reason(advice, "a check asks for a longer run of this window");
        else if (confirming)
            give_reason(advice,
                        "the target is reached; it must be so once more with new "
                        "samples");
        else
            explain_share(input, shares, k, target, advice);
    }
    rc = 0;
out:
    free(shares);
    free(counts);
    return rc;
}

/* Gates failed, and none says which window: a quarter more of everything. */
static int extend_all(const struct asim_advice_input *input, struct list *list,
                      struct asim_error *err)
{
    for (size_t k = 0; k < input->lattice->window_count; k++) {
        struct asim_advice *advice = append(list, err);
        if (!advice)
            return -1;
        advice->kind = ASIM_ADVICE_EXTEND;
        advice->window_index = k;
        advice->bias = input->pmf->window_bias[k];
        advice->sample_count = input->lattice->windows[k].count / 4 + 1;
        give_reason(advice, "checks failed that concern all windows");
    }
    return 0;
}

/* Takes from the end, and then from the size, what goes beyond the budget. */
static void keep_budget(const struct asim_advice_input *input, struct list *list)
{
    size_t left = input->most_samples;
    for (size_t i = 0; i < list->count; i++) {
        struct asim_advice *advice = &list->items[i];
        if (advice->sample_count > left)
            advice->sample_count = left;
        left -= advice->sample_count;
    }
    while (list->count > 0 && list->items[list->count - 1].sample_count == 0)
        list->count--;
}

int asim_advice_make(const struct asim_advice_input *input,
                     struct asim_advice **ret_advice, size_t *ret_count,
                     struct asim_error *err)
{
    struct list list = {0};
    size_t count = input->lattice->window_count;
    double samples = median_count(input->lattice, err);
    if (samples < 0)
        return -1;
    for (size_t k = 0; k + 1 < count; k++)
        if (pair_overlap(input, k) < input->minimum_overlap &&
            bridge(input, k, samples, &list, err) < 0)
            goto fail;
    /* Errors across a gap are not known: first close it, then see. */
    if (list.count == 0) {
        struct asim_added_window added;
        size_t worst = worst_bin(input->pmf);
        bool lacking = input->pmf->band_kj_mol[worst] > input->target_kj_mol;
        if (lacking && asim_add_window_scan(input, worst, samples, &added, err) < 0)
            goto fail;
        if (lacking && added.drop > WORTH_A_WINDOW * added.drop_by_extension) {
            struct asim_advice *advice = append(&list, err);
            if (!advice)
                goto fail;
            advice->kind = ASIM_ADVICE_INSERT;
            advice->window_index = added.left;
            advice->bias = (struct asim_bias){
                added.bias.centre_nm, added.bias.reduced_k_per_nm2 * input->kt_kj_mol};
            advice->sample_count = (size_t)samples;
            give_reason(advice,
                        "a window there lowers the widest band by %.0f%%, the same "
                        "time in the best of those that are there by %.0f%%",
                        100 * added.drop, 100 * added.drop_by_extension);
        }
        if (extend(input, &list, err) < 0 || (list.count == 0 && !input->pmf->reached &&
                                              extend_all(input, &list, err) < 0))
            goto fail;
    }
    keep_budget(input, &list);
    *ret_advice = list.items;
    *ret_count = list.count;
    return 0;
fail:
    free(list.items);
    return -1;
}
