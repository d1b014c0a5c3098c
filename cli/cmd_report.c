/* autosim report: the HTML file again, from what the folder holds now. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "pipeline.h"

int cmd_report(const struct settings *settings, struct asim_error *err)
{
    struct workplace workplace;
    if (!campaign_file_exists(settings, "pca/pca.json"))
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' holds nothing to report yet: 'autosim run system.tpr "
                         "traj.xtc' starts a campaign",
                         settings->folder);
    char *path = settings->html_path
                     ? asim_strdup(settings->html_path, err)
                     : asim_path_join(settings->folder, "report.html", err);
    if (!path)
        return -1;
    int rc = -1;
    if (workplace_open(&workplace, settings, false, err) == 0) {
        rc = workplace_end(&workplace, stage_report(&workplace, path, err), err);
    }
    if (rc == 0)
        printf("%s\n", path);
    free(path);
    return rc;
}
