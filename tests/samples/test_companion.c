/* A component of a window's own frames belongs to the samples of their times. */
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

#include "formats/xtc.h"

#include "../pca/fixture.h"

/* So few atoms are stored as they are: a number that is none is damage. */
enum { ATOMS = 6, FRAMES = 30 };

static void write_frames(const char *path, const float *x, int damaged)
{
    struct asim_xtc_bytes bytes = {0};
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < FRAMES; i++) {
        struct asim_frame frame = {.atom_count = ATOMS,
                                   .x_nm = (float(*)[3])(x + i * ATOMS * 3),
                                   .time_ps = 2 * i};
        assert_int_equal(asim_xtc_append(&bytes, &frame, ASIM_XTC_MAGIC_1995, NULL), 0);
        if (i == damaged)
            memset((char *)bytes.data + bytes.size - 4, 0xff, 4);
    }
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    asim_xtc_bytes_finish(&bytes);
}

static void test_damaged_frames(void **state)
{
    (void)state;
    static const int damaged[] = {-1, 3, 0};
    struct fixture fixture;
    struct asim_trajectory *traj = NULL;
    struct asim_pca pca = {0};
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_plan plan = {.dt_ps = 0.002};
    struct asim_error err = {0};
    double times_ps[2 * FRAMES], values_nm[2 * FRAMES] = {0};
    struct asim_series series = {
        .count = 2 * FRAMES, .time_ps = times_ps, .value_nm = values_nm};
    char folder[] = "companion-test-XXXXXX", path[40];
    /* Samples twice as often, of a run whose time began at 500 ps. */
    for (int i = 0; i < 2 * FRAMES; i++)
        times_ps[i] = 500 + i;
    fixture_init(&fixture);
    fixture.top.atom_count = ATOMS;
    fixture.top.residue_count = ATOMS / 2;
    float *x = synthetic_motion(FRAMES, ATOMS, 5);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/traj.xtc", folder);
    write_frames(path, x, -1);
    options.selection = "all";
    options.pbc = ASIM_PBC_NONE;
    if (asim_trajectory_open(path, &traj, &err) < 0 ||
        asim_pca_compute(&fixture.top, traj, &options, NULL, &pca, &err) < 0)
        fail_msg("%s", err.text);
    asim_trajectory_close(traj);
    for (size_t what = 0; what < 3; what++) {
        struct asim_companion companion = {.count = 12345};
        write_frames(path, x, damaged[what]);
        int rc = asim_companion_project(folder, &plan, &series, &pca, &fixture.top, 1,
                                        1, &companion, &err);
        if (damaged[what] == 0) {
            assert_int_equal(rc, -1);
            assert_int_equal(err.status, ASIM_EINPUT);
            assert_int_equal(companion.count, 12345);
            if (!strstr(err.text, "first frame is damaged"))
                fail_msg("%s", err.text);
            continue;
        }
        if (rc < 0)
            fail_msg("%s", err.text);
        size_t frame = 0;
        assert_int_equal(companion.count, FRAMES - (damaged[what] > 0));
        for (size_t i = 0; i < companion.count; i++, frame++) {
            frame += (int)frame == damaged[what];
            assert_int_equal(companion.sample_index[i], 2 * frame);
            assert_true(fabs(companion.value[i] -
                             pca.projections_nm[pca.frame_count + frame]) < 1e-6);
        }
        asim_companion_finish(&companion);
    }
    asim_pca_finish(&pca);
    free(x);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_damaged_frames)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
