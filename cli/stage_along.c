/* The profile along another coordinate of a campaign's windows. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "pipeline.h"

/* Where the other coordinate is from. */
struct source {
    const char *name;    /* for labels: PC2, or FILE:COLUMN */
    size_t component;    /* numbered from 0; 0: a table */
    char *file;          /* of a table, in each window's folder */
    const char *column;  /* NULL: there is only one */
    struct asim_pca pca; /* with a component */
    struct asim_topology top;
};

static void source_finish(struct source *source)
{
    free(source->file);
    asim_pca_finish(&source->pca);
    asim_topology_finish(&source->top);
}

static int open_component(const struct settings *settings, struct source *source,
                          struct asim_error *err)
{
    char *end;
    unsigned long number = strtoul(settings->along + 2, &end, 10);
    if (number == 1)
        return asim_fail(
            err, ASIM_EUSAGE,
            "--along %s: that is what the bias holds, and 'pmf.xvg' is its "
            "profile; pc2 or a later one was expected",
            settings->along);
    char *pca_folder = asim_path_join(settings->folder, "pca", err);
    char *tpr = asim_path_join(settings->folder, "windows/000/window.tpr", err);
    int rc = -1;
    if (pca_folder && tpr && asim_pca_read(pca_folder, &source->pca, err) == 0 &&
        asim_topology_read(tpr, &source->top, err) == 0)
        rc =
            number > 0 && number <= source->pca.component_count
                ? 0
                : asim_fail(err, ASIM_EUSAGE,
                            "--along %s: %zu components were kept, pc2 to pc%zu can be "
                            "asked for",
                            settings->along, source->pca.component_count,
                            source->pca.component_count);
    source->component = number - 1;
    free(pca_folder);
    free(tpr);
    return rc;
}

static int open_source(const struct settings *settings, struct source *source,
                       struct asim_error *err)
{
    const char *along = settings->along;
    *source = (struct source){.name = along};
    size_t digits =
        strncasecmp(along, "pc", 2) == 0 ? strspn(along + 2, "0123456789") : 0;
    if (digits > 0 && digits < 9 && along[2 + digits] == '\0')
        return open_component(settings, source, err);
    if (strchr(along, '/'))
        return asim_fail(err, ASIM_EUSAGE,
                         "--along %s: the name of a file in every window's folder was "
                         "expected, without '/', or pc2",
                         along);
    source->file = asim_strdup(along, err);
    if (!source->file)
        return -1;
    char *colon = strrchr(source->file, ':');
    if (colon) {
        *colon = '\0';
        source->column = colon + 1;
    }
    return 0;
}

/* The companion of a window's samples behind those that are left out. */
static int read_companion(const struct settings *settings, const struct source *source,
                          const struct asim_plan *plan,
                          const struct along_window *window,
                          struct asim_companion *companion, struct asim_error *err)
{
    int rc = -1;
    char *folder =
        asim_format(err, "%s/windows/%03d", settings->folder, window->window_id);
    char *path =
        folder && source->file ? asim_path_join(folder, source->file, err) : NULL;
    if (folder && !source->file)
        rc = asim_companion_project(folder, plan, window->series, &source->pca,
                                    &source->top, source->component,
                                    settings->pmf.thread_count, companion, err);
    else if (path)
        rc = asim_companion_read(path, source->column, plan, window->series, companion,
                                 err);
    free(folder);
    free(path);
    if (rc < 0)
        return -1;
    size_t kept = 0;
    for (size_t i = 0; i < companion->count; i++) {
        if (companion->sample_index[i] < window->skipped)
            continue;
        companion->value[kept] = companion->value[i];
        companion->sample_index[kept++] = companion->sample_index[i] - window->skipped;
    }
    companion->count = kept;
    return 0;
}

int write_along(struct workplace *workplace, const struct asim_along *along,
                struct asim_error *err)
{
    char *folder = asim_path_join(workplace->settings->folder, "pmf", err);
    int rc = folder ? asim_along_write(along, folder, err) : -1;
    free(folder);
    if (rc == 0)
        asim_log_write(workplace->log,
                       along->trustworthy ? ASIM_LOG_INFO : ASIM_LOG_WARNING,
                       "Along %s, from %zu samples: %s", along->coordinate,
                       along->sample_count, along->verdict);
    return rc;
}

int stage_along(struct workplace *workplace, const struct asim_plan *plan,
                const struct along_window *along_windows,
                const struct asim_pmf_window *windows, const struct asim_pmf *profile,
                const struct asim_pmf_options *options, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    size_t count = profile->window_count;
    struct asim_pmf_options own = *options;
    struct source source;
    struct asim_along along = {0};
    struct asim_pmf_companion *borrowed = NULL;
    struct asim_companion *companions = NULL;
    char label[24];
    int rc = -1;
    if (open_source(settings, &source, err) < 0)
        goto out;
    snprintf(label, sizeof label, "PC%zu", source.component + 1);
    companions = asim_alloc_array(count, sizeof *companions, err);
    borrowed = asim_alloc_array(count, sizeof *borrowed, err);
    if (!companions || !borrowed)
        goto out;
    for (size_t k = 0; k < count; k++) {
        if (read_companion(settings, &source, plan, &along_windows[k], &companions[k],
                           err) < 0)
            goto out;
        borrowed[k] = (struct asim_pmf_companion){
            companions[k].value, companions[k].sample_index, companions[k].count};
    }
    const struct asim_along_options along_options = {
        .coordinate = source.file ? settings->along : label,
        .unit = source.file ? "" : "nm",
        .bootstrap_count = options->bootstrap_count};
    own.target_kj_mol = 0;
    if (asim_pmf_along(windows, borrowed, profile, &own, &along_options, &along, err) ==
        0)
        rc = write_along(workplace, &along, err);
out:
    for (size_t k = 0; companions && k < count; k++)
        asim_companion_finish(&companions[k]);
    free(companions);
    free(borrowed);
    asim_along_finish(&along);
    source_finish(&source);
    return rc;
}
