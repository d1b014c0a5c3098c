/* autosim pmf: the profile from the samples that are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The profile of a campaign, or of samples made elsewhere. */
static int compute(struct workplace *workplace, struct asim_pmf *ret_pmf,
                   struct asim_error *err)
{
    return workplace->settings->from ? stage_external(workplace, ret_pmf, err)
                                     : stage_pmf(workplace, 0, ret_pmf, err);
}

/* What --from needs, and that it does not fall into a campaign's folder. */
static int check_from(const struct settings *settings, struct asim_error *err)
{
    bool wham = settings->from && strcmp(settings->from, "gmx-wham") == 0;
    int wanted = !settings->from ? 0 : wham ? 2 : 1;
    if (settings->from && !wham && strcmp(settings->from, "meta") != 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "--from '%s' is not known; gmx-wham or meta was expected",
                         settings->from);
    if (!settings->from && settings->pmf.period_nm > 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "--periodic is for samples made elsewhere, with --from");
    if (!settings->from && settings->from_kelvin > 0)
        return asim_fail(
            err, ASIM_EUSAGE,
            "--temperature is for samples made elsewhere, with --from; the "
            "campaign's is that of its plan");
    if (settings->argument_count != wanted)
        return asim_fail(err, ASIM_EUSAGE,
                         wanted == 0   ? "'%s': files are taken with --from only"
                         : wanted == 1 ? "--from meta takes one list of windows%.0s"
                                       : "--from gmx-wham takes two lists, of TPRs and "
                                         "of pullx or pullf files%.0s",
                         settings->argument_count ? settings->arguments[0] : "");
    if (!settings->from)
        return check_campaign(settings, err);
    if (check_input_files(settings, err) < 0)
        return -1;
    if (campaign_file_exists(settings, "plan.json"))
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' is a campaign with a profile of its own: name another "
                         "folder with -C",
                         settings->folder);
    return asim_make_folder(settings->folder, err);
}

static int check_quality(const struct settings *settings, const struct asim_pmf *pmf,
                         struct asim_error *err)
{
    double wanted = settings->require_kj_mol;
    if (!pmf->connected || (wanted > 0 && !pmf->trustworthy))
        return asim_fail(err, ASIM_EQUALITY, "%s", pmf->verdict);
    if (wanted > 0 && !(pmf->widest_band_kj_mol <= wanted))
        return asim_fail(
            err, ASIM_EQUALITY,
            "the 95%% band is up to +-%.3g kJ/mol wide, and --require asks "
            "for +-%g; run the windows longer",
            pmf->widest_band_kj_mol, wanted);
    return 0;
}

int cmd_pmf(const struct settings *settings, struct asim_error *err)
{
    struct workplace workplace;
    struct asim_pmf pmf = {0};
    if (check_from(settings, err) < 0 ||
        workplace_open(&workplace, settings, false, err) < 0)
        return -1;
    int rc = workplace_end(&workplace, compute(&workplace, &pmf, err), err);
    if (rc == 0 && settings->json) {
        rc = print_json(settings, err);
    } else if (rc == 0) {
        print_gates(&pmf);
        printf("PMF      %s/pmf/pmf.xvg\nverdict  %s\n", settings->folder, pmf.verdict);
        if (settings->along)
            printf("along    %s/pmf/along.csv, %s/pmf/pmf2d.csv\n", settings->folder,
                   settings->folder);
    }
    if (rc == 0)
        rc = check_quality(settings, &pmf, err);
    asim_pmf_finish(&pmf);
    return rc;
}
