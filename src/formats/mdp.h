/*
 * GROMACS' .mdp files: lines `key = value`, what follows `;` is a comment. Keys are the
 * same whatever their case, and with `-`, `_` or neither between their words.
 */
#ifndef FORMATS_MDP_H
#define FORMATS_MDP_H

#include <stdbool.h>

#include "base/error.h"

/* The value of a key, on the heap, without blanks around it; NULL where the text does
 * not set it. -1 where memory is short. */
int asim_mdp_get(const char *text, const char *key, char **ret_value,
                 struct asim_error *err);

/* Whether a value is the "yes" of a switch. */
bool asim_mdp_is_yes(const char *value);

struct asim_mdp_setting {
    const char *key;
    const char *value; /* NULL: the key is left out, so that the default holds */
};

/* A copy (owned by the caller) in which these keys are set so, and all others as
 * before. `settings` ends with a NULL key. */
int asim_mdp_set(const char *text, const struct asim_mdp_setting *settings,
                 char **ret_text, struct asim_error *err);

#endif
