/*
 * The option table: every option once, with its group, its help and where its value
 * goes. getopt_long does the parsing.
 */
#include "cli.h"

#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

enum option_kind {
    KIND_FLAG,
    KIND_TEXT,
    KIND_INT,
    KIND_SIZE,
    KIND_UINT64,
    KIND_REAL,
    KIND_RANGE,  /* A:B into two doubles */
    KIND_MEMORY, /* auto, stream, or a size */
    KIND_PBC,
    KIND_REFERENCE,
    KIND_BIAS,
    KIND_COUNT_OR_AUTO,
    KIND_REAL_OR_AUTO,
};

struct option_spec {
    const char *name;
    char letter;
    const char *argument; /* NULL: takes none */
    unsigned groups;
    enum option_kind kind;
    size_t offset;
    double least, most; /* of numbers */
    const char *help;
};

/* Words in the order of their enums. */
static const char *const pbc_words[] = {"auto", "none"};
static const char *const reference_words[] = {"mean", "first"};
static const char *const bias_words[] = {"auto", "edi"};

#define AT(member) offsetof(struct settings, member)

static const struct option_spec table[] = {
    {"folder", 'C', "DIR", OPTIONS_COMMON, KIND_TEXT, AT(folder), 0, 0,
     "the campaign's folder (default ./autosim)"},
    {"help", 'h', NULL, OPTIONS_COMMON, KIND_FLAG, AT(help), 0, 0, "this help"},
    {"quiet", 'q', NULL, OPTIONS_COMMON, KIND_FLAG, AT(quiet), 0, 0,
     "only warnings and errors on the terminal; the log file has all"},
    {"json", 0, NULL, OPTIONS_JSON, KIND_FLAG, AT(json), 0, 0,
     "machine-readable output on stdout"},
    {"atoms", 0, NULL, OPTIONS_INFO, KIND_FLAG, AT(atoms), 0, 0, "list every atom"},
    {"sel", 0, "SELECTION", OPTIONS_PCA | OPTIONS_INFO, KIND_TEXT, AT(pca.selection), 0,
     0,
     "atoms to analyse, e.g. \"protein and name CA\" (default: the alpha carbons of a "
     "protein, the heavy atoms of a small molecule)"},
    {"align", 0, "SELECTION", OPTIONS_PCA, KIND_TEXT, AT(pca.align_selection), 0, 0,
     "atoms to superpose on (default: those of --sel)"},
    {"ndx", 0, "FILE[:GROUP]", OPTIONS_PCA | OPTIONS_INFO, KIND_TEXT, AT(ndx), 0, 0,
     "index file; selects its GROUP, or serves selections of the form: group \"NAME\""},
    {"begin", 'b', "PS", OPTIONS_PCA, KIND_REAL, AT(pca.begin_ps), -1e15, 1e15,
     "leave out frames before this time"},
    {"end", 'e', "PS", OPTIONS_PCA, KIND_REAL, AT(pca.end_ps), -1e15, 1e15,
     "leave out frames after this time"},
    {"stride", 0, "N", OPTIONS_PCA, KIND_SIZE, AT(pca.stride), 1, 1e9,
     "take every N-th frame"},
    {"components", 0, "K", OPTIONS_PCA, KIND_SIZE, AT(pca.component_count), 1, 1e5,
     "principal components to keep (default 10)"},
    {"pbc", 0, "auto|none", OPTIONS_PCA, KIND_PBC, AT(pca.pbc), 0, 0,
     "auto makes molecules whole along their bonds; none takes coordinates as they "
     "are"},
    {"reference", 0, "mean|first", OPTIONS_PCA, KIND_REFERENCE, AT(pca.reference), 0, 0,
     "structure to superpose on (default mean, iterated)"},
    {"memory", 0, "auto|stream|SIZE", OPTIONS_PCA, KIND_MEMORY, AT(pca.memory), 0, 0,
     "memory the PCA may use, e.g. 500M or 8G; stream holds no coordinates"},
    {"windows", 0, "N|auto", OPTIONS_PLAN, KIND_COUNT_OR_AUTO, AT(plan.window_count), 1,
     10000, "number of windows (default auto: spacing sqrt(lambda1)/3)"},
    {"range", 0, "A:B", OPTIONS_PLAN, KIND_RANGE, AT(plan.begin_nm), 0, 0,
     "first and last centre along PC1 in nm (default: where 99% of the frames lie)"},
    {"force-constant", 0, "K|auto", OPTIONS_PLAN, KIND_REAL_OR_AUTO,
     AT(plan.force_constant_kj_mol_nm2), 1e-6, 1e8,
     "in kJ/mol/nm^2 (default auto: 2 kT/spacing^2)"},
    {"ns", 0, "X", OPTIONS_PLAN, KIND_REAL, AT(window_ns), 1e-9, 1e9,
     "length of each window in ns (default 1)"},
    {"sample", 0, "PS", OPTIONS_PLAN, KIND_REAL, AT(plan.sample_ps), 1e-6, 1e6,
     "time between samples of the coordinate (default 0.1, longer for long windows)"},
    {"temperature", 0, "K", OPTIONS_PLAN, KIND_REAL, AT(plan.temperature_kelvin), 1e-3,
     1e5, "of the ensemble (default: ref-t of the TPR)"},
    {"seed", 0, "N", OPTIONS_PLAN, KIND_UINT64, AT(plan.seed), 0, 0,
     "makes the windows' random numbers repeatable"},
    {"bias", 0, "auto|edi", OPTIONS_PLAN, KIND_BIAS, AT(plan.bias), 0, 0,
     "how GROMACS applies the restraint"},
    {"gmx", 0, "PROGRAM", OPTIONS_GROMACS, KIND_TEXT, AT(gromacs), 0, 0,
     "the GROMACS program (default: $AUTOSIM_GMX, or gmx on the PATH)"},
    {"jobs", 'j', "N", OPTIONS_RUN, KIND_INT, AT(run.jobs), 1, 1e5,
     "windows at once (default: as many as the cores carry)"},
    {"ntmpi", 0, "N", OPTIONS_RUN, KIND_INT, AT(run.ntmpi), 1, 1e4,
     "thread-MPI ranks a window (default 1)"},
    {"ntomp", 0, "N", OPTIONS_RUN, KIND_INT, AT(run.ntomp), 1, 1e4,
     "OpenMP threads a rank (default 1, more where cores would idle)"},
    {"retries", 0, "N", OPTIONS_RUN, KIND_INT, AT(run.retries), 0, 1000,
     "attempts after a failed one before a window is given up (default 3)"},
    {"maxh", 0, "H", OPTIONS_RUN, KIND_REAL, AT(run.maxh), 1e-6, 1e6,
     "stop cleanly after this many hours; the same command goes on later"},
    {"cpt", 0, "MIN", OPTIONS_RUN, KIND_REAL, AT(run.checkpoint_minutes), 0.01, 1e4,
     "minutes between checkpoints of a window (default 5)"},
    {"retry-failed", 0, NULL, OPTIONS_RUN, KIND_FLAG, AT(retry_failed), 0, 0,
     "give windows that were given up another try, after their cause is mended"},
    {"dry-run", 'n', NULL, OPTIONS_RUN, KIND_FLAG, AT(dry_run), 0, 0,
     "print the exact gmx commands and run none"},
    {"bins", 0, "N", OPTIONS_PMF, KIND_SIZE, AT(pmf.bin_count), 2, 1e6,
     "points of the profile (default: a quarter of a window's width each)"},
    {"bootstrap", 0, "N", OPTIONS_PMF, KIND_SIZE, AT(pmf.bootstrap_count), 0, 1e5,
     "check the errors with N Bayesian block bootstraps (default 0)"},
    {"discard", 0, "PS", OPTIONS_PMF, KIND_REAL, AT(pmf_begin_ps), 0, 1e12,
     "leave out the first PS of every window (default: a tenth of it, more where it "
     "drifts)"},
    {"html", 0, "FILE", OPTIONS_REPORT, KIND_TEXT, AT(html_path), 0, 0,
     "where to write the report (default DIR/report.html)"},
};

enum { OPTION_COUNT = sizeof table / sizeof *table };

_Static_assert(OPTION_COUNT <= 64, "struct settings keeps a bit for each option");

void settings_init(struct settings *settings)
{
    *settings = (struct settings){
        .folder = "autosim",
        .pca = ASIM_PCA_OPTIONS_INIT,
        .plan = ASIM_PLAN_OPTIONS_INIT,
        .run = ASIM_RUN_OPTIONS_INIT,
        .pmf = ASIM_PMF_OPTIONS_INIT,
        .window_ns = 1.0,
        .pmf_begin_ps = NAN,
    };
}

static int wrong_value(const struct option_spec *spec, const char *value,
                       const char *expected, struct asim_error *err)
{
    return asim_fail(err, ASIM_EUSAGE, "--%s '%s': %s was expected", spec->name, value,
                     expected);
}

/* Index of `value` among words, or a usage error that lists them. */
static int parse_word(const struct option_spec *spec, const char *value,
                      const char *const *words, size_t count, int *ret_index,
                      struct asim_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, words[i]) == 0) {
            *ret_index = (int)i;
            return 0;
        }
    }
    return wrong_value(spec, value, spec->argument, err);
}

static int parse_number(const struct option_spec *spec, const char *value,
                        double *ret_number, struct asim_error *err)
{
    char expected[80];
    snprintf(expected, sizeof expected, "a number from %g to %g", spec->least,
             spec->most);
    double number;
    if (!asim_parse_double(value, &number) || number < spec->least ||
        number > spec->most)
        return wrong_value(spec, value, expected, err);
    *ret_number = number;
    return 0;
}

static int parse_count(const struct option_spec *spec, const char *value,
                       int64_t *ret_count, struct asim_error *err)
{
    char expected[80];
    snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", spec->least,
             spec->most);
    int64_t count;
    if (!asim_parse_int64(value, &count) || (double)count < spec->least ||
        (double)count > spec->most)
        return wrong_value(spec, value, expected, err);
    *ret_count = count;
    return 0;
}

static int parse_range(const struct option_spec *spec, const char *value, double *range,
                       struct asim_error *err)
{
    static const char expected[] = "two numbers A:B with A below B, in nm,";
    char first[64];
    const char *colon = strchr(value, ':');
    if (!colon || (size_t)(colon - value) >= sizeof first)
        return wrong_value(spec, value, expected, err);
    snprintf(first, sizeof first, "%.*s", (int)(colon - value), value);
    double begin, end;
    if (!asim_parse_double(first, &begin) || !asim_parse_double(colon + 1, &end) ||
        !(begin < end))
        return wrong_value(spec, value, expected, err);
    range[0] = begin;
    range[1] = end;
    return 0;
}

static int parse_memory(const struct option_spec *spec, const char *value,
                        struct asim_pca_options *pca, struct asim_error *err)
{
    static const char units[] = "KMGT";
    if (strcmp(value, "auto") == 0)
        return 0;
    if (strcmp(value, "stream") == 0) {
        pca->memory = ASIM_MEMORY_STREAM;
        return 0;
    }
    char *end;
    double size = strtod(value, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit)
        size *= pow(1024, (double)(unit - units + 1));
    bool ended =
        *end == '\0' || (unit && (end[1] == '\0' || strcmp(end + 1, "B") == 0 ||
                                  strcmp(end + 1, "iB") == 0));
    if (end == value || !ended || !(size >= 1 << 20) || size > 1e18)
        return wrong_value(spec, value, "auto, stream, or a size of at least 1M", err);
    pca->memory_limit_bytes = (uint64_t)size;
    return 0;
}

static int store(struct settings *settings, const struct option_spec *spec,
                 const char *value, struct asim_error *err)
{
    void *target = (char *)settings + spec->offset;
    int64_t count = 0;
    int word = 0;
    switch (spec->kind) {
    case KIND_FLAG:
        *(bool *)target = true;
        return 0;
    case KIND_TEXT:
        *(const char **)target = value;
        return 0;
    case KIND_COUNT_OR_AUTO:
        if (strcmp(value, "auto") == 0) {
            *(int *)target = 0;
            return 0;
        }
        /* fall through */
    case KIND_INT:
        if (parse_count(spec, value, &count, err) < 0)
            return -1;
        *(int *)target = (int)count;
        return 0;
    case KIND_SIZE:
        if (parse_count(spec, value, &count, err) < 0)
            return -1;
        *(size_t *)target = (size_t)count;
        return 0;
    case KIND_UINT64:
        if (!asim_parse_int64(value, &count) || count < 1)
            return wrong_value(spec, value, "a positive whole number", err);
        *(uint64_t *)target = (uint64_t)count;
        return 0;
    case KIND_REAL_OR_AUTO:
        if (strcmp(value, "auto") == 0) {
            *(double *)target = 0;
            return 0;
        }
        /* fall through */
    case KIND_REAL:
        return parse_number(spec, value, target, err);
    case KIND_RANGE:
        return parse_range(spec, value, target, err);
    case KIND_MEMORY:
        return parse_memory(spec, value, &settings->pca, err);
    case KIND_PBC:
        if (parse_word(spec, value, pbc_words, 2, &word, err) < 0)
            return -1;
        settings->pca.pbc = word == 0 ? ASIM_PBC_AUTO : ASIM_PBC_NONE;
        return 0;
    case KIND_REFERENCE:
        if (parse_word(spec, value, reference_words, 2, &word, err) < 0)
            return -1;
        settings->pca.reference =
            word == 0 ? ASIM_REFERENCE_MEAN : ASIM_REFERENCE_FIRST;
        return 0;
    case KIND_BIAS:
        if (parse_word(spec, value, bias_words, 2, &word, err) < 0)
            return -1;
        settings->plan.bias = word == 0 ? ASIM_BIAS_AUTO : ASIM_BIAS_EDI;
        return 0;
    }
    return 0;
}

/* "did you mean" over the options that this command takes. */
static int unknown_option(const char *given, const struct command *command,
                          struct asim_error *err)
{
    const char *names[OPTION_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (table[i].groups & command->option_groups)
            names[count++] = table[i].name;
    const char *word = given + strspn(given, "-");
    char bare[64];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
    const char *nearest = asim_nearest_word(bare, names, count);
    if (nearest)
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' is no option of 'autosim %s'; did you mean --%s?", given,
                         command->name, nearest);
    return asim_fail(err, ASIM_EUSAGE,
                     "'%s' is no option of 'autosim %s'; 'autosim help %s' lists them",
                     given, command->name, command->name);
}

/* FILE:GROUP into the file and the selection of the group. */
static int split_ndx(struct settings *settings, struct asim_error *err)
{
    const char *colon = strrchr(settings->ndx, ':');
    bool whole = !colon || asim_file_exists(settings->ndx);
    int path_length = whole ? (int)strlen(settings->ndx) : (int)(colon - settings->ndx);
    const char *group = whole ? "" : colon + 1;
    if ((size_t)path_length >= sizeof settings->ndx_path ||
        strlen(group) + sizeof "group \"\"" > sizeof settings->ndx_selection)
        return asim_fail(err, ASIM_EUSAGE, "--ndx '%s' is too long", settings->ndx);
    if (!whole && settings->pca.selection)
        return asim_fail(err, ASIM_EUSAGE,
                         "--sel and --ndx '%s' both say which atoms: leave out one, or "
                         "write --ndx %.*s --sel 'group \"%s\" and ...'",
                         settings->ndx, path_length, settings->ndx, group);
    snprintf(settings->ndx_path, sizeof settings->ndx_path, "%.*s", path_length,
             settings->ndx);
    settings->pca.ndx_path = settings->ndx_path;
    if (!whole) {
        snprintf(settings->ndx_selection, sizeof settings->ndx_selection,
                 "group \"%s\"", group);
        settings->pca.selection = settings->ndx_selection;
    }
    return 0;
}

int options_parse(int argc, char **argv, const struct command *command,
                  struct settings *ret_settings, struct asim_error *err)
{
    struct option longs[OPTION_COUNT + 1] = {0};
    char shorts[2 * OPTION_COUNT + 2] = ":";
    size_t long_count = 0, short_length = 1;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (!(table[i].groups & command->option_groups))
            continue;
        longs[long_count++] = (struct option){
            table[i].name, table[i].argument ? required_argument : no_argument, NULL,
            256 + i};
        if (table[i].letter) {
            shorts[short_length++] = table[i].letter;
            if (table[i].argument)
                shorts[short_length++] = ':';
        }
    }
    opterr = 0;
    optind = 1;
    for (;;) {
        int found = getopt_long(argc, argv, shorts, longs, NULL);
        if (found == -1)
            break;
        const char *given = argv[optind - 1];
        if (found == '?') {
            char letter[3] = {'-', (char)optopt, '\0'};
            return unknown_option(optopt > 0 && optopt < 256 ? letter : given, command,
                                  err);
        }
        if (found == ':')
            return asim_fail(err, ASIM_EUSAGE, "option '%s' needs a value", given);
        int index = found - 256;
        for (int i = 0; i < OPTION_COUNT && index < 0; i++)
            if (table[i].letter == found && (table[i].groups & command->option_groups))
                index = i;
        if (store(ret_settings, &table[index], optarg, err) < 0)
            return -1;
        ret_settings->given |= (uint64_t)1 << index;
    }
    if (ret_settings->ndx && split_ndx(ret_settings, err) < 0)
        return -1;
    ret_settings->plan.window_ps = 1000 * ret_settings->window_ns;
    ret_settings->run.gromacs = ret_settings->gromacs;
    ret_settings->arguments = argv + optind;
    ret_settings->argument_count = argc - optind;
    return 0;
}

const char *options_name(unsigned option_groups, size_t index)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (table[i].groups & option_groups && index-- == 0)
            return table[i].name;
    return NULL;
}

int options_restore(struct settings *settings, unsigned option_groups, const char *name,
                    const char *value, struct asim_error *err)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        uint64_t bit = (uint64_t)1 << i;
        if (!(table[i].groups & option_groups) || strcmp(table[i].name, name) != 0 ||
            settings->given & bit)
            continue;
        if (store(settings, &table[i], value, err) < 0)
            return -1;
        settings->given |= bit;
    }
    settings->plan.window_ps = 1000 * settings->window_ns;
    return 0;
}

void options_print_help(unsigned option_groups)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!(table[i].groups & option_groups))
            continue;
        char head[80];
        char letter[5] = "    ";
        if (table[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", table[i].letter);
        snprintf(head, sizeof head, "  %s--%s%s%s", letter, table[i].name,
                 table[i].argument ? " " : "",
                 table[i].argument ? table[i].argument : "");
        printf("%-34s ", head);
        if (strlen(head) > 34)
            printf("\n%35s", "");
        int column = 35;
        for (const char *word = table[i].help; *word;) {
            int length = (int)strcspn(word, " ");
            if (column + length > 87) {
                printf("\n%35s", "");
                column = 35;
            }
            printf("%s%.*s", column > 35 ? " " : "", length, word);
            column += length + 1;
            word += length + (word[length] == ' ');
        }
        printf("\n");
    }
}

static void format_value(const struct settings *settings,
                         const struct option_spec *spec, char *ret_value,
                         size_t value_size)
{
    const void *source = (const char *)settings + spec->offset;
    switch (spec->kind) {
    case KIND_FLAG:
        snprintf(ret_value, value_size, "%s", *(const bool *)source ? "true" : "false");
        break;
    case KIND_TEXT:
        snprintf(ret_value, value_size, "%s", *(const char *const *)source);
        break;
    case KIND_PBC:
        snprintf(ret_value, value_size, "%s", pbc_words[settings->pca.pbc]);
        break;
    case KIND_REFERENCE:
        snprintf(ret_value, value_size, "%s", reference_words[settings->pca.reference]);
        break;
    case KIND_BIAS:
        snprintf(ret_value, value_size, "%s", bias_words[settings->plan.bias]);
        break;
    case KIND_COUNT_OR_AUTO:
        if (*(const int *)source == 0) {
            snprintf(ret_value, value_size, "auto");
            break;
        }
        /* fall through */
    case KIND_INT:
        snprintf(ret_value, value_size, "%d", *(const int *)source);
        break;
    case KIND_SIZE:
        snprintf(ret_value, value_size, "%zu", *(const size_t *)source);
        break;
    case KIND_UINT64:
        snprintf(ret_value, value_size, "%llu",
                 (unsigned long long)*(const uint64_t *)source);
        break;
    case KIND_REAL_OR_AUTO:
        if (*(const double *)source == 0) {
            snprintf(ret_value, value_size, "auto");
            break;
        }
        /* fall through */
    case KIND_REAL:
        snprintf(ret_value, value_size, "%.10g", *(const double *)source);
        break;
    case KIND_RANGE:
        snprintf(ret_value, value_size, "%.10g:%.10g", ((const double *)source)[0],
                 ((const double *)source)[1]);
        break;
    case KIND_MEMORY:
        snprintf(ret_value, value_size, "%llu",
                 (unsigned long long)settings->pca.memory_limit_bytes);
        break;
    }
}

const char *options_given_name(const struct settings *settings, unsigned option_groups,
                               size_t index, char *ret_value, size_t value_size)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!(table[i].groups & option_groups) || !(settings->given >> i & 1))
            continue;
        if (index-- > 0)
            continue;
        format_value(settings, &table[i], ret_value, value_size);
        return table[i].name;
    }
    return NULL;
}
