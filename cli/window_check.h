/* The check of every window that ran to its end, for asim_campaign_set_check. */
#ifndef CLI_WINDOW_CHECK_H
#define CLI_WINDOW_CHECK_H

#include <autosim/autosim.h>

struct window_checker {
    struct asim_log *log; /* borrowed */
    struct asim_pca pca;
    struct asim_topology top;
};

void window_checker_finish(struct window_checker *checker);
/* Reads the campaign's PCA, and the topology from the first window's TPR. */
int window_checker_init(const char *folder, struct asim_log *log,
                        struct window_checker *ret_checker, struct asim_error *err);
/* An asim_window_check_fn; `context` is a window_checker. */
int window_checker_look(void *context, const struct asim_ended_window *window,
                        struct asim_error *err);

#endif
