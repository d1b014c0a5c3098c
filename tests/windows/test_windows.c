/* Where windows are placed, what their bias files say, and how wrong the bias is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <autosim/windows.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/units.h"
#include "formats/tpr.h"
#include "formats/xtc.h"
#include "structure/superpose.h"
#include "windows/edi.h"
#include "windows/force_error.h"

enum { ATOMS = 7, N = 3 * ATOMS };

static void random_points(struct asim_random *random, double spread, double *x)
{
    for (int i = 0; i < N; i++)
        x[i] = spread * asim_random_gaussian(random);
}

static void centre(double *x)
{
    for (int a = 0; a < 3; a++) {
        double sum = 0;
        for (int i = a; i < N; i += 3)
            sum += x[i];
        for (int i = a; i < N; i += 3)
            x[i] -= sum / ATOMS;
    }
}

/* p(x) = sum v . (R (x - c) - r), and y = R (x - c). */
static double coordinate(const double *x, const double *r, const double *v, double *y)
{
    double rotation[3][3], x_centre[3], r_centre[3], p = 0;
    assert_int_equal(asim_superpose(x, r, ATOMS, rotation, x_centre, r_centre, NULL),
                     0);
    for (int i = 0; i < N; i++) {
        double *out = &y[i];
        *out = 0;
        for (int b = 0; b < 3; b++)
            *out += rotation[i % 3][b] * (x[i / 3 * 3 + b] - x_centre[b]);
        p += v[i] * (*out - r[i]);
    }
    return p;
}

/* The missing part of the force against the numerical gradient of p itself. */
static void force_error_is_the_distance_to_the_true_gradient(void **state)
{
    (void)state;
    struct asim_random random;
    asim_random_seed(&random, 11);
    for (int repeat = 0; repeat < 50; repeat++) {
        double r[N], v[N], x[N], y[N], scratch[N], h[N], w2, norm = 0, missing = 0;
        random_points(&random, 0.3, r);
        random_points(&random, 1, v);
        centre(r);
        centre(v);
        for (int i = 0; i < N; i++)
            norm += v[i] * v[i];
        for (int i = 0; i < N; i++) {
            v[i] /= sqrt(norm);
            x[i] = r[i] + 0.03 * asim_random_gaussian(&random);
        }
        coordinate(x, r, v, y);
        const struct asim_fitted fitted = {y, v, ATOMS, y, r, ATOMS};
        assert_int_equal(asim_force_error(&fitted, h, &w2, NULL), 0);
        /* In the rotated frame x = y superposes onto r by the identity. */
        for (int i = 0; i < N; i++) {
            const double step = 1e-5;
            double moved[N];
            memcpy(moved, y, sizeof moved);
            moved[i] = y[i] + step;
            double up = coordinate(moved, r, v, scratch);
            moved[i] = y[i] - step;
            double down = coordinate(moved, r, v, scratch);
            double difference = (up - down) / (2 * step) - v[i];
            missing += difference * difference;
        }
        assert_true(fabs(missing - w2) < 1e-6 * (1 + w2));
    }
}

static void a_line_of_atoms_has_no_unique_rotation(void **state)
{
    (void)state;
    double r[9] = {-1, 0, 0, 0, 0, 0, 1, 0, 0}, v[9] = {0, 1, 0, 0, -2, 0, 0, 1, 0};
    double h[9], w2;
    struct asim_error err = {0};
    const struct asim_fitted fitted = {r, v, 3, r, r, 3};
    assert_int_equal(asim_force_error(&fitted, h, &w2, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
}

/* A PCA made by hand: one random mode of a random structure. */
struct fixture {
    struct asim_pca pca;
    uint32_t atoms[ATOMS];
    double eigenvalue, vector[N], mean[N];
};

static void make_pca(struct fixture *fixture, uint64_t seed)
{
    struct asim_random random;
    double norm = 0;
    asim_random_seed(&random, seed);
    random_points(&random, 0.3, fixture->mean);
    random_points(&random, 1, fixture->vector);
    centre(fixture->mean);
    centre(fixture->vector);
    for (int i = 0; i < N; i++)
        norm += fixture->vector[i] * fixture->vector[i];
    for (int i = 0; i < N; i++)
        fixture->vector[i] /= sqrt(norm);
    for (uint32_t i = 0; i < ATOMS; i++)
        fixture->atoms[i] = 3 * i + 1;
    fixture->eigenvalue = 0.0225;
    fixture->pca = (struct asim_pca){
        .atom_count = ATOMS,
        .align_count = ATOMS,
        .component_count = 1,
        .atom_indices = fixture->atoms,
        .align_indices = fixture->atoms,
        .eigenvalues_nm2 = &fixture->eigenvalue,
        .eigenvectors = fixture->vector,
        .mean_nm = fixture->mean,
        .reference_nm = fixture->mean,
        .align_same = true,
    };
}

static void an_edi_file_reads_back_as_it_was_meant(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_edi edi;
    struct asim_error err = {0};
    char *text;
    make_pca(&fixture, 3);
    static const struct asim_bias rows[] = {
        {-0.1, 2000},   {0.123456, 995.8}, {-12.345678, 99999},  {0, 0.5},
        {-0.000001, 1}, {1234.5, 123400},  {-999.123456, 76540}, {0.25, 9876000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(
            asim_edi_write(&fixture.pca, &rows[i], 22, 50, 300, &text, &err), 0);
        assert_int_equal(asim_edi_parse(text, &edi, &err), 0);
        assert_true(edi.bias.centre_nm == rows[i].centre_nm);
        assert_true(edi.bias.force_constant_kj_mol_nm2 ==
                    rows[i].force_constant_kj_mol_nm2);
        assert_int_equal(edi.sample_steps, 50);
        assert_int_equal(edi.system_atom_count, 22);
        assert_int_equal(edi.atom_count, ATOMS);
        assert_true(fabs(edi.vector[5] - fixture.vector[5]) < 1e-9);
        asim_edi_finish(&edi);
        free(text);
    }
}

static void numbers_too_long_for_their_field_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_error err = {0};
    char *text;
    make_pca(&fixture, 3);
    struct asim_bias bias = {-0.12345678901, 2000};
    assert_int_equal(asim_edi_write(&fixture.pca, &bias, 22, 50, 300, &text, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "12 characters"));
    for (double value = 1e-3; value < 1e9; value *= 7.3) {
        bias.force_constant_kj_mol_nm2 = asim_edi_round_force_constant(value);
        bias.centre_nm = asim_edi_round_centre(100 * sin(value));
        assert_int_equal(asim_edi_write(&fixture.pca, &bias, 22, 50, 300, &text, &err),
                         0);
        free(text);
    }
}

/* mdrun reads fields of 12 characters; so must the check of what was written. */
static void a_number_of_13_characters_is_read_as_gmx_reads_it(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_edi edi;
    struct asim_error err = {0};
    struct asim_bias bias = {-0.1, 2000};
    char *text;
    make_pca(&fixture, 3);
    assert_int_equal(asim_edi_write(&fixture.pca, &bias, 22, 50, 300, &text, &err), 0);
    char *line = strstr(text, "2000.000000 -0.100000 0.0\n");
    assert_non_null(line);
    char *damaged = asim_format(NULL, "%.*s2000.00000012 -0.1 0.0%s",
                                (int)(line - text), text, strchr(line, '\n'));
    assert_int_equal(asim_edi_parse(damaged, &edi, &err), 0);
    assert_true(edi.bias.centre_nm == 2); /* the 13th character */
    asim_edi_finish(&edi);
    free(damaged);
    free(text);
}

static void other_fit_atoms_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_error err = {0};
    struct asim_bias bias = {0, 1000};
    char *text;
    make_pca(&fixture, 3);
    fixture.pca.align_same = false;
    strcpy(fixture.pca.align_selection, "name CA");
    assert_int_equal(asim_edi_write(&fixture.pca, &bias, 22, 50, 300, &text, &err), -1);
    assert_non_null(strstr(err.text, "--align"));
}

/* gmx hangs on such a file. */
static void atoms_beyond_the_system_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_edi edi;
    struct asim_error err = {0};
    struct asim_bias bias = {0, 1000};
    char *text;
    make_pca(&fixture, 3); /* its last atom is number 20 */
    assert_int_equal(asim_edi_write(&fixture.pca, &bias, 20, 50, 300, &text, &err), 0);
    memcpy(strstr(text, "#NINI\n 20"), "#NINI\n 19", 9);
    assert_int_equal(asim_edi_parse(text, &edi, &err), -1);
    assert_non_null(strstr(err.text, "atom 20 of a system of 19 atoms"));
    free(text);
}

/* Cuts and wrong bytes anywhere give an error or a success, and no crash. */
static void damaged_edi_text_is_survived(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_error err = {0};
    struct asim_bias bias = {0.1, 1000};
    struct asim_random random;
    char *text;
    make_pca(&fixture, 5);
    assert_int_equal(asim_edi_write(&fixture.pca, &bias, 22, 50, 300, &text, &err), 0);
    size_t length = strlen(text);
    asim_random_seed(&random, 4);
    for (size_t i = 0; i < length; i++) {
        struct asim_edi edi;
        char *cut = strndup(text, i);
        char *changed = strdup(text);
        changed[asim_random_u64(&random) % length] =
            (char)(1 + asim_random_u64(&random) % 255);
        if (i < length - 3) /* "\n 0\n" may be cut down to "\n 0" */
            assert_int_equal(asim_edi_parse(cut, &edi, &err), -1);
        if (asim_edi_parse(changed, &edi, &err) == 0)
            asim_edi_finish(&edi);
        free(cut);
        free(changed);
    }
    free(text);
}

/* ---- a plan from a real TPR and a trajectory that is written here ---- */

static char folder[] = "/tmp/autosim-test-XXXXXX";

enum { FRAMES = 400 };

struct planned {
    struct asim_tpr tpr;
    struct asim_topology top;
    struct asim_trajectory *traj;
    struct asim_pca pca;
    char *tpr_path;
};

/* The three atoms of the TPR opening and closing their angle. */
static void write_trajectory(const struct asim_tpr *tpr, const char *path)
{
    struct asim_xtc_bytes bytes = {0};
    struct asim_frame frame = {0};
    struct asim_random random;
    asim_random_seed(&random, 9);
    assert_int_equal(asim_frame_reserve(&frame, 3, NULL), 0);
    frame.atom_count = 3;
    memcpy(frame.box_nm, tpr->box_nm, sizeof frame.box_nm);
    for (int i = 0; i < FRAMES; i++) {
        double angle = (105 + 12 * asim_random_gaussian(&random)) * M_PI / 180;
        double bond = 0.3 + 0.005 * asim_random_gaussian(&random);
        frame.time_ps = 0.2 * i;
        frame.step = i;
        for (int a = 0; a < 3; a++)
            for (int d = 0; d < 3; d++)
                frame.x_nm[a][d] = 2;
        frame.x_nm[0][0] = (float)(2 + bond);
        frame.x_nm[2][0] = (float)(2 + 0.3 * cos(angle));
        frame.x_nm[2][1] = (float)(2 + 0.3 * sin(angle));
        assert_int_equal(asim_xtc_append(&bytes, &frame, ASIM_XTC_MAGIC_AUTO, NULL), 0);
    }
    assert_int_equal(asim_file_replace(path, bytes.data, bytes.size, NULL), 0);
    asim_xtc_bytes_finish(&bytes);
    asim_frame_finish(&frame);
}

static void set_up(struct planned *planned, const char *traj_name)
{
    struct asim_error err = {0};
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    *planned = (struct planned){0};
    planned->tpr_path = asim_format(NULL, "%s/fuzz/corpus/tpr/tri-2022-single.tpr",
                                    getenv("AUTOSIM_SOURCE_ROOT"));
    assert_int_equal(
        asim_tpr_read(planned->tpr_path, &planned->tpr, &planned->top, &err), 0);
    char *path = asim_path_join(folder, traj_name, NULL);
    write_trajectory(&planned->tpr, path);
    assert_int_equal(asim_trajectory_open(path, &planned->traj, &err), 0);
    options.selection = "all";
    assert_int_equal(asim_pca_compute(&planned->top, planned->traj, &options, NULL,
                                      &planned->pca, &err),
                     0);
    free(path);
}

static void tear_down(struct planned *planned)
{
    asim_pca_finish(&planned->pca);
    asim_trajectory_close(planned->traj);
    asim_topology_finish(&planned->top);
    asim_tpr_finish(&planned->tpr);
    free(planned->tpr_path);
}

static void windows_follow_the_rule(void **state)
{
    (void)state;
    struct planned planned;
    struct asim_plan plan;
    struct asim_error err = {0};
    struct asim_plan_options options = ASIM_PLAN_OPTIONS_INIT;
    set_up(&planned, "rule.xtc");
    assert_int_equal(asim_plan_compute(&planned.pca, &planned.top, planned.tpr_path,
                                       planned.traj, &options, NULL, &plan, &err),
                     0);
    double s = sqrt(planned.pca.eigenvalues_nm2[0]) / 3;
    double range = plan.windows[plan.window_count - 1].bias.centre_nm -
                   plan.windows[0].bias.centre_nm;
    assert_int_equal(plan.window_count, (size_t)ceil(range / s) + 1);
    assert_true(plan.spacing_nm <= s);
    double k = 2 * ASIM_KB_KJ_MOL_K * 300 / (plan.spacing_nm * plan.spacing_nm);
    assert_true(fabs(plan.windows[0].bias.force_constant_kj_mol_nm2 / k - 1) < 1e-3);
    size_t below = 0, above = 0;
    for (size_t i = 0; i < planned.pca.frame_count; i++) {
        below += planned.pca.projections_nm[i] < plan.windows[0].bias.centre_nm;
        above += planned.pca.projections_nm[i] > plan.windows[0].bias.centre_nm + range;
    }
    assert_int_equal(below, 2); /* 0.5% of 400 */
    assert_int_equal(above, 2);
    for (size_t i = 0; i < plan.window_count; i++) {
        const struct asim_window *window = &plan.windows[i];
        double best = INFINITY;
        for (size_t f = 0; f < planned.pca.frame_count; f++)
            best = fmin(best,
                        fabs(planned.pca.projections_nm[f] - window->bias.centre_nm));
        assert_true(fabs(window->start_nm - window->bias.centre_nm) == best);
        for (size_t j = 0; j < i; j++) {
            assert_true(window->ld_seed != plan.windows[j].ld_seed);
            assert_true(window->velocity_seed != plan.windows[j].velocity_seed);
        }
        assert_true(window->ld_seed > 0);
    }
    /* dt 4 fs: 0.1 ps is 25 steps, 1 ns is 250,000 */
    assert_int_equal(plan.sample_steps, 25);
    assert_int_equal(plan.windows[0].nsteps, 250000);
    asim_plan_finish(&plan);
    tear_down(&planned);
}

/* An exact bias superposes on whatever the PCA did; weights have no place in any. */
static void which_components_a_bias_applies(void **state)
{
    (void)state;
    static const struct {
        enum asim_bias_engine bias;
        enum asim_reference reference;
        bool weighted;
        const char *refused; /* NULL: it is applied */
    } rows[] = {
        {ASIM_BIAS_COLVARS, ASIM_REFERENCE_FIRST, false, NULL},
        {ASIM_BIAS_PLUMED, ASIM_REFERENCE_FILE, false, NULL},
        {ASIM_BIAS_EDI, ASIM_REFERENCE_MEAN, false, NULL},
        {ASIM_BIAS_EDI, ASIM_REFERENCE_FIRST, false, "the first frame"},
        {ASIM_BIAS_EDI, ASIM_REFERENCE_FILE, false, "a structure from a file"},
        {ASIM_BIAS_COLVARS, ASIM_REFERENCE_MEAN, true, "unit weights"},
    };
    struct planned planned;
    set_up(&planned, "references.xtc");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asim_plan plan;
        struct asim_error err = {0};
        struct asim_plan_options options = ASIM_PLAN_OPTIONS_INIT;
        double weights[3] = {1, 2, 1};
        struct asim_pca pca = planned.pca;
        options.bias = rows[i].bias;
        pca.reference = rows[i].reference;
        pca.fit_weights = rows[i].weighted ? weights : NULL;
        int rc = asim_plan_compute(&pca, &planned.top, planned.tpr_path, planned.traj,
                                   &options, NULL, &plan, &err);
        assert_int_equal(rc, rows[i].refused ? -1 : 0);
        if (rows[i].refused)
            assert_non_null(strstr(err.text, rows[i].refused));
        else
            asim_plan_finish(&plan);
    }
    tear_down(&planned);
}

static void a_plan_on_disk_is_the_plan(void **state)
{
    (void)state;
    struct planned planned;
    struct asim_plan plan, back;
    struct asim_error err = {0};
    struct asim_plan_options options = ASIM_PLAN_OPTIONS_INIT;
    set_up(&planned, "disk.xtc");
    options.window_count = 5;
    options.seed = 77;
    assert_int_equal(asim_plan_compute(&planned.pca, &planned.top, planned.tpr_path,
                                       planned.traj, &options, NULL, &plan, &err),
                     0);
    const struct asim_plan_sources sources = {.pca = &planned.pca,
                                              .top = &planned.top,
                                              .tpr_path = planned.tpr_path,
                                              .traj = planned.traj};
    assert_int_equal(asim_plan_write(&plan, &sources, folder, &err), 0);
    assert_int_equal(asim_plan_read(folder, &back, &err), 0);
    assert_int_equal(back.window_count, 5);
    assert_memory_equal(back.windows, plan.windows, 5 * sizeof *plan.windows);
    assert_true(back.spacing_nm == plan.spacing_nm && back.seed == 77 &&
                back.force_error == plan.force_error &&
                back.temperature_kelvin == plan.temperature_kelvin);
    for (int i = 0; i < 5; i++) {
        struct asim_tpr tpr;
        struct asim_frame frame = {0};
        char hex[65];
        char *path = asim_format(NULL, "%s/windows/%03d/window.tpr", folder, i);
        assert_int_equal(asim_tpr_read(path, &tpr, NULL, &err), 0);
        assert_int_equal(tpr.nsteps, plan.windows[i].nsteps);
        assert_int_equal(tpr.ld_seed, plan.windows[i].ld_seed);
        assert_int_equal(
            asim_trajectory_seek(planned.traj, plan.windows[i].start_frame_index, &err),
            0);
        assert_int_equal(asim_trajectory_next(planned.traj, &frame, &err), 1);
        assert_memory_equal(tpr.x_nm, frame.x_nm, 3 * sizeof *frame.x_nm);
        assert_int_equal(asim_file_sha256(path, hex, &err), 0);
        assert_string_equal(hex, plan.windows[i].tpr_sha256);
        free(path);
        asim_tpr_finish(&tpr);
        asim_frame_finish(&frame);
    }
    asim_plan_finish(&plan);
    asim_plan_finish(&back);
    tear_down(&planned);
}

/* Opens a copy of the trajectory that has no number for a coordinate of one frame. */
static void damage_frame(struct planned *planned, const char *name, uint64_t frame)
{
    struct asim_error err = {0};
    char *path = asim_path_join(folder, name, NULL), *data;
    size_t size;
    assert_int_equal(asim_file_read(asim_trajectory_path(planned->traj), 1 << 20, &data,
                                    &size, &err),
                     0);
    memset(data + (frame + 1) * (size / FRAMES) - 4, 0xff, 4);
    assert_int_equal(asim_file_replace(path, data, size, &err), 0);
    asim_trajectory_close(planned->traj);
    assert_int_equal(asim_trajectory_open(path, &planned->traj, &err), 0);
    free(data);
    free(path);
}

/* The frame behind a damaged one is not where its window was to start. */
static void a_window_starts_from_its_own_frame(void **state)
{
    (void)state;
    struct planned planned;
    struct asim_plan plan, other;
    struct asim_error err = {0};
    struct asim_plan_options options = ASIM_PLAN_OPTIONS_INIT;
    char words[40];
    set_up(&planned, "own.xtc");
    options.window_count = 5;
    assert_int_equal(asim_plan_compute(&planned.pca, &planned.top, planned.tpr_path,
                                       planned.traj, &options, NULL, &plan, &err),
                     0);
    uint64_t frame = plan.windows[2].start_frame_index;
    damage_frame(&planned, "damaged.xtc", frame);
    const struct asim_plan_sources sources = {.pca = &planned.pca,
                                              .top = &planned.top,
                                              .tpr_path = planned.tpr_path,
                                              .traj = planned.traj};
    char *own = asim_path_join(folder, "own", NULL);
    assert_int_equal(asim_make_folder(own, &err), 0);
    assert_int_equal(asim_plan_write(&plan, &sources, own, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    snprintf(words, sizeof words, "damaged.xtc': frame %d ", (int)frame);
    if (!strstr(err.text, words) || !strstr(err.text, "window 2"))
        fail_msg("%s", err.text);
    damage_frame(&planned, "first.xtc", 0);
    assert_int_equal(asim_plan_compute(&planned.pca, &planned.top, planned.tpr_path,
                                       planned.traj, &options, NULL, &other, &err),
                     -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "frame 0 "));
    free(own);
    asim_plan_finish(&plan);
    tear_down(&planned);
}

static void ranges_without_frames_are_refused(void **state)
{
    (void)state;
    struct planned planned;
    struct asim_plan plan;
    struct asim_error err = {0};
    struct asim_plan_options options = ASIM_PLAN_OPTIONS_INIT;
    set_up(&planned, "range.xtc");
    options.begin_nm = 3;
    options.end_nm = 4;
    assert_int_equal(asim_plan_compute(&planned.pca, &planned.top, planned.tpr_path,
                                       planned.traj, &options, NULL, &plan, &err),
                     -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "no frame lies in the range"));
    options = (struct asim_plan_options)ASIM_PLAN_OPTIONS_INIT;
    options.window_ps = 1;
    assert_int_equal(asim_plan_compute(&planned.pca, &planned.top, planned.tpr_path,
                                       planned.traj, &options, NULL, &plan, &err),
                     -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    tear_down(&planned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(force_error_is_the_distance_to_the_true_gradient),
        cmocka_unit_test(a_line_of_atoms_has_no_unique_rotation),
        cmocka_unit_test(an_edi_file_reads_back_as_it_was_meant),
        cmocka_unit_test(numbers_too_long_for_their_field_are_refused),
        cmocka_unit_test(a_number_of_13_characters_is_read_as_gmx_reads_it),
        cmocka_unit_test(other_fit_atoms_are_refused),
        cmocka_unit_test(atoms_beyond_the_system_are_refused),
        cmocka_unit_test(damaged_edi_text_is_survived),
        cmocka_unit_test(windows_follow_the_rule),
        cmocka_unit_test(which_components_a_bias_applies),
        cmocka_unit_test(a_plan_on_disk_is_the_plan),
        cmocka_unit_test(a_window_starts_from_its_own_frame),
        cmocka_unit_test(ranges_without_frames_are_refused),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests_name("windows", tests, NULL, NULL);
    char *command = asim_format(NULL, "rm -r %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s is left\n", folder);
    free(command);
    return failed;
}
