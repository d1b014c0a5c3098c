/*
 * Interaction types of a TPR: their numbers, their parameters, and the lists of atoms
 * they act on, of which the chemical bonds are kept.
 *
 * Types are numbered as in the newest layout. A type that came later than a file's
 * version is absent from it, and the numbers above are shifted down by one in it.
 */
#include "formats/tpr_layout.h"

#include "base/memory.h"

enum {
    TYPE_COUNT = 95,
    RESTRICTED_ANGLES = 12,
    UREY_BRADLEY = 16,
    RESTRICTED_DIHEDRALS = 21,
    COMBINED_BENDING_TORSION = 22,
    MORSE = 2,
    GB12 = 28,
    GB14 = 30,
    THOLE = 50,
    DIHEDRAL_RESTRAINTS = 60,
    SETTLE = 64
};

/* Type, and the file version that brought it; ascending types. */
static const struct {
    uint8_t version, type;
} introduced[] = {
    {70, 9},   {98, 12},  {76, 13},  {98, 21},  {98, 22}, {65, 27}, {60, 28},
    {61, 29},  {61, 30},  {72, 31},  {72, 32},  {93, 46}, {76, 51}, {90, 53},
    {121, 65}, {118, 67}, {117, 76}, {137, 78}, {69, 84}, {66, 85}, {79, 90},
    {79, 91},  {79, 92},  {79, 93},  {79, 94},
};

/* Parameters of a type in the newest layout: reals and ints; `known` tells an empty set
 * from a type that has none because it is only a row of the energy file. */
static const struct {
    uint8_t known, reals, ints;
} parameters[TYPE_COUNT] = {
    [0] = {1, 4, 0},   /* bonds: r k r k */
    [1] = {1, 4, 0},   /* GROMOS bonds */
    [2] = {1, 6, 0},   /* Morse */
    [3] = {1, 3, 0},   /* cubic bonds */
    [4] = {1, 0, 0},   /* connections */
    [5] = {1, 4, 0},   /* harmonic potential */
    [6] = {1, 2, 0},   /* FENE bonds */
    [7] = {1, 2, 1},   /* tabulated bonds: k table k */
    [8] = {1, 2, 1},   /* tabulated bonds without exclusions */
    [9] = {1, 8, 0},   /* restraint bonds */
    [10] = {1, 4, 0},  /* angles */
    [11] = {1, 4, 0},  /* GROMOS angles */
    [12] = {1, 4, 0},  /* restricted bending */
    [13] = {1, 4, 0},  /* linear angles */
    [14] = {1, 3, 0},  /* bond-bond cross term */
    [15] = {1, 4, 0},  /* bond-angle cross term */
    [16] = {1, 8, 0},  /* Urey-Bradley */
    [17] = {1, 6, 0},  /* quartic angles */
    [18] = {1, 2, 1},  /* tabulated angles */
    [19] = {1, 4, 1},  /* proper dihedrals: phi k phi k multiplicity */
    [20] = {1, 12, 0}, /* Ryckaert-Bellemans */
    [21] = {1, 4, 0},  /* restricted dihedrals */
    [22] = {1, 12, 0}, /* combined bending-torsion */
    [23] = {1, 12, 0}, /* Fourier dihedrals */
    [24] = {1, 4, 0},  /* improper dihedrals */
    [25] = {1, 4, 1},  /* periodic improper dihedrals */
    [26] = {1, 2, 1},  /* tabulated dihedrals */
    [27] = {1, 0, 2},  /* correction maps */
    [28] = {1, 0, 0},  /* generalised Born 1-2, 1-3, 1-4: see below */
    [29] = {1, 0, 0},  [30] = {1, 0, 0}, [33] = {1, 4, 0}, /* Lennard-Jones 1-4 */
    [35] = {1, 5, 0},  /* Lennard-Jones and Coulomb 1-4 with charges */
    [36] = {1, 4, 0},  /* the same as non-bonded pairs */
    [37] = {1, 2, 0},  /* Lennard-Jones */
    [38] = {1, 3, 0},  /* Buckingham */
    [48] = {1, 1, 0},  /* polarisation */
    [49] = {1, 6, 0},  /* water polarisation */
    [50] = {1, 3, 0},  /* Thole polarisation */
    [51] = {1, 3, 0},  /* anharmonic polarisation */
    [52] = {1, 12, 0}, /* position restraints */
    [53] = {1, 5, 1},  /* flat-bottomed position restraints */
    [54] = {1, 4, 2},  /* distance restraints */
    [56] = {1, 3, 3},  /* orientation restraints */
    [58] = {1, 4, 1},  /* angle restraints */
    [59] = {1, 4, 1},  /* angle restraints to z */
    [60] = {1, 6, 0},  /* dihedral restraints */
    [62] = {1, 2, 0},  /* constraints */
    [63] = {1, 2, 0},  /* constraints without exclusions */
    [64] = {1, 2, 0},  /* SETTLE */
    [65] = {1, 0, 0},  /* virtual sites: 1 */
    [66] = {1, 1, 0},  /* 2 */
    [67] = {1, 1, 0},  /* 2fd */
    [68] = {1, 2, 0},  /* 3 */
    [69] = {1, 2, 0},  /* 3fd */
    [70] = {1, 2, 0},  /* 3fad */
    [71] = {1, 3, 0},  /* 3out */
    [72] = {1, 3, 0},  /* 4fd */
    [73] = {1, 3, 0},  /* 4fdn */
    [74] = {1, 1, 1},  /* n */
};

/* Types of two atoms that count as a bond: what MDAnalysis takes, so that fragments and
 * `bonded` mean the same in both. SETTLE comes on top. */
static bool is_bond(int type)
{
    return type <= 9 || type == 62 || type == 63;
}

static int newest_type(int file_version, int32_t type)
{
    size_t count = sizeof introduced / sizeof introduced[0];
    for (size_t k = 0; k < count; k++)
        if (file_version < introduced[k].version && type >= introduced[k].type &&
            type < TYPE_COUNT)
            type++;
    return type;
}

static bool is_absent(int file_version, int type)
{
    size_t count = sizeof introduced / sizeof introduced[0];
    for (size_t k = 0; k < count; k++)
        if (introduced[k].type == type)
            return file_version < introduced[k].version;
    return false;
}

static void skip_parameters(struct asim_tpr_reader *reader, int type)
{
    int version = reader->file_version;
    unsigned reals = parameters[type].reals;
    unsigned ints = parameters[type].ints;
    if (version < 134 && (type == RESTRICTED_ANGLES || type == RESTRICTED_DIHEDRALS ||
                          type == COMBINED_BENDING_TORSION))
        reals /= 2; /* no B state */
    else if (version < 79 && (type == UREY_BRADLEY || type == MORSE))
        reals /= 2;
    else if (version < 127 && type == THOLE)
        reals++;
    else if (version < 82 && type == DIHEDRAL_RESTRAINTS) {
        reals = 3;
        ints = 2;
    } else if (type >= GB12 && type <= GB14)
        reals = version < 68 ? 9 : version < 113 ? 5 : 0;
    asim_tpr_skip_bytes(reader, 1, reals * real_bytes(reader) + 4 * ints);
}

void asim_tpr_walk_parameters(struct asim_tpr_reader *reader)
{
    reader->section = "the interaction parameters";
    asim_tpr_skip(reader, "i"); /* non-bonded types */
    size_t count = asim_tpr_read_count(reader, 4);
    size_t types_at = reader->position;
    asim_tpr_skip_bytes(reader, count, 4);
    if (reader->file_version >= 66)
        asim_tpr_skip(reader, "d"); /* power of the repulsion */
    asim_tpr_skip(reader, "r");     /* fudge factor of 1-4 charges */
    for (size_t i = 0; i < count && !reader->failed; i++) {
        int32_t stored = (int32_t)load_u32(reader->data + types_at + 4 * i);
        int type = newest_type(reader->file_version, stored);
        if (type < 0 || type >= TYPE_COUNT || !parameters[type].known)
            asim_tpr_reader_fail(reader,
                                 "parameter set %zu is of interaction type %d, which "
                                 "has no parameters in any layout known here",
                                 i, stored);
        else
            skip_parameters(reader, type);
    }
}

static bool add_bond(struct asim_tpr_reader *reader, struct asim_tpr_bonds *bonds,
                     size_t atom_count, uint32_t a, uint32_t b)
{
    if (a >= atom_count || b >= atom_count || a == b) {
        asim_tpr_reader_fail(reader,
                             "a bond joins atoms %u and %u; expected two different "
                             "indices below %zu",
                             a, b, atom_count);
        return false;
    }
    if (asim_grow(&bonds->pairs, &bonds->capacity, bonds->count + 1,
                  sizeof bonds->pairs[0], reader->err) < 0) {
        reader->failed = true;
        return false;
    }
    bonds->pairs[bonds->count][0] = a < b ? a : b;
    bonds->pairs[bonds->count][1] = a < b ? b : a;
    bonds->count++;
    return true;
}

/* `words` numbers in records of {parameter set, atoms ...}. */
static void take_bonds(struct asim_tpr_reader *reader, int type, size_t words,
                       size_t atom_count, struct asim_tpr_bonds *bonds)
{
    /* Before version 78 SETTLE stored the oxygen only; its hydrogens follow it. */
    bool short_settle = type == SETTLE && reader->file_version < 78;
    size_t record = type != SETTLE ? 3 : short_settle ? 2 : 4;
    if (words % record != 0) {
        asim_tpr_reader_fail(
            reader,
            "a list of interaction type %d has %zu numbers; expected a "
            "multiple of %zu",
            type, words, record);
        return;
    }
    for (size_t i = 0; i < words; i += record) {
        const uint8_t *bytes = reader->data + reader->position + 4 * i;
        uint32_t a = load_u32(bytes + 4);
        uint32_t b = short_settle ? a + 1 : load_u32(bytes + 8);
        if (!add_bond(reader, bonds, atom_count, a, b))
            return;
        if (type == SETTLE && !add_bond(reader, bonds, atom_count, a,
                                        short_settle ? a + 2 : load_u32(bytes + 12)))
            return;
    }
}

void asim_tpr_walk_interactions(struct asim_tpr_reader *reader, size_t atom_count,
                                struct asim_tpr_bonds *bonds)
{
    reader->section = "the interaction lists";
    for (int type = 0; type < TYPE_COUNT && !reader->failed; type++) {
        if (is_absent(reader->file_version, type))
            continue;
        size_t words = asim_tpr_read_count(reader, 4);
        if (words > 0 && (is_bond(type) || type == SETTLE))
            take_bonds(reader, type, words, atom_count, bonds);
        asim_tpr_skip_bytes(reader, words, 4);
    }
}
