/* autosim pmf: the profile from the samples that are there. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "pipeline.h"

void print_gates(const struct asim_pmf *pmf)
{
    for (size_t i = 0; i < pmf->gate_count; i++)
        printf("%-4s  %-22s %10.4g  (limit %g)  %s\n",
               pmf->gates[i].pass ? "pass" : "FAIL", pmf->gates[i].name,
               pmf->gates[i].value, pmf->gates[i].limit, pmf->gates[i].sentence);
}

static int print_json(const struct settings *settings, struct asim_error *err)
{
    char *path = asim_path_join(settings->folder, "pmf/pmf.json", err);
    char *data;
    size_t size;
    int rc = -1;
    if (path && asim_file_read(path, (uint64_t)1 << 32, &data, &size, err) == 0) {
        fwrite(data, 1, size, stdout);
        free(data);
        rc = 0;
    }
    free(path);
    return rc;
}

int cmd_pmf(const struct settings *settings, struct asim_error *err)
{
    struct workplace workplace;
    struct asim_pmf pmf = {0};
    if (check_campaign(settings, err) < 0 ||
        workplace_open(&workplace, settings, false, err) < 0)
        return -1;
    int rc = workplace_end(&workplace, stage_pmf(&workplace, 0, &pmf, err), err);
    if (rc == 0 && settings->json) {
        rc = print_json(settings, err);
    } else if (rc == 0) {
        print_gates(&pmf);
        printf("PMF      %s/pmf/pmf.xvg\nverdict  %s\n", settings->folder, pmf.verdict);
    }
    if (rc == 0 && !pmf.connected)
        rc = asim_fail(err, ASIM_EQUALITY, "%s", pmf.verdict);
    asim_pmf_finish(&pmf);
    return rc;
}
