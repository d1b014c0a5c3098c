/* What the tests of the engine share: folders, scripts of the fake gmx, waiting. */
#ifndef TESTS_ENGINE_TEST_H
#define TESTS_ENGINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../supervise.h"
#include "engine/process.h"

/* A new folder below $TMPDIR; removed by folder_remove. */
char *folder_create(void);
void folder_remove(char *folder);
void write_text(const char *folder, const char *name, const char *text);
bool has_file(const char *folder, const char *name);
/* At most `size` - 1 bytes of a file; "" where there is none. */
void read_text(const char *folder, const char *name, char *ret_text, size_t size);

/* With $ENGINE_TEST_SERVER: a server that makes the shims; otherwise they are spawned.
 */
struct asim_shim_server *shim_server(void);
/* Spawns the fake gmx with `script` in the folder. */
struct asim_process spawn_fake(const char *folder, int attempt, const char *script);
/* Waits for the end and reaps; fails the test after `seconds`. Gives the exit code. */
int wait_process(struct asim_process *process, double seconds);
/* Waits until the file is there (gmx may run then); fails after 10 s. */
void wait_file(const char *folder, const char *name);
/* The number of a member of attempt-N.process.json. */
pid_t recorded_pid(const char *folder, int attempt, const char *key);
void wait_gone(pid_t pid, double seconds);
void sleep_ms(long ms);
bool is_free(const char *folder);

#endif
