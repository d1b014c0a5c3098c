/* Any bytes as a list of windows, of gmx wham (names of files) or of Grossfield: words
 * lie within the text, and a line that is taken holds finite numbers. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "samples/external.h"
#include "target.h"

static void read_line(const struct asim_list_line *line)
{
    struct asim_bias bias;
    struct asim_error err = {0};
    double kelvin;
    if (asim_meta_line(line, "fuzz", &bias, &kelvin, &err) < 0)
        return;
    char *path = asim_list_path("folder/fuzz", line->words[0], &err);
    if (!isfinite(bias.centre_nm) || !(bias.force_constant_kj_mol_nm2 >= 0) ||
        !(kelvin >= 0) || !path || strlen(path) < strlen(line->words[0]))
        abort();
    free(path);
}

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_list list = {0};
    char *text = asim_alloc_array(size + 1, 1, &err);
    if (!text)
        return;
    memcpy(text, data, size);
    if (asim_list_parse(text, "fuzz", &list, &err) < 0)
        return;
    for (size_t i = 0; i < list.line_count; i++) {
        const struct asim_list_line *line = &list.lines[i];
        for (size_t k = 0; k < line->word_count && k < 8; k++)
            if (line->words[k] < list.text || line->words[k] > list.text + size)
                abort();
        read_line(line);
    }
    asim_list_finish(&list);
}
