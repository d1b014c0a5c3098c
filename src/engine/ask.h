/* Running a program that answers soon, and what it printed. */
#ifndef ENGINE_ASK_H
#define ENGINE_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct asim_question {
    const char *const *argv; /* argv[0] is an absolute path */
    const char *folder;      /* where it runs; NULL: here */
    bool with_stderr;        /* what it says there belongs to the answer */
    int seconds;             /* it is killed then */
};

struct asim_answer {
    char *text; /* [size] the caller's; terminated, cut where it is too long */
    size_t size;
    bool in_time;
    bool succeeded; /* it ended with code 0 */
};

/* The absolute path of a program by its name on PATH, or by a path of it; false where
 * it cannot be run. */
bool asim_program_find(const char *name, char *ret_path, size_t size);

/* What it started is killed with it. ASIM_EENV where it cannot be started. */
int asim_ask(const struct asim_question *question, struct asim_answer *answer,
             struct asim_error *err);

#endif
