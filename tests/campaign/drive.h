/* A campaign in a process of its own, that can be killed, and what must be true of it
 * at its end. The program's main passes `drive FOLDER WINDOWS STEPS` to drive_here. */
#ifndef TESTS_CAMPAIGN_DRIVE_H
#define TESTS_CAMPAIGN_DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Runs the campaign to its end; 0, 75 where another process works on it, else 2 or 3.
 */
int drive_here(const char *folder, size_t windows, long steps);
pid_t drive_spawn(const char *folder, size_t windows, long steps);

struct drive_result {
    int lost;       /* windows not completed, or not by exactly one run to the end */
    int twice;      /* windows in which two gmx lived at once */
    int wrong_rows; /* samples that are missing or not what was computed */
};
struct drive_result drive_check(const char *folder, size_t windows, long steps);

#endif
