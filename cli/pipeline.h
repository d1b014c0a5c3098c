/*
 * The stages of a campaign, each reading what the one before left in the folder and
 * leaving its own result there, whole or not at all.
 */
#ifndef CLI_PIPELINE_H
#define CLI_PIPELINE_H

#include "cli.h"
#include "provenance.h"
#include "terminal.h"

/* A command at work in a campaign folder. */
struct workplace {
    const struct settings *settings;
    struct terminal terminal;
    struct asim_log *log;
    int lock_fd; /* -1: not held */
};

/* Opens the log; `create` makes the folder and takes its lock. */
int workplace_open(struct workplace *workplace, const struct settings *settings,
                   bool create, struct asim_error *err);
void workplace_close(struct workplace *workplace);
/* The exit code of a stage as it is; an error (-1) also goes to the log file. */
int workplace_end(struct workplace *workplace, int code, const struct asim_error *err);

/* The arguments as window numbers; a new array, freed by the caller. */
int parse_windows(const struct settings *settings, int **ret_ids,
                  struct asim_error *err);

/* The files given, settings->arguments, are there and can be read; ASIM_EINPUT
 * otherwise. */
int check_input_files(const struct settings *settings, struct asim_error *err);
/* The folder holds a planned campaign; ASIM_EINPUT otherwise. */
int check_campaign(const struct settings *settings, struct asim_error *err);
/* `missing` is not in the folder: ASIM_EINPUT where windows have run, whose inputs
 * would be overwritten with others, so that what was lost and is put back would fit
 * them no more. */
int check_not_begun(const struct settings *settings, const char *missing,
                    struct asim_error *err);
bool campaign_file_exists(const struct settings *settings, const char *name);

/* PCA of the files given, a topology and trajectories, into pca/, with the
 * provenance. */
int stage_pca(struct workplace *workplace, struct asim_pca *ret_pca,
              struct asim_error *err);
/* Windows from pca/ and the provenance's inputs: plan.json and windows/. */
int stage_plan(struct workplace *workplace, struct asim_error *err);
/* Runs the windows. Returns 0, or 128+signal where a signal stopped them; -1 on errors,
 * ASIM_EWINDOWS where windows were given up. `ret_ended`: every window was completed or
 * given up; false where a signal or --maxh came before. */
int stage_windows(struct workplace *workplace, bool *ret_ended, struct asim_error *err);
/* PMF of what is there into pmf/; with advice where a target above 0 is given. */
int stage_pmf(struct workplace *workplace, double target_kj_mol,
              struct asim_pmf *ret_pmf, struct asim_error *err);

/* pmf/ with its files and its picture. */
int write_profile(const struct settings *settings, const struct asim_pmf *pmf,
                  struct asim_error *err);
/* A window of a profile, for another coordinate of its samples. */
struct along_window {
    int window_id;
    const struct asim_series *series;
    size_t skipped; /* samples at the beginning that the profile leaves out */
};
/* The profile along settings->along of a campaign's windows, those of the profile in
 * its order, into pmf/. */
int stage_along(struct workplace *workplace, const struct asim_plan *plan,
                const struct along_window *along_windows,
                const struct asim_pmf_window *windows, const struct asim_pmf *profile,
                const struct asim_pmf_options *options, struct asim_error *err);
/* What is written of it, and said in the log. */
int write_along(struct workplace *workplace, const struct asim_along *along,
                struct asim_error *err);

/* PMF of samples made elsewhere (--from) into pmf/. */
int stage_external(struct workplace *workplace, struct asim_pmf *ret_pmf,
                   struct asim_error *err);

/* All simulated time that is allowed: as the user says, or ten times what was planned.
 */
struct results;
double most_simulated_ns(const struct settings *settings,
                         const struct results *results);

/*
 * Towards a profile as good as asked for: records what the advice of `pmf` comes to
 * (decisions.h), explains it in the log, and follows it, so that there are windows to
 * run. ret_next: whether there is more to run.
 */
enum until_next { UNTIL_RUN, UNTIL_REACHED, UNTIL_GIVEN_UP };
int stage_until(struct workplace *workplace, const struct asim_pmf *pmf,
                enum until_next *ret_next, struct asim_error *err);
/* The same for `check --apply`, once and whatever was reached. */
int stage_until_apply(struct workplace *workplace, const struct asim_pmf *pmf,
                      struct asim_error *err);
/* Follows what was decided and, after a kill, not or not wholly done. */
int stage_until_settle(struct workplace *workplace, struct asim_error *err);
/* Advice without a target, as `check` gives it: any band will do. */
static const double ANY_BAND_KJ_MOL = 1e9;

/* Every gate as a line on stdout. */
void print_gates(const struct asim_pmf *pmf);
int stage_report(struct workplace *workplace, const char *html_path,
                 struct asim_error *err);

#endif
