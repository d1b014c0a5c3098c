/* See the header. */
#include "two_cores.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/affinity.h"

int two_cores[2], two_cores_count;
cpu_set_t two_cores_machine;

void two_cores_use(const cpu_set_t *set)
{
    if (sched_setaffinity(0, sizeof *set, set) < 0) {
        perror("sched_setaffinity");
        exit(99);
    }
}

cpu_set_t two_cores_set(const int *list, int count)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++)
        CPU_SET(list[i], &set);
    return set;
}

bool two_cores_choose(void)
{
    struct asim_cores cores;
    struct asim_error err;
    if (sched_getaffinity(0, sizeof two_cores_machine, &two_cores_machine) < 0 ||
        asim_cores_look(&cores, &err) < 0)
        return false;
    for (int i = 0;
         i < cores.count && two_cores_count < 2 && two_cores_count < cores.limit; i++)
        if (cores.cpu[i] < CPU_SETSIZE &&
            (i == 0 || cores.core[i] != cores.core[i - 1]))
            two_cores[two_cores_count++] = cores.cpu[i];
    asim_cores_finish(&cores);
    cpu_set_t set = two_cores_set(two_cores, two_cores_count);
    two_cores_use(&set);
    return two_cores_count > 0;
}
