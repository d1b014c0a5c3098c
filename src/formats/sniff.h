/* What a file's first bytes look like, for messages about files of the wrong kind. */
#ifndef FORMATS_SNIFF_H
#define FORMATS_SNIFF_H

#include <stddef.h>

/* Bytes from the start that are worth showing to asim_sniff. */
enum { ASIM_SNIFF_BYTES = 4096 };

/* "a TPR file (run input)", "an empty file", ...; NULL where nothing is known. */
const char *asim_sniff(const unsigned char *head, size_t size);

/* Whether the bytes start like a GRO file: a title line, a line with a count and, if it
 * is not beyond `size`, an atom line. */
int asim_sniff_gro(const unsigned char *head, size_t size);

#endif
