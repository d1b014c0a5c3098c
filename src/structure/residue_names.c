/*
 * Residue names: the union of the lists of MDAnalysis 2.4 (core/selection.py, its
 * protein and nucleic keywords) and GROMACS 2022 (residuetypes.dat), with the names
 * that CHARMM, AMBER and the PDB use for water and ions. The lists are in the order of
 * strcmp, for a binary search.
 */
#include "structure/residue_names.h"

#include <stdlib.h>
#include <string.h>

static const char *const protein_names[] = {
    "ABU",   "ACE",  "AIB",   "ALA",   "ALAD",  "ARG",   "ARGN",  "ASF",   "ASH",
    "ASN",   "ASN1", "ASP",   "ASP1",  "ASPH",  "ASPP",  "CALA",  "CARG",  "CASF",
    "CASN",  "CASP", "CASPH", "CCYS",  "CCYS2", "CCYX",  "CDAB",  "CGLN",  "CGLU",
    "CGLUH", "CGLY", "CHID",  "CHIE",  "CHIP",  "CHISD", "CHISE", "CHISH", "CHYP",
    "CILE",  "CLEU", "CLYS",  "CLYSN", "CME",   "CMET",  "CORN",  "CPHE",  "CPRO",
    "CSER",  "CT3",  "CTHR",  "CTRP",  "CTYR",  "CVAL",  "CYM",   "CYN",   "CYS",
    "CYS1",  "CYS2", "CYSH",  "CYX",   "DAB",   "DALA",  "GLH",   "GLN",   "GLU",
    "GLUH",  "GLUP", "GLY",   "HID",   "HIE",   "HIP",   "HIS",   "HIS1",  "HIS2",
    "HISA",  "HISB", "HISD",  "HISE",  "HISH",  "HISP",  "HSD",   "HSE",   "HSP",
    "HYP",   "ILE",  "LEU",   "LSN",   "LYN",   "LYP",   "LYS",   "LYSH",  "LYSN",
    "MELEU", "MET",  "MEVAL", "MSE",   "NAC",   "NALA",  "NARG",  "NASN",  "NASP",
    "NASPH", "NCYS", "NCYS2", "NCYX",  "NDAB",  "NGLN",  "NGLU",  "NGLUH", "NGLY",
    "NH2",   "NHE",  "NHID",  "NHIE",  "NHIP",  "NHISD", "NHISE", "NHISH", "NHYP",
    "NILE",  "NLEU", "NLYS",  "NLYSN", "NME",   "NMET",  "NORN",  "NPHE",  "NPRO",
    "NSER",  "NTHR", "NTRP",  "NTYR",  "NVAL",  "ORN",   "PGLU",  "PHE",   "PHEH",
    "PHEU",  "PHL",  "PRO",   "QLN",   "SER",   "THR",   "TRP",   "TRPH",  "TRPU",
    "TYR",   "TYRH", "TYRU",  "VAL",
};

static const char *const nucleic_names[] = {
    "A",   "ADE", "C",   "CYT", "DA",  "DA3", "DA5", "DAN", "DC",  "DC3", "DC5", "DCN",
    "DG",  "DG3", "DG5", "DGN", "DT",  "DT3", "DT5", "DTN", "G",   "GUA", "RA",  "RA3",
    "RA5", "RAN", "RC",  "RC3", "RC5", "RCN", "RG",  "RG3", "RG5", "RGN", "RT3", "RT5",
    "RTN", "RU",  "RU3", "RU5", "RUN", "T",   "THY", "U",   "URA",
};

static const char *const water_names[] = {
    "DOD",  "H2O",   "HHO",   "HO4",  "HOH",   "OH2",  "OHH",   "SOL",
    "SPC",  "SPC/E", "SPCE",  "T3H",  "T3P",   "T4P",  "T5P",   "TIP",
    "TIP2", "TIP3",  "TIP3P", "TIP4", "TIP4P", "TIP5", "TIP5P", "WAT",
};

static const char *const ion_names[] = {
    "BA",  "BAR", "BR",   "BR-",  "Br",  "Br-",  "CA",  "CA+2", "CA2+", "CAD",  "CAL",
    "CD",  "CES", "CIO",  "CL",   "CL-", "CLA",  "CO",  "CS",   "CS+",  "CU",   "CU1",
    "CU2", "Ca",  "Ca2+", "Cal",  "Cl",  "Cl-",  "Cs",  "Cs+",  "F",    "F-",   "FE",
    "FE2", "HG",  "I",    "I-",   "IB+", "IOD",  "K",   "K+",   "LI",   "LI+",  "LIT",
    "Li",  "Li+", "MG",   "MG+2", "MG2", "MG2+", "MN",  "MN2",  "Mg",   "Mg2+", "NA",
    "NA+", "NI",  "NIO",  "Na",   "Na+", "OH",   "POT", "RB",   "RB+",  "RUB",  "Rb",
    "Rb+", "SOD", "SR",   "ZN",   "ZN2", "ZN2+", "Zn",  "Zn2+",
};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, *(const char *const *)entry);
}

bool asim_residue_is(enum asim_residue_kind kind, const char *name)
{
    static const struct {
        const char *const *names;
        size_t count;
    } lists[] = {
        [ASIM_RESIDUE_PROTEIN] = {protein_names, LENGTH(protein_names)},
        [ASIM_RESIDUE_NUCLEIC] = {nucleic_names, LENGTH(nucleic_names)},
        [ASIM_RESIDUE_WATER] = {water_names, LENGTH(water_names)},
        [ASIM_RESIDUE_ION] = {ion_names, LENGTH(ion_names)},
    };
    if ((size_t)kind >= LENGTH(lists))
        return false;
    return bsearch(name, lists[kind].names, lists[kind].count, sizeof(char *),
                   compare_name) != NULL;
}
