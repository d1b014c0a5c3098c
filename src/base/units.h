/* Constants in GROMACS units: nm, ps, amu, kJ/mol, K. */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

/* Boltzmann constant times Avogadro's number, kJ/(mol K): exact in SI since 2019,
 * 1.380649e-23 * 6.02214076e23 / 1000. */
#define ASIM_KB_KJ_MOL_K 8.31446261815324e-3
#define ASIM_ANGSTROM_PER_NM 10.0

#endif
