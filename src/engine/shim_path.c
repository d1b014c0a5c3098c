/* Where the shim is. Must not know what it does. */
#include "engine/shim_path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "engine/libexec.h"

/* Beside the running program, in an installation's libexec, or in the build tree. */
static const char *const shim_places[] = {
    "autosim-shim",
    "../libexec/autosim/autosim-shim",
    "../src/engine/autosim-shim",
    "../../src/engine/autosim-shim",
};

char *asim_shim_path(struct asim_error *err)
{
    const char *named = secure_getenv("AUTOSIM_SHIM");
    if (named && *named) {
        if (access(named, X_OK) == 0)
            return asim_strdup(named, err);
        asim_fail(err, ASIM_EENV, "$AUTOSIM_SHIM names '%s', which cannot be run: %s",
                  named, strerror(errno));
        return NULL;
    }
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) {
        slash[1] = '\0';
        for (size_t i = 0; i < sizeof shim_places / sizeof *shim_places; i++) {
            char *path = asim_format(err, "%s%s", program, shim_places[i]);
            if (!path || access(path, X_OK) == 0)
                return path;
            free(path);
        }
    }
    if (access(ASIM_LIBEXEC_SHIM, X_OK) == 0)
        return asim_strdup(ASIM_LIBEXEC_SHIM, err);
    asim_fail(err, ASIM_EENV,
              "the helper program autosim-shim is neither near '%s' nor at '%s'; "
              "install autosim completely or name it in $AUTOSIM_SHIM",
              program, ASIM_LIBEXEC_SHIM);
    return NULL;
}
