/*
 * Random selections and index files, made of words of the language, of printable
 * characters and of any bytes: never a crash, and every refusal is explained in valid
 * text. Seeds are counted from the first argument (default 1), 50,000 of them.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <autosim/selection.h>

#include "base/random.h"
#include "structure/ndx.h"
#include "topology_fixture.h"

static const char *const words[] = {
    "and",   "or",     "not",    "(",     ")",       "protein", "name",    "CA",
    "resid", "1",      "1:3",    "-",     "to",      "5",       "resname", "ALA",
    "S*",    "[!H]*",  "group",  "\"X\"", "mass",    "<",       ">",       "1.5",
    "prop",  "abs",    "index",  "0-9",   "element", "C",       "all",     "none",
    "water", "byres",  "around", "5A",    "--5",     "chainID", "\"",      "[",
    "type",  "charge", "heavy",  "ion",   "nucleic", "==",      "!=",      "backbone"};

static size_t make_text(struct asim_random *random, char *text, size_t size)
{
    size_t used = 0;
    size_t length = (size_t)(asim_random_uniform(random) * 60.0);
    int kind = (int)(asim_random_uniform(random) * 3.0);
    for (size_t i = 0; i < length && used + 20 < size; i++) {
        if (kind == 0) {
            size_t word = asim_random_u64(random) % (sizeof words / sizeof *words);
            used += (size_t)snprintf(text + used, size - used, "%s%s", words[word],
                                     asim_random_u64(random) % 8 ? " " : "");
        } else if (kind == 1) {
            text[used++] = (char)(32 + asim_random_u64(random) % 95);
        } else {
            text[used++] = (char)(1 + asim_random_u64(random) % 255);
        }
    }
    text[used] = '\0';
    return used;
}

static int check(struct asim_topology *top, const char *text, unsigned long seed)
{
    float x[27][3];
    for (int i = 0; i < 81; i++)
        x[i / 3][i % 3] = 0.07f * (float)(i * 31 % 81);
    const struct asim_frame frame = {
        .atom_count = 27, .x_nm = x, .box_nm = {{2, 0, 0}, {0.5f, 2, 0}, {-1, 1, 2}}};
    const struct asim_selection_context context = {.frame = &frame};
    struct asim_atom_list list = {0};
    struct asim_error err = {0};
    if (asim_selection_evaluate(top, text, &context, &list, &err) == 0) {
        int good = list.count > 0 && list.count <= top->atom_count;
        for (size_t i = 0; good && i < list.count; i++)
            good = list.index[i] < top->atom_count &&
                   (i == 0 || list.index[i] > list.index[i - 1]);
        asim_atom_list_finish(&list);
        if (!good)
            fprintf(stderr, "seed %lu: '%s' gives a wrong list\n", seed, text);
        return good ? 0 : -1;
    }
    json_t *valid = json_string(err.text); /* NULL where it is no UTF-8 */
    int good = valid && err.text[0] != '\0' && err.status == ASIM_EINPUT;
    if (!good)
        fprintf(stderr, "seed %lu: '%s' is refused by '%s'\n", seed, text, err.text);
    json_decref(valid);
    return good ? 0 : -1;
}

int main(int argc, char **argv)
{
    unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    struct asim_topology top = {0};
    fixture_small(&top);
    int failures = 0;
    for (unsigned long seed = first; seed < first + 50000 && failures < 10; seed++) {
        struct asim_random random;
        char text[1000];
        asim_random_seed(&random, seed);
        size_t size = make_text(&random, text, sizeof text);
        if (check(&top, text, seed) < 0)
            failures++;
        struct asim_ndx ndx = {0};
        if (asim_ndx_parse(text, size, "made", &ndx, NULL) == 0)
            asim_ndx_finish(&ndx);
    }
    fixture_finish(&top);
    return failures ? 1 : 0;
}
