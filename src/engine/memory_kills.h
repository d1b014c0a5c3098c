/* How often the kernel has killed for memory around here; the shim's. */
#ifndef ENGINE_MEMORY_KILLS_H
#define ENGINE_MEMORY_KILLS_H

#include <stdint.h>

/* The file that counts the processes of this control group that the kernel has killed
 * because memory was short, in the group or in the whole machine; -1: there is none. */
int asim_memory_kills_open(void);
/* Such processes so far; -1: not known. */
int64_t asim_memory_kills_read(int fd);

#endif
