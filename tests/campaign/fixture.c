/* What the tests of the campaign share. */
#include "fixture.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "windows/plan_file.h"

enum { FIXTURE_ATOMS = 3 };

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "fixture: %s: %s\n", what, why);
    abort();
}

char *fixture_create_folder(void)
{
    char *folder = strdup("campaign-test-XXXXXX");
    if (!folder || !mkdtemp(folder))
        give_up("mkdtemp", strerror(errno));
    return folder;
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void fixture_remove_folder(char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

const char *fixture_window_path(const char *folder, size_t i, const char *name)
{
    static char paths[4][400];
    static int next;
    char *path = paths[next = (next + 1) % 4];
    snprintf(path, sizeof paths[0], "%s/windows/%03zu/%s", folder, i, name);
    return path;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        give_up(path, strerror(errno));
}

void fixture_write_window(const char *folder, size_t i, const char *tpr_text)
{
    struct asim_error err;
    if (asim_make_folder(fixture_window_path(folder, i, ""), &err) < 0)
        give_up("folder", err.text);
    put(fixture_window_path(folder, i, "window.tpr"), tpr_text);
    put(fixture_window_path(folder, i, "bias.edi"), "bias\n");
}

void fixture_make_plan(const char *folder, size_t count, long steps,
                       struct asim_plan *ret_plan)
{
    struct asim_plan plan = {.window_count = count,
                             .temperature_kelvin = 300,
                             .dt_ps = 0.002,
                             .sample_steps = 1,
                             .system_atom_count = FIXTURE_ATOMS,
                             .bias = ASIM_BIAS_EDI};
    plan.windows = calloc(count, sizeof *plan.windows);
    for (size_t i = 0; i < count; i++) {
        struct asim_window *window = &plan.windows[i];
        window->window_id = (int)i;
        window->nsteps = steps;
        window->velocity_seed = i + 1;
        window->bias.force_constant_kj_mol_nm2 = 1000;
        const char *planned = fixture_window_path(folder, i, "planned.tpr");
        if (!asim_file_exists(planned))
            planned = fixture_window_path(folder, i, "window.tpr");
        if (asim_file_sha256(planned, window->tpr_sha256, NULL) < 0 ||
            asim_file_sha256(fixture_window_path(folder, i, "bias.edi"),
                             window->bias_sha256, NULL) < 0)
            give_up(folder, "windows are not written");
    }
    *ret_plan = plan;
}

void fixture_write_plan(const struct asim_plan *plan, const char *path)
{
    struct asim_error err;
    if (asim_plan_write_file(plan, path, &err) < 0)
        give_up(path, err.text);
}

size_t fixture_count_lines(const char *path)
{
    size_t count = 0;
    FILE *file = fopen(path, "r");
    for (int c; file && (c = getc(file)) != EOF;)
        count += c == '\n';
    if (file)
        fclose(file);
    return count;
}

void fixture_read_text(const char *path, char *ret_text, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(ret_text, 1, size - 1, file) : 0;
    ret_text[got] = '\0';
    if (file)
        fclose(file);
}

void fixture_shorten(struct asim_campaign *campaign)
{
    campaign->timing = (struct asim_campaign_timing){.backoff_first = 0.005,
                                                     .backoff_largest = 0.02,
                                                     .grace = 1,
                                                     .probe_first = 0.002,
                                                     .probe_largest = 0.02,
                                                     .progress = 0.05};
}

struct asim_campaign *fixture_open(const char *folder, size_t count, long steps,
                                   struct asim_log *log)
{
    struct asim_plan plan;
    struct asim_campaign *campaign;
    struct asim_error err;
    fixture_make_plan(folder, count, steps, &plan);
    if (asim_campaign_open_plan(folder, &plan, "the plan", false, log, &campaign,
                                &err) < 0)
        give_up("open", err.text);
    fixture_shorten(campaign);
    campaign->make_tpr = fixture_make_tpr;
    return campaign;
}

int fixture_start(struct asim_campaign *campaign, int jobs, int retries,
                  struct asim_error *err)
{
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    options.gromacs = getenv("CAMPAIGN_GMX");
    if (!options.gromacs)
        give_up("start", "$CAMPAIGN_GMX is not set; run by meson test");
    options.jobs = jobs;
    options.retries = retries;
    options.ntmpi = options.ntomp = 1;
    return asim_campaign_start(campaign, &options, err);
}

int fixture_make_tpr(const char *folder, const struct asim_plan *plan,
                     const struct asim_window *window,
                     const struct asim_window_start *start, struct asim_error *err)
{
    char from[400], to[400], text[200];
    char *rest;
    (void)plan, (void)window;
    snprintf(from, sizeof from, "%s/planned.tpr", folder);
    snprintf(to, sizeof to, "%s/window.tpr", folder);
    fixture_read_text(from, text, sizeof text);
    strtol(text, &rest, 10);
    char *made = asim_format(err, "%lld%s", (long long)start->nsteps, rest);
    int rc = made ? asim_file_replace(to, made, strlen(made), err) : -1;
    free(made);
    return rc;
}

int fixture_run(struct asim_campaign *campaign, double seconds, struct asim_error *err)
{
    double end = asim_monotonic_seconds() + seconds;
    for (;;) {
        struct pollfd watched = {.fd = asim_campaign_event_fd(campaign),
                                 .events = POLLIN};
        poll(&watched, 1, 1000);
        int rc = asim_campaign_dispatch(campaign, err);
        if (rc != 1)
            return rc;
        if (asim_monotonic_seconds() > end)
            return -2;
    }
}

bool fixture_command_has(const char *folder, size_t i, const char *text)
{
    char command[4000];
    fixture_read_text(fixture_window_path(folder, i, "cmd.sh"), command,
                      sizeof command);
    return strstr(command, text) != NULL;
}
