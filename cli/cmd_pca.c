/* autosim pca: the first stage alone. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "pipeline.h"

enum { SHOWN = 20 }; /* components, of what may be thousands */

static int print_file(const char *path, struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(path, (uint64_t)1 << 32, &data, &size, err) < 0)
        return -1;
    fwrite(data, 1, size, stdout);
    free(data);
    return 0;
}

static void print_summary(const struct settings *settings, const struct asim_pca *pca)
{
    printf("%zu frames, %zu atoms: %s\n", pca->frame_count, pca->atom_count,
           pca->selection);
    printf("%-4s %15s %12s %10s %8s\n", "PC", "eigenvalue/nm^2", "/Angstrom^2",
           "explained", "cosine");
    size_t shown = pca->component_count < SHOWN ? pca->component_count : SHOWN;
    for (size_t i = 0; i < shown; i++)
        printf("%-4zu %15.6g %12.6g %9.2f%% %8.2f\n", i + 1, pca->eigenvalues_nm2[i],
               100 * pca->eigenvalues_nm2[i],
               100 * pca->eigenvalues_nm2[i] / pca->total_variance_nm2,
               pca->cosine_content[i]);
    if (shown < pca->component_count)
        printf("and %zu more in eigenval.xvg\n", pca->component_count - shown);
    printf("results in %s/pca/\n", settings->folder);
}

int cmd_pca(const struct settings *settings, struct asim_error *err)
{
    struct workplace workplace;
    struct asim_pca pca = {0};
    if (check_input_files(settings, err) < 0 ||
        workplace_open(&workplace, settings, true, err) < 0)
        return -1;
    int rc = -1;
    if (campaign_file_exists(settings, "plan.json"))
        asim_fail(err, ASIM_EUSAGE,
                  "the campaign in '%s' is planned already; another PCA would not fit "
                  "its windows: use another folder with -C",
                  settings->folder);
    else
        rc = stage_pca(&workplace, &pca, err);
    workplace_end(&workplace, rc, err);
    if (rc == 0 && settings->json) {
        char *path = asim_path_join(settings->folder, "pca/pca.json", err);
        rc = path ? print_file(path, err) : -1;
        free(path);
    } else if (rc == 0) {
        print_summary(settings, &pca);
    }
    asim_pca_finish(&pca);
    return rc;
}
