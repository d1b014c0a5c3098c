/* Whether anything was written into a folder since it was last looked at, without
 * looking. */
#ifndef CAMPAIGN_CHANGES_H
#define CAMPAIGN_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

/* False on network file systems, which do not tell one machine what another one wrote,
 * and where that cannot be found out. */
bool asim_changes_are_told(const char *folder);

/* A descriptor for asim_changes_watch; -1 where `folder` is on a file system that does
 * not tell. */
int asim_changes_open(const char *folder);
/* Watches a folder until the next write into it, which is told once. -1: it cannot be
 * watched, and must be looked at. */
int asim_changes_watch(int fd, const char *folder);
void asim_changes_forget(int fd, int watch);
typedef void (*asim_changed_fn)(void *context, int watch);
/* Calls `changed` for every watch that has told. False where so many have that some
 * were lost: everything must be looked at. */
bool asim_changes_read(int fd, asim_changed_fn changed, void *context);

#endif
