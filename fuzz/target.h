/* What a fuzz target is: one function that reads any bytes. target.c runs it within
 * stated limits, for libFuzzer and for the replay of corpora alike. */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Reads the bytes as the target's format; aborts where an answer is wrong. Frees all it
 * allocates. */
void asim_fuzz_input(const uint8_t *data, size_t size);

#endif
