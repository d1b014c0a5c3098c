/* The text of one GRO frame in memory: where its lines are, and its numbers. Layout
 * facts are at the head of gro_text.c. */
#ifndef FORMATS_GRO_TEXT_H
#define FORMATS_GRO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ASIM_GRO_NAME_COLUMNS = 20, /* residue number and name, atom name and number */
    ASIM_GRO_WHAT = 200,        /* room for a sentence about what is wrong */
};

struct asim_gro_line {
    const char *p, *end; /* without the newline and a carriage return */
};

/* A frame's place in memory. */
struct asim_gro_text {
    struct asim_gro_line title, box;
    const char *atoms; /* first atom line */
    size_t atom_count;
    size_t number_width;
    size_t size; /* bytes of the whole frame */
    bool ends_with_newline;
};

enum asim_gro_scan { ASIM_GRO_BAD = -1, ASIM_GRO_MORE = 0, ASIM_GRO_OK = 1 };

/* The line at *p, which moves behind it; false where it does not end before `end`. The
 * last line of a file (at_end) may lack its newline. */
bool asim_gro_take_line(const char **p, const char *end, bool at_end,
                        struct asim_gro_line *ret_line);

/* Finds the frame at p and checks the shape of its lines. ASIM_GRO_MORE: the bytes end
 * before the frame does and are not the file's last (at_end). */
enum asim_gro_scan asim_gro_scan_frame(const char *p, size_t size, bool at_end,
                                       struct asim_gro_text *ret_text,
                                       char what[ASIM_GRO_WHAT]);

int asim_gro_parse_box(struct asim_gro_line line, float box_nm[3][3],
                       char what[ASIM_GRO_WHAT]);

/* Coordinates of the first atom_limit atoms (x_nm may be NULL: only checked); with
 * check_velocities, those columns are checked too. */
int asim_gro_parse_numbers(const struct asim_gro_text *text, size_t atom_limit,
                           bool check_velocities, float (*x_nm)[3],
                           char what[ASIM_GRO_WHAT]);

/* The number behind the last `key` ("t=", "step=") of the title. */
bool asim_gro_title_number(struct asim_gro_line title, const char *key,
                           double *ret_value);
/* Digits behind the decimal point of a coordinate. */
size_t asim_gro_decimals(const struct asim_gro_text *text);

#endif
