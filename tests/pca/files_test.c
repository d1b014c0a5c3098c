/* What is written comes back: every number of an analysis, and what damage does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "fixture.h"

static const char *const files[] = {
    "eigenval.xvg", "proj.xvg",  "proj.npy",     "frames.npy", "eigenvec.npy",
    "average.pdb",  "mode1.pdb", "extremes.pdb", "group.ndx",  "pca.json"};
enum { FILES = sizeof files / sizeof *files };

static char folder[] = "pca-files-test-XXXXXX";

static char *path_of(const char *name)
{
    static char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++)
        unlink(path_of(files[i]));
    return rmdir(folder); /* fails where litter is left */
}

static void write_one(struct fixture *fixture, float *x, size_t align_count,
                      struct asim_pca *ret_pca)
{
    struct asim_error err = {0};
    fixture_init(fixture);
    if (fixture_analyse(x, align_count, ASIM_MEMORY_AUTO, ret_pca, &err) < 0 ||
        asim_pca_write(ret_pca, &fixture->top, folder, &err) < 0)
        fail_msg("%s", err.text);
}

#define SAME(member, count)                                                            \
    assert_memory_equal(a.member, b.member, (count) * sizeof *a.member)

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t align_count = 0; align_count < 20; align_count += 10) {
        struct fixture fixture;
        struct asim_pca a = {0}, b = {0};
        struct asim_error err = {0};
        float *x = synthetic_motion(FIXTURE_FRAMES, FIXTURE_ATOMS, 4);
        write_one(&fixture, x, align_count, &a);
        /* Awkward numbers must survive as well. */
        a.mean_nm[0] = -0.0;
        a.mean_nm[1] = 4.9406564584124654e-324;
        a.projections_nm[3] = 1.0 / 3.0;
        a.time_ps[1] = 0.1;
        a.frame_indices[1] = UINT64_C(123456789012345);
        a.rmsip = align_count ? 0.123456789012345678 : NAN;
        a.streaming = align_count != 0;
        a.pbc = align_count ? ASIM_PBC_NOJUMP : ASIM_PBC_NONE;
        if (asim_pca_write(&a, &fixture.top, folder, &err) < 0 ||
            asim_pca_read(folder, &b, &err) < 0)
            fail_msg("%s", err.text);
        size_t n = 3 * a.atom_count, k = a.component_count, f = a.frame_count;
        assert_int_equal(a.atom_count, b.atom_count);
        assert_int_equal(a.frame_count, b.frame_count);
        assert_int_equal(a.component_count, b.component_count);
        assert_int_equal(a.align_count, b.align_count);
        SAME(atom_indices, a.atom_count);
        SAME(align_indices, a.align_count);
        SAME(eigenvalues_nm2, k);
        SAME(eigenvectors, k * n);
        SAME(mean_nm, n);
        SAME(reference_nm, 3 * a.align_count);
        SAME(projections_nm, k * f);
        SAME(time_ps, f);
        SAME(frame_indices, f);
        SAME(cosine_content, k);
        assert_true(a.total_variance_nm2 == b.total_variance_nm2);
        assert_true(a.rmsip == b.rmsip || (isnan(a.rmsip) && isnan(b.rmsip)));
        assert_int_equal(a.pbc, b.pbc);
        assert_int_equal(a.streaming, b.streaming);
        assert_int_equal(a.align_same, b.align_same);
        assert_true(a.computation_time_ms == b.computation_time_ms);
        assert_true(a.peak_memory_mb == b.peak_memory_mb);
        assert_string_equal(a.selection, b.selection);
        assert_string_equal(a.align_selection, b.align_selection);
        assert_string_equal(a.plan, b.plan);
        asim_pca_finish(&a);
        asim_pca_finish(&b);
        free(x);
    }
}

/* A single frame projected is what the analysis found for it. */
static void test_project(void **state)
{
    (void)state;
    for (size_t align_count = 0; align_count < 20; align_count += 10) {
        struct asim_pca pca = {0};
        struct asim_error err = {0};
        float *x = synthetic_motion(FIXTURE_FRAMES, FIXTURE_ATOMS, 4);
        assert_int_equal(
            fixture_analyse(x, align_count, ASIM_MEMORY_STREAM, &pca, &err), 0);
        double value = 0.0;
        for (size_t f = 0; f < FIXTURE_FRAMES; f++)
            for (size_t k = 0; k < pca.component_count; k++) {
                const float(*frame)[3] = (const float(*)[3])(x + f * FIXTURE_ATOMS * 3);
                assert_int_equal(asim_pca_project(&pca, frame, k, &value, &err), 0);
                assert_true(fabs(value - pca.projections_nm[k * FIXTURE_FRAMES + f]) <
                            1e-6);
            }
        double before = value;
        assert_int_equal(asim_pca_project(&pca, (const float(*)[3])x,
                                          pca.component_count, &value, &err),
                         -1);
        assert_int_equal(err.status, ASIM_EUSAGE);
        assert_true(value == before);
        asim_pca_finish(&pca);
        free(x);
    }
}

static void test_pdb_columns(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_pca pca = {0};
    float *x = synthetic_motion(FIXTURE_FRAMES, FIXTURE_ATOMS, 4);
    write_one(&fixture, x, 0, &pca);
    FILE *file = fopen(path_of("average.pdb"), "r");
    assert_non_null(file);
    char line[120];
    for (int i = 0; i < FIXTURE_ATOMS; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        assert_int_equal(strlen(line), 79);
        /* Calcium starts in column 13, a carbon called CA in column 14. */
        assert_memory_equal(line + 12, i % 2 ? "HG11" : (i == 2 ? "CA  " : " CA "), 4);
        assert_memory_equal(line + 17, "ALA A", 5);
        if (i / 2 == 3) /* residue -1234 */
            assert_memory_equal(line + 22, "-234 ", 5);
        double value = 0.0;
        assert_int_equal(sscanf(line + 30, "%8lf", &value), 1);
        assert_true(fabs(value - 10.0 * pca.mean_nm[3 * i]) < 5.1e-4);
    }
    fclose(file);
    asim_pca_finish(&pca);
    free(x);
}

/* Any file that does not hold what pca.json says is refused, and so is any pca.json
 * that was cut short. */
static void test_damage(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_pca pca = {0}, back = {0};
    struct asim_error err = {0};
    float *x = synthetic_motion(FIXTURE_FRAMES, FIXTURE_ATOMS, 4);
    write_one(&fixture, x, 0, &pca);
    char *data;
    size_t size;
    assert_int_equal(asim_file_read(path_of("pca.json"), 1 << 24, &data, &size, &err),
                     0);
    for (size_t cut = 0; cut + 1 < size; cut += size / 57 + 1) {
        assert_int_equal(asim_file_replace(path_of("pca.json"), data, cut, &err), 0);
        assert_int_equal(asim_pca_read(folder, &back, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
    }
    /* Each member missing or of the wrong kind. */
    for (char *key = strstr(data, "\n \""); key; key = strstr(key + 1, "\n \"")) {
        char saved = key[3];
        key[3] = '#';
        assert_int_equal(asim_file_replace(path_of("pca.json"), data, size, &err), 0);
        bool derived = strncmp(key + 4, "igenvalue_nm2", 13) == 0 ||
                       strncmp(key + 4, "ariance", 7) == 0 ||
                       strncmp(key + 4, "c1_", 3) == 0 ||
                       strncmp(key + 4, "oubts", 5) == 0 ||
                       strncmp(key + 4, "orce_error", 10) == 0; /* may be missing */
        int rc = asim_pca_read(folder, &back, &err);
        if (derived != (rc == 0))
            fail_msg("without '%c%.20s': %d", saved, key + 4, rc);
        asim_pca_finish(&back);
        key[3] = saved;
    }
    assert_int_equal(asim_file_replace(path_of("pca.json"), data, size, &err), 0);
    assert_int_equal(asim_file_replace(path_of("proj.npy"), data, 40, &err), 0);
    assert_int_equal(asim_pca_read(folder, &back, &err), -1);
    pca.component_count--;
    assert_int_equal(asim_pca_write(&pca, &fixture.top, folder, &err), 0);
    assert_int_equal(asim_file_replace(path_of("pca.json"), data, size, &err), 0);
    assert_int_equal(asim_pca_read(folder, &back, &err), -1);
    assert_non_null(strstr(err.text, "eigenvec.npy"));
    assert_null(back.mean_nm);
    /* A topology of fewer atoms. */
    fixture.top.atom_count = 5;
    assert_int_equal(asim_pca_write(&pca, &fixture.top, folder, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_int_equal(asim_pca_read("no/such/folder", &back, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    free(data);
    asim_pca_finish(&pca);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_project),
        cmocka_unit_test(test_pdb_columns), cmocka_unit_test(test_damage)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
