/* decisions.json in memory and back. */
#include "decisions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

enum { MOST_STEPS_EXPONENT = 62 };

void decisions_finish(struct decisions *decisions)
{
    for (size_t i = 0; decisions->rounds && i < decisions->count; i++)
        free(decisions->rounds[i].actions);
    free(decisions->rounds);
    *decisions = (struct decisions){0};
}

struct decision_round *decisions_add(struct decisions *decisions,
                                     struct asim_error *err)
{
    if (asim_grow(&decisions->rounds, &decisions->capacity, decisions->count + 1,
                  sizeof *decisions->rounds, err) < 0)
        return NULL;
    decisions->rounds[decisions->count] = (struct decision_round){0};
    return &decisions->rounds[decisions->count++];
}

static json_t *action_json(const struct decision_action *action)
{
    return json_pack("{s:s, s:i, s:f, s:f, s:I, s:s}", "kind",
                     action->kind == ASIM_ADVICE_INSERT ? "insert" : "extend",
                     "window_id", action->window_id, "centre_nm",
                     action->bias.centre_nm, "force_constant_kj_mol_nm2",
                     action->bias.force_constant_kj_mol_nm2, "steps",
                     (json_int_t)action->steps, "reason", action->reason);
}

static json_t *round_json(const struct decision_round *round)
{
    json_t *actions = json_array();
    for (size_t i = 0; i < round->action_count; i++)
        json_array_append_new(actions, action_json(&round->actions[i]));
    return json_pack("{s:f, s:f, s:f, s:I, s:f, s:b, s:b, s:s, s:o}", "target_kj_mol",
                     round->target_kj_mol, "band_kj_mol", round->band_kj_mol,
                     "predicted_kj_mol", round->predicted_kj_mol, "total_steps",
                     (json_int_t)round->total_steps, "most_ns", round->most_ns,
                     "reached", (int)round->reached, "followed", (int)round->followed,
                     "verdict", round->verdict, "actions", actions);
}

int decisions_write(const char *folder, const struct decisions *decisions,
                    struct asim_error *err)
{
    int rc = -1;
    char *path = asim_path_join(folder, "decisions.json", err);
    json_t *rounds = json_array();
    for (size_t i = 0; i < decisions->count; i++)
        json_array_append_new(rounds, round_json(&decisions->rounds[i]));
    json_t *root = json_pack("{s:o}", "rounds", rounds);
    if (!root || json_array_size(rounds) != decisions->count)
        asim_fail(err, ASIM_ENOMEM, "no memory for the decisions");
    else if (path)
        rc = asim_json_write(path, root, err);
    json_decref(root);
    free(path);
    return rc;
}

static int read_action(const json_t *object, struct decision_action *action,
                       struct asim_error *err)
{
    char kind[16];
    int64_t window_id;
    if (asim_json_text(object, "kind", kind, sizeof kind, err) < 0 ||
        asim_json_int64(object, "window_id", &window_id, err) < 0 ||
        asim_json_double(object, "centre_nm", &action->bias.centre_nm, err) < 0 ||
        asim_json_double(object, "force_constant_kj_mol_nm2",
                         &action->bias.force_constant_kj_mol_nm2, err) < 0 ||
        asim_json_int64(object, "steps", &action->steps, err) < 0 ||
        asim_json_text(object, "reason", action->reason, sizeof action->reason, err) <
            0)
        return -1;
    bool insert = strcmp(kind, "insert") == 0;
    if ((!insert && strcmp(kind, "extend") != 0) || window_id < 0 ||
        window_id > INT32_MAX || action->steps < 1 ||
        action->steps >= INT64_C(1) << MOST_STEPS_EXPONENT)
        return asim_fail(err, ASIM_EINPUT,
                         "an action of kind '%s' on window %lld to %lld steps makes no "
                         "sense",
                         kind, (long long)window_id, (long long)action->steps);
    action->kind = insert ? ASIM_ADVICE_INSERT : ASIM_ADVICE_EXTEND;
    action->window_id = (int)window_id;
    return 0;
}

static int read_round(const json_t *object, struct decision_round *round,
                      struct asim_error *err)
{
    const json_t *actions = json_object_get(object, "actions");
    if (asim_json_double(object, "target_kj_mol", &round->target_kj_mol, err) < 0 ||
        asim_json_double(object, "band_kj_mol", &round->band_kj_mol, err) < 0 ||
        asim_json_double(object, "predicted_kj_mol", &round->predicted_kj_mol, err) <
            0 ||
        asim_json_int64(object, "total_steps", &round->total_steps, err) < 0 ||
        asim_json_text(object, "verdict", round->verdict, sizeof round->verdict, err) <
            0)
        return -1;
    if (json_object_get(object, "most_ns") && /* not in older files */
        asim_json_double(object, "most_ns", &round->most_ns, err) < 0)
        return -1;
    if (!json_is_array(actions))
        return asim_fail(err, ASIM_EINPUT, "member 'actions' is missing or no list");
    round->reached = json_is_true(json_object_get(object, "reached"));
    round->followed = json_is_true(json_object_get(object, "followed"));
    round->actions =
        asim_alloc_array(json_array_size(actions), sizeof *round->actions, err);
    if (!round->actions)
        return -1;
    round->action_count = json_array_size(actions);
    for (size_t i = 0; i < round->action_count; i++)
        if (read_action(json_array_get(actions, i), &round->actions[i], err) < 0)
            return -1;
    return 0;
}

int decisions_read(const char *folder, struct decisions *ret_decisions,
                   struct asim_error *err)
{
    struct decisions decisions = {0};
    json_t *root = NULL;
    int rc = -1;
    char *path = asim_path_join(folder, "decisions.json", err);
    if (!path)
        return -1;
    if (!asim_file_exists(path)) {
        rc = 0;
        goto out;
    }
    if (asim_json_read(path, &root, err) < 0)
        goto out;
    const json_t *rounds = json_object_get(root, "rounds");
    if (!json_is_array(rounds)) {
        asim_fail(err, ASIM_EINPUT, "'%s': member 'rounds' is missing or no list",
                  path);
        goto out;
    }
    for (size_t i = 0; i < json_array_size(rounds); i++) {
        struct decision_round *round = decisions_add(&decisions, err);
        if (!round || read_round(json_array_get(rounds, i), round, err) < 0) {
            asim_wrap(err, "'%s', round %zu", path, i);
            goto out;
        }
    }
    rc = 0;
out:
    if (rc == 0) {
        *ret_decisions = decisions;
        decisions = (struct decisions){0};
    }
    decisions_finish(&decisions);
    json_decref(root);
    free(path);
    return rc;
}

static char *round_sentence(const struct decision_round *round, size_t number,
                            double dt_ps, struct asim_error *err)
{
    double ns = (double)round->total_steps * dt_ps / 1000;
    bool used_up = round->most_ns > 0 && ns >= round->most_ns * (1 - 1e-9);
    char limit[64] = "";
    if (round->most_ns > 0)
        snprintf(limit, sizeof limit, " of at most %.4g (--max-ns)", round->most_ns);
    return asim_format(
        err,
        "Round %zu, after %.4g ns%s: the widest 95%% band was \u00B1%.3g "
        "kJ/mol, \u00B1%.3g was asked for%s.",
        number, ns, limit, round->band_kj_mol, round->target_kj_mol,
        round->reached ? ", and every check passed"
        : used_up      ? "; the time allowed was used up, so it ended here"
                       : "");
}

static char *action_sentence(const struct decision_action *action, double dt_ps,
                             struct asim_error *err)
{
    double ns = (double)action->steps * dt_ps / 1000;
    if (action->kind == ASIM_ADVICE_INSERT)
        return asim_format(err,
                           "New window at %.4f nm with k = %.0f kJ/mol/nm\u00B2, %.4g "
                           "ns: %s.",
                           action->bias.centre_nm,
                           action->bias.force_constant_kj_mol_nm2, ns, action->reason);
    return asim_format(err, "Window %d was made longer, to %.4g ns: %s.",
                       action->window_id, ns, action->reason);
}

int decisions_sentences(const struct decisions *decisions, double dt_ps,
                        char ***ret_sentences, size_t *ret_count,
                        struct asim_error *err)
{
    size_t most = decisions->count, count = 0;
    for (size_t i = 0; i < decisions->count; i++)
        most += decisions->rounds[i].action_count;
    char **sentences = asim_alloc_array(most, sizeof *sentences, err);
    if (!sentences)
        return -1;
    for (size_t i = 0; i < decisions->count; i++) {
        const struct decision_round *round = &decisions->rounds[i];
        if (!(sentences[count++] = round_sentence(round, i + 1, dt_ps, err)))
            goto fail;
        for (size_t k = 0; k < round->action_count; k++)
            if (!(sentences[count++] = action_sentence(&round->actions[k], dt_ps, err)))
                goto fail;
    }
    *ret_sentences = sentences;
    *ret_count = count;
    return 0;
fail:
    while (count > 0)
        free(sentences[--count]);
    free(sentences);
    return -1;
}
