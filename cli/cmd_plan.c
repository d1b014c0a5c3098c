/* autosim plan: windows from the PCA that is there. */
#include <stdio.h>

#include "base/error.h"
#include "pipeline.h"

static void print_plan(const struct asim_plan *plan)
{
    printf("%-6s %10s %16s %14s %10s\n", "window", "centre/nm", "k/kJ/mol/nm^2",
           "start/ps", "start/nm");
    for (size_t i = 0; i < plan->window_count; i++) {
        const struct asim_window *window = &plan->windows[i];
        printf("%-6d %10.4f %16.1f %14.3f %10.4f\n", window->window_id,
               window->bias.centre_nm, window->bias.force_constant_kj_mol_nm2,
               window->start_time_ps, window->start_nm);
    }
}

int cmd_plan(const struct settings *settings, struct asim_error *err)
{
    struct workplace workplace;
    struct asim_plan plan = {0};
    if (!campaign_file_exists(settings, "pca/pca.json"))
        return asim_fail(
            err, ASIM_EINPUT,
            "'%s' holds no PCA yet: 'autosim pca system.tpr traj.xtc -C %s' "
            "makes it",
            settings->folder, settings->folder);
    if (workplace_open(&workplace, settings, true, err) < 0)
        return -1;
    int rc = -1;
    if (campaign_file_exists(settings, "journal.jsonl"))
        asim_fail(err, ASIM_EUSAGE,
                  "the campaign in '%s' has begun; its windows cannot be planned anew: "
                  "use another folder with -C",
                  settings->folder);
    else if (stage_plan(&workplace, err) == 0)
        rc = asim_plan_read(settings->folder, &plan, err);
    workplace_end(&workplace, rc, err);
    if (rc == 0)
        print_plan(&plan);
    asim_plan_finish(&plan);
    return rc;
}
