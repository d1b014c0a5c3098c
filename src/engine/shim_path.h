/* Where the program autosim-shim is. */
#ifndef ENGINE_SHIM_PATH_H
#define ENGINE_SHIM_PATH_H

#include "base/error.h"

/* $AUTOSIM_SHIM, or beside the running program, or where it was installed; free with
 * free(). ASIM_EENV where it is missing. */
char *asim_shim_path(struct asim_error *err);

#endif
