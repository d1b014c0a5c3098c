/* Checking windows as they end: their samples, and their own trajectory. */
#include "window_check.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

void window_checker_finish(struct window_checker *checker)
{
    asim_pca_finish(&checker->pca);
    asim_topology_finish(&checker->top);
}

int window_checker_init(const char *folder, struct asim_log *log,
                        struct window_checker *ret_checker, struct asim_error *err)
{
    struct window_checker checker = {.log = log};
    char *pca_folder = asim_path_join(folder, "pca", err);
    char *tpr = asim_path_join(folder, "windows/000/window.tpr", err);
    int rc = -1;
    if (pca_folder && tpr && asim_pca_read(pca_folder, &checker.pca, err) == 0 &&
        asim_topology_read(tpr, &checker.top, err) == 0) {
        *ret_checker = checker;
        rc = 0;
    } else {
        window_checker_finish(&checker);
    }
    free(pca_folder);
    free(tpr);
    return rc;
}

int window_checker_look(void *context, const struct asim_ended_window *window,
                        struct asim_error *err)
{
    const struct window_checker *checker = context;
    struct asim_window_check check;
    if (asim_window_check(window, &checker->pca, &checker->top, &check, err) < 0 ||
        asim_window_check_write(&check, window->folder, err) < 0)
        return -1;
    if (check.frame_count > 0)
        asim_log_write(
            checker->log, ASIM_LOG_INFO,
            "Window %d: PC1 of %zu frames is that of the samples within %.1e "
            "nm, where rounding explains %.1e",
            window->window->window_id, check.frame_count, check.largest_difference_nm,
            check.tolerance_nm);
    else
        asim_log_write(checker->log, ASIM_LOG_INFO,
                       "Window %d: Its samples were not compared with frames: %s",
                       window->window->window_id, check.why);
    return 0;
}
