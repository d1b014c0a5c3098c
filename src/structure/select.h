/*
 * The parts of the selection language, from text to atoms:
 *
 *     select_lex.c      text -> tokens
 *     select_keywords.c the words it knows
 *     select_parse.c    tokens -> a tree of clauses and operators, and, or, not
 *     select_operators.c  what stands between around, same ... and their operand
 *     select_values.c   the numbers, lengths and ranges behind a keyword
 *     select_resolve.c  the tree as typed -> the tree of one way to read it
 *     select_match.c    wildcards
 *     select_eval.c     tree -> a mask of atoms
 *     select_clauses.c  clauses that a topology answers
 *     select_relations.c  byres, same ... as, bonded
 *     select_positions.c  around, within, zones, coordinates
 *     select_message.c  carets, readings and counts for people
 *     selection.c       the public functions
 *
 * The tree is kept exactly as typed: a chain `a and b or c` is one node with three
 * children, so that every way of reading it can be evaluated and shown. Only the
 * evaluator knows topologies; only select_message.c knows how an error looks.
 */
#ifndef STRUCTURE_SELECT_H
#define STRUCTURE_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <autosim/selection.h>

#include "structure/ndx.h"
#include "structure/residue_names.h"

enum {
    ASIM_SELECT_MAX_TEXT = 1 << 20, /* bytes; a longer text is not typed by a person */
    ASIM_SELECT_MAX_DEPTH = 100,    /* parentheses; bounds the recursion */
};

enum asim_select_token_kind {
    ASIM_SELECT_END,
    ASIM_SELECT_WORD,
    ASIM_SELECT_QUOTED, /* a value even where it spells a keyword; no wildcards */
    ASIM_SELECT_OPEN,
    ASIM_SELECT_CLOSE,
    ASIM_SELECT_COMPARE, /* < <= > >= == != */
};

struct asim_select_token {
    enum asim_select_token_kind kind;
    size_t offset; /* in the text */
    size_t length; /* of the source, quotes included */
    char *word;    /* without quotes; in the query's arena */
};

enum asim_select_field {
    ASIM_SELECT_ALL,
    ASIM_SELECT_NONE,
    ASIM_SELECT_PROTEIN,
    ASIM_SELECT_BACKBONE,
    ASIM_SELECT_NUCLEIC,
    ASIM_SELECT_NUCLEIC_BACKBONE,
    ASIM_SELECT_NUCLEIC_BASE,
    ASIM_SELECT_NUCLEIC_SUGAR,
    ASIM_SELECT_WATER,
    ASIM_SELECT_ION,
    ASIM_SELECT_HEAVY,
    ASIM_SELECT_NAME,
    ASIM_SELECT_TYPE,
    ASIM_SELECT_ELEMENT,
    ASIM_SELECT_RESNAME,
    ASIM_SELECT_SEGID,
    ASIM_SELECT_CHAIN,
    ASIM_SELECT_ICODE,
    ASIM_SELECT_ALTLOC,
    ASIM_SELECT_MOLTYPE,
    ASIM_SELECT_RESID,
    ASIM_SELECT_RESNUM,
    ASIM_SELECT_INDEX,
    ASIM_SELECT_BYNUM,
    ASIM_SELECT_ID,
    ASIM_SELECT_MASS,
    ASIM_SELECT_CHARGE,
    ASIM_SELECT_OCCUPANCY,
    ASIM_SELECT_BFACTOR,
    ASIM_SELECT_MOLECULE,
    ASIM_SELECT_ATOM, /* segment, resid and name at once */
    ASIM_SELECT_GROUP,
    ASIM_SELECT_X,
    ASIM_SELECT_Y,
    ASIM_SELECT_Z,
    ASIM_SELECT_POINT,
};

/* Operators stand before one operand: `around 5A protein`. */
enum asim_select_operator {
    ASIM_SELECT_BYRES,
    ASIM_SELECT_SAME,
    ASIM_SELECT_BONDED,
    ASIM_SELECT_AROUND, /* not the operand's own atoms */
    ASIM_SELECT_NEAR,   /* `within`: these too */
    ASIM_SELECT_SPHZONE,
    ASIM_SELECT_SPHLAYER,
    ASIM_SELECT_ISOLAYER,
    ASIM_SELECT_CYZONE,
    ASIM_SELECT_CYLAYER,
    ASIM_SELECT_GLOBAL, /* changes nothing: every operand is the whole system's */
};

/* What atoms share in `same ... as`. */
enum asim_select_property {
    ASIM_SELECT_SAME_RESIDUE,
    ASIM_SELECT_SAME_RESNAME,
    ASIM_SELECT_SAME_RESID,
    ASIM_SELECT_SAME_RESNUM,
    ASIM_SELECT_SAME_SEGID,
    ASIM_SELECT_SAME_CHAIN,
    ASIM_SELECT_SAME_NAME,
    ASIM_SELECT_SAME_TYPE,
    ASIM_SELECT_SAME_ELEMENT,
    ASIM_SELECT_SAME_MASS,
    ASIM_SELECT_SAME_CHARGE,
    ASIM_SELECT_SAME_MOLECULE,
    ASIM_SELECT_SAME_FRAGMENT,
};

enum asim_select_unit { ASIM_SELECT_NO_UNIT, ASIM_SELECT_ANGSTROM, ASIM_SELECT_NM };

struct asim_select_length {
    double value;
    enum asim_select_unit unit; /* none: a bare number other than 0 */
    size_t end;                 /* of the number in the text */
};

enum asim_select_compare {
    ASIM_SELECT_LESS,
    ASIM_SELECT_LESS_EQUAL,
    ASIM_SELECT_GREATER,
    ASIM_SELECT_GREATER_EQUAL,
    ASIM_SELECT_EQUAL,
    ASIM_SELECT_NOT_EQUAL,
    ASIM_SELECT_WITHIN, /* low <= value <= high */
};

/* Both ends belong to the range. For residues a key is number * 256 + insertion code,
 * which orders them as a PDB file does: 100, 100A, 100B, 101. */
struct asim_select_range {
    int64_t first, last;
};

struct asim_select_real {
    enum asim_select_compare compare;
    bool absolute; /* of the magnitude */
    double low, high;
};

#define ASIM_SELECT_NO_NODE SIZE_MAX

enum asim_select_kind {
    ASIM_SELECT_NODE_CLAUSE,
    ASIM_SELECT_NODE_OPERATOR,
    ASIM_SELECT_NODE_CHAIN
};

struct asim_select_node {
    enum asim_select_kind kind;
    bool negated;
    bool closed;       /* stands in parentheses of its own */
    size_t begin, end; /* the text this node was read from, without its nots */
    /* a clause */
    enum asim_select_field field;
    size_t first_token, token_count; /* its values */
    size_t first_range, range_count;
    size_t first_real, real_count;
    /* a clause or an operator */
    size_t first_length, length_count;
    /* an operator */
    enum asim_select_operator op;
    enum asim_select_property property;
    size_t head_end; /* where its own text ends, before the operand */
    size_t operand;
    /* a chain */
    size_t first_child;
    /* in a chain */
    size_t next;       /* ASIM_SELECT_NO_NODE: the last */
    bool after_or;     /* joined to the one before by or, else by and */
    size_t join_token; /* that and/or */
};

struct asim_select_query {
    const char *text; /* borrowed */
    size_t text_length;
    char *arena;
    struct asim_select_token *tokens;
    size_t token_count, token_capacity;
    struct asim_select_node *nodes;
    size_t node_count, node_capacity;
    struct asim_select_range *ranges;
    size_t range_count, range_capacity;
    struct asim_select_real *reals;
    size_t real_count, real_capacity;
    struct asim_select_length *lengths;
    size_t length_count, length_capacity;
    size_t root;
    /* Where the text can be read in more than one way; SIZE_MAX: nowhere. */
    size_t mixed_token;  /* the first and/or that makes a chain mixed */
    size_t greedy_token; /* the first and/or behind the operand of an operator */
    size_t bare_token;   /* the first length without a unit */
};

/* How to read what programs read differently. For other texts all readings agree. */
struct asim_select_reading {
    enum {
        ASIM_SELECT_LEFT_TO_RIGHT, /* MDAnalysis: and, or of the same precedence */
        ASIM_SELECT_AND_FIRST,     /* GROMACS, VMD, most programming languages */
        ASIM_SELECT_OR_FIRST,
    } order;
    bool greedy; /* an operator's operand reaches to the end of the chain */
    enum asim_select_unit bare_unit;
};

/* query is zero-initialised; text must outlive it. */
int asim_select_lex(const char *text, struct asim_select_query *query,
                    struct asim_error *err);
int asim_select_parse(struct asim_select_query *query, struct asim_error *err);
void asim_select_finish(struct asim_select_query *query);

enum asim_select_values {
    ASIM_SELECT_NO_VALUES,
    ASIM_SELECT_STRINGS,
    ASIM_SELECT_INTEGERS,
    ASIM_SELECT_REALS,
    ASIM_SELECT_LENGTHS, /* x y z and a radius */
    ASIM_SELECT_ADDRESS, /* segment, resid, name */
    ASIM_SELECT_GROUP_NAME
};

struct asim_select_keyword {
    const char *word;
    enum asim_select_field field;
    enum asim_select_values values;
};

/* NULL where the word is no keyword that takes part in evaluation; prop is not one, it
 * has a syntax of its own. */
const struct asim_select_keyword *asim_select_find_keyword(const char *word);
/* An operator's word, or NULL. `lengths` says how many stand behind it. */
struct asim_select_operator_word {
    const char *word;
    enum asim_select_operator op;
    size_t lengths;
};
const struct asim_select_operator_word *asim_select_find_operator(const char *word);
bool asim_select_find_property(const char *word, enum asim_select_property *ret);
const char *asim_select_nearest_property(const char *word);
bool asim_select_is_unsupported(const char *word);
bool asim_select_is_and(const char *word);
bool asim_select_is_or(const char *word);
bool asim_select_is_not(const char *word);
/* Does this word end a list of values? True for all of the above and prop. */
bool asim_select_is_keyword(const char *word);
/* What to write for a word of another program, or NULL. */
const char *asim_select_hint(const char *word);
const char *asim_select_nearest_keyword(const char *word);

/* The values of a node's tokens as ranges of integers or reals, appended to the query.
 */
int asim_select_read_integers(struct asim_select_query *query,
                              struct asim_select_node *node, struct asim_error *err);
int asim_select_read_reals(struct asim_select_query *query,
                           struct asim_select_node *node, struct asim_error *err);
/* One number, the whole of `word`. */
bool asim_select_real(const char *word, double *ret_value);
/* Reads the length at token *at (a second token may be its unit) and appends it to the
 * query. A bare 0 is a length. */
int asim_select_read_length(struct asim_select_query *query, size_t *at,
                            struct asim_error *err);
/* What stands between the operator at token *at and its operand; node.begin is set. */
int asim_select_read_operator(struct asim_select_query *query, size_t *at,
                              const struct asim_select_operator_word *word,
                              struct asim_select_node *node, struct asim_error *err);
/* The range of integers that a comparison stands for. */
int asim_select_compare_integers(struct asim_select_query *query, size_t *at,
                                 struct asim_select_node *node, struct asim_error *err);
int asim_select_parse_compare(const struct asim_select_query *query, size_t *at,
                              enum asim_select_compare *ret_compare,
                              struct asim_error *err);
double asim_select_length_nm(const struct asim_select_length *length,
                             enum asim_select_unit bare_unit);

/* Does the operand of this operator reach as far as it can? */
bool asim_select_reaches(const struct asim_select_query *query, size_t node);
/* Appends the tree of one reading; its chains are of one kind each. ASIM_SELECT_NO_NODE
 * where it would nest too deep to be shown. */
int asim_select_resolve(struct asim_select_query *query,
                        const struct asim_select_reading *reading, size_t *ret_root,
                        struct asim_error *err);

/* Does `text` fit the pattern of * ? [abc] [!abc], as a shell reads file names? */
bool asim_select_matches(const char *pattern, const char *text);

/* What the evaluator works on. The .ndx file is read when the first group asks, the
 * positions when the first clause does. */
struct asim_select_scope {
    const struct asim_topology *top;
    struct asim_selection_context context;
    struct asim_residue_lists residues;
    bool ndx_loaded;
    struct asim_ndx ndx;
    const struct asim_frame *frame; /* NULL: not asked for yet */
    struct asim_frame own_frame;
    enum asim_select_unit bare_unit;
};
void asim_select_scope_finish(struct asim_select_scope *scope);

/* mask[atom_count] becomes 1 for the atoms of `node`, 0 for the others. Chains must be
 * of one kind (as asim_select_resolve makes them, or as typed without a mix). */
int asim_select_evaluate(struct asim_select_scope *scope,
                         const struct asim_select_query *query, size_t node,
                         uint8_t *mask, struct asim_error *err);
int asim_select_clause(struct asim_select_scope *scope,
                       const struct asim_select_query *query, size_t node,
                       uint8_t *mask, struct asim_error *err);
/* In place: the operand's atoms become those of the operator. */
int asim_select_relate(struct asim_select_scope *scope,
                       const struct asim_select_query *query, size_t node,
                       uint8_t *mask, struct asim_error *err);
int asim_select_place(struct asim_select_scope *scope,
                      const struct asim_select_query *query, size_t node, uint8_t *mask,
                      struct asim_error *err);
size_t asim_select_count(const uint8_t *mask, size_t atom_count);
bool asim_select_real_fits(const struct asim_select_real *real, double value);
/* A clause about masses, charges and the like. */
int asim_select_reals(const struct asim_topology *top,
                      const struct asim_select_query *query,
                      const struct asim_select_node *node, uint8_t *mask,
                      struct asim_error *err);
/* The group a clause `group "X"` names. */
int asim_select_find_group(struct asim_select_scope *scope,
                           const struct asim_select_query *query, size_t node,
                           const struct asim_ndx_group **ret_group,
                           struct asim_error *err);
/* A name that the topology has and that is near to the clause's first value, or NULL.
 */
const char *asim_select_nearest_value(const struct asim_topology *top,
                                      const struct asim_select_query *query,
                                      size_t node);

/* The message, and below it the text with a caret under `length` bytes at `offset`. */
int asim_select_fail_at(const struct asim_select_query *query, size_t offset,
                        size_t length, struct asim_error *err, const char *format, ...)
    ASIM_PRINTF(5, 6);
int asim_select_fail_token(const struct asim_select_query *query, size_t token,
                           struct asim_error *err, const char *format, ...)
    ASIM_PRINTF(4, 5);
/* Is there more than one way to read the text? */
bool asim_select_is_ambiguous(const struct asim_select_query *query);
/* The readings of such a text, with the atoms each selects. */
int asim_select_fail_ambiguous(struct asim_select_scope *scope,
                               struct asim_select_query *query, struct asim_error *err);
/* The count of each clause of a text that selects nothing. */
int asim_select_fail_empty(struct asim_select_scope *scope,
                           const struct asim_select_query *query,
                           struct asim_error *err);

#endif
