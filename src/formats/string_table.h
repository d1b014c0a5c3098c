/* Interned strings: equal texts get equal numbers. Number 0 is "". */
#ifndef FORMATS_STRING_TABLE_H
#define FORMATS_STRING_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct asim_string_table {
    char **strings; /* owned, each owned */
    size_t count, capacity;
    uint32_t *slots; /* open addressing: number + 1; 0 free */
    size_t slot_count;
};

int asim_string_table_init(struct asim_string_table *table, struct asim_error *err);
void asim_string_table_finish(struct asim_string_table *table);

int asim_string_table_add(struct asim_string_table *table, const char *text,
                          size_t length, uint32_t *ret_number, struct asim_error *err);

/* Hands the strings over; the table is empty afterwards and needs no finish. */
char **asim_string_table_take(struct asim_string_table *table, size_t *ret_count);

#endif
