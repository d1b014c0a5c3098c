/* What gmx mdrun's log says of its newest attempt. */
#ifndef ENGINE_MD_LOG_H
#define ENGINE_MD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct asim_md_log {
    int64_t step;            /* of the last step block; -1: none */
    double potential_kj_mol; /* of the last energies that are not averages; NAN */
    double ns_per_day;       /* of the newest attempt; NAN */
    bool finished;           /* the newest attempt left by its own will */
    bool run_time_exceeded;  /* by -maxh */
    bool stop_received;      /* a TERM or INT */
};

/* From the last `tail_bytes` of the log; a log that does not exist is empty. */
int asim_md_log_read(const char *path, size_t tail_bytes, struct asim_md_log *ret_log,
                     struct asim_error *err);
/* The same from memory; `text` ends with a NUL. */
void asim_md_log_parse(const char *text, struct asim_md_log *ret_log);

/* The end of a file, NUL behind it, at most tail_bytes; free with free(). A file that
 * does not exist reads as empty. */
int asim_file_tail(const char *path, size_t tail_bytes, char **ret_text,
                   struct asim_error *err);

#endif
