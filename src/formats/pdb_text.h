/* The text of PDB files in memory: lines, models, the fields of atom records, the box.
 * Layout facts are at the head of pdb_text.c. */
#ifndef FORMATS_PDB_TEXT_H
#define FORMATS_PDB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/byte_source.h"

enum {
    ASIM_PDB_COLUMNS = 80,
    ASIM_PDB_WHAT = 200, /* room for a sentence about what is wrong */
};

struct asim_pdb_line {
    const char *p, *end; /* without the newline and a carriage return */
    bool has_newline;
};

/* The line at *p, which moves behind it; false where it does not end before `end` and
 * the bytes are not the file's last (at_end). */
bool asim_pdb_take_line(const char **p, const char *end, bool at_end,
                        struct asim_pdb_line *ret_line);

enum asim_pdb_record {
    ASIM_PDB_OTHER,
    ASIM_PDB_ATOM, /* ATOM or HETATM */
    ASIM_PDB_TER,
    ASIM_PDB_MODEL,
    ASIM_PDB_ENDMDL,
    ASIM_PDB_END,
    ASIM_PDB_CRYST1,
    ASIM_PDB_TITLE,
    ASIM_PDB_CONECT,
};
enum asim_pdb_record asim_pdb_record_of(struct asim_pdb_line line);

/* A model's place in memory. */
struct asim_pdb_model {
    const char *start;
    size_t size;       /* bytes, with what stands before and closes it */
    size_t atom_count; /* records, before alternate locations are left out */
    bool has_number;   /* a MODEL record opens it */
    long number;
    bool closed; /* ENDMDL or END is there, or another model follows */
    bool has_box, has_title;
    struct asim_pdb_line box, title;
};

enum asim_pdb_scan {
    ASIM_PDB_MORE,  /* the bytes end before the model does */
    ASIM_PDB_WHOLE, /* a model */
    ASIM_PDB_NONE,  /* no atoms are left in the file */
};
enum asim_pdb_scan asim_pdb_scan_model(const char *p, size_t size, bool at_end,
                                       struct asim_pdb_model *ret_model);

/* The model that starts at `offset`, read until it is in the window as a whole; *ahead
 * is a guess of its size. ASIM_PDB_MORE is not given; -1: the system failed. */
int asim_pdb_load_model(const struct asim_byte_source *source,
                        struct asim_byte_window *window, uint64_t offset, size_t ahead,
                        struct asim_pdb_model *ret_model, enum asim_pdb_scan *ret_scan,
                        struct asim_error *err);

/* The fields of an atom record. Names are without the blanks around them and point
 * into `columns`. */
struct asim_pdb_atom {
    char columns[ASIM_PDB_COLUMNS]; /* the record, filled up with blanks */
    const char *name, *residue_name, *segment, *element;
    uint8_t name_length, residue_name_length, segment_length, element_length;
    char altloc, chain, insertion_code; /* ' ': none */
    bool has_serial;                    /* false: not a number, as ***** */
    int32_t serial, resnum;
    float occupancy, bfactor; /* NAN: none */
};
/* 0, or -1 with `what` filled: no residue number, or bytes that are not ASCII. */
int asim_pdb_parse_atom(struct asim_pdb_line line, struct asim_pdb_atom *ret_atom,
                        char what[ASIM_PDB_WHAT]);

/* A number of `width` columns (4 or 5), decimal or hybrid-36; false where it is none.
 */
bool asim_pdb_hybrid36(const char *columns, size_t width, int32_t *ret_value);

/* Columns 31-54 in nm: the floats nearest to a tenth of the decimal numbers. */
int asim_pdb_parse_position(struct asim_pdb_line line, float ret_x_nm[3],
                            char what[ASIM_PDB_WHAT]);

/* The vectors of a CRYST1 record; all zero where it says that there is no box. */
int asim_pdb_parse_box(struct asim_pdb_line line, float ret_box_nm[3][3],
                       char what[ASIM_PDB_WHAT]);

/* Which atom records of the model are kept: 1, or 0 for further alternate locations.
 * *ret_kept is NULL where all are; else [atom_count], free with free(). */
int asim_pdb_choose_locations(const struct asim_pdb_model *model, uint8_t **ret_kept,
                              size_t *ret_kept_count, struct asim_error *err);

/* Whether the first bytes of a file look like PDB. */
bool asim_pdb_recognise(const unsigned char *head, size_t size);

#endif
