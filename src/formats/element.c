/*
 * Chemical elements by their symbols, and by the names that atoms have in PDB files.
 *
 * Facts: wwPDB format 3.3 on columns 13-16 (symbol right-justified in 13-14; names of
 * four characters, mostly hydrogens, start in 13); names of ions in the CHARMM force
 * fields (SOD, CLA, POT, ...). It knows no file.
 */
#include "formats/element.h"

#include <string.h>

static const char symbols[][3] = {
    "",   "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al",
    "Si", "P",  "S",  "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co",
    "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb",
    "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I",  "Xe", "Cs",
    "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm",
    "Yb", "Lu", "Hf", "Ta", "W",  "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi",
    "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk",
    "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg",
    "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};
enum { ELEMENT_COUNT = sizeof symbols / sizeof *symbols };

/* Residues of one atom that is called as the residue is, but not as its element. */
static const struct {
    char name[4];
    uint8_t atomic_number;
} ions[] = {{"SOD", 11}, {"POT", 19}, {"CLA", 17}, {"CAL", 20}, {"CES", 55},
            {"LIT", 3},  {"RUB", 37}, {"CAD", 48}, {"BAR", 56}};

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

uint8_t asim_element_number(const char *symbol, size_t length)
{
    if (length == 1 && upper(symbol[0]) == 'D')
        return 1;
    if (length != 1 && length != 2)
        return 0;
    for (int i = 1; i < ELEMENT_COUNT; i++)
        if (upper(symbol[0]) == symbols[i][0] &&
            (length == 1 ? symbols[i][1] == '\0'
                         : symbols[i][1] && upper(symbol[1]) == upper(symbols[i][1])))
            return (uint8_t)i;
    return 0;
}

const char *asim_element_name(uint8_t atomic_number)
{
    return atomic_number < ELEMENT_COUNT ? symbols[atomic_number] : "";
}

/* Letters at p, at most `most`. */
static size_t letter_run(const char *p, size_t most)
{
    size_t count = 0;
    while (count < most && is_letter(p[count]))
        count++;
    return count;
}

static bool same_letters(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (upper(a[i]) != upper(b[i]))
            return false;
    return true;
}

uint8_t asim_element_of_pdb_name(const char columns[4], const char *residue_name,
                                 size_t residue_name_length, bool names_aligned)
{
    size_t start = 0;
    while (start < 4 && !is_letter(columns[start]))
        start++;
    size_t letters = letter_run(columns + start, 4 - start);
    if (letters == 0)
        return 0;
    const char *name = columns + start;
    size_t residue_letters = letter_run(residue_name, residue_name_length);
    if (letters >= 2 && residue_letters == letters &&
        same_letters(name, residue_name, letters)) {
        for (size_t i = 0; i < sizeof ions / sizeof *ions; i++)
            if (letters == 3 && same_letters(name, ions[i].name, 3))
                return ions[i].atomic_number;
        uint8_t ion = letters == 2 ? asim_element_number(name, 2) : 0;
        if (ion)
            return ion;
    }
    uint8_t one = asim_element_number(name, 1);
    uint8_t two = letters >= 2 ? asim_element_number(name, 2) : 0;
    /* Mercury, helium, holmium and hafnium are in files under names of their residues;
     * all other names with H first are hydrogens. */
    bool two_fits = start == 0 && letters == 2 && names_aligned && one != 1;
    if (two && (two_fits || !one))
        return two;
    return one;
}
