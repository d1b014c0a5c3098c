/*
 * What is asked of a cluster campaign beside its loop: its jobs' name, cancelling them,
 * the script that would be submitted. It must not know the loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "campaign/slurm.h"
#include "campaign/slurm_script.h"

void asim_slurm_name(struct asim_slurm *slurm)
{
    char sha256[65];
    const char *folder = slurm->campaign->folder;
    asim_sha256(folder, strlen(folder), sha256);
    snprintf(slurm->name, sizeof slurm->name, "autosim-%.12s", sha256);
    snprintf(slurm->user, sizeof slurm->user, "%ld", (long)geteuid());
}

int asim_slurm_cancel_waiting(struct asim_slurm *slurm, struct asim_error *err)
{
    char name[64], user[32];
    snprintf(name, sizeof name, "--name=%s", slurm->name);
    snprintf(user, sizeof user, "--user=%s", slurm->user);
    char *argv[] = {"scancel", name, user, "--state=PENDING", NULL};
    return asim_slurm_run(slurm, ASIM_SLURM_CANCEL, argv, err);
}

/* Slots read it and leave with checkpoints. */
static int write_stop_file(const struct asim_campaign *campaign, struct asim_error *err)
{
    char *path = asim_format(err, "%s/%s/stop", campaign->folder, ASIM_SLOTS_FOLDER);
    int rc = path ? asim_file_replace(path, "", 0, err) : -1;
    free(path);
    return rc;
}

static int wait_for(struct asim_command *command, struct asim_error *err)
{
    struct asim_command_result result;
    int rc;
    while ((rc = asim_command_collect(command, &result, err)) == 0) {
        struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
        nanosleep(&pause, NULL);
        asim_command_check(command, asim_monotonic_seconds());
    }
    if (rc < 0)
        return -1;
    rc = result.exit_code == 0
             ? 0
             : asim_fail(err, ASIM_EENV,
                         "jobs that wait could not be cancelled (%s); those that run "
                         "leave by themselves",
                         result.errors);
    asim_command_result_finish(&result);
    return rc;
}

int asim_slurm_cancel(struct asim_campaign *campaign, struct asim_error *err)
{
    if (campaign->jobs.count == 0)
        return 0;
    if (write_stop_file(campaign, err) < 0)
        return -1;
    if (campaign->slurm) { /* the loop does the rest */
        campaign->slurm->cancelling = true;
        return 0;
    }
    struct asim_slurm slurm = {.campaign = campaign,
                               .command = ASIM_COMMAND_INIT,
                               .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    asim_slurm_name(&slurm);
    int rc = asim_slurm_cancel_waiting(&slurm, err);
    if (rc == 0)
        rc = wait_for(&slurm.command, err);
    asim_command_finish(&slurm.command);
    close(slurm.epoll_fd);
    return rc;
}

int asim_campaign_job_script(const struct asim_campaign *campaign,
                             const struct asim_run_options *options, char **ret_text,
                             struct asim_error *err)
{
    struct asim_slurm slurm = {.campaign = (struct asim_campaign *)campaign,
                               .options = *options};
    if (asim_slurm_options_check(options, err) < 0)
        return -1;
    slurm.width = (options->ntmpi > 0 ? options->ntmpi : 1) *
                  (options->ntomp > 0 ? options->ntomp : 1);
    asim_slurm_name(&slurm);
    int elements = asim_slurm_elements_wanted(&slurm);
    struct asim_job_script script = {.folder = campaign->folder,
                                     .name = slurm.name,
                                     .token = "000000000000",
                                     .elements = elements > 0 ? elements : 1,
                                     .width = slurm.width,
                                     .excluded = ""};
    *ret_text = asim_job_script_text(&script, options, err);
    return *ret_text ? 0 : -1;
}
