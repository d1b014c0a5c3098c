/*
 * PSF files (CHARMM, X-PLOR, NAMD): atoms with types, masses and charges, and bonds.
 *
 * With or without the flags EXT, NAMD, XPLOR, CMAP, CHEQ and DRUDE; columns that CHEQ
 * and DRUDE add behind an atom's mass, and the sections behind the bonds, are not read.
 * `resid` and `resnum` are the file's number; a letter behind it is the insertion code.
 * A residue ends where number, code, name or segment change. Molecules are what is
 * bonded; interleaved ones count as one. Atomic numbers are 0: PSF has no elements.
 */
#ifndef FORMATS_PSF_H
#define FORMATS_PSF_H

#include <stdbool.h>

#include <autosim/topology.h>

/* Whether the first bytes of a file look like PSF. */
bool asim_psf_recognise(const unsigned char *head, size_t size);

int asim_psf_read_topology(const char *path, struct asim_topology *ret_top,
                           struct asim_error *err);
/* The same from memory; `name` stands for the path in messages. */
int asim_psf_parse_topology(const void *data, size_t size, const char *name,
                            struct asim_topology *ret_top, struct asim_error *err);

#endif
