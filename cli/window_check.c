#include "window_check.h"

#include <stdlib.h>

#include "base/file.h"

void window_check_finish(struct window_check *check)
{
    asim_pca_finish(&check->pca);
    asim_topology_finish(&check->top);
}

int window_check_init(const char *folder, struct asim_log *log,
                      struct window_check *ret_check, struct asim_error *err)
{
    struct window_check check = {0};
    char *pca_folder = asim_path_join(folder, "pca", err);
    char *tpr = asim_path_join(folder, "windows/000/window.tpr", err);
    int rc = -1;
    if (pca_folder && tpr && asim_pca_read(pca_folder, &check.pca, err) == 0 &&
        asim_topology_read(tpr, &check.top, err) == 0) {
        *ret_check = check;
        ret_check->checker = (struct asim_window_checker){
            .pca = &ret_check->pca, .top = &ret_check->top, .log = log};
        rc = 0;
    } else {
        window_check_finish(&check);
    }
    free(pca_folder);
    free(tpr);
    return rc;
}
