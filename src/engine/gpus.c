/*
 * Counting GPUs without linking to any of their libraries. It must not know what runs
 * on them.
 */
#include "engine/gpus.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "engine/ask.h"

enum { LIST_SECONDS = 20, LIST_LARGEST = 16 * 1024, ID_LARGEST = 4096 };

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static bool uses_gpus(const struct asim_gromacs *gromacs)
{
    return gromacs->gpu[0] && strncasecmp(gromacs->gpu, "disabled", 8) != 0;
}

/* Entries of a list such as "0,1" or "GPU-8f2,GPU-91c" up to the first that means
 * none: what comes behind it is not visible either. */
static int count_entries(const char *list)
{
    int count = 0;
    while (*list && count < ASIM_GPUS_MOST) {
        size_t length = strcspn(list, ",");
        if (length == 0 || *list == '-' || strncmp(list, "NoDevFiles", length) == 0)
            break;
        count++;
        list += length + (list[length] == ',');
    }
    return count;
}

/* `nvidia-smi -L` prints a line "GPU 0: NAME (UUID: ...)" for each. */
static int count_listed(void)
{
    char program[4096], text[LIST_LARGEST];
    const char *const argv[] = {program, "-L", NULL};
    const struct asim_question question = {.argv = argv, .seconds = LIST_SECONDS};
    struct asim_answer answer = {.text = text, .size = sizeof text};
    int count = 0;
    if (!asim_program_find("nvidia-smi", program, sizeof program) ||
        asim_ask(&question, &answer, NULL) < 0 || !answer.succeeded)
        return 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        count += strncmp(line, "GPU ", 4) == 0 && count < ASIM_GPUS_MOST;
    }
    return count;
}

static int count_visible(void)
{
    static const char *const lists[] = {"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                                        "HIP_VISIBLE_DEVICES"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *list = getenv(lists[i]);
        if (list)
            return count_entries(list);
    }
    return count_listed();
}

static int parse_ids(const char *text, struct asim_gpus *ret_gpus,
                     struct asim_error *err)
{
    struct asim_gpus gpus = {0};
    for (const char *at = text;; at++) {
        char word[16];
        int64_t id = -1;
        size_t length = strcspn(at, ",");
        if (length < sizeof word) {
            memcpy(word, at, length);
            word[length] = '\0';
        }
        bool fits = length < sizeof word && asim_parse_int64(word, &id) && id >= 0 &&
                    id <= ID_LARGEST && gpus.count < ASIM_GPUS_MOST;
        for (int i = 0; fits && i < gpus.count; i++)
            fits = gpus.ids[i] != id;
        if (!fits)
            return asim_fail(err, ASIM_EUSAGE,
                             "'%s' names no GPUs: numbers as gmx counts them, each "
                             "once, such as 0,1 were expected, or none, or auto",
                             text);
        gpus.ids[gpus.count++] = (int)id;
        at += length;
        if (*at == '\0')
            break;
    }
    *ret_gpus = gpus;
    return 0;
}

int asim_gpus_choose(const struct asim_gromacs *gromacs, const char *wanted,
                     struct asim_gpus *ret_gpus, struct asim_error *err)
{
    struct asim_gpus gpus = {0};
    if (wanted && strcmp(wanted, "auto") != 0 && strcmp(wanted, "none") != 0) {
        if (parse_ids(wanted, &gpus, err) < 0)
            return -1;
        if (!uses_gpus(gromacs))
            return asim_fail(err, ASIM_EENV,
                             "GPUs %s were asked for, but '%s' (%s) was built without "
                             "support for any",
                             wanted, gromacs->path, gromacs->version);
    } else if ((!wanted || strcmp(wanted, "auto") == 0) && uses_gpus(gromacs) &&
               !is_set("GMX_GPU_ID") && !is_set("GMX_DISABLE_GPU_DETECTION")) {
        gpus.count = count_visible();
        for (int i = 0; i < gpus.count; i++)
            gpus.ids[i] = i;
    }
    *ret_gpus = gpus;
    return 0;
}
