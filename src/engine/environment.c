/* The environment gmx is run with. Must not know how it is started. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <autosim/engine.h>

#include "base/memory.h"
#include "engine/process.h"

extern char **environ;

/*
 * Variables that gmx must not see: thread counts that contradict -ntomp are fatal to
 * mdrun, and an OpenMP runtime told to bind threads would leave the cores we chose.
 */
static const char *const hidden_variables[] = {
    "OMP_NUM_THREADS",   "GMX_PME_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES",
    "GOMP_CPU_AFFINITY", "KMP_AFFINITY",        "GMX_MAXBACKUP",
};
/* No "#md.log.1#": gmx gives up at 99 of them. What must be kept is moved aside by
 * asim_mdrun_prepare, which bounds it. */
#define NO_BACKUPS "GMX_MAXBACKUP=-1"
static const char *const added_variables[] = {NO_BACKUPS};

/* For people who run a window by hand: what mdrun would stop at or be slowed by. */
static const char *const environment_command[] = {
    "env", "-u", "OMP_NUM_THREADS", "-u", "GMX_PME_NUM_THREADS", NO_BACKUPS, NULL,
};

const char *const *asim_process_environment_command(void)
{
    return environment_command;
}

static bool is_hidden(const char *variable)
{
    size_t length = strcspn(variable, "=");
    for (size_t i = 0; i < sizeof hidden_variables / sizeof *hidden_variables; i++)
        if (strlen(hidden_variables[i]) == length &&
            strncmp(variable, hidden_variables[i], length) == 0)
            return true;
    return false;
}

int asim_process_environment(char ***ret_environment, struct asim_error *err)
{
    size_t added_count = sizeof added_variables / sizeof *added_variables;
    size_t count = 0, kept = 0;
    for (char **variable = environ; variable && *variable; variable++)
        count++;
    char **list = asim_alloc_array(count + added_count + 1, sizeof *list, err);
    if (!list)
        return -1;
    for (size_t i = 0; i < count + added_count; i++) {
        const char *variable = i < count ? environ[i] : added_variables[i - count];
        if (i < count && is_hidden(variable))
            continue;
        list[kept] = asim_strdup(variable, err);
        if (!list[kept]) {
            asim_argv_free(list);
            return -1;
        }
        kept++;
    }
    *ret_environment = list;
    return 0;
}
