/* How long a log file may become before it is renamed; tests make it short. */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include <sys/types.h>

#include <autosim/log.h>

void asim_log_limit(struct asim_log *log, off_t largest_bytes);

#endif
