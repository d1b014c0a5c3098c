/* What provenance.json says of the moment: the command line and the machine. */
#include "provenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <autosim/engine.h>

#include "base/memory.h"

enum { COMMAND_LARGEST = 1 << 17 };

/* As it was typed: getopt has since put the options first. An argument that is not
 * UTF-8 is null. */
json_t *provenance_command_line(void)
{
    json_t *arguments = json_array();
    char *text = asim_alloc_array(COMMAND_LARGEST + 1, 1, NULL);
    FILE *file = fopen("/proc/self/cmdline", "re");
    size_t size = text && file ? fread(text, 1, COMMAND_LARGEST, file) : 0;
    for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
        json_t *argument = json_string(text + at);
        json_array_append_new(arguments, argument ? argument : json_null());
    }
    if (file)
        fclose(file);
    free(text);
    return arguments;
}

static void read_processor(char *ret_name, size_t size)
{
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(ret_name, size, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value)
            continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(ret_name, size, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (file)
        fclose(file);
}

json_t *provenance_host(void)
{
    struct utsname system;
    char processor[256];
    if (uname(&system) < 0)
        return json_null();
    read_processor(processor, sizeof processor);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I}", "name", system.nodename,
                     "system", system.sysname, "release", system.release, "processor",
                     processor, "cores", asim_cores_available(),
                     "memory_available_bytes",
                     (json_int_t)asim_memory_available_bytes());
}

json_t *provenance_gromacs(const struct asim_gromacs *gromacs)
{
    return gromacs ? json_pack("{s:s, s:s, s:s, s:s, s:s}", "version", gromacs->version,
                               "path", gromacs->path, "precision",
                               gromacs->double_precision ? "double" : "single", "simd",
                               gromacs->simd, "gpu", gromacs->gpu)
                   : json_null();
}
