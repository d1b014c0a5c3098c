/*
 * The parts of the selection language, from text to atoms:
 *
 *     select_lex.c      text -> tokens
 *     select_keywords.c the words it knows
 *     select_parse.c    tokens -> a tree of clauses joined by and, or, not
 *     select_values.c   the numbers and ranges behind a keyword
 *     select_match.c    wildcards
 *     select_eval.c     tree -> a mask of atoms
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

#include <autosim/topology.h>

#include "structure/ndx.h"

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
    ASIM_SELECT_RESID,
    ASIM_SELECT_RESNUM,
    ASIM_SELECT_INDEX,
    ASIM_SELECT_BYNUM,
    ASIM_SELECT_ID,
    ASIM_SELECT_MASS,
    ASIM_SELECT_CHARGE,
    ASIM_SELECT_GROUP,
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

struct asim_select_node {
    bool is_chain;
    bool negated;
    size_t begin, end; /* the text this node was read from, without its nots */
    /* a clause */
    enum asim_select_field field;
    size_t first_token, token_count; /* its values */
    size_t first_range, range_count;
    size_t first_real, real_count;
    /* a chain */
    size_t first_child;
    bool mixed; /* and beside or */
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
    size_t root;
    size_t mixed_token; /* the first and/or that makes a chain mixed; SIZE_MAX: none */
};

/* How to read a chain that mixes and with or. For others all readings agree. */
enum asim_select_reading {
    ASIM_SELECT_LEFT_TO_RIGHT, /* MDAnalysis: the same precedence */
    ASIM_SELECT_AND_FIRST,     /* GROMACS, VMD, most programming languages */
    ASIM_SELECT_OR_FIRST,
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

/* Does `text` fit the pattern of * ? [abc] [!abc], as a shell reads file names? */
bool asim_select_matches(const char *pattern, const char *text);

/* What the evaluator works on. The .ndx file is read when the first group asks. */
struct asim_select_scope {
    const struct asim_topology *top;
    const char *ndx_path; /* NULL: none */
    bool ndx_loaded;
    struct asim_ndx ndx;
};
void asim_select_scope_finish(struct asim_select_scope *scope);

/* mask[atom_count] becomes 1 for the atoms of `node`, 0 for the others. */
int asim_select_evaluate(struct asim_select_scope *scope,
                         const struct asim_select_query *query, size_t node,
                         enum asim_select_reading reading, uint8_t *mask,
                         struct asim_error *err);
size_t asim_select_count(const uint8_t *mask, size_t atom_count);
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
/* Both readings of a text that mixes and with or, with the atoms each selects. */
int asim_select_fail_mixed(struct asim_select_scope *scope,
                           const struct asim_select_query *query,
                           struct asim_error *err);
/* The count of each clause of a text that selects nothing. */
int asim_select_fail_empty(struct asim_select_scope *scope,
                           const struct asim_select_query *query,
                           struct asim_error *err);

#endif
