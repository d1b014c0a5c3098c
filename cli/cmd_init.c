/* autosim init: the settings file, commented. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cli.h"
#include "settings_file.h"

int cmd_init(const struct settings *settings, struct asim_error *err)
{
    const char *path =
        settings->settings_path ? settings->settings_path : "autosim.ini";
    if (asim_file_exists(path))
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' is there already and is left as it is: remove it first, "
                         "or name another with --settings",
                         path);
    char *text = settings_file_template(settings, err);
    if (!text)
        return -1;
    int rc = asim_file_replace(path, text, strlen(text), err);
    free(text);
    if (rc == 0)
        printf("%s\n", path);
    return rc;
}
