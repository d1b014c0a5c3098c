/* Umbrella windows along x in a known plane F(x, y): the profile along y, the plane,
 * and their errors against quadrature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "synthetic.h"

/* y given x: two normal peaks around SLOPE x, at -PEAK with LEFT of the weight and at
 * +PEAK, each WIDTH wide. */
static const double SLOPE = 1.5, PEAK = 0.12, WIDTH = 0.05, LEFT = 0.7;

enum { WINDOWS = 11 };

struct scene {
    struct synthetic s;
    struct asim_pmf_window *windows;
    double *y[WINDOWS];
    size_t *index[WINDOWS];
    struct asim_pmf_companion companions[WINDOWS];
    struct asim_pmf_options options;
    struct asim_pmf profile;
};

/* Every (3 + k % 3)-th sample of window k has a y. */
static void scene_init(struct scene *scene, unsigned long long seed, size_t samples)
{
    struct asim_error err = {0};
    *scene = (struct scene){.s = synthetic_default(), .options = ASIM_PMF_OPTIONS_INIT};
    scene->s.seed = seed;
    scene->s.sample_count = samples;
    scene->windows = synthetic_windows(&scene->s);
    scene->options.temperature_kelvin = 300;
    scene->options.thread_count = 1;
    if (asim_pmf_compute(scene->windows, WINDOWS, &scene->options, &scene->profile,
                         &err) < 0)
        fail_msg("%s", err.text);
    for (size_t k = 0; k < WINDOWS; k++) {
        size_t stride = 3 + k % 3, count = 0;
        struct asim_random random;
        asim_random_seed(&random, asim_random_derive(seed, 1000 + k));
        scene->y[k] = calloc(samples, sizeof(double));
        scene->index[k] = calloc(samples, sizeof(size_t));
        for (size_t i = 1; i < samples; i += stride, count++) {
            double side = asim_random_uniform(&random) < LEFT ? -PEAK : PEAK;
            scene->y[k][count] = SLOPE * scene->windows[k].value_nm[i] + side +
                                 WIDTH * asim_random_gaussian(&random);
            scene->index[k][count] = i;
        }
        scene->companions[k] =
            (struct asim_pmf_companion){scene->y[k], scene->index[k], count};
    }
}

static void scene_finish(struct scene *scene)
{
    for (size_t k = 0; k < WINDOWS; k++) {
        free(scene->y[k]);
        free(scene->index[k]);
    }
    asim_pmf_finish(&scene->profile);
    synthetic_free(scene->windows, WINDOWS);
}

static struct asim_along along_of(const struct scene *scene)
{
    static const struct asim_along_options along_options = {
        .coordinate = "PC2", .unit = "nm", .bin_count = 30};
    struct asim_along along = {0};
    struct asim_error err = {0};
    if (asim_pmf_along(scene->windows, scene->companions, &scene->profile,
                       &scene->options, &along_options, &along, &err) < 0)
        fail_msg("%s", err.text);
    return along;
}

static double density(double x, double y)
{
    struct synthetic s = synthetic_default();
    double kt = synthetic_kt(&s), d = y - SLOPE * x;
    double left = (d + PEAK) / WIDTH, right = (d - PEAK) / WIDTH;
    return exp(-0.5 * s.curvature_kj_mol_nm2 * x * x / kt) *
           (LEFT * exp(-0.5 * left * left) + (1 - LEFT) * exp(-0.5 * right * right));
}

/* -kT ln of the mean density of a rectangle. */
static double exact(double x, double x_width, double y, double y_width)
{
    enum { NX = 200, NY = 20 };
    struct synthetic s = synthetic_default();
    double sum = 0;
    for (int i = 0; i < NX; i++)
        for (int j = 0; j < NY; j++)
            sum += density(x + x_width * ((i + 0.5) / NX - 0.5),
                           y + y_width * ((j + 0.5) / NY - 0.5));
    return -synthetic_kt(&s) * log(sum / NX / NY);
}

/* What is off by chance: z of each value less the mean offset. */
struct comparison {
    double squares, count, outside, largest_kj_mol;
};

static void compare(const double *values, const double *errors, const double *truth,
                    size_t count, struct comparison *comparison)
{
    double mean = 0, n = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i])) {
            mean += values[i] - truth[i];
            n++;
        }
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i])) {
            double off = values[i] - truth[i] - mean / n, z = off / errors[i];
            comparison->squares += z * z;
            comparison->outside += fabs(z) > 1.96;
            comparison->count++;
            comparison->largest_kj_mol = fmax(comparison->largest_kj_mol, fabs(off));
        }
}

static void compare_along(const struct scene *scene, const struct asim_along *along,
                          struct comparison *profile, struct comparison *plane)
{
    size_t bins = along->bin_count, columns = along->x_count;
    const struct asim_pmf *pmf = &scene->profile;
    double width = pmf->x_nm[1] - pmf->x_nm[0], dy = along->y[1] - along->y[0];
    double begin = pmf->x_nm[0] - width / 2;
    double range = width * (double)pmf->bin_count;
    double *truth = calloc(bins * columns, sizeof *truth);
    for (size_t bin = 0; bin < bins; bin++)
        truth[bin] = exact(begin + range / 2, range, along->y[bin], dy);
    compare(along->pmf_kj_mol, along->error_kj_mol, truth, bins, profile);
    /* The last column may reach beyond the profile's range, and is half as wide then.
     */
    for (size_t i = 0; i < columns; i++) {
        bool half = 2 * i + 1 == pmf->bin_count;
        for (size_t bin = 0; bin < bins; bin++)
            truth[i * bins + bin] = exact(along->x_nm[i] - (half ? width / 2 : 0),
                                          half ? width : 2 * width, along->y[bin], dy);
    }
    compare(along->plane_kj_mol, along->plane_error_kj_mol, truth, columns * bins,
            plane);
    free(truth);
}

/* Recovered within errors, and the errors are of the right size: 95% intervals hold as
 * often as they should. 12 repeats of some 25 bins and 300 cells. */
static void test_exact(void **state)
{
    (void)state;
    struct comparison profile = {0}, plane = {0};
    for (unsigned long long seed = 1; seed <= 12; seed++) {
        struct scene scene;
        scene_init(&scene, 40 + seed, 6000);
        struct asim_along along = along_of(&scene);
        assert_true(along.bin_count > 15 && along.x_count > 10);
        compare_along(&scene, &along, &profile, &plane);
        asim_along_finish(&along);
        scene_finish(&scene);
    }
    double inside = 1 - profile.outside / profile.count;
    double plane_inside = 1 - plane.outside / plane.count;
    print_message("profile: %.1f%% of %.0f within 1.96 errors, z %.2f rms; plane: "
                  "%.1f%% of %.0f, z %.2f rms\n",
                  100 * inside, profile.count, sqrt(profile.squares / profile.count),
                  100 * plane_inside, plane.count, sqrt(plane.squares / plane.count));
    assert_true(profile.largest_kj_mol < 3);
    assert_true(inside > 0.9 && inside < 0.985);
    assert_true(plane_inside > 0.92 && plane_inside < 0.975);
}

static const struct asim_gate *gate(const struct asim_along *along, const char *name)
{
    for (size_t i = 0; i < along->gate_count; i++)
        if (strcmp(along->gates[i].name, name) == 0)
            return &along->gates[i];
    fail_msg("no gate '%s'", name);
    return NULL;
}

static void test_gates(void **state)
{
    (void)state;
    static const char *const failing[] = {NULL, "agreement", "mixing", "halves"};
    for (size_t what = 0; what < 4; what++) {
        struct scene scene;
        scene_init(&scene, 7, 16000);
        for (size_t k = 0; k < WINDOWS; k++)
            for (size_t i = 0; i < scene.companions[k].count; i++) {
                bool second = i >= scene.companions[k].count / 2;
                /* One window remembers its start; one moves half way; all move. */
                if (what == 1 && k == 5)
                    scene.y[k][i] += 0.03;
                if (what == 2 && k == 5)
                    scene.y[k][i] += second ? 0.05 : -0.05;
                if (what == 3)
                    scene.y[k][i] += second ? 0.03 : 0;
            }
        struct asim_along along = along_of(&scene);
        for (size_t i = 0; i < along.gate_count && what == 0; i++)
            if (!along.gates[i].pass)
                fail_msg("%s: %s", along.gates[i].name, along.gates[i].sentence);
        assert_int_equal(along.trustworthy, what == 0);
        if (what > 0) {
            if (gate(&along, failing[what])->pass)
                fail_msg("%s passes: %s", failing[what],
                         gate(&along, failing[what])->sentence);
            assert_non_null(strstr(along.verdict, "Do not trust"));
        }
        assert_non_null(strstr(along.verdict, "No bias holds PC2"));
        asim_along_finish(&along);
        scene_finish(&scene);
    }
}

static void assert_same(const double *a, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
}

static void test_threads_and_files(void **state)
{
    (void)state;
    char folder[] = "along-test-XXXXXX", path[64];
    struct scene scene;
    struct asim_error err = {0};
    scene_init(&scene, 3, 2000);
    struct asim_along one = along_of(&scene), back = {0};
    scene.options.thread_count = 3;
    struct asim_along more = along_of(&scene);
    size_t bins = one.bin_count, cells = bins * one.x_count;
    assert_same(one.error_kj_mol, more.error_kj_mol, bins);
    assert_same(one.plane_error_kj_mol, more.plane_error_kj_mol, cells);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(asim_along_write(&one, folder, &err), 0);
    if (asim_along_read(folder, &back, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(back.bin_count, bins);
    assert_int_equal(back.x_count, one.x_count);
    assert_same(back.pmf_kj_mol, one.pmf_kj_mol, bins);
    assert_same(back.band_kj_mol, one.band_kj_mol, bins);
    assert_same(back.plane_kj_mol, one.plane_kj_mol, cells);
    assert_string_equal(back.verdict, one.verdict);
    assert_string_equal(back.coordinate, "PC2");
    assert_string_equal(back.x_coordinate, "PC1");
    asim_along_finish(&back);
    snprintf(path, sizeof path, "%s/along.json", folder);
    FILE *file = fopen(path, "w");
    fputs("{\"y\": [1, 2], \"x_nm\": [0], \"pmf_kj_mol\": [1]}", file);
    fclose(file);
    assert_int_equal(asim_along_read(folder, &back, &err), -1);
    assert_non_null(strstr(err.text, "2 were expected"));
    assert_int_equal(asim_along_remove(folder, &err), 0);
    assert_int_equal(rmdir(folder), 0);
    asim_along_finish(&one);
    asim_along_finish(&more);
    scene_finish(&scene);
}

static void test_bad_input(void **state)
{
    (void)state;
    static const char *const words[] = {"finite", "rising",  "no sample has",
                                        "varies", "too few", "hang together"};
    for (size_t what = 0; what < 6; what++) {
        struct scene scene;
        struct asim_along along = {.bin_count = 12345};
        struct asim_along_options along_options = {0};
        struct asim_error err = {0};
        scene_init(&scene, 3, what == 4 ? 40 : 600);
        for (size_t k = 0; k < WINDOWS; k++) {
            if (what == 2)
                scene.companions[k].count = 0;
            for (size_t i = 0; what == 3 && i < scene.companions[k].count; i++)
                scene.y[k][i] = 5;
            if (what == 4)
                scene.companions[k].count = k == 0 ? 3 : 0;
        }
        if (what == 0)
            scene.y[4][3] = NAN;
        if (what == 1)
            scene.index[4][3] = scene.index[4][2];
        if (what == 5) /* a gap of 1 nm */
            for (size_t k = 4; k < WINDOWS; k++) {
                scene.windows[k].bias.centre_nm += 1;
                for (size_t i = 0; i < scene.s.sample_count; i++)
                    synthetic_values(&scene.windows[k])[i] += 1;
            }
        assert_int_equal(asim_pmf_along(scene.windows, scene.companions, &scene.profile,
                                        &scene.options, &along_options, &along, &err),
                         -1);
        if (!strstr(err.text, words[what]))
            fail_msg("%zu: %s", what, err.text);
        assert_int_equal(err.status, what == 5 ? ASIM_EQUALITY : ASIM_EINPUT);
        assert_int_equal(along.bin_count, 12345);
        scene_finish(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_threads_and_files),
        cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
