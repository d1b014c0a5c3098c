/* autosim check: is the profile to be trusted, and what would make it better. */
#include <stdio.h>

#include "base/error.h"
#include "base/json.h"
#include "pipeline.h"
#include "results.h"

static double advice_ns(const struct asim_plan *plan, const struct asim_advice *advice)
{
    return (double)advice->sample_count * (double)plan->sample_steps * plan->dt_ps /
           1000;
}

static double predicted_band(const struct asim_pmf *pmf)
{
    double predicted = 0;
    for (size_t i = 0; i < pmf->advice_count; i++)
        predicted = pmf->advice[i].predicted_band_kj_mol > predicted
                        ? pmf->advice[i].predicted_band_kj_mol
                        : predicted;
    return predicted;
}

static void print_text(const struct settings *settings, const struct asim_plan *plan,
                       const struct asim_pmf *pmf)
{
    double total = 0;
    print_gates(pmf);
    for (size_t i = 0; i < pmf->advice_count; i++) {
        const struct asim_advice *advice = &pmf->advice[i];
        double ns = advice_ns(plan, advice);
        total += ns;
        if (advice->kind == ASIM_ADVICE_INSERT)
            printf("insert  behind window %d, at %.4f nm, k = %.0f kJ/mol/nm^2, %.4g "
                   "ns: %s\n",
                   pmf->window_ids[advice->window_index], advice->bias.centre_nm,
                   advice->bias.force_constant_kj_mol_nm2, ns, advice->reason);
        else
            printf("extend  window %d by %.4g ns: %s\n",
                   pmf->window_ids[advice->window_index], ns, advice->reason);
    }
    printf("band     widest +-%.3g kJ/mol with 95%% confidence",
           pmf->widest_band_kj_mol);
    if (settings->until_kj_mol > 0)
        printf(", +-%.3g is asked for", settings->until_kj_mol);
    if (predicted_band(pmf) > 0 && settings->until_kj_mol > 0)
        printf(", +-%.3g predicted after %.4g ns more", predicted_band(pmf), total);
    printf("\nverdict  %s\n", pmf->verdict);
    if (pmf->advice_count > 0 && !settings->apply)
        printf("         'autosim check --apply' does what is advised, 'autosim run "
               "--until ERR' goes on until it is good\n");
}

static json_t *gate_json(const struct asim_gate *gate)
{
    return json_pack("{s:s, s:b, s:o, s:o, s:s}", "name", gate->name, "pass",
                     (int)gate->pass, "value", asim_json_number(gate->value), "limit",
                     asim_json_number(gate->limit), "sentence", gate->sentence);
}

static json_t *advice_json(const struct asim_plan *plan, const struct asim_pmf *pmf,
                           const struct asim_advice *advice)
{
    return json_pack("{s:s, s:i, s:f, s:f, s:f, s:s}", "kind",
                     advice->kind == ASIM_ADVICE_INSERT ? "insert" : "extend",
                     "window_id", pmf->window_ids[advice->window_index], "centre_nm",
                     advice->bias.centre_nm, "force_constant_kj_mol_nm2",
                     advice->bias.force_constant_kj_mol_nm2, "add_ns",
                     advice_ns(plan, advice), "reason", advice->reason);
}

static int print_json(const struct settings *settings, const struct asim_plan *plan,
                      const struct asim_pmf *pmf, struct asim_error *err)
{
    json_t *gates = json_array(), *advice = json_array();
    for (size_t i = 0; i < pmf->gate_count; i++)
        json_array_append_new(gates, gate_json(&pmf->gates[i]));
    for (size_t i = 0; i < pmf->advice_count; i++)
        json_array_append_new(advice, advice_json(plan, pmf, &pmf->advice[i]));
    json_t *root = json_pack(
        "{s:f, s:o, s:o, s:b, s:b, s:o, s:o, s:s}", "band_kj_mol",
        pmf->widest_band_kj_mol, "target_kj_mol",
        settings->until_kj_mol > 0 ? json_real(settings->until_kj_mol) : json_null(),
        "predicted_band_kj_mol",
        settings->until_kj_mol > 0 && predicted_band(pmf) > 0
            ? json_real(predicted_band(pmf))
            : json_null(),
        "reached", (int)pmf->reached, "connected", (int)pmf->connected, "gates", gates,
        "advice", advice, "verdict", pmf->verdict);
    if (!root)
        return asim_fail(err, ASIM_ENOMEM, "no memory for the checks");
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    printf("\n");
    json_decref(root);
    return 0;
}

/* The quality asked for is there: one profile, and with --until all of it. */
static int judge(const struct settings *settings, const struct asim_pmf *pmf,
                 struct asim_error *err)
{
    if (!pmf->connected)
        return asim_fail(err, ASIM_EQUALITY, "%s", pmf->verdict);
    if (settings->until_kj_mol > 0 && !pmf->reached && !settings->apply)
        return asim_fail(err, ASIM_EQUALITY,
                         "the widest band is +-%.3g kJ/mol, +-%.3g is asked for with "
                         "every check passed",
                         pmf->widest_band_kj_mol, settings->until_kj_mol);
    return 0;
}

static int check(struct workplace *workplace, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct asim_pmf pmf = {0};
    struct asim_plan plan = {0};
    int rc = -1;
    double target =
        settings->until_kj_mol > 0 ? settings->until_kj_mol : ANY_BAND_KJ_MOL;
    if (stage_pmf(workplace, target, &pmf, err) < 0 ||
        asim_plan_read(settings->folder, &plan, err) < 0)
        goto out;
    if (pmf.reached)
        pmf.advice_count = 0; /* once is enough here */
    if (settings->json)
        rc = print_json(settings, &plan, &pmf, err);
    else
        rc = 0, print_text(settings, &plan, &pmf);
    if (rc == 0 && settings->apply && pmf.advice_count > 0)
        rc = stage_until_apply(workplace, &pmf, err);
    if (rc == 0)
        rc = judge(settings, &pmf, err);
out:
    asim_pmf_finish(&pmf);
    asim_plan_finish(&plan);
    return rc;
}

int cmd_check(const struct settings *settings, struct asim_error *err)
{
    struct workplace workplace;
    if (check_campaign(settings, err) < 0 ||
        workplace_open(&workplace, settings, settings->apply, err) < 0)
        return -1;
    return workplace_end(&workplace, check(&workplace, err), err);
}
