/* Time: monotonic for intervals, wall clock only for people. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

double asim_monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double asim_awake_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void asim_local_time_text(char *ret_text, size_t size)
{
    time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    strftime(ret_text, size, "%Y-%m-%d %H:%M:%S", &parts);
}

void asim_utc_time_text(char *ret_text, size_t size)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm parts;
    gmtime_r(&now.tv_sec, &parts);
    char seconds[32];
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(ret_text, size, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
}
