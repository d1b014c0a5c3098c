/*
 * The page's sections on the profile: figures, captions, checks.
 * Invariants are those of html.c.
 */
#include "report/html.h"

#include <math.h>

#include "base/units.h"
#include "report/markup.h"
#include "report/table.h"

/* A figure fills the column, drawn anew for narrow screens; half figures stand two in
 * a row and are narrow always. 343 px is a phone of 375 px less its margins. */
const struct asim_figure_size asim_page_wide = {760, 380, "wide", false};
const struct asim_figure_size asim_page_low_wide = {760, 260, "wide", false};
const struct asim_figure_size asim_page_narrow = {343, 320, "narrow", false};
const struct asim_figure_size asim_page_half = {368, 340, "half", false};
const struct asim_figure_size asim_page_square = {368, 420, "half", false};

void asim_html_number(FILE *stream, double value, int digits)
{
    char text[64];
    asim_number_text(value, digits, text, sizeof text);
    fputs(text, stream);
}

void asim_html_missing(FILE *stream, const char *sentence)
{
    fprintf(stream, "<p class=\"missing\">%s</p>\n", sentence);
}

bool asim_html_has_profile(const struct asim_pmf *pmf)
{
    return pmf && pmf->bin_count > 0 && pmf->x_nm && pmf->pmf_kj_mol &&
           pmf->error_kj_mol && pmf->band_kj_mol;
}

int asim_html_profile(FILE *stream, const struct asim_report *report,
                      struct asim_error *err)
{
    const struct asim_pmf *pmf = report->pmf;
    fputs("<section id=\"profile\"><h2>Free-energy profile</h2>\n", stream);
    if (!asim_html_has_profile(pmf)) {
        asim_html_missing(
            stream, "There is no profile yet, so it and its checks are left out.");
        fputs("</section>\n", stream);
        return 0;
    }
    fputs("<figure>\n", stream);
    asim_figure_pmf(stream, pmf, report->plan, &asim_page_wide);
    asim_figure_pmf(stream, pmf, report->plan, &asim_page_narrow);
    size_t gaps = 0;
    for (size_t i = 0; i < pmf->bin_count; i++)
        gaps += !isfinite(pmf->pmf_kj_mol[i]);
    fputs(
        "<figcaption>The line is the potential of mean force with its least value "
        "set to 0. With 95% confidence a point chosen in advance lies within the dark "
        "(pointwise) band, and the whole profile within the pale (simultaneous) one. "
        "Features smaller than the pale band mean nothing. 1 <i>kT</i> is ",
        stream);
    asim_html_number(stream, ASIM_KB_KJ_MOL_K * pmf->temperature_kelvin, 3);
    fputs(" kJ/mol.", stream);
    if (gaps > 0)
        fprintf(stream, " %zu of %zu bins have no samples: gaps in the line.", gaps,
                pmf->bin_count);
    fputs(" Residual of the MBAR equations: ", stream);
    asim_html_number(stream, pmf->residual, 2);
    fputs(".</figcaption>\n</figure>\n", stream);
    if (pmf->convergence_count > 0) {
        fputs("<figure>\n", stream);
        asim_figure_convergence(stream, pmf, &asim_page_low_wide);
        asim_figure_convergence(stream, pmf, &asim_page_narrow);
        fputs("<figcaption>The height of the profile at ", stream);
        asim_html_number(stream, pmf->to_nm, 4);
        fputs(" over that at ", stream);
        asim_html_number(stream, pmf->from_nm, 4);
        fputs(", by the axis above, where it is largest and least. Both lines should "
              "come into the band "
              "early and stay; where they part, the beginning and the end of the runs "
              "disagree.</figcaption>\n</figure>\n",
              stream);
    }
    if (pmf->variance_share && pmf->window_count > 1) {
        fputs("<figure>\n", stream);
        if (asim_figure_variance(stream, pmf, &asim_page_low_wide, err) < 0 ||
            asim_figure_variance(stream, pmf, &asim_page_narrow, err) < 0)
            return -1;
        fputs(
            "<figcaption>Where the error comes from: the windows with the tallest bars "
            "are those that pay for being run longer.</figcaption>\n</figure>\n",
            stream);
    }
    fputs("</section>\n", stream);

    fputs("<section id=\"checks\"><h2>Checks</h2>\n", stream);
    if (pmf->gate_count > 0)
        asim_html_gates(stream, pmf->gates, pmf->gate_count);
    else
        asim_html_missing(stream, "No checks were made.");
    fputs("</section>\n", stream);
    return 0;
}

int asim_html_along(FILE *stream, const struct asim_along *along,
                    struct asim_error *err)
{
    if (!along || along->bin_count == 0 || along->x_count == 0)
        return 0;
    fputs("<section id=\"along\"><h2>Along ", stream);
    asim_markup_text(stream, along->coordinate);
    fputs("</h2>\n<p>", stream);
    asim_markup_text(stream, along->verdict);
    fputs("</p>\n<div class=\"pair\">\n<figure>\n", stream);
    asim_figure_along(stream, along, &asim_page_square);
    fprintf(stream,
            "<figcaption>From %zu samples, each with the weight that MBAR gives it. "
            "Errors are those of a block bootstrap that solves MBAR anew each time.",
            along->sample_count);
    fputs("</figcaption>\n</figure>\n<figure>\n", stream);
    if (asim_figure_plane(stream, along, &asim_page_square, err) < 0)
        return -1;
    fputs("<figcaption>The free energy over both coordinates. Cells with fewer than "
          "ten effective samples are left empty; errors are in pmf/pmf2d.csv."
          "</figcaption>\n</figure>\n</div>\n",
          stream);
    asim_html_gates(stream, along->gates, along->gate_count);
    fputs("</section>\n", stream);
    return 0;
}
