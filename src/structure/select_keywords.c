/*
 * The words of the selection language: keywords, operators, words that are understood
 * but not evaluated, and hints for words of other programs.
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
    {"chainID", ASIM_SELECT_CHAIN, ASIM_SELECT_STRINGS},
    {"chainid", ASIM_SELECT_CHAIN, ASIM_SELECT_STRINGS},
    {"chain", ASIM_SELECT_CHAIN, ASIM_SELECT_STRINGS},
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
    {"group", ASIM_SELECT_GROUP, ASIM_SELECT_GROUP_NAME},
};

/* Keywords of MDAnalysis, GROMACS and VMD that are understood but not evaluated. */
static const char *const unsupported[] = {
    "byres",   "same",       "around",    "within",       "exwithin",    "pbwithin",
    "bonded",  "sphzone",    "sphlayer",  "isolayer",     "cyzone",      "cylayer",
    "point",   "global",     "smarts",    "aromatic",     "fragment",    "altloc",
    "altLoc",  "icode",      "moltype",   "molnum",       "fragindex",   "segindex",
    "bfactor", "tempfactor", "occupancy", "formalcharge", "record_type",
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
    {"x", "positions change from frame to frame; use gmx select or MDAnalysis to write "
          "an .ndx group"},
    {"y", "positions change from frame to frame; use gmx select or MDAnalysis to write "
          "an .ndx group"},
    {"z", "positions change from frame to frame; use gmx select or MDAnalysis to write "
          "an .ndx group"},
    {"resindex",
     "MDAnalysis counts residues from 0 here, GROMACS from 1; write: resid"},
    {"residue", "VMD counts residues from 0 here, others from 1; write: resid"},
    {"molecule", "use gmx select or MDAnalysis to write an .ndx group"},
    {"mol", "use gmx select or MDAnalysis to write an .ndx group"},
};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

const struct asim_select_keyword *asim_select_find_keyword(const char *word)
{
    for (size_t i = 0; i < LENGTH(keywords); i++)
        if (strcmp(word, keywords[i].word) == 0)
            return &keywords[i];
    return NULL;
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
    return asim_select_find_keyword(word) || asim_select_is_unsupported(word) ||
           asim_select_is_and(word) || asim_select_is_or(word) ||
           asim_select_is_not(word) || strcmp(word, "prop") == 0;
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
    const char *known[LENGTH(keywords) + 2];
    for (size_t i = 0; i < LENGTH(keywords); i++)
        known[i] = keywords[i].word;
    known[LENGTH(keywords)] = "not";
    known[LENGTH(keywords) + 1] = "prop";
    return asim_nearest_word(word, known, LENGTH(known));
}
