/* What the check of windows that end needs (asim_window_checker), from a campaign's
 * folder. */
#ifndef CLI_WINDOW_CHECK_H
#define CLI_WINDOW_CHECK_H

#include <autosim/autosim.h>

struct window_check {
    struct asim_window_checker checker; /* of the two below */
    struct asim_pca pca;
    struct asim_topology top;
};

void window_check_finish(struct window_check *check);
/* Reads the campaign's PCA, and the topology from the first window's TPR. `log` is
 * borrowed; `ret_check` must not move. */
int window_check_init(const char *folder, struct asim_log *log,
                      struct window_check *ret_check, struct asim_error *err);

#endif
