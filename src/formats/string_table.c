/* Interned strings by a hash table (FNV-1a). Invariant: slots are at most half full. */
#include "formats/string_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static uint64_t hash_of(const char *text, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

static size_t slot_of(const struct asim_string_table *table, const char *text,
                      size_t length)
{
    size_t slot = (size_t)hash_of(text, length) & (table->slot_count - 1);
    while (table->slots[slot]) {
        const char *there = table->strings[table->slots[slot] - 1];
        if (strlen(there) == length && memcmp(there, text, length) == 0)
            break;
        slot = (slot + 1) & (table->slot_count - 1);
    }
    return slot;
}

static int resize(struct asim_string_table *table, size_t slot_count,
                  struct asim_error *err)
{
    uint32_t *slots = asim_alloc_array(slot_count, sizeof *slots, err);
    if (!slots)
        return -1;
    free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    for (size_t i = 0; i < table->count; i++) {
        const char *text = table->strings[i];
        table->slots[slot_of(table, text, strlen(text))] = (uint32_t)i + 1;
    }
    return 0;
}

int asim_string_table_init(struct asim_string_table *table, struct asim_error *err)
{
    uint32_t empty;
    *table = (struct asim_string_table){0};
    if (resize(table, 256, err) < 0 ||
        asim_string_table_add(table, "", 0, &empty, err) < 0) {
        asim_string_table_finish(table);
        return -1;
    }
    return 0;
}

void asim_string_table_finish(struct asim_string_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++)
        free(table->strings[i]);
    free(table->strings);
    free(table->slots);
    *table = (struct asim_string_table){0};
}

int asim_string_table_add(struct asim_string_table *table, const char *text,
                          size_t length, uint32_t *ret_number, struct asim_error *err)
{
    size_t slot = slot_of(table, text, length);
    if (!table->slots[slot]) {
        if (table->count >= UINT32_MAX - 1)
            return asim_fail(err, ASIM_EINPUT, "more than 4294967294 different names");
        if (asim_grow(&table->strings, &table->capacity, table->count + 1,
                      sizeof *table->strings, err) < 0)
            return -1;
        char *copy = asim_alloc_array(length + 1, 1, err);
        if (!copy)
            return -1;
        memcpy(copy, text, length);
        table->strings[table->count] = copy;
        table->slots[slot] = (uint32_t)++table->count;
        if (table->count * 2 > table->slot_count) {
            if (resize(table, table->slot_count * 2, err) < 0)
                return -1;
            slot = slot_of(table, text, length);
        }
    }
    *ret_number = table->slots[slot] - 1;
    return 0;
}

char **asim_string_table_take(struct asim_string_table *table, size_t *ret_count)
{
    char **strings = table->strings;
    *ret_count = table->count;
    free(table->slots);
    *table = (struct asim_string_table){0};
    return strings;
}
