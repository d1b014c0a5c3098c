/*
 * Topologies made by hand for tests: atoms are added one by one, strings are interned
 * as readers do. Failed allocations end the test program.
 */
#ifndef TESTS_TOPOLOGY_FIXTURE_H
#define TESTS_TOPOLOGY_FIXTURE_H

#include <autosim/topology.h>

struct fixture_atom {
    const char *name, *type, *resname, *segment, *chain;
    int resid, resnum;
    char insertion_code;
    unsigned molecule;
    unsigned atomic_number;
    float mass, charge;
};

/* A new residue starts wherever resid, resnum, insertion code, resname, chain or
 * molecule changes. */
void fixture_add(struct asim_topology *top, const struct fixture_atom *atom);
void fixture_bond(struct asim_topology *top, unsigned a, unsigned b);
void fixture_finish(struct asim_topology *top);

/*
 * A peptide A-B-C with insertion codes, a nucleotide, water, sodium, calcium, in this
 * order:
 *   0-4   ALA  1  N CA C O CB        protein chain A, segment PROA, molecule 0
 *   5-9   GLY  2  N H CA C O         resnum 100
 *  10-14  SER  3  N CA C O OG        resnum 100A
 *  15-18  DA   4  P C5' N9 O5'       chain B, segment DNA, molecule 1
 *  19-21  SOL  5  OW HW1 HW2         molecule 2
 *  22-24  SOL  6  OW HW1 HW2         molecule 3
 *  25     NA   7  NA                 molecule 4
 *  26     CA   8  CA                 molecule 5
 * Bonds along the peptide and within the others.
 */
void fixture_small(struct asim_topology *top);

#endif
