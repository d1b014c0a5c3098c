/*
 * Selections and whole molecules when memory runs out at the k-th allocation, for every
 * k: an error with ASIM_ENOMEM, outputs untouched, nothing leaked (seen under the
 * address sanitizer). The program is linked with --wrap for the allocators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <autosim/selection.h>

#include "structure/whole.h"
#include "topology_fixture.h"

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *memory, size_t size);

static long allocations_left = -1; /* -1: without end */

static int may_allocate(void)
{
    if (allocations_left < 0)
        return 1;
    if (allocations_left == 0)
        return 0;
    allocations_left--;
    return 1;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    return may_allocate() ? __real_realloc(memory, size) : NULL;
}

static void selections_survive_lack_of_memory(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "protein and (name CA or resid 1:2 or mass > 12) and backbone",
        "group X and not water",
        "group X",
        "water or protein and name CA", /* an error with readings */
        "name CX",                      /* an error with counts and a suggestion */
        "byres (around 2A name CA)",
        "same fragment as bonded name CA",
        "isolayer 1A 3A sphlayer 1A 2A cyzone 3A 2A -2A protein",
        "point 1A 1A 1A 5A and prop z > 1A",
        "around 2 protein and resid > 1", /* an error with three readings */
    };
    struct asim_topology top = {0};
    fixture_small(&top);
    char ndx[64];
    snprintf(ndx, sizeof ndx, "test_structure_fault_%ld.ndx", (long)getpid());
    FILE *file = fopen(ndx, "w");
    assert_non_null(file);
    fputs("[ X ]\n3 1 2\n", file);
    fclose(file);
    float x[27][3];
    for (int i = 0; i < 81; i++)
        x[i / 3][i % 3] = 0.1f * (float)(i % 23);
    const struct asim_frame frame = {
        .atom_count = 27, .x_nm = x, .box_nm = {{2, 0, 0}, {0.5f, 2, 0}, {0, 0, 3}}};
    const struct asim_selection_context context = {
        .ndx_path = ndx, .residues = "ion:DA;protein:X,Y", .frame = &frame};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int failures = 0;
        for (long k = 0;; k++) {
            struct asim_atom_list list = {.count = 77};
            struct asim_error err = {0};
            allocations_left = k;
            int rc = asim_selection_evaluate(&top, texts[i], &context, &list, &err);
            int ran_out = allocations_left == 0;
            allocations_left = -1;
            if (rc == 0) {
                assert_int_not_equal(list.count, 77);
                asim_atom_list_finish(&list);
                break;
            }
            assert_int_equal(list.count, 77);
            assert_int_not_equal(err.text[0], '\0');
            if (!ran_out)
                break; /* the error the text deserves */
            failures += err.status == ASIM_ENOMEM;
            assert_true(k < 200);
        }
        if (failures < 3)
            fail_msg("'%s': memory ran out %d times only", texts[i], failures);
    }
    unlink(ndx);
    fixture_finish(&top);
}

static void whole_survives_lack_of_memory(void **state)
{
    (void)state;
    static const enum asim_pbc_mode modes[] = {ASIM_PBC_WHOLE, ASIM_PBC_NOJUMP,
                                               ASIM_PBC_CLUSTER};
    struct asim_topology top = {0};
    fixture_small(&top);
    static const uint32_t atoms[] = {0, 14, 17, 25, 26};
    float x[27][3] = {{0}};
    for (int i = 0; i < 27; i++)
        x[i][0] = 0.05f * (float)i;
    struct asim_frame frame = {
        .atom_count = 27, .x_nm = x, .box_nm = {{4, 0, 0}, {0, 4, 0}, {0, 0, 4}}};
    for (size_t m = 0; m < 3; m++) {
        for (long k = 0;; k++) {
            struct asim_whole *whole = NULL;
            struct asim_error err = {0};
            allocations_left = k;
            int rc = asim_whole_create(&top, modes[m], atoms, 5, &whole, &err);
            if (rc < 0)
                assert_null(whole);
            else
                rc = asim_whole_apply(whole, &frame, &err);
            allocations_left = -1;
            asim_whole_destroy(whole);
            if (rc == 0) {
                assert_true(k >= 9);
                break;
            }
            assert_int_equal(err.status, ASIM_ENOMEM);
            assert_true(k < 100);
        }
    }
    fixture_finish(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selections_survive_lack_of_memory),
        cmocka_unit_test(whole_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
