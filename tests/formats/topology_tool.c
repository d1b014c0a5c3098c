/*
 * The program behind peer_topology.py: a topology as text.
 *
 *   topology_tool atoms FILE   a line an atom, tab-separated: name, residue name,
 * resid, resnum, insertion code, segment, chain, type, atomic number, serial, mass,
 *       charge, residue index, molecule index
 *   topology_tool bonds FILE   "complete" or "partial", then a line a bond
 */
#include <stdio.h>
#include <string.h>

#include <autosim/topology.h>

static void print_atoms(const struct asim_topology *top)
{
    for (size_t i = 0; i < top->atom_count; i++) {
        const struct asim_residue *residue = &top->residues[top->residue[i]];
        printf("%s\t%s\t%d\t%d\t%c\t%s\t%s\t%s\t%d\t%d\t%.9g\t%.9g\t%u\t%u\n",
               asim_topology_atom_name(top, i), asim_topology_residue_name(top, i),
               residue->resid, residue->resnum, residue->insertion_code,
               top->strings[residue->segment], top->strings[residue->chain],
               top->strings[top->type[i]], top->atomic_number[i],
               top->serial ? top->serial[i] : 0,
               top->mass_amu ? (double)top->mass_amu[i] : -1.0,
               top->charge_e ? (double)top->charge_e[i] : 0.0, top->residue[i],
               top->molecule[i]);
    }
}

static void print_bonds(const struct asim_topology *top)
{
    printf("%s\n", top->has_bonds ? "complete" : "partial");
    for (size_t i = 0; i < top->bond_count; i++)
        printf("%u %u\n", top->bonds[i][0], top->bonds[i][1]);
}

int main(int argc, char **argv)
{
    struct asim_error err = {0};
    struct asim_topology top = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: topology_tool atoms|bonds FILE\n");
        return 2;
    }
    if (asim_topology_read(argv[2], &top, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (strcmp(argv[1], "atoms") == 0)
        print_atoms(&top);
    else
        print_bonds(&top);
    asim_topology_finish(&top);
    return 0;
}
