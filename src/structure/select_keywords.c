/*
 * The words of the selection language: keywords, operators and their properties, words
 * that are understood but not evaluated, and hints for words of other programs.
 */
#include "structure/select.h"

#include <string.h>

#include "base/text.h"

static const struct asim_select_keyword keywords[] = {
    {"all", ASIM_SELECT_ALL, ASIM_SELECT_NO_VALUES},
    {"none", ASIM_SELECT_NONE, ASIM_SELECT_NO_VALUES},
    {"protein", ASIM_SELECT_PROTEIN, ASIM_SELECT_NO_VALUES},
    {"backbone", ASIM_SELECT_BACKBONE, ASIM_SELECT_NO_VALUES},
    {"nucleic", ASIM_SELECT_NUCLEIC, ASIM_SELECT_NO_VALUES},
    {"nucleicbackbone", ASIM_SELECT_NUCLEIC_BACKBONE, ASIM_SELECT_NO_VALUES},
    {"nucleicbase", ASIM_SELECT_NUCLEIC_BASE, ASIM_SELECT_NO_VALUES},
    {"nucleicsugar", ASIM_SELECT_NUCLEIC_SUGAR, ASIM_SELECT_NO_VALUES},
    {"water", ASIM_SELECT_WATER, ASIM_SELECT_NO_VALUES},
    {"ion", ASIM_SELECT_ION, ASIM_SELECT_NO_VALUES},
    {"heavy", ASIM_SELECT_HEAVY, ASIM_SELECT_NO_VALUES},
    {"name", ASIM_SELECT_NAME, ASIM_SELECT_STRINGS},
    {"atomname", ASIM_SELECT_NAME, ASIM_SELECT_STRINGS},
    {"type", ASIM_SELECT_TYPE, ASIM_SELECT_STRINGS},
    {"atomtype", ASIM_SELECT_TYPE, ASIM_SELECT_STRINGS},
    {"element", ASIM_SELECT_ELEMENT, ASIM_SELECT_STRINGS},
    {"resname", ASIM_SELECT_RESNAME, ASIM_SELECT_STRINGS},
    {"segid", ASIM_SELECT_SEGID, ASIM_SELECT_STRINGS},
    {"segname", ASIM_SELECT_SEGID, ASIM_SELECT_STRINGS},
    {"chainID", ASIM_SELECT_CHAIN, ASIM_SELECT_STRINGS},
    {"chainid", ASIM_SELECT_CHAIN, ASIM_SELECT_STRINGS},
    {"chain", ASIM_SELECT_CHAIN, ASIM_SELECT_STRINGS},
    {"icode", ASIM_SELECT_ICODE, ASIM_SELECT_STRINGS},
    {"insertcode", ASIM_SELECT_ICODE, ASIM_SELECT_STRINGS},
    {"altLoc", ASIM_SELECT_ALTLOC, ASIM_SELECT_STRINGS},
    {"altloc", ASIM_SELECT_ALTLOC, ASIM_SELECT_STRINGS},
    {"moltype", ASIM_SELECT_MOLTYPE, ASIM_SELECT_STRINGS},
    {"resid", ASIM_SELECT_RESID, ASIM_SELECT_INTEGERS},
    {"resnum", ASIM_SELECT_RESNUM, ASIM_SELECT_INTEGERS},
    {"resnr", ASIM_SELECT_RESNUM, ASIM_SELECT_INTEGERS},
    {"index", ASIM_SELECT_INDEX, ASIM_SELECT_INTEGERS},
    {"bynum", ASIM_SELECT_BYNUM, ASIM_SELECT_INTEGERS},
    {"serial", ASIM_SELECT_BYNUM, ASIM_SELECT_INTEGERS},
    {"atomnr", ASIM_SELECT_BYNUM, ASIM_SELECT_INTEGERS},
    {"id", ASIM_SELECT_ID, ASIM_SELECT_INTEGERS},
    {"mass", ASIM_SELECT_MASS, ASIM_SELECT_REALS},
    {"charge", ASIM_SELECT_CHARGE, ASIM_SELECT_REALS},
    {"occupancy", ASIM_SELECT_OCCUPANCY, ASIM_SELECT_REALS},
    {"bfactor", ASIM_SELECT_BFACTOR, ASIM_SELECT_REALS},
    {"tempfactor", ASIM_SELECT_BFACTOR, ASIM_SELECT_REALS},
    {"beta", ASIM_SELECT_BFACTOR, ASIM_SELECT_REALS},
    {"betafactor", ASIM_SELECT_BFACTOR, ASIM_SELECT_REALS},
    {"molnum", ASIM_SELECT_MOLECULE, ASIM_SELECT_INTEGERS},
    {"atom", ASIM_SELECT_ATOM, ASIM_SELECT_ADDRESS},
    {"point", ASIM_SELECT_POINT, ASIM_SELECT_LENGTHS},
    {"group", ASIM_SELECT_GROUP, ASIM_SELECT_GROUP_NAME},
};

static const struct asim_select_operator_word operators[] = {
    {"byres", ASIM_SELECT_BYRES, 0},       {"same", ASIM_SELECT_SAME, 0},
    {"bonded", ASIM_SELECT_BONDED, 0},     {"around", ASIM_SELECT_AROUND, 1},
    {"exwithin", ASIM_SELECT_AROUND, 1},   {"within", ASIM_SELECT_NEAR, 1},
    {"pbwithin", ASIM_SELECT_NEAR, 1},     {"sphzone", ASIM_SELECT_SPHZONE, 1},
    {"sphlayer", ASIM_SELECT_SPHLAYER, 2}, {"isolayer", ASIM_SELECT_ISOLAYER, 2},
    {"cyzone", ASIM_SELECT_CYZONE, 3},     {"cylayer", ASIM_SELECT_CYLAYER, 4},
    {"global", ASIM_SELECT_GLOBAL, 0},
};

static const struct property_word {
    const char *word;
    enum asim_select_property property;
} properties[] = {
    {"residue", ASIM_SELECT_SAME_RESIDUE},   {"resname", ASIM_SELECT_SAME_RESNAME},
    {"resid", ASIM_SELECT_SAME_RESID},       {"resnum", ASIM_SELECT_SAME_RESNUM},
    {"resnr", ASIM_SELECT_SAME_RESNUM},      {"segid", ASIM_SELECT_SAME_SEGID},
    {"segment", ASIM_SELECT_SAME_SEGID},     {"segname", ASIM_SELECT_SAME_SEGID},
    {"chain", ASIM_SELECT_SAME_CHAIN},       {"chainID", ASIM_SELECT_SAME_CHAIN},
    {"chainid", ASIM_SELECT_SAME_CHAIN},     {"name", ASIM_SELECT_SAME_NAME},
    {"atomname", ASIM_SELECT_SAME_NAME},     {"type", ASIM_SELECT_SAME_TYPE},
    {"atomtype", ASIM_SELECT_SAME_TYPE},     {"element", ASIM_SELECT_SAME_ELEMENT},
    {"mass", ASIM_SELECT_SAME_MASS},         {"charge", ASIM_SELECT_SAME_CHARGE},
    {"molecule", ASIM_SELECT_SAME_MOLECULE}, {"mol", ASIM_SELECT_SAME_MOLECULE},
    {"fragment", ASIM_SELECT_SAME_FRAGMENT},
};

/* Keywords of MDAnalysis, GROMACS and VMD that are understood but not evaluated. */
static const char *const unsupported[] = {
    "smarts",   "aromatic",     "fragment",    "fragindex",
    "segindex", "formalcharge", "record_type",
};

/* Words that only mean something where a keyword is expected: as values they are
 * ordinary names. */
static const struct hint {
    const char *word;
    const char *text;
} hints[] = {
    {"calpha", "write: protein and name CA"},
    {"alpha", "write: protein and name CA"},
    {"sidechain", "write: protein and not backbone"},
    {"noh", "write: heavy"},
    {"hydrogen", "write: element H, or for the other atoms: heavy"},
    {"ions", "write: ion"},
    {"waters", "write: water"},
    {"solvent", "write: water"},
    {"dna", "write: nucleic"},
    {"rna", "write: nucleic"},
    {"x", "write: prop x > 5A"},
    {"y", "write: prop y > 5A"},
    {"z", "write: prop z > 5A"},
    {"resindex",
     "MDAnalysis counts residues from 0 here, GROMACS from 1; write: resid"},
    {"residue", "VMD counts residues from 0 here, others from 1; write: resid"},
    {"molecule", "write: same molecule as ..., or molnum, which counts from 0"},
    {"molindex", "write: molnum, which counts from 0"},
    {"mol", "write: same molecule as ..., or molnum, which counts from 0"},
    {"byresidue", "write: byres"},
    {"hetero", "write: not (protein or nucleic)"},
    {"updating", "atoms are selected once, in one frame"},
};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

const struct asim_select_keyword *asim_select_find_keyword(const char *word)
{
    for (size_t i = 0; i < LENGTH(keywords); i++)
        if (strcmp(word, keywords[i].word) == 0)
            return &keywords[i];
    return NULL;
}

const struct asim_select_operator_word *asim_select_find_operator(const char *word)
{
    for (size_t i = 0; i < LENGTH(operators); i++)
        if (strcmp(word, operators[i].word) == 0)
            return &operators[i];
    return NULL;
}

bool asim_select_find_property(const char *word, enum asim_select_property *ret)
{
    for (size_t i = 0; i < LENGTH(properties); i++) {
        if (strcmp(word, properties[i].word) == 0) {
            *ret = properties[i].property;
            return true;
        }
    }
    return false;
}

const char *asim_select_nearest_property(const char *word)
{
    const char *known[LENGTH(properties)];
    for (size_t i = 0; i < LENGTH(properties); i++)
        known[i] = properties[i].word;
    return asim_nearest_word(word, known, LENGTH(known));
}

bool asim_select_is_unsupported(const char *word)
{
    for (size_t i = 0; i < LENGTH(unsupported); i++)
        if (strcmp(word, unsupported[i]) == 0)
            return true;
    return false;
}

static bool is_operator(const char *word, const char *lower, const char *upper)
{
    return strcmp(word, lower) == 0 || strcmp(word, upper) == 0;
}

bool asim_select_is_and(const char *word)
{
    return is_operator(word, "and", "AND");
}

bool asim_select_is_or(const char *word)
{
    return is_operator(word, "or", "OR");
}

bool asim_select_is_not(const char *word)
{
    return is_operator(word, "not", "NOT");
}

bool asim_select_is_keyword(const char *word)
{
    return asim_select_find_keyword(word) || asim_select_find_operator(word) ||
           asim_select_is_unsupported(word) || asim_select_is_and(word) ||
           asim_select_is_or(word) || asim_select_is_not(word) ||
           strcmp(word, "prop") == 0;
}

const char *asim_select_hint(const char *word)
{
    for (size_t i = 0; i < LENGTH(hints); i++)
        if (strcmp(word, hints[i].word) == 0)
            return hints[i].text;
    return NULL;
}

const char *asim_select_nearest_keyword(const char *word)
{
    const char *known[LENGTH(keywords) + LENGTH(operators) + 2];
    size_t count = 0;
    for (size_t i = 0; i < LENGTH(keywords); i++)
        known[count++] = keywords[i].word;
    for (size_t i = 0; i < LENGTH(operators); i++)
        known[count++] = operators[i].word;
    known[count++] = "not";
    known[count++] = "prop";
    return asim_nearest_word(word, known, count);
}
