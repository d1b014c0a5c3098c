/* Time: monotonic for intervals, wall clock only for people. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>

/* Seconds since some fixed moment; never jumps (CLOCK_BOOTTIME: counts suspend). */
double asim_monotonic_seconds(void);
/* The same without the time in which the machine was suspended. */
double asim_awake_seconds(void);
/* "2026-02-20 14:30:15", local. */
void asim_local_time_text(char *ret_text, size_t size);
/* "2026-02-20T13:30:15.123Z". */
void asim_utc_time_text(char *ret_text, size_t size);

#endif
