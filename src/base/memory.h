/* Checked allocation, and how much memory this process may use. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Zeroed array of count elements; NULL with ASIM_ENOMEM where it overflows or fails.
 * A count of 0 gives a valid pointer. Free with free(). */
void *asim_alloc_array(size_t count, size_t element_size, struct asim_error *err);

/* 64-byte aligned variant, for SIMD; zeroed; free with free(). */
void *asim_alloc_aligned(size_t count, size_t element_size, struct asim_error *err);

/* The same for arrays of megabytes that are filled at once: large pages where the
 * system has them, contents not initialised. */
void *asim_alloc_large(size_t count, size_t element_size, struct asim_error *err);

/* Grows *array (owned, may point to NULL) so that it holds at least `needed` elements;
 * *capacity is updated, growth is geometric, new elements are not initialised. */
int asim_grow(void *array_pointer, size_t *capacity, size_t needed, size_t element_size,
              struct asim_error *err);

char *asim_strdup(const char *text, struct asim_error *err);
/* A new string by printf rules; free with free(). */
char *asim_format(struct asim_error *err, const char *format, ...) ASIM_PRINTF(2, 3);

/* What can be used without swapping: least of MemAvailable and the cgroup's limits
 * (v2 memory.max - memory.current up to the root, v1 limit - usage). */
uint64_t asim_memory_available_bytes(void);
/* Peak resident memory of this process. */
double asim_memory_peak_mb(void);

#endif
