/* A test program that leaves no process behind, however it ends. */
#ifndef TESTS_SUPERVISE_H
#define TESTS_SUPERVISE_H

/* To be called first in main, before any thread. Returns in a process whose
 * descendants are all killed when it has ended or when the program is killed; the
 * program ends with its exit code. */
void supervise(void);

#endif
