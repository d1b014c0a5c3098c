/* What the tests of the campaign share: folders with windows for the campaign's gmx. */
#ifndef TESTS_CAMPAIGN_FIXTURE_H
#define TESTS_CAMPAIGN_FIXTURE_H

#include "../supervise.h"
#include "campaign/campaign_internal.h"

/* A new folder below the working folder; removed with all it holds. */
char *fixture_create_folder(void);
void fixture_remove_folder(char *folder);

/* The plan of `count` windows of `steps` steps, as fixture_write_window writes them. */
void fixture_make_plan(const char *folder, size_t count, long steps,
                       struct asim_plan *ret_plan);
/* Writes windows/NNN/window.tpr (see campaign_gmx.c) and bias.edi. */
void fixture_write_window(const char *folder, size_t i, const char *tpr_text);
void fixture_write_plan(const struct asim_plan *plan, const char *path);
/* "windows/NNN/name" below the folder; in a static buffer of four. */
const char *fixture_window_path(const char *folder, size_t i, const char *name);
/* Lines of a file; 0 where there is none. */
size_t fixture_count_lines(const char *path);
/* Whether the command of the window's newest attempt has the text. */
bool fixture_command_has(const char *folder, size_t i, const char *text);
void fixture_read_text(const char *path, char *ret_text, size_t size);

/* Opens with short intervals; fails the test where it cannot. */
struct asim_campaign *fixture_open(const char *folder, size_t count, long steps,
                                   struct asim_log *log);
void fixture_shorten(struct asim_campaign *campaign);
/* Starts with `jobs` windows at once, 1 core each, the campaign's gmx. */
int fixture_start(struct asim_campaign *campaign, int jobs, int retries,
                  struct asim_error *err);
/* The text TPR of planned.tpr with another number of steps; fixture_open sets it. */
int fixture_make_tpr(const char *folder, const struct asim_plan *plan,
                     const struct asim_window *window,
                     const struct asim_window_start *start, struct asim_error *err);
/* Dispatches until it gives something else than 1; -2 after `seconds`. */
int fixture_run(struct asim_campaign *campaign, double seconds, struct asim_error *err);

#endif
