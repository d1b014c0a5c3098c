/* TPR files: what is read from them, patched copies, and damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "base/units.h"
#include "formats/tpr.h"

struct bytes {
    char *data;
    size_t size;
};

/* From the corpus: three particles of 12 amu, two bonds, written by GROMACS 2022. */
static const char *const seeds[] = {"tri-2022-single.tpr", "tri-2022-double.tpr"};

static struct bytes read_file(const char *folder, const char *name)
{
    struct asim_error err = {0};
    struct bytes file;
    char *path = asim_path_join(folder, name, &err);
    assert_non_null(path);
    if (asim_file_read(path, 1u << 30, &file.data, &file.size, &err) < 0)
        fail_msg("%s", err.text);
    free(path);
    return file;
}

static struct bytes read_seed_file(const char *name)
{
    const char *corpus = getenv("AUTOSIM_CORPUS");
    assert_non_null(corpus);
    struct asim_error err = {0};
    char *folder = asim_path_join(corpus, "tpr", &err);
    struct bytes file = read_file(folder, name);
    free(folder);
    return file;
}

static void parse(struct bytes file, struct asim_tpr *tpr, struct asim_topology *top)
{
    struct asim_error err = {0};
    if (asim_tpr_parse(file.data, file.size, tpr, top, &err) < 0)
        fail_msg("%s", err.text);
}

static void reads_all_of_a_small_file(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct bytes file = read_seed_file(seeds[k]);
        struct asim_tpr tpr;
        struct asim_topology top;
        parse(file, &tpr, &top);
        assert_string_equal(tpr.gromacs_version, "2022.5-Debian_2022.5_2");
        assert_int_equal(tpr.file_version, 127);
        assert_int_equal(tpr.generation, 28);
        assert_int_equal(tpr.real_bytes, k == 0 ? 4 : 8);
        assert_int_equal(tpr.nsteps, 5000000);
        assert_true(tpr.dt_ps == 0.004);
        assert_string_equal(tpr.integrator_name, "sd");
        assert_int_equal(tpr.ld_seed, 12);
        assert_int_equal(tpr.temperature_group_count, 1);
        assert_true(tpr.ref_t_kelvin == 300);
        assert_true(tpr.one_temperature);
        assert_int_equal(tpr.pbc_type, 0);
        assert_true(tpr.box_nm[0][0] == 4 && tpr.box_nm[1][0] == 0);
        assert_true(tpr.x_nm[2][1] == 2.3f);
        assert_non_null(tpr.v_nm_ps);
        assert_int_equal(top.atom_count, 3);
        assert_int_equal(top.residue_count, 1);
        assert_int_equal(top.molecule_count, 1);
        assert_true(top.has_bonds);
        assert_int_equal(top.bond_count, 2);
        assert_int_equal(top.bonds[1][0], 1);
        assert_int_equal(top.bonds[1][1], 2);
        assert_string_equal(asim_topology_atom_name(&top, 2), "A3");
        assert_string_equal(asim_topology_residue_name(&top, 2), "TRI");
        assert_string_equal(top.strings[0], "");
        assert_string_equal(top.strings[top.type[0]], "X");
        assert_string_equal(top.strings[top.residues[0].segment], "seg_0_TRI");
        assert_int_equal(top.residues[0].resid, 1);
        assert_int_equal(top.residues[0].atom_count, 3);
        assert_true(top.mass_amu[1] == 12.0f && top.charge_e[1] == 0.0f);
        asim_topology_finish(&top);
        asim_tpr_finish(&tpr);
        free(file.data);
    }
}

static const float new_x[3][3] = {{1, 1, 1}, {1.25f, 1, 1}, {1.25f, 1.5f, -1}};
static const float new_box[3][3] = {{5, 0, 0}, {0, 6, 0}, {1, 2, 7}};

static struct bytes patch(struct bytes file, uint64_t velocity_seed, double kelvin)
{
    struct asim_error err = {0};
    struct asim_tpr_patch how = {.x_nm = new_x,
                                 .box_nm = new_box,
                                 .nsteps = INT64_C(9000000001),
                                 .ld_seed = -5,
                                 .velocity_seed = velocity_seed,
                                 .temperature_kelvin = kelvin};
    void *copy;
    size_t size;
    if (asim_tpr_patch(file.data, file.size, &how, &copy, &size, &err) < 0)
        fail_msg("%s", err.text);
    return (struct bytes){copy, size};
}

static void patch_changes_what_was_asked(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct bytes file = read_seed_file(seeds[k]);
        struct bytes copy = patch(file, 3, 300);
        struct asim_tpr tpr;
        struct asim_topology top;
        parse(copy, &tpr, &top);
        assert_int_equal(copy.size, file.size);
        assert_memory_equal(tpr.x_nm, new_x, sizeof new_x);
        assert_memory_equal(tpr.box_nm, new_box, sizeof new_box);
        assert_int_equal(tpr.nsteps, INT64_C(9000000001));
        assert_int_equal(tpr.ld_seed, -5);
        assert_int_equal(top.bond_count, 2);
        struct bytes again = patch(file, 3, 300), other = patch(file, 4, 300);
        assert_memory_equal(copy.data, again.data, copy.size);
        assert_memory_not_equal(copy.data, other.data, copy.size);
        free(again.data);
        free(other.data);
        asim_topology_finish(&top);
        asim_tpr_finish(&tpr);
        free(copy.data);
        free(file.data);
    }
}

/* The same file with its velocities cut out: flag 0, body shorter, padding redone. */
static struct bytes without_velocities(struct bytes file)
{
    struct asim_tpr tpr;
    parse(file, &tpr, NULL);
    size_t block = tpr.atom_count * 3 * (size_t)tpr.real_bytes;
    size_t body = (size_t)tpr.offset.body_size - block;
    size_t after =
        (size_t)(tpr.offset.body + tpr.offset.body_size - tpr.offset.v) - block;
    struct bytes cut = {NULL, (size_t)tpr.offset.body + (body + 3) / 4 * 4};
    cut.data = calloc(1, cut.size);
    assert_non_null(cut.data);
    memcpy(cut.data, file.data, (size_t)tpr.offset.v);
    memcpy(cut.data + tpr.offset.v, file.data + tpr.offset.v + block, after);
    cut.data[tpr.offset.v_flag + 3] = 0;
    for (int i = 0; i < 8; i++)
        cut.data[tpr.offset.body_size_field + (uint64_t)i] =
            (char)(body >> (56 - 8 * i));
    asim_tpr_finish(&tpr);
    return cut;
}

static void patch_inserts_velocities(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct bytes file = read_seed_file(seeds[k]);
        struct bytes cut = without_velocities(file);
        struct asim_tpr tpr;
        parse(cut, &tpr, NULL);
        assert_null(tpr.v_nm_ps);
        asim_tpr_finish(&tpr);
        struct bytes expected = patch(file, 3, 300), got = patch(cut, 3, 300);
        assert_int_equal(got.size, expected.size);
        assert_memory_equal(got.data, expected.data, got.size);
        free(expected.data);
        free(got.data);
        free(cut.data);
        free(file.data);
    }
}

/*
 * Three particles of one mass without motion of their centre have 6 degrees of freedom:
 * <sum m v^2> = 6 kT. A chi-square of 6 degrees has variance 12, so the mean of n draws
 * has the relative error sqrt(12/n)/6: 0.9 % for 4000; 4 sigma are allowed.
 */
static void velocities_are_maxwell(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    struct bytes file = read_seed_file(seeds[1]);
    double sum = 0, fourth = 0, square = 0;
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        struct bytes copy = patch(file, seed, 310);
        struct asim_tpr tpr;
        parse(copy, &tpr, NULL);
        for (int d = 0; d < 3; d++) {
            double momentum = 0;
            for (int i = 0; i < 3; i++) {
                double v = (double)tpr.v_nm_ps[i][d];
                sum += 12 * v * v;
                square += v * v;
                fourth += v * v * v * v;
                momentum += v;
            }
            assert_true(fabs(momentum) < 1e-6);
        }
        asim_tpr_finish(&tpr);
        free(copy.data);
    }
    double ratio = sum / DRAWS / (6 * ASIM_KB_KJ_MOL_K * 310);
    assert_true(fabs(ratio - 1) < 4 * sqrt(12.0 / DRAWS) / 6);
    /* Gaussian: kurtosis 3; 36,000 values, of which two thirds are independent. */
    double kurtosis = fourth * 9 * DRAWS / (square * square);
    assert_true(fabs(kurtosis - 3) < 0.15);
    free(file.data);
}

/* Of 90 atoms of 0, 1, 12 and 16 amu. */
static void massless_particles_stay_at_rest(void **state)
{
    (void)state;
    struct bytes file = read_seed_file("mixed-double.tpr");
    struct asim_tpr tpr, changed;
    struct asim_topology top;
    struct asim_error err = {0};
    parse(file, &tpr, &top);
    struct asim_tpr_patch how = {.x_nm = (const float(*)[3])tpr.x_nm,
                                 .nsteps = 1,
                                 .velocity_seed = 8,
                                 .temperature_kelvin = 300};
    void *copy;
    size_t size;
    if (asim_tpr_patch(file.data, file.size, &how, &copy, &size, &err) < 0)
        fail_msg("%s", err.text);
    parse((struct bytes){copy, size}, &changed, NULL);
    int massless = 0;
    double momentum[3] = {0};
    for (size_t i = 0; i < top.atom_count; i++) {
        const float *v = changed.v_nm_ps[i];
        bool at_rest = v[0] == 0 && v[1] == 0 && v[2] == 0;
        assert_int_equal(at_rest, top.mass_amu[i] == 0);
        massless += at_rest;
        for (int d = 0; d < 3; d++)
            momentum[d] += (double)(top.mass_amu[i] * v[d]);
    }
    assert_int_equal(massless, 27);
    for (int d = 0; d < 3; d++)
        assert_true(fabs(momentum[d]) < 1e-4);
    free(copy);
    asim_tpr_finish(&changed);
    asim_tpr_finish(&tpr);
    asim_topology_finish(&top);
    free(file.data);
}

static void patch_clears_continuation(void **state)
{
    (void)state;
    struct bytes file = read_seed_file("triangles-continued.tpr");
    struct asim_tpr tpr;
    struct asim_error err = {0};
    parse(file, &tpr, NULL);
    assert_int_equal(file.data[tpr.offset.continuation], 1);
    struct asim_tpr_patch how = {.x_nm = (const float(*)[3])tpr.x_nm, .nsteps = 1};
    void *copy;
    size_t size;
    if (asim_tpr_patch(file.data, file.size, &how, &copy, &size, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(((char *)copy)[tpr.offset.continuation], 0);
    free(copy);
    asim_tpr_finish(&tpr);
    free(file.data);
}

static void patch_refuses_nonsense(void **state)
{
    (void)state;
    struct bytes file = read_seed_file(seeds[0]);
    float bad_x[3][3];
    memcpy(bad_x, new_x, sizeof bad_x);
    bad_x[2][1] = NAN;
    struct asim_tpr_patch good = {.x_nm = new_x, .temperature_kelvin = 300};
    struct asim_tpr_patch rows[3] = {good, good, good};
    rows[0].x_nm = (const float(*)[3])bad_x;
    rows[1].nsteps = -2;
    rows[2].temperature_kelvin = -1;
    const char *words[3] = {"coordinate y of atom 3", "-2 steps", "-1 K"};
    for (int k = 0; k < 3; k++) {
        struct asim_error err = {0};
        void *copy = NULL;
        size_t size;
        assert_int_equal(
            asim_tpr_patch(file.data, file.size, &rows[k], &copy, &size, &err), -1);
        assert_null(copy);
        assert_non_null(strstr(err.text, words[k]));
    }
    free(file.data);
}

/* The whole corpus: small systems with every feature that has its own place. */
struct corpus {
    size_t count;
    struct bytes files[64];
};

static void read_corpus(struct corpus *corpus)
{
    const char *root = getenv("AUTOSIM_CORPUS");
    assert_non_null(root);
    struct asim_error err = {0};
    char *path = asim_path_join(root, "tpr", &err);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    struct dirent *entry;
    corpus->count = 0;
    while ((entry = readdir(folder))) {
        size_t length = strlen(entry->d_name);
        if (length < 4 || strcmp(entry->d_name + length - 4, ".tpr") != 0)
            continue;
        assert_true(corpus->count < 64);
        corpus->files[corpus->count++] = read_file(path, entry->d_name);
    }
    closedir(folder);
    free(path);
    assert_true(corpus->count >= 10);
}

static void free_corpus(struct corpus *corpus)
{
    for (size_t k = 0; k < corpus->count; k++)
        free(corpus->files[k].data);
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    struct corpus corpus;
    read_corpus(&corpus);
    for (size_t k = 0; k < corpus.count; k++) {
        struct bytes file = corpus.files[k];
        struct asim_tpr tpr;
        parse(file, &tpr, NULL);
        asim_tpr_finish(&tpr);
        for (size_t size = 0; size < file.size; size++) {
            struct asim_error err = {0};
            char *piece = malloc(size ? size : 1); /* exact, so that ASan sees more */
            assert_non_null(piece);
            memcpy(piece, file.data, size);
            assert_int_equal(asim_tpr_parse(piece, size, NULL, NULL, &err), -1);
            assert_int_equal(err.status, ASIM_EINPUT);
            assert_true(strlen(err.text) > 20);
            free(piece);
        }
        char *more = calloc(1, file.size + 4);
        assert_non_null(more);
        memcpy(more, file.data, file.size);
        assert_int_equal(asim_tpr_parse(more, file.size + 4, NULL, NULL, NULL), -1);
        free(more);
    }
    free_corpus(&corpus);
}

/* The header's size cannot catch these: the body itself must end where it ends. */
static void a_body_with_a_wrong_length_is_an_error(void **state)
{
    (void)state;
    struct corpus corpus;
    read_corpus(&corpus);
    for (size_t k = 0; k < corpus.count; k++) {
        struct bytes file = corpus.files[k];
        struct asim_tpr tpr;
        parse(file, &tpr, NULL);
        for (int change = -400; change <= 400; change += 4) {
            uint64_t body = tpr.offset.body_size + (uint64_t)change;
            size_t size = (size_t)tpr.offset.body + (size_t)((body + 3) / 4 * 4);
            char *copy = calloc(1, size);
            assert_non_null(copy);
            memcpy(copy, file.data, size < file.size ? size : file.size);
            for (int i = 0; i < 8; i++)
                copy[tpr.offset.body_size_field + (uint64_t)i] =
                    (char)(body >> (56 - 8 * i));
            struct asim_error err = {0};
            assert_int_equal(asim_tpr_parse(copy, size, NULL, NULL, &err),
                             change == 0 ? 0 : -1);
            free(copy);
        }
        asim_tpr_finish(&tpr);
    }
    free_corpus(&corpus);
}

static void bit_flips_never_crash(void **state)
{
    (void)state;
    struct corpus corpus;
    read_corpus(&corpus);
    struct asim_random random;
    asim_random_seed(&random, 20220501);
    print_message("seed 20220501\n");
    int taken = 0;
    for (size_t n = 0; n < 20000; n++) {
        struct bytes file = corpus.files[n % corpus.count];
        char *data = malloc(file.size);
        assert_non_null(data);
        memcpy(data, file.data, file.size);
        int flips = 1 + (int)(asim_random_u64(&random) % 3);
        for (int i = 0; i < flips; i++) {
            uint64_t bit = asim_random_u64(&random) % (8 * file.size);
            data[bit / 8] = (char)(data[bit / 8] ^ (1 << bit % 8));
        }
        struct asim_error err = {0};
        struct asim_tpr tpr;
        struct asim_topology top;
        if (asim_tpr_parse(data, file.size, &tpr, &top, &err) == 0) {
            struct asim_tpr_patch how = {.x_nm = (const float(*)[3])tpr.x_nm,
                                         .nsteps = 10,
                                         .temperature_kelvin = 300};
            void *copy;
            size_t size;
            if (asim_tpr_patch(data, file.size, &how, &copy, &size, &err) == 0)
                free(copy);
            asim_topology_finish(&top);
            asim_tpr_finish(&tpr);
            taken++;
        } else {
            assert_true(err.status == ASIM_EINPUT || err.status == ASIM_ENOMEM);
        }
        free(data);
    }
    print_message("%d of 20000 damaged files still parse\n", taken);
    assert_true(taken > 0);
    free_corpus(&corpus);
}

/* A version behind the newest known one is tried with the newest layout. */
static void unknown_version_is_named(void **state)
{
    (void)state;
    struct bytes file = read_seed_file(seeds[0]);
    struct asim_error err = {0};
    size_t at = 8 + 32 + 4; /* "VERSION 2022.5-Debian_2022.5_2" is padded to 32 */
    assert_int_equal((uint8_t)file.data[at + 3], 127);
    file.data[at + 3] = (char)150;
    assert_int_equal(asim_tpr_parse(file.data, file.size, NULL, NULL, &err), -1);
    assert_non_null(strstr(err.text, "file version 150"));
    file.data[at + 3] = 40;
    assert_int_equal(asim_tpr_parse(file.data, file.size, NULL, NULL, &err), -1);
    assert_non_null(strstr(err.text, "older than GROMACS 4.0"));
    free(file.data);
}

static const struct {
    const char *path;
    int version;
    size_t atoms, residues, bonds;
    int64_t nsteps, ld_seed;
} known[] = {
    {"adk/adk_oplsaa.tpr", 58, 47681, 11302, 25533, 50000000, 1993},
    {"cobrotoxin/cobrotoxin.tpr", 73, 19385, 4693, 10153, 50000, 1993},
    {"tpr/2lyz_gmx_4.5.tpr", 73, 2263, 230, 2186, 100000000, 1993},
    {"tpr/2lyz_gmx_5.1.tpr", 103, 2263, 230, 2186, 100000000, 1993},
    {"tpr/2lyz_gmx_2016.tpr", 110, 2263, 230, 2186, 100000000, 1993},
    {"tpr/2lyz_gmx_2018.tpr", 112, 2263, 230, 2186, 100000000, 1993},
    {"tpr/2lyz_gmx_2020.tpr", 119, 2263, 230, 2186, 100000000, 1993},
    {"tpr/2lyz_gmx_2021.tpr", 122, 2263, 230, 2186, 100000000, 1993},
    {"tpr/2lyz_gmx_2022-rc1.tpr", 127, 2263, 230, 2186, 100000000, 1993},
    {"tpr/2lyz_gmx_2023.tpr", 129, 2263, 230, 2186, 100000000, 1993},
    {"ala/system-2022.tpr", 127, 22, 3, 21, 500000, -4459969},
    {"ala/system-2025.tpr", 137, 22, 3, 21, 500000, -269091105},
    {"ala/colvars-2025.tpr", 137, 22, 3, 21, 500000, -1073873995},
};

static void reads_and_patches_every_version(void **state)
{
    (void)state;
    const char *folder = getenv("AUTOSIM_TEST_DATA");
    if (!folder)
        folder = getenv("AUTOSIM_TEST_DATA_DEFAULT");
    if (!folder || !asim_file_exists(folder)) {
        print_message("skipped: AUTOSIM_TEST_DATA names no folder\n");
        skip();
    }
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        struct bytes file = read_file(folder, known[k].path);
        struct asim_tpr tpr;
        struct asim_topology top;
        parse(file, &tpr, &top);
        assert_int_equal(tpr.file_version, known[k].version);
        assert_int_equal(top.atom_count, known[k].atoms);
        assert_int_equal(top.residue_count, known[k].residues);
        assert_int_equal(top.bond_count, known[k].bonds);
        assert_int_equal(tpr.nsteps, known[k].nsteps);
        assert_int_equal(tpr.ld_seed, known[k].ld_seed);
        assert_true(fabs(tpr.dt_ps - 0.002) < 1e-9);
        assert_true(tpr.ref_t_kelvin == 300 && tpr.one_temperature);
        struct asim_error err = {0};
        struct asim_tpr_patch how = {.x_nm = (const float(*)[3])tpr.x_nm,
                                     .nsteps = 1234,
                                     .ld_seed = 99,
                                     .velocity_seed = 1,
                                     .temperature_kelvin = 300};
        void *copy;
        size_t size;
        if (asim_tpr_patch(file.data, file.size, &how, &copy, &size, &err) < 0)
            fail_msg("%s: %s", known[k].path, err.text);
        struct asim_tpr changed;
        parse((struct bytes){copy, size}, &changed, NULL);
        assert_int_equal(changed.nsteps, 1234);
        assert_int_equal(changed.ld_seed, 99);
        asim_tpr_finish(&changed);
        free(copy);
        asim_topology_finish(&top);
        asim_tpr_finish(&tpr);
        free(file.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_of_a_small_file),
        cmocka_unit_test(patch_changes_what_was_asked),
        cmocka_unit_test(patch_inserts_velocities),
        cmocka_unit_test(velocities_are_maxwell),
        cmocka_unit_test(massless_particles_stay_at_rest),
        cmocka_unit_test(patch_clears_continuation),
        cmocka_unit_test(patch_refuses_nonsense),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(a_body_with_a_wrong_length_is_an_error),
        cmocka_unit_test(bit_flips_never_crash),
        cmocka_unit_test(unknown_version_is_named),
        cmocka_unit_test(reads_and_patches_every_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
