/* Two physical cores, or the one that there is, and a hardware thread of each: what a
 * test expects does not depend on how many the machine has. */
#ifndef TEST_TWO_CORES_H
#define TEST_TWO_CORES_H

#include <sched.h>
#include <stdbool.h>

extern int two_cores[2], two_cores_count;
extern cpu_set_t two_cores_machine; /* all that the program was given */

/* Confines the program to them. False where no core can be told, e.g. of a topology
 * that is made up. */
bool two_cores_choose(void);
void two_cores_use(const cpu_set_t *set);
cpu_set_t two_cores_set(const int *list, int count);

#endif
