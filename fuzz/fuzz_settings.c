/* autosim.ini: any bytes as settings. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "options.h"
#include "settings_file.h"
#include "target.h"

/* options.c asks whether a command is this one. */
int cmd_init(const struct settings *settings, struct asim_error *err)
{
    (void)settings;
    (void)err;
    return 0;
}

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    static const struct command command = {
        .name = "fuzz", .option_groups = ~0u, .arguments_most = 2};
    struct asim_error err = {0};
    struct settings settings;
    char **arguments;
    settings_init(&settings);
    if (settings_file_parse((const char *)data, size, "folder/fuzz.ini", &command,
                            &settings, &err) == 0) {
        settings_file_arguments(settings.file, &arguments);
        free(settings_file_template(&settings, &err));
    }
    settings_finish(&settings);
}
