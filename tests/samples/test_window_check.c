/* A finished window against its own trajectory; the gradient against differences of p.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <autosim/samples.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/xtc.h"
#include "structure/superpose.h"
#include "windows/gradient.h"

#include "../windows/random_mode.h"

enum { ATOMS = 8, SYSTEM = 11, N = 3 * ATOMS, FRAMES = 30, SAMPLE_STEPS = 10 };

static char folder[] = "/tmp/autosim-test-XXXXXX";

struct fixture {
    struct random_mode mode;
    struct asim_topology top;
    struct asim_plan plan;
    struct asim_window window;
};

static void set_up(struct fixture *fixture, enum asim_bias_engine engine)
{
    *fixture = (struct fixture){0};
    random_mode_set_up(&fixture->mode, ATOMS, 0.3, 0.03, 21);
    for (uint32_t i = 0; i < ATOMS; i++)
        fixture->mode.atoms[i] = i < 4 ? i : i + 2;
    fixture->top.atom_count = SYSTEM;
    fixture->window = (struct asim_window){
        .bias = {0.02, 1500},
        .nsteps = (FRAMES - 1) * SAMPLE_STEPS,
    };
    fixture->plan = (struct asim_plan){
        .window_count = 1,
        .windows = &fixture->window,
        .dt_ps = 0.004,
        .sample_steps = SAMPLE_STEPS,
        .bias = engine,
    };
}

/* A frame near the mean, moved and turned about z. */
static void make_frame(const struct fixture *fixture, struct asim_random *random,
                       struct asim_frame *frame)
{
    double turn = 6 * asim_random_uniform(random);
    for (size_t i = 0; i < SYSTEM; i++)
        for (int d = 0; d < 3; d++)
            frame->x_nm[i][d] = (float)(3 + asim_random_gaussian(random));
    for (int i = 0; i < ATOMS; i++) {
        double x[3];
        for (int d = 0; d < 3; d++)
            x[d] = fixture->mode.mean[3 * i + d] + 0.03 * asim_random_gaussian(random);
        float *to = frame->x_nm[fixture->mode.atoms[i]];
        to[0] = (float)(2 + cos(turn) * x[0] - sin(turn) * x[1]);
        to[1] = (float)(3 + sin(turn) * x[0] + cos(turn) * x[1]);
        to[2] = (float)(1 + x[2]);
    }
}

static char *in_folder(const char *name)
{
    return asim_path_join(folder, name, NULL);
}

static void write_text(const char *name, const char *text)
{
    char *path = in_folder(name);
    assert_int_equal(asim_file_replace(path, text, strlen(text), NULL), 0);
    free(path);
}

static void remove_file(const char *name)
{
    char *path = in_folder(name);
    unlink(path);
    free(path);
}

/* A run as the engine would leave it, without the rows from `lost_begin` to before
 * `lost_end`. */
static void write_run(const struct fixture *fixture, size_t lost_begin, size_t lost_end)
{
    const struct asim_topology *top = &fixture->top;
    struct asim_xtc_bytes bytes = {0};
    struct asim_frame frame = {0};
    struct asim_gradient gradient;
    struct asim_random random;
    char text[FRAMES * 100] = "# step p E_bias\n";
    asim_random_seed(&random, 4);
    assert_int_equal(asim_frame_reserve(&frame, SYSTEM, NULL), 0);
    assert_int_equal(asim_gradient_init(&fixture->mode.pca, &gradient, NULL), 0);
    frame.atom_count = SYSTEM;
    frame.precision = 1000;
    for (size_t i = 0; i < FRAMES; i++) {
        make_frame(fixture, &random, &frame);
        frame.step = (int64_t)i * SAMPLE_STEPS;
        frame.time_ps = (double)frame.step * fixture->plan.dt_ps;
        assert_int_equal(asim_gradient_compute(&gradient, (const float(*)[3])frame.x_nm,
                                               fixture->plan.bias, NULL),
                         0);
        double p = gradient.value_nm, far = p - fixture->window.bias.centre_nm;
        if (i < lost_begin || i >= lost_end)
            sprintf(text + strlen(text), "%zu %.14e %.14e\n", i * SAMPLE_STEPS, p,
                    fixture->window.bias.force_constant_kj_mol_nm2 / 2 * far * far);
        for (size_t k = 0; k < top->written_count; k++)
            memcpy(frame.x_nm[k], frame.x_nm[top->written[k]], sizeof *frame.x_nm);
        frame.atom_count = top->written ? top->written_count : SYSTEM;
        assert_int_equal(asim_xtc_append(&bytes, &frame, ASIM_XTC_MAGIC_AUTO, NULL), 0);
    }
    char *path = in_folder("traj.xtc");
    assert_int_equal(asim_file_replace(path, bytes.data, bytes.size, NULL), 0);
    free(path);
    write_text("bias.colvars.traj", text);
    asim_xtc_bytes_finish(&bytes);
    asim_frame_finish(&frame);
    asim_gradient_finish(&gradient);
}

static int check(const struct fixture *fixture, int attempts,
                 struct asim_window_check *result, struct asim_error *err)
{
    *err = (struct asim_error){0};
    const struct asim_ended_window ended = {
        .plan = &fixture->plan,
        .window = &fixture->window,
        .folder = folder,
        .nsteps = fixture->window.nsteps,
        .attempts = attempts,
    };
    return asim_window_check(&ended, &fixture->mode.pca, &fixture->top, result, err);
}

static void a_sound_window_passes(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_window_check result, back;
    struct asim_error err;
    set_up(&fixture, ASIM_BIAS_COLVARS);
    write_run(&fixture, 0, 0);
    if (check(&fixture, 1, &result, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(result.frame_count, FRAMES);
    /* Rounding to 1e-3 nm: sigma 2.9e-4 nm for a gradient of length 1. */
    assert_true(result.largest_difference_nm > 1e-4);
    assert_true(result.largest_difference_nm < 1.5e-3);
    assert_true(result.tolerance_nm < 3e-3);
    assert_true(result.w2 > 0);
    assert_true(result.force_error == 0);
    assert_string_equal(result.why, "");
    assert_int_equal(asim_window_check_write(&result, folder, &err), 0);
    assert_int_equal(asim_window_check_read(folder, &back, &err), 0);
    assert_int_equal(back.frame_count, result.frame_count);
    assert_true(back.w2 == result.w2 && back.tolerance_nm == result.tolerance_nm);
    remove_file("check.json");
    assert_int_equal(asim_window_check_read(folder, &back, &err), 0);
    assert_int_equal(back.frame_count, 0);
}

/* Where mdrun writes a part of the system, that is looked at, if it is enough. */
static void a_part_of_the_system_will_do(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_window_check result;
    struct asim_error err;
    uint32_t written[SYSTEM];
    set_up(&fixture, ASIM_BIAS_COLVARS);
    memcpy(written, fixture.mode.atoms, ATOMS * sizeof *written);
    written[ATOMS] = 10;
    fixture.top.written = written;
    fixture.top.written_count = ATOMS + 1;
    write_run(&fixture, 0, 0);
    assert_int_equal(check(&fixture, 1, &result, &err), 0);
    assert_int_equal(result.frame_count, FRAMES);
    assert_true(result.largest_difference_nm < 1.5e-3);
    /* One atom of the coordinate is missing. */
    memmove(written + 2, written + 3, (ATOMS - 2) * sizeof *written);
    fixture.top.written_count--;
    write_run(&fixture, 0, 0);
    assert_int_equal(check(&fixture, 1, &result, &err), 0);
    assert_int_equal(result.frame_count, 0);
    assert_non_null(strstr(result.why, "atom 3 is not one of them"));
}

/* The engine's coordinate is another one: two atoms of its vector are exchanged. */
static void another_coordinate_is_found_out(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_window_check result;
    struct asim_error err;
    set_up(&fixture, ASIM_BIAS_COLVARS);
    write_run(&fixture, 0, 0);
    for (int d = 0; d < 3; d++) {
        double kept = fixture.mode.vector[d];
        fixture.mode.vector[d] = fixture.mode.vector[3 + d];
        fixture.mode.vector[3 + d] = kept;
    }
    assert_int_equal(check(&fixture, 1, &result, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "at 0 ps the positions in traj.xtc"));
    assert_true(strlen(err.text) < 200);
    /* A shift of three hundredths of an Angstrom is seen too. */
    set_up(&fixture, ASIM_BIAS_COLVARS);
    fixture.mode.mean[0] += 0.003 / fixture.mode.vector[0];
    assert_int_equal(check(&fixture, 1, &result, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
}

static void missing_samples_are_found_out(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_window_check result;
    struct asim_error err;
    set_up(&fixture, ASIM_BIAS_COLVARS);
    write_run(&fixture, 2, 27);
    /* Colvars may lose 20 rows with each attempt that was killed. */
    assert_int_equal(check(&fixture, 1, &result, &err), -1);
    assert_int_equal(err.status, ASIM_EWINDOWS);
    assert_int_equal(check(&fixture, 2, &result, &err), -1);
    assert_int_equal(check(&fixture, 3, &result, &err), 0);
    assert_int_equal(result.frame_count, FRAMES - 25);
    write_run(&fixture, 27, FRAMES); /* but none at the end */
    assert_int_equal(check(&fixture, 9, &result, &err), -1);
    assert_int_equal(err.status, ASIM_EWINDOWS);
    assert_non_null(strstr(err.text, "the last sample is of 1.04 ps"));
    write_text("bias.colvars.traj", "");
    assert_int_equal(check(&fixture, 9, &result, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "without the bias"));
}

static void samples_of_another_bias_are_found_out(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_window_check result;
    struct asim_error err;
    set_up(&fixture, ASIM_BIAS_COLVARS);
    write_run(&fixture, 0, 0);
    fixture.window.bias.force_constant_kj_mol_nm2 = 1500.0001;
    assert_int_equal(check(&fixture, 1, &result, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "bias.colvars.traj': line 2"));
}

static void without_frames_it_says_so(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_window_check result;
    struct asim_error err;
    set_up(&fixture, ASIM_BIAS_COLVARS);
    write_run(&fixture, 0, 0);
    fixture.top.atom_count = SYSTEM + 1;
    assert_int_equal(check(&fixture, 1, &result, &err), 0);
    assert_int_equal(result.frame_count, 0);
    assert_non_null(strstr(result.why, "the topology has 12 atoms"));
    fixture.top.atom_count = SYSTEM;
    write_text("traj.xtc", "no trajectory");
    assert_int_equal(check(&fixture, 1, &result, &err), 0);
    assert_int_equal(result.frame_count, 0);
    remove_file("traj.xtc");
    assert_int_equal(check(&fixture, 1, &result, &err), 0);
    assert_non_null(strstr(result.why, "nstxout-compressed"));
}

static double coordinate(const struct fixture *fixture, const double x[SYSTEM][3])
{
    /* In doubles: differences of floats would drown in their rounding. */
    struct asim_error err = {0};
    double moved[N], rotation[3][3], c[3], rc[3], p = 0;
    for (int i = 0; i < N; i++)
        moved[i] = x[fixture->mode.atoms[i / 3]][i % 3];
    assert_int_equal(
        asim_superpose(moved, fixture->mode.reference, ATOMS, rotation, c, rc, &err),
        0);
    for (int i = 0; i < N; i++) {
        double y = 0;
        for (int b = 0; b < 3; b++)
            y += rotation[i % 3][b] * (moved[i / 3 * 3 + b] - c[b]);
        p += fixture->mode.vector[i] * (y - fixture->mode.mean[i]);
    }
    return p;
}

static void the_gradient_is_that_of_the_coordinate(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_frame frame = {0};
    struct asim_gradient exact, edi;
    struct asim_random random;
    set_up(&fixture, ASIM_BIAS_COLVARS);
    asim_random_seed(&random, 8);
    assert_int_equal(asim_frame_reserve(&frame, SYSTEM, NULL), 0);
    assert_int_equal(asim_gradient_init(&fixture.mode.pca, &exact, NULL), 0);
    assert_int_equal(asim_gradient_init(&fixture.mode.pca, &edi, NULL), 0);
    for (int repeat = 0; repeat < 20; repeat++) {
        double x[SYSTEM][3], missing = 0;
        make_frame(&fixture, &random, &frame);
        for (int i = 0; i < SYSTEM; i++)
            for (int d = 0; d < 3; d++)
                x[i][d] = (double)frame.x_nm[i][d];
        const float(*x_nm)[3] = (const float(*)[3])frame.x_nm;
        assert_int_equal(asim_gradient_compute(&exact, x_nm, ASIM_BIAS_PLUMED, NULL),
                         0);
        assert_int_equal(asim_gradient_compute(&edi, x_nm, ASIM_BIAS_EDI, NULL), 0);
        assert_true(fabs(exact.value_nm - coordinate(&fixture, x)) < 1e-12);
        for (int i = 0; i < N; i++) {
            const double step = 1e-5;
            double *moved = &x[fixture.mode.atoms[i / 3]][i % 3], kept = *moved;
            *moved = kept + step;
            double up = coordinate(&fixture, x);
            *moved = kept - step;
            double slope = (up - coordinate(&fixture, x)) / (2 * step);
            *moved = kept;
            assert_true(fabs(exact.exact[i] - slope) < 1e-8);
            assert_true(exact.applied[i] == exact.exact[i]);
            assert_true(edi.exact[i] == exact.exact[i]);
            missing +=
                (edi.applied[i] - edi.exact[i]) * (edi.applied[i] - edi.exact[i]);
        }
        assert_true(fabs(missing - edi.w2) < 1e-12);
        assert_true(edi.w2 > 0 && edi.w2 == exact.w2);
    }
    asim_gradient_finish(&exact);
    asim_gradient_finish(&edi);
    asim_frame_finish(&frame);
}

static int clean_up(void **state)
{
    (void)state;
    remove_file("bias.colvars.traj");
    remove_file("traj.xtc");
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_window_passes),
        cmocka_unit_test(a_part_of_the_system_will_do),
        cmocka_unit_test(another_coordinate_is_found_out),
        cmocka_unit_test(missing_samples_are_found_out),
        cmocka_unit_test(samples_of_another_bias_are_found_out),
        cmocka_unit_test(without_frames_it_says_so),
        cmocka_unit_test(the_gradient_is_that_of_the_coordinate),
    };
    if (!mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
