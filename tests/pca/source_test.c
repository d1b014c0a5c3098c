/* Which frames of a trajectory file are handed out when its time goes back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "formats/trajectory_format.h"
#include "formats/xtc.h"
#include "pca/source.h"

enum { ATOMS = 5, MOST_FRAMES = 16 };

/* A file whose frames have these times, the list ending with NAN. */
static void write_times(const char *path, const double *times_ps)
{
    struct asim_xtc_bytes bytes = {0};
    struct asim_error err = {0};
    float x[ATOMS][3] = {{0}};
    for (size_t i = 0; !isnan(times_ps[i]); i++) {
        struct asim_frame frame = {
            .atom_count = ATOMS, .x_nm = x, .time_ps = times_ps[i], .precision = 1000};
        x[1][0] = (float)i;
        assert_int_equal(asim_xtc_append(&bytes, &frame, ASIM_XTC_MAGIC_1995, &err), 0);
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    asim_xtc_bytes_finish(&bytes);
}

struct row {
    double times_ps[MOST_FRAMES]; /* in the file, NAN behind the last */
    double begin_ps, end_ps;
    size_t stride;
    const char *wanted; /* frame numbers, each as one digit */
};

/* One pass after the other: both must give the frames wanted. */
static void check_row(const char *path, const struct row *row)
{
    struct asim_topology top = {.atom_count = ATOMS};
    struct asim_trajectory *traj = NULL;
    struct asim_trajectory_source source = {0};
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_error err = {0};
    uint32_t indices[3] = {0, 1, 2};
    struct asim_atom_list atoms = {3, indices};
    float values[MOST_FRAMES * 3 * 16];
    write_times(path, row->times_ps);
    options.pbc = ASIM_PBC_NONE;
    options.begin_ps = row->begin_ps;
    options.end_ps = row->end_ps;
    options.stride = row->stride;
    assert_int_equal(asim_trajectory_open(path, &traj, &err), 0);
    assert_int_equal(asim_trajectory_source_init(&source, &top, traj, &options, &atoms,
                                                 &atoms, true, NULL, &err),
                     0);
    struct asim_frame_source frames = asim_trajectory_source_frames(&source);
    for (int pass = 0; pass < 2; pass++) {
        char got[MOST_FRAMES + 1] = "";
        size_t count = 0;
        double times_ps[MOST_FRAMES];
        uint64_t index[MOST_FRAMES];
        assert_int_equal(frames.rewind(frames.context, &err), 0);
        /* By ones, then all together. */
        for (size_t more, ask = pass ? MOST_FRAMES : 1;;) {
            assert_int_equal(frames.read(frames.context, ask, 2, values, NULL, times_ps,
                                         index, &more, &err),
                             0);
            for (size_t i = 0; i < more; i++) {
                assert_true(times_ps[i] == row->times_ps[index[i]]);
                assert_true(values[48 * i + 1] == (float)index[i]);
                got[count++] = (char)('0' + index[i]);
            }
            if (more < ask)
                break;
        }
        assert_string_equal(got, row->wanted);
    }
    asim_trajectory_source_finish(&source);
    asim_trajectory_close(traj);
}

static void test_times(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{0, 1, 2, 3, NAN}, NAN, NAN, 1, "0123"},
        /* restarts: the last frame again, a stretch again, twice */
        {{0, 1, 2, 2, 3, NAN}, NAN, NAN, 1, "0124"},
        {{0, 1, 2, 3, 2, 3, 4, 5, NAN}, NAN, NAN, 1, "012367"},
        {{0, 1, 2, 1, 2, 3, 2, 3, 4, NAN}, NAN, NAN, 1, "01258"},
        /* other runs behind the first, the second of them restarted */
        {{0, 1, 2, 0, 1, 2, 1, 2, 3, NAN}, NAN, NAN, 1, "0123458"},
        {{5, 6, 0, 1, NAN}, NAN, NAN, 1, "0123"},
        {{0, 0, 0, NAN}, NAN, NAN, 1, "012"},
        /* with a range of time and a stride */
        {{0, 1, 2, 3, 1, 2, 3, 4, NAN}, 2, NAN, 1, "237"},
        {{0, 1, 2, 3, 0, 1, 2, 3, NAN}, 2, NAN, 1, "2367"},
        {{0, 1, 2, 3, 2, 3, 4, 5, NAN}, NAN, 4, 1, "01236"},
        {{0, 1, 2, 3, 0, 1, 2, 3, NAN}, NAN, 1, 1, "0145"},
        {{0, 1, 2, 3, 0, 1, 2, 3, NAN}, 1, 2, 1, "1256"},
        {{3, 2, 1, 0, NAN}, NAN, 1, 1, "23"},
        {{0, 1, 2, 3, 2, 3, 4, 5, 6, NAN}, NAN, NAN, 2, "0268"},
        {{0, 1, 2, 3, 4, 5, 6, 7, NAN}, 1, NAN, 3, "147"},
        /* the frame at which another run starts is passed over */
        {{0, 1, 2, 3, 0, 1, 2, 3, 4, NAN}, NAN, NAN, 3, "036"},
        {{0, 1, 2, 3, 4, 0, 1, 2, 3, 4, NAN}, NAN, NAN, 2, "02468"},
        {{0, 1, 2, 3, 4, 0, 1, 2, 3, 4, NAN}, 1, NAN, 2, "1379"},
        {{0, 1, 2, 3, 4, 5, 6, 7, NAN}, 1, 6, 2, "135"},
    };
    char path[] = "source-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(path, &rows[i]);
    unlink(path);
}

struct seen {
    const struct asim_pca *pca;
    size_t count;
    double worst_nm;
};

static int compare_frame(void *context, double time_ps, uint64_t frame_index,
                         const double *projections_nm, struct asim_error *err)
{
    (void)err;
    struct seen *seen = context;
    const struct asim_pca *pca = seen->pca;
    assert_true(time_ps == pca->time_ps[seen->count]);
    assert_int_equal(frame_index, pca->frame_indices[seen->count]);
    for (size_t k = 0; k < pca->component_count; k++)
        seen->worst_nm =
            fmax(seen->worst_nm,
                 fabs(projections_nm[k] -
                      pca->projections_nm[k * pca->frame_count + seen->count]));
    seen->count++;
    return 0;
}

static void write_motion(const char *path, const float *x, size_t frames, size_t atoms)
{
    struct asim_xtc_bytes bytes = {0};
    for (size_t i = 0; i < frames; i++) {
        struct asim_frame frame = {.atom_count = atoms,
                                   .x_nm = (float(*)[3])(x + i * FIXTURE_ATOMS * 3),
                                   .time_ps = (double)i,
                                   .precision = 1000};
        assert_int_equal(asim_xtc_append(&bytes, &frame, ASIM_XTC_MAGIC_1995, NULL), 0);
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    asim_xtc_bytes_finish(&bytes);
}

/* The trajectory that an analysis is of has the analysis' own projections, wherever its
 * fit was; one of other atoms is refused. */
static void test_projected_trajectory(void **state)
{
    (void)state;
    enum { FRAMES = 300 };
    struct fixture fixture;
    char path[] = "project-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    fixture_init(&fixture);
    float *x = synthetic_motion(FRAMES, FIXTURE_ATOMS, 6);
    for (int own_fit = 0; own_fit < 2; own_fit++) {
        struct asim_trajectory *traj = NULL;
        struct asim_pca pca = {0};
        struct asim_error err = {0};
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        options.selection = "all";
        options.align_selection = own_fit ? "name CA" : NULL;
        options.pbc = ASIM_PBC_NONE;
        write_motion(path, x, FRAMES, FIXTURE_ATOMS);
        assert_int_equal(asim_trajectory_open(path, &traj, &err), 0);
        if (asim_pca_compute(&fixture.top, traj, &options, NULL, &pca, &err) < 0)
            fail_msg("%s", err.text);
        struct seen seen = {.pca = &pca};
        if (asim_pca_project_trajectory(&pca, &fixture.top, traj, &options, NULL,
                                        compare_frame, &seen, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(seen.count, FRAMES);
        /* The reference was settled to 1e-6 nm when frames were last fitted to it. */
        assert_true(seen.worst_nm < 1e-6);
        options.begin_ps = 1e9;
        seen.count = 0;
        assert_int_equal(asim_pca_project_trajectory(&pca, &fixture.top, traj, &options,
                                                     NULL, compare_frame, &seen, &err),
                         -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        assert_non_null(strstr(err.text, "0 frames are left"));
        assert_int_equal(seen.count, 0);
        options.begin_ps = NAN;
        asim_trajectory_close(traj);
        write_motion(path, x, 3, FIXTURE_ATOMS - 1);
        assert_int_equal(asim_trajectory_open(path, &traj, &err), 0);
        assert_int_equal(asim_pca_project_trajectory(&pca, &fixture.top, traj, &options,
                                                     NULL, compare_frame, &seen, &err),
                         -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        asim_trajectory_close(traj);
        asim_pca_finish(&pca);
    }
    unlink(path);
    free(x);
}

enum { CHAIN_FRAMES = 40, CHAIN = FIXTURE_ATOMS / 2 };

/* Two chains, the second at `apart` + `drift` f beside the first, swinging by `swing`,
 * wrapped into a cube of 3 nm. */
static struct asim_trajectory *two_chains(double apart, double swing, double drift,
                                          struct asim_xtc_bytes *bytes)
{
    static const float edge = 3.0f;
    struct asim_trajectory *traj = NULL;
    struct asim_error err = {0};
    for (size_t f = 0; f < CHAIN_FRAMES; f++) {
        float x[FIXTURE_ATOMS][3];
        for (size_t i = 0; i < FIXTURE_ATOMS; i++) {
            size_t k = i % CHAIN;
            x[i][0] = 0.2f + 0.1f * (float)(k % 3) + 0.01f * sinf((float)(i * f));
            x[i][1] = 0.2f + 0.1f * (float)(k / 3);
            x[i][2] = 0.2f + 0.1f * (float)(k % 2) + 0.01f * cosf((float)(i + f));
            if (i >= CHAIN)
                x[i][0] +=
                    (float)(apart - swing * cos(0.3 * (double)f) + drift * (double)f);
            while (x[i][0] >= edge)
                x[i][0] -= edge;
        }
        struct asim_frame frame = {.atom_count = FIXTURE_ATOMS,
                                   .x_nm = x,
                                   .box_nm = {{edge}, {0, edge}, {0, 0, edge}},
                                   .time_ps = (double)f,
                                   .precision = 1000};
        assert_int_equal(asim_xtc_append(bytes, &frame, ASIM_XTC_MAGIC_1995, &err), 0);
    }
    if (asim_trajectory_open_memory(bytes->data, bytes->size, "chains", &traj, &err) <
        0)
        fail_msg("%s", err.text);
    return traj;
}

/* What is projected is what the analysis had: chains about half a box apart, so that
 * each frame alone would join them on the one side or the other, projected from a later
 * frame on; and chains that part for good, of whose beginning the mean says nothing. */
static void test_projected_chains(void **state)
{
    (void)state;
    static const struct {
        enum asim_pbc_mode pbc;
        double apart, swing, drift, begin_ps;
    } cases[] = {{ASIM_PBC_WHOLE, 1.5, 0.2, 0.0, 10},
                 {ASIM_PBC_NOJUMP, 1.5, 0.2, 0.0, 10},
                 {ASIM_PBC_NOJUMP, 1.0, 0.0, 0.1, NAN},
                 {ASIM_PBC_NOJUMP, 1.0, 0.0, 0.1, 0}};
    struct fixture fixture;
    uint32_t bonds[FIXTURE_ATOMS - 2][2];
    size_t bond_count = 0;
    struct asim_error err = {0};
    fixture_init(&fixture);
    for (uint32_t i = 1; i < FIXTURE_ATOMS; i++)
        if (i != CHAIN) {
            bonds[bond_count][0] = i - 1;
            bonds[bond_count++][1] = i;
        }
    fixture.top.bonds = bonds;
    fixture.top.bond_count = bond_count;
    fixture.top.has_bonds = true;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        struct asim_xtc_bytes bytes = {0};
        struct asim_pca pca = {0};
        struct asim_trajectory *traj =
            two_chains(cases[c].apart, cases[c].swing, cases[c].drift, &bytes);
        options.selection = "all";
        options.pbc = cases[c].pbc;
        if (asim_pca_compute(&fixture.top, traj, &options, NULL, &pca, &err) < 0)
            fail_msg("%s", err.text);
        struct seen seen = {.pca = &pca};
        options.begin_ps = cases[c].begin_ps;
        if (options.begin_ps > 0)
            seen.count = (size_t)options.begin_ps;
        if (asim_pca_project_trajectory(&pca, &fixture.top, traj, &options, NULL,
                                        compare_frame, &seen, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(seen.count, CHAIN_FRAMES);
        if (!(seen.worst_nm < 1e-6))
            fail_msg("case %zu: %g nm", c, seen.worst_nm);
        asim_pca_finish(&pca);
        asim_trajectory_close(traj);
        asim_xtc_bytes_finish(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_times),
                                       cmocka_unit_test(test_projected_trajectory),
                                       cmocka_unit_test(test_projected_chains)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
