/*
 * A user's own names of residues, from the command line or a file.
 *
 * Invariant: entries ascend by name, so that a lookup is a binary search. Knows no
 * topology: whether a name occurs there is nobody's business.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "structure/residue_names.h"

#define LARGEST_FILE (UINT64_C(16) << 20)
#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const struct kind_word {
    const char *word;
    enum asim_residue_kind kind;
} kind_words[] = {
    {"protein", ASIM_RESIDUE_PROTEIN}, {"nucleic", ASIM_RESIDUE_NUCLEIC},
    {"dna", ASIM_RESIDUE_NUCLEIC},     {"rna", ASIM_RESIDUE_NUCLEIC},
    {"water", ASIM_RESIDUE_WATER},     {"ion", ASIM_RESIDUE_ION},
    {"other", ASIM_RESIDUE_OTHER},
};

static bool find_kind(const char *word, size_t length, enum asim_residue_kind *ret_kind)
{
    for (size_t i = 0; i < LENGTH(kind_words); i++) {
        if (strlen(kind_words[i].word) == length &&
            strncasecmp(word, kind_words[i].word, length) == 0) {
            *ret_kind = kind_words[i].kind;
            return true;
        }
    }
    return false;
}

static const char *nearest_kind(const char *word)
{
    const char *words[LENGTH(kind_words)];
    for (size_t i = 0; i < LENGTH(kind_words); i++)
        words[i] = kind_words[i].word;
    return asim_nearest_word(word, words, LENGTH(words));
}

static int add(struct asim_residue_lists *lists, const char *name,
               enum asim_residue_kind kind, struct asim_error *err)
{
    if (asim_grow(&lists->entries, &lists->capacity, lists->count + 1,
                  sizeof *lists->entries, err) < 0)
        return -1;
    lists->entries[lists->count++] = (struct asim_residue_entry){name, kind};
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct asim_residue_entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (int)x->kind - (int)y->kind;
}

/* Ascending, each name once. */
static int sort(struct asim_residue_lists *lists, const char *where,
                struct asim_error *err)
{
    if (lists->count == 0)
        return 0;
    qsort(lists->entries, lists->count, sizeof *lists->entries, compare_entries);
    size_t kept = 1;
    for (size_t i = 1; i < lists->count; i++) {
        const struct asim_residue_entry *entry = &lists->entries[i];
        const struct asim_residue_entry *last = &lists->entries[kept - 1];
        if (strcmp(entry->name, last->name) != 0)
            lists->entries[kept++] = *entry;
        else if (entry->kind != last->kind)
            return asim_fail(err, ASIM_EINPUT,
                             "%s: residue '%.40s' is given two kinds; leave one", where,
                             entry->name);
    }
    lists->count = kept;
    return 0;
}

/* "protein:ABC,DEF;water:TIP7", cut up in place. */
static int parse_words(struct asim_residue_lists *lists, struct asim_error *err)
{
    char *rest = lists->text, *word;
    while ((word = strsep(&rest, "; \t\n"))) {
        enum asim_residue_kind kind;
        if (*word == '\0')
            continue;
        char *colon = strchr(word, ':');
        if (!colon || !find_kind(word, (size_t)(colon - word), &kind)) {
            if (colon)
                *colon = '\0';
            const char *nearest = colon ? nearest_kind(word) : NULL;
            return asim_fail(err, ASIM_EINPUT,
                             "residues '%.60s': expected KIND:NAME,NAME with protein, "
                             "nucleic, water, ion or other as the kind, or the name "
                             "of a file%s%s%s",
                             word, nearest ? "; did you mean '" : "",
                             nearest ? nearest : "", nearest ? "'?" : "");
        }
        char *names = colon + 1, *name;
        while ((name = strsep(&names, ","))) {
            if (*name == '\0')
                return asim_fail(err, ASIM_EINPUT,
                                 "residues '%.60s:': expected names behind the colon, "
                                 "with commas between them and no blanks",
                                 (*colon = '\0', word));
            if (add(lists, name, kind, err) < 0)
                return -1;
        }
    }
    return sort(lists, "residues", err);
}

/* Lines "NAME Type"; ';' and '#' begin comments. */
static int parse_lines(struct asim_residue_lists *lists, size_t size, const char *path,
                       struct asim_error *err)
{
    char *rest = lists->text, *line;
    if (memchr(lists->text, '\0', size))
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' holds a NUL byte: it is no list of residues", path);
    for (size_t number = 1; (line = strsep(&rest, "\n")); number++) {
        static const char blanks[] = " \t\r";
        line[strcspn(line, ";#")] = '\0';
        char *name = line + strspn(line, blanks);
        if (*name == '\0')
            continue;
        char *type = name + strcspn(name, blanks);
        if (*type)
            *type++ = '\0';
        type += strspn(type, blanks);
        size_t length = strcspn(type, blanks);
        if (length == 0 || type[length + strspn(type + length, blanks)] != '\0')
            return asim_fail(err, ASIM_EINPUT,
                             "'%s' line %zu: expected the name of a residue and its "
                             "type, such as 'ABC Protein'",
                             path, number);
        enum asim_residue_kind kind;
        type[length] = '\0';
        if (find_kind(type, length, &kind)) {
            if (add(lists, name, kind, err) < 0)
                return -1;
        } else {
            const char *nearest = nearest_kind(type);
            if (nearest)
                return asim_fail(err, ASIM_EINPUT,
                                 "'%s' line %zu: unknown type '%.40s'; did you mean "
                                 "'%s'?",
                                 path, number, type, nearest);
        }
    }
    return sort(lists, path, err);
}

static int finish_parse(struct asim_residue_lists *lists, int rc,
                        struct asim_residue_lists *ret_lists)
{
    if (rc == 0)
        *ret_lists = *lists;
    else
        asim_residue_lists_finish(lists);
    return rc;
}

int asim_residue_lists_parse(const char *data, size_t size, const char *path,
                             struct asim_residue_lists *ret_lists,
                             struct asim_error *err)
{
    struct asim_residue_lists lists = {0};
    lists.text = asim_alloc_array(size + 1, 1, err);
    if (!lists.text)
        return -1;
    if (size > 0)
        memcpy(lists.text, data, size);
    return finish_parse(&lists, parse_lines(&lists, size, path, err), ret_lists);
}

int asim_residue_lists_read(const char *text, struct asim_residue_lists *ret_lists,
                            struct asim_error *err)
{
    if (!text || *text == '\0') {
        *ret_lists = (struct asim_residue_lists){0};
        return 0;
    }
    if (asim_file_exists(text)) {
        char *data;
        size_t size;
        if (asim_file_read(text, LARGEST_FILE, &data, &size, err) < 0)
            return asim_wrap(err, "lists of residues");
        int rc = asim_residue_lists_parse(data, size, text, ret_lists, err);
        free(data);
        return rc;
    }
    struct asim_residue_lists lists = {0};
    lists.text = asim_strdup(text, err);
    if (!lists.text)
        return -1;
    return finish_parse(&lists, parse_words(&lists, err), ret_lists);
}

void asim_residue_lists_finish(struct asim_residue_lists *lists)
{
    if (!lists)
        return;
    free(lists->text);
    free(lists->entries);
    *lists = (struct asim_residue_lists){0};
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct asim_residue_entry *)entry)->name);
}

bool asim_residue_listed(const struct asim_residue_lists *lists,
                         enum asim_residue_kind kind, const char *name)
{
    if (lists && lists->count > 0) {
        const struct asim_residue_entry *entry =
            bsearch(name, lists->entries, lists->count, sizeof *entry, compare_name);
        if (entry)
            return entry->kind == kind;
    }
    return asim_residue_is(kind, name);
}
