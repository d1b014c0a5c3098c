/*
 * Every figure of the report as a file of its own, for papers and slides. A figure
 * without data is no file, and one from before is removed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <autosim/report.h>

#include "base/error.h"
#include "base/file.h"
#include "report/figures.h"
#include "report/write_file.h"

static const struct asim_figure_size large = {720, 400, "alone", true};
static const struct asim_figure_size low = {720, 280, "alone", true};
static const struct asim_figure_size square = {480, 520, "alone", true};

static bool has_pca(const struct asim_report *report)
{
    return report->pca && report->pca->component_count > 0 &&
           report->pca->frame_count > 0;
}

static bool has_plane(const struct asim_report *report)
{
    return has_pca(report) && report->pca->component_count > 1;
}

static bool has_samples(const struct asim_report *report)
{
    return report->plan && report->series;
}

static bool has_pmf(const struct asim_report *report)
{
    const struct asim_pmf *pmf = report->pmf;
    return pmf && pmf->bin_count > 0 && pmf->x_nm && pmf->pmf_kj_mol &&
           pmf->error_kj_mol && pmf->band_kj_mol;
}

static bool has_overlap(const struct asim_report *report)
{
    return report->pmf && report->pmf->overlap && report->pmf->window_count > 0;
}

static int draw_pmf(FILE *stream, const void *what, struct asim_error *err)
{
    const struct asim_report *report = what;
    (void)err;
    asim_figure_pmf(stream, report->pmf, report->plan, &large);
    return 0;
}

static bool has_convergence(const struct asim_report *report)
{
    return report->pmf && report->pmf->convergence_count > 0;
}

static int draw_convergence(FILE *stream, const void *what, struct asim_error *err)
{
    (void)err;
    asim_figure_convergence(stream, ((const struct asim_report *)what)->pmf, &low);
    return 0;
}

static bool has_variance(const struct asim_report *report)
{
    return report->pmf && report->pmf->variance_share && report->pmf->window_count > 1;
}

static int draw_variance(FILE *stream, const void *what, struct asim_error *err)
{
    return asim_figure_variance(stream, ((const struct asim_report *)what)->pmf, &low,
                                err);
}

static int draw_scree(FILE *stream, const void *what, struct asim_error *err)
{
    (void)err;
    asim_figure_scree(stream, ((const struct asim_report *)what)->pca, &large);
    return 0;
}

static int draw_projection(FILE *stream, const void *what, struct asim_error *err)
{
    return asim_figure_projection(stream, ((const struct asim_report *)what)->pca, &low,
                                  err);
}

static int draw_scatter(FILE *stream, const void *what, struct asim_error *err)
{
    return asim_figure_scatter(stream, ((const struct asim_report *)what)->pca, &square,
                               err);
}

static int draw_histograms(FILE *stream, const void *what, struct asim_error *err)
{
    const struct asim_report *report = what;
    struct asim_histograms histograms = {0};
    if (asim_histograms_build(report->plan, report->series, &histograms, err) < 0)
        return -1;
    asim_figure_histograms(stream, &histograms, report->plan, &large);
    asim_histograms_finish(&histograms);
    return 0;
}

static int draw_drift(FILE *stream, const void *what, struct asim_error *err)
{
    const struct asim_report *report = what;
    return asim_figure_drift(stream, report->plan, report->series, &low, err);
}

static int draw_overlap(FILE *stream, const void *what, struct asim_error *err)
{
    return asim_figure_overlap(stream, ((const struct asim_report *)what)->pmf, &square,
                               err);
}

static int draw_neighbours(FILE *stream, const void *what, struct asim_error *err)
{
    return asim_figure_neighbours(stream, ((const struct asim_report *)what)->pmf,
                                  &large, err);
}

static bool has_along(const struct asim_report *report)
{
    return report->along && report->along->bin_count > 0 && report->along->x_count > 0;
}

static int draw_along(FILE *stream, const void *what, struct asim_error *err)
{
    (void)err;
    asim_figure_along(stream, ((const struct asim_report *)what)->along, &large);
    return 0;
}

static int draw_map(FILE *stream, const void *what, struct asim_error *err)
{
    return asim_figure_plane(stream, ((const struct asim_report *)what)->along, &square,
                             err);
}

static const struct {
    const char *name;
    bool (*has_data)(const struct asim_report *report);
    asim_report_write_fn draw;
} figures[] = {
    {"pmf.svg", has_pmf, draw_pmf},
    {"convergence.svg", has_convergence, draw_convergence},
    {"variance.svg", has_variance, draw_variance},
    {"along.svg", has_along, draw_along},
    {"pmf2d.svg", has_along, draw_map},
    {"scree.svg", has_pca, draw_scree},
    {"projection.svg", has_pca, draw_projection},
    {"plane.svg", has_plane, draw_scatter},
    {"histograms.svg", has_samples, draw_histograms},
    {"drift.svg", has_samples, draw_drift},
    {"overlap.svg", has_overlap, draw_overlap},
    {"neighbours.svg", has_overlap, draw_neighbours},
};

int asim_report_write_figures(const struct asim_report *report, const char *folder,
                              struct asim_error *err)
{
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        char *path = asim_path_join(folder, figures[i].name, err);
        int rc = path ? 0 : -1;
        if (rc == 0 && figures[i].has_data(report))
            rc = asim_report_write_file(path, figures[i].draw, report, err);
        else if (rc == 0 && unlink(path) < 0 && errno != ENOENT)
            rc = asim_fail(err, ASIM_EIO, "cannot remove '%s': %s", path,
                           strerror(errno));
        free(path);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int draw_pmf_alone(FILE *stream, const void *what, struct asim_error *err)
{
    (void)err;
    asim_figure_pmf(stream, what, NULL, &large);
    return 0;
}

int asim_report_write_pmf_svg(const struct asim_pmf *pmf, const char *path,
                              struct asim_error *err)
{
    return asim_report_write_file(path, draw_pmf_alone, pmf, err);
}
