/* autosim cancel, pause, resume, extend, priority: requests to a campaign, whether a
 * driver works on it or not. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli.h"
#include "pipeline.h"

/* A driver answers within a round; opening a large campaign takes a second. */
static const double WAIT_SECONDS = 30;

int parse_windows(const struct settings *settings, int **ret_ids,
                  struct asim_error *err)
{
    int *ids = asim_alloc_array((size_t)settings->argument_count, sizeof *ids, err);
    if (!ids)
        return -1;
    for (int i = 0; i < settings->argument_count; i++) {
        int64_t id;
        if (!asim_parse_int64(settings->arguments[i], &id) || id < 0 || id > 1 << 24) {
            free(ids);
            return asim_fail(err, ASIM_EUSAGE, "'%s' is no window number",
                             settings->arguments[i]);
        }
        ids[i] = (int)id;
    }
    *ret_ids = ids;
    return 0;
}

static int send(const struct settings *settings, struct asim_request *request,
                struct asim_answer *ret_answer, struct asim_error *err)
{
    int *ids = NULL;
    if (check_campaign(settings, err) < 0 || parse_windows(settings, &ids, err) < 0)
        return -1;
    request->window_ids = ids;
    request->window_count = (size_t)settings->argument_count;
    int rc =
        asim_request_send(settings->folder, request, WAIT_SECONDS, ret_answer, err);
    free(ids);
    if (rc == 0 && ret_answer->pending)
        printf(
            "left for the driver of '%s', which has not answered yet: it follows the "
            "request when it comes to it\n",
            settings->folder);
    return rc;
}

static void print_changed(const struct asim_answer *answer, const char *what)
{
    if (!answer->pending)
        printf("%zu window%s %s\n", answer->changed, answer->changed == 1 ? "" : "s",
               what);
}

int cmd_cancel(const struct settings *settings, struct asim_error *err)
{
    bool all = settings->argument_count == 0;
    struct asim_request request = {.kind =
                                       all ? ASIM_REQUEST_STOP : ASIM_REQUEST_CANCEL};
    struct asim_answer answer;
    if (send(settings, &request, &answer, err) < 0)
        return -1;
    if (!all)
        print_changed(&answer, "cancelled");
    else if (!answer.pending)
        printf("the windows write their checkpoints and stop; 'autosim run -C %s' goes "
               "on\n",
               settings->folder);
    return 0;
}

int cmd_pause(const struct settings *settings, struct asim_error *err)
{
    struct asim_request request = {.kind = ASIM_REQUEST_PAUSE};
    struct asim_answer answer;
    if (send(settings, &request, &answer, err) < 0)
        return -1;
    if (!answer.pending)
        printf("paused: running windows write their checkpoints and leave; 'autosim "
               "resume -C %s' goes on\n",
               settings->folder);
    return 0;
}

int cmd_resume(const struct settings *settings, struct asim_error *err)
{
    bool all = settings->argument_count == 0;
    struct asim_request request = {.kind = all ? ASIM_REQUEST_RESUME
                                               : ASIM_REQUEST_RESTORE};
    struct asim_answer answer;
    if (send(settings, &request, &answer, err) < 0)
        return -1;
    if (!all)
        print_changed(&answer, "will run again");
    else if (!answer.pending)
        printf("resumed\n");
    return 0;
}

int cmd_priority(const struct settings *settings, struct asim_error *err)
{
    struct asim_request request = {.kind = ASIM_REQUEST_PRIORITY};
    struct asim_answer answer;
    if (settings->priority == INT_MIN)
        return asim_fail(err, ASIM_EUSAGE,
                         "which priority? 'autosim priority --to 1 3 4' starts windows "
                         "3 and 4 before the others");
    request.priority = settings->priority;
    if (send(settings, &request, &answer, err) < 0)
        return -1;
    char what[60];
    snprintf(what, sizeof what, "of priority %d now", request.priority);
    print_changed(&answer, what);
    return 0;
}

int cmd_extend(const struct settings *settings, struct asim_error *err)
{
    struct asim_plan plan = {0};
    struct asim_request request = {.kind = ASIM_REQUEST_EXTEND};
    struct asim_answer answer;
    if (!(settings->extend_ns > 0))
        return asim_fail(
            err, ASIM_EUSAGE,
            "by how much? 'autosim extend --ns X' makes windows X ns longer");
    if (check_campaign(settings, err) < 0 ||
        asim_plan_read(settings->folder, &plan, err) < 0)
        return -1;
    /* Whole sample intervals: the last step has a sample then. */
    double intervals =
        settings->extend_ns * 1000 / plan.dt_ps / (double)plan.sample_steps;
    request.steps = llround(fmax(intervals, 1)) * plan.sample_steps;
    double ns = (double)request.steps * plan.dt_ps / 1000;
    asim_plan_finish(&plan);
    if (send(settings, &request, &answer, err) < 0)
        return -1;
    char what[100];
    snprintf(what, sizeof what, "%.6g ns longer; 'autosim run' runs what is left", ns);
    print_changed(&answer, what);
    return 0;
}
