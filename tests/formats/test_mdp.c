/* Settings of .mdp texts, read and replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/mdp.h"

static const char text[] = "; nsteps = 1\n"
                           "Integrator\t=  sd ; not md\r\n"
                           "\n"
                           "tau_t = 0.5 2 =3\n"
                           "gen-vel=\n"
                           "no key here\n"
                           "NSTEPS=5";

static void keys_are_found_however_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value; /* NULL: not set */
    } rows[] = {
        {"integrator", "sd"}, {"tau-t", "0.5 2 =3"}, {"TAUT", "0.5 2 =3"},
        {"gen_vel", ""},      {"nsteps", "5"},       {"n-steps", "5"},
        {"nstep", NULL},      {"nstepsx", NULL},     {"no key here", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *value = (char *)1;
        assert_int_equal(asim_mdp_get(text, rows[i].key, &value, NULL), 0);
        if (rows[i].value)
            assert_string_equal(value, rows[i].value);
        else
            assert_null(value);
        free(value);
    }
    assert_true(asim_mdp_is_yes("Yes") && asim_mdp_is_yes("1"));
    assert_false(asim_mdp_is_yes("no") || asim_mdp_is_yes("") || asim_mdp_is_yes("10"));
}

static void settings_replace_and_are_added(void **state)
{
    (void)state;
    static const struct asim_mdp_setting settings[] = {
        {"nsteps", "70"}, {"tau-t", NULL}, {"ld-seed", "3"}, {NULL, NULL}};
    char *copy;
    assert_int_equal(asim_mdp_set(text, settings, &copy, NULL), 0);
    assert_string_equal(copy, "; nsteps = 1\n"
                              "Integrator\t=  sd ; not md\r\n"
                              "\n"
                              "gen-vel=\n"
                              "no key here\n"
                              "nsteps = 70\n"
                              "ld-seed = 3\n");
    free(copy);
    /* A last line without its end does not run into what is added. */
    assert_int_equal(asim_mdp_set("dt = 1", settings, &copy, NULL), 0);
    assert_string_equal(copy, "dt = 1\nnsteps = 70\nld-seed = 3\n");
    free(copy);
    assert_int_equal(asim_mdp_set("", settings + 3, &copy, NULL), 0);
    assert_string_equal(copy, "");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_however_they_are_written),
        cmocka_unit_test(settings_replace_and_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
