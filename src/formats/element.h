/* Chemical elements by their symbols. */
#ifndef FORMATS_ELEMENT_H
#define FORMATS_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The atomic number of a symbol of one or two letters, in any case; D is hydrogen. 0:
 * no element is called so. */
uint8_t asim_element_number(const char *symbol, size_t length);
/* "C" for 6, "" for 0 and what is no element. */
const char *asim_element_name(uint8_t atomic_number);

/*
 * The element that an atom name of a PDB file means, 0 where it means none. `columns`
 * are the name's four columns as they stand: the format puts the symbol to the right
 * end of the first two, so that " CA " is an alpha carbon and "CA  " calcium. Where the
 * writer did not hold to that (names_aligned is false: no name of the file leaves its
 * first column free), a name is one letter's element unless the residue has the same
 * name, as ions do.
 */
uint8_t asim_element_of_pdb_name(const char columns[4], const char *residue_name,
                                 size_t residue_name_length, bool names_aligned);

#endif
