/* Windows that start elsewhere and are moved to their centres. */
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <autosim/samples.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "formats/tpr.h"
#include "formats/xtc.h"
#include "windows/bias_method.h"

#include "random_mode.h"

enum { ATOMS = 6, FRAMES = 200 };

static char folder[] = "/tmp/autosim-test-XXXXXX";

static char *compose(enum asim_bias_engine engine, struct asim_steering steering,
                     struct asim_error *err)
{
    struct random_mode mode;
    struct asim_bias_texts texts;
    random_mode_set_up(&mode, ATOMS, 0.3, 0.05, 7);
    const struct asim_bias_request request = {.pca = &mode.pca,
                                              .bias = {0.25, 1500},
                                              .steering = steering,
                                              .system_atom_count = 100,
                                              .dt_ps = 0.002,
                                              .sample_steps = 50,
                                              .temperature_kelvin = 300};
    if (asim_bias_compose(asim_bias_method(engine), &request, &texts, err) < 0)
        return NULL;
    char *text = texts.text[0];
    texts.text[0] = NULL;
    asim_bias_texts_finish(&texts);
    return text;
}

static void inputs_move_the_centre_and_hold_it(void **state)
{
    (void)state;
    const struct asim_steering steering = {-0.5, 150}, none = {0};
    struct asim_error err;
    char *text = compose(ASIM_BIAS_COLVARS, steering, &err);
    assert_non_null(strstr(text, "  centers -0.5\n  targetCenters 0.25\n"
                                 "  targetNumSteps 75000\n  forceConstant 1500\n"));
    free(text);
    text = compose(ASIM_BIAS_COLVARS, none, &err);
    assert_non_null(strstr(text, "  centers 0.25\n  forceConstant 1500\n"));
    assert_null(strstr(text, "target"));
    free(text);
    text = compose(ASIM_BIAS_PLUMED, steering, &err);
    assert_non_null(strstr(text, "r: MOVINGRESTRAINT ARG=p STEP0=0 AT0=-0.5 "
                                 "KAPPA0=1500 STEP1=75000 AT1=0.25 KAPPA1=1500\n"));
    free(text);
    assert_null(compose(ASIM_BIAS_EDI, steering, &err));
    assert_int_equal(err.status, ASIM_EINPUT);
}

static void write_text(const char *name, const char *text)
{
    char *path = asim_path_join(folder, name, NULL);
    assert_int_equal(asim_file_replace(path, text, strlen(text), NULL), 0);
    free(path);
}

/* Rows every 0.1 ps of a centre that moves from -0.5 to 0.25 nm in 0.3 ps, as the file
 * says, or `error_nm` off. */
static void write_rows(enum asim_bias_engine engine, double error_nm)
{
    static const double centre_nm[] = {-0.5, -0.25, 0, 0.25, 0.25};
    char text[1000];
    size_t used =
        (size_t)sprintf(text, "%s\n",
                        engine == ASIM_BIAS_COLVARS ? "# step p E_bias"
                                                    : "#! FIELDS time p c.residual "
                                                      "r.bias");
    for (int i = 0; i < 5; i++) {
        double p = 0.1 * i - 0.3, far = p - centre_nm[i] - error_nm;
        used += (size_t)(engine == ASIM_BIAS_COLVARS
                             ? sprintf(text + used, "%d %.14e %.14e\n", 50 * i, p,
                                       750 * far * far)
                             : sprintf(text + used, "%.10g %.10g 0 %.10g\n", 0.1 * i, p,
                                       750 * far * far));
    }
    write_text(engine == ASIM_BIAS_COLVARS ? "bias.colvars.traj" : "COLVAR", text);
}

static void rows_are_held_to_the_moving_centre(void **state)
{
    (void)state;
    const struct asim_window window = {.bias = {0.25, 1500}, .steering = {-0.5, 0.3}};
    const struct asim_window standing = {.bias = {0.25, 1500}};
    for (int i = 0; i < 2; i++) {
        const struct asim_plan plan = {.bias = i ? ASIM_BIAS_PLUMED : ASIM_BIAS_COLVARS,
                                       .dt_ps = 0.002};
        struct asim_series series;
        struct asim_error err = {0};
        write_rows(plan.bias, 0);
        if (asim_series_read(folder, &plan, &window, &series, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(series.count, 5);
        assert_int_equal(series.steered_count, 3);
        asim_series_finish(&series);
        assert_int_equal(asim_series_read(folder, &plan, &standing, &series, &err), -1);
        write_rows(plan.bias, 1e-6);
        assert_int_equal(asim_series_read(folder, &plan, &window, &series, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        assert_non_null(strstr(err.text, "another bias"));
    }
}

/* Ten heavy atoms of 22, near where the TPR has them. */
static struct asim_trajectory *make_trajectory(const struct asim_tpr *tpr,
                                               const struct asim_topology *top)
{
    struct asim_xtc_bytes bytes = {0};
    struct asim_frame frame = {0};
    struct asim_random random;
    struct asim_trajectory *traj;
    asim_random_seed(&random, 3);
    assert_int_equal(asim_frame_reserve(&frame, top->written_count, NULL), 0);
    frame.atom_count = top->written_count;
    memcpy(frame.box_nm, tpr->box_nm, sizeof frame.box_nm);
    for (int f = 0; f < FRAMES; f++) {
        frame.time_ps = f;
        for (size_t i = 0; i < top->written_count; i++)
            for (int d = 0; d < 3; d++)
                frame.x_nm[i][d] = (float)((double)tpr->x_nm[top->written[i]][d] +
                                           0.02 * asim_random_gaussian(&random));
        assert_int_equal(asim_xtc_append(&bytes, &frame, ASIM_XTC_MAGIC_AUTO, NULL), 0);
    }
    char *path = asim_path_join(folder, "part.xtc", NULL);
    assert_int_equal(asim_file_replace(path, bytes.data, bytes.size, NULL), 0);
    assert_int_equal(asim_trajectory_open(path, &traj, NULL), 0);
    free(path);
    asim_xtc_bytes_finish(&bytes);
    asim_frame_finish(&frame);
    return traj;
}

static void check_steering(const struct asim_plan *plan, size_t i)
{
    const struct asim_window *window = &plan->windows[i];
    double way = fabs(window->bias.centre_nm - window->start_nm);
    assert_true(window->steering.from_nm == window->start_nm);
    assert_true(window->steering.duration_ps >= 20);
    assert_true(window->steering.duration_ps >= way / 0.005 - 1e-9);
    assert_true(window->steering.duration_ps < fmax(20, way / 0.005) + 0.2);
    int64_t steering = llround(window->steering.duration_ps / plan->dt_ps);
    assert_int_equal(window->nsteps, 50000 + steering);
}

static void check_window(const struct asim_plan *plan, size_t i,
                         const struct asim_tpr *original)
{
    const struct asim_window *window = &plan->windows[i];
    struct asim_tpr tpr;
    check_steering(plan, i);
    char name[60];
    snprintf(name, sizeof name, "windows/%03d/window.tpr", window->window_id);
    char *path = asim_path_join(folder, name, NULL);
    assert_int_equal(asim_tpr_read(path, &tpr, NULL, NULL), 0);
    assert_memory_equal(tpr.x_nm, original->x_nm,
                        original->atom_count * sizeof *tpr.x_nm);
    assert_int_equal(tpr.nsteps, window->nsteps);
    asim_tpr_finish(&tpr);
    free(path);
}

static void windows_start_from_the_tpr_where_frames_lack_atoms(void **state)
{
    (void)state;
    struct asim_tpr tpr;
    struct asim_topology top;
    struct asim_pca pca;
    struct asim_plan plan, back;
    struct asim_error err = {0};
    struct asim_pca_options pca_options = ASIM_PCA_OPTIONS_INIT;
    struct asim_plan_options options = ASIM_PLAN_OPTIONS_INIT;
    char *tpr_path = asim_format(NULL, "%s/fuzz/corpus/tpr/alanine-written.tpr",
                                 getenv("AUTOSIM_SOURCE_ROOT"));
    assert_int_equal(asim_tpr_read(tpr_path, &tpr, &top, NULL), 0);
    struct asim_trajectory *traj = make_trajectory(&tpr, &top);
    if (asim_pca_compute(&top, traj, &pca_options, NULL, &pca, &err) < 0)
        fail_msg("%s", err.text);
    options.window_ps = 100;
    options.bias = ASIM_BIAS_EDI;
    assert_int_equal(
        asim_plan_compute(&pca, &top, tpr_path, traj, &options, NULL, &plan, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "compressed-x-grps"));
    options.bias = ASIM_BIAS_COLVARS;
    if (asim_plan_compute(&pca, &top, tpr_path, traj, &options, NULL, &plan, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(plan.steered && plan.window_count > 3);
    const struct asim_plan_sources sources = {
        .pca = &pca, .top = &top, .tpr_path = tpr_path, .traj = traj};
    if (asim_plan_write(&plan, &sources, folder, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(asim_plan_read(folder, &back, NULL), 0);
    assert_true(back.steered);
    for (size_t i = 0; i < plan.window_count; i++) {
        check_window(&back, i, &tpr);
        assert_true(back.windows[i].steering.duration_ps ==
                    plan.windows[i].steering.duration_ps);
        assert_true(back.windows[i].start_nm == plan.windows[i].start_nm);
    }
    /* One more, later. */
    const struct asim_bias more = {plan.windows[0].bias.centre_nm - 0.7, 900};
    assert_int_equal(asim_plan_add_window(&back, &pca, &more, 50000, NULL), 0);
    char *next = asim_path_join(folder, "next.json", NULL);
    if (asim_plan_write_more(&back, plan.window_count, &sources, folder, next, &err) <
        0)
        fail_msg("%s", err.text);
    check_window(&back, plan.window_count, &tpr);
    free(next);
    asim_plan_finish(&back);
    asim_plan_finish(&plan);
    /* One alone, far out: its own way counts. */
    const struct asim_bias far = {1.2, 900};
    char *part = asim_path_join(folder, "part.xtc", NULL);
    char *alone = asim_path_join(folder, "alone", NULL);
    const char *const paths[] = {part};
    if (asim_plan_one_window(&pca, tpr_path, paths, 1, &far, 50000, &options, alone,
                             NULL, &plan, &err) < 0)
        fail_msg("%s", err.text);
    check_steering(&plan, 0);
    asim_plan_finish(&plan);
    /* The component numbers the atoms of another system. */
    pca.system_atom_count--;
    assert_int_equal(
        asim_plan_compute(&pca, &top, tpr_path, traj, &options, NULL, &plan, &err), -1);
    assert_non_null(strstr(err.text, "number the atoms of a system of 21"));
    free(part);
    free(alone);
    asim_pca_finish(&pca);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    asim_tpr_finish(&tpr);
    free(tpr_path);
}

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int clean_up(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 10, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_move_the_centre_and_hold_it),
        cmocka_unit_test(rows_are_held_to_the_moving_centre),
        cmocka_unit_test(windows_start_from_the_tpr_where_frames_lack_atoms),
    };
    if (!mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
