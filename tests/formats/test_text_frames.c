/* GRO and PDB files of several frames with one damaged in the middle: the others are
 * read, and what is lost is named with its frame and byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/trajectory_format.h"

enum { FRAMES = 4, MOST_BYTES = 8192 };

struct text {
    char bytes[MOST_BYTES];
    size_t size;
    size_t start[FRAMES + 1]; /* of each frame */
};

static void add(struct text *text, const char *format, ...) ASIM_PRINTF(2, 3);
static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text->size += (size_t)vsnprintf(text->bytes + text->size, MOST_BYTES - text->size,
                                    format, arguments);
    va_end(arguments);
}

/* Three atoms; frame f has x = f in all, at 10 f ps. */
static void make_gro(struct text *text)
{
    *text = (struct text){0};
    for (int f = 0; f < FRAMES; f++) {
        text->start[f] = text->size;
        add(text, "water t= %d.0 step= %d\n    3\n", 10 * f, f);
        for (int i = 1; i <= 3; i++)
            add(text, "%5d%-5s%5s%5d%8.3f%8.3f%8.3f\n", 1, "SOL", "OW", i, (double)f,
                1.0, 2.0);
        add(text, "   3.0   3.0   3.0\n");
    }
    text->start[FRAMES] = text->size;
}

static void add_pdb_model(struct text *text, int f, bool numbered)
{
    add(text, "TITLE     water t= %d.0 step= %d\n", 10 * f, f);
    add(text,
        "CRYST1   30.000   30.000   30.000  90.00  90.00  90.00 P 1           1\n");
    if (numbered)
        add(text, "MODEL     %4d\n", f + 1);
    for (int i = 1; i <= 3; i++)
        add(text,
            "ATOM  %5d  OW  SOL A   1    %8.3f%8.3f%8.3f  1.00  0.00           O\n", i,
            10.0 * f, 10.0, 20.0);
    add(text, numbered ? "TER\nENDMDL\n" : "END\n");
}

static void make_pdb(struct text *text, bool numbered)
{
    *text = (struct text){0};
    for (int f = 0; f < FRAMES; f++) {
        text->start[f] = text->size;
        add_pdb_model(text, f, numbered);
    }
    text->start[FRAMES] = text->size;
}

static void make_numbered_pdb(struct text *text)
{
    make_pdb(text, true);
}

static void make_plain_pdb(struct text *text)
{
    make_pdb(text, false);
}

typedef void (*make_fn)(struct text *text);

static const make_fn makers[] = {make_gro, make_numbered_pdb, make_plain_pdb};

/* Which frames came out, as bits by their x. */
static unsigned read_text(const struct text *text, struct asim_damage *ret_first,
                          size_t *ret_damages)
{
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    struct asim_error err = {0};
    char *copy = malloc(text->size);
    unsigned seen = 0;
    size_t counted, frames = 0;
    memcpy(copy, text->bytes, text->size);
    if (asim_trajectory_open_memory(copy, text->size, "test", &traj, &err) < 0)
        fail_msg("%s", err.text);
    int rc;
    while ((rc = asim_trajectory_next(traj, &frame, &err)) == 1) {
        unsigned f = (unsigned)(frame.x_nm[0][0] + 0.5f);
        assert_true(frame.x_nm[2][0] == (float)f);
        if (frame.time_ps != 10.0 * f)
            fail_msg("frame %u has time %g in:\n%.*s", f, frame.time_ps,
                     (int)text->size, text->bytes);
        assert_true(frame.box_nm[0][0] == 3.0f);
        assert_false(seen >> f);
        seen |= 1u << f;
        frames++;
    }
    if (rc < 0)
        fail_msg("%s", err.text);
    assert_int_equal(asim_trajectory_frame_count(traj, &counted, &err), 0);
    const struct asim_damage *damage = asim_trajectory_damage(traj, ret_damages);
    assert_true(frames == counted || *ret_damages > 0);
    if (*ret_damages)
        *ret_first = damage[0];
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
    free(copy);
    return seen;
}

static void whole_files(void **state)
{
    (void)state;
    for (size_t m = 0; m < 3; m++) {
        struct text text;
        struct asim_damage first;
        size_t damages;
        makers[m](&text);
        assert_int_equal(read_text(&text, &first, &damages), 0xf);
        assert_int_equal(damages, 0);
    }
}

static char *find_in_frame(struct text *text, size_t f, const char *what)
{
    char *found = strstr(text->bytes + text->start[f], what);
    if (!found || found >= text->bytes + text->start[f + 1])
        fail_msg("no '%s' in frame %zu", what, f);
    return found;
}

static void remove_bytes(struct text *text, const char *from, size_t count)
{
    size_t at = (size_t)(from - text->bytes);
    memmove(text->bytes + at, text->bytes + at + count, text->size - at - count);
    text->size -= count;
}

/* Frame 1 of four is damaged in one place; 0, 2 and 3 are read. */
static void one_damaged_frame(void **state)
{
    (void)state;
    static const struct {
        const char *find, *put; /* NULL: the line is removed */
        bool gro, pdb;
    } rows[] = {
        {"   1.000   1.000", "   1.0x0   1.000", true, false},
        {"   1.000   1.000", "     nan   1.000", true, false},
        {"    3\n", "    2\n", true, false},
        {"    3\n", "    4\n", true, false},
        {"    3\n", "three\n", true, false},
        {"    3\n", NULL, true, false},
        {"    1SOL", NULL, true, false},
        {"   3.0   3.0", "   3.0   ???", true, false},
        {"  10.000  10.000", "  10.0x0  10.000", false, true},
        {"  10.000  10.000", "          10.000", false, true},
        {"  10.000  10.000", "  10.0\x01\x01  10.000", false, true},
        {"ATOM  ", NULL, false, true},
        {"ATOM  ", "ATOX  ", false, true},
        {"  30.000   30.000", "  30.000   -0.001", false, true},
    };
    for (size_t m = 0; m < 3; m++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            struct text text;
            struct asim_damage first = {0};
            size_t damages;
            if (m == 0 ? !rows[k].gro : !rows[k].pdb)
                continue;
            makers[m](&text);
            char *place = find_in_frame(&text, 1, rows[k].find);
            if (rows[k].put)
                memcpy(place, rows[k].put, strlen(rows[k].put));
            else
                remove_bytes(&text, place, (size_t)(strchr(place, '\n') + 1 - place));
            unsigned seen = read_text(&text, &first, &damages);
            if (seen != 0xd || damages != 1 || first.frame_index != 1 ||
                first.offset_bytes != text.start[1])
                fail_msg("format %zu, row %zu: frames %x, %zu damages, frame %zu at "
                         "%llu: %s",
                         m, k, seen, damages, first.frame_index,
                         (unsigned long long)first.offset_bytes, first.what);
        }
}

/* Frame 1 is cut at every byte and the next one is written into its place. */
static void cut_and_appended(void **state)
{
    (void)state;
    for (size_t m = 0; m < 3; m++) {
        struct text whole;
        makers[m](&whole);
        for (size_t cut = whole.start[1] + 1; cut < whole.start[2]; cut++) {
            struct text text = whole;
            struct asim_damage first = {0};
            size_t damages;
            /* A line of its own behind the cut, as writers that restart make it. */
            text.bytes[cut] = '\n';
            remove_bytes(&text, text.bytes + cut + 1, whole.start[2] - cut - 1);
            unsigned seen = read_text(&text, &first, &damages);
            /* A box may lose its last zero, a PDB model all behind its last atom; and
             * what is in front of a model's first atom is not missed. */
            const char *second = whole.bytes + whole.start[1];
            size_t last_atom = (size_t)(strstr(second, "20.000  1.0") - whole.bytes);
            size_t complete = m > 0 ? last_atom + 6 : whole.start[2] - 3;
            size_t begun = m > 0 ? (size_t)(strstr(second, "ATOM  ") + 6 - whole.bytes)
                                 : whole.start[1];
            if (seen != 0xd && !(cut >= complete && seen == 0xf))
                fail_msg("format %zu, cut at %zu: frames %x, %zu damages: %s", m,
                         cut - whole.start[1], seen, damages, first.what);
            if (seen == 0xd && cut >= begun && (damages == 0 || first.frame_index != 1))
                fail_msg("format %zu, cut at %zu: %zu damages, frame %zu: %s", m,
                         cut - whole.start[1], damages, first.frame_index, first.what);
        }
    }
}

/* A model of another system in the middle of a PDB file. */
static void another_system(void **state)
{
    (void)state;
    struct text text = {0};
    struct asim_damage first = {0};
    size_t damages;
    add_pdb_model(&text, 0, true);
    size_t start = text.size;
    add(&text, "MODEL        2\nENDMDL\nMODEL        3\nMODEL        4\nENDMDL\n");
    add_pdb_model(&text, 1, true);
    assert_int_equal(read_text(&text, &first, &damages), 0x3);
    assert_int_equal(damages, 1);
    assert_int_equal(first.frame_index, 1);
    assert_int_equal(first.offset_bytes, start);
    assert_non_null(strstr(first.what, "MODEL 2 has 0 atom records"));
}

/* Files full of what looks like the start of a frame: the time must not grow with the
 * square of the size, which would take minutes here. */
static void many_false_starts(void **state)
{
    (void)state;
    static const char *const repeated[] = {"    3\n", "MODEL\n",  "TITLE\n", "CRYST1\n",
                                           "\n",      "ATOM  \n", "END\n"};
    for (size_t m = 0; m < 2; m++)
        for (size_t k = 0; k < sizeof repeated / sizeof *repeated; k++) {
            struct text text;
            struct asim_trajectory *traj;
            struct asim_error err;
            size_t length = strlen(repeated[k]), count = 300000, frames;
            makers[m](&text);
            char *bytes = malloc(text.size + count * length);
            memcpy(bytes, text.bytes, text.size);
            for (size_t i = 0; i < count; i++)
                memcpy(bytes + text.size + i * length, repeated[k], length);
            assert_int_equal(asim_trajectory_open_memory(bytes,
                                                         text.size + count * length,
                                                         "test", &traj, &err),
                             0);
            assert_int_equal(asim_trajectory_frame_count(traj, &frames, &err), 0);
            assert_int_equal(frames, FRAMES);
            asim_trajectory_close(traj);
            free(bytes);
        }
}

/* A title that ends where the window on the file ends, in front of a damaged frame: the
 * search for the next one must go on from there. */
static void title_to_the_end_of_the_window(void **state)
{
    (void)state;
    enum { WINDOW = 65536, LONG_TITLE = 100000 };
    static const char second[] = "water t= 10.0 ", third[] = "water t= 20.0 ";
    struct text text;
    struct asim_trajectory *traj;
    struct asim_error err;
    size_t frames, damages, used;
    make_gro(&text);
    char *bytes = malloc(text.size + WINDOW + LONG_TITLE);
    const char *count = strchr(text.bytes + text.start[1], '\n');
    const char *after_count = strchr(text.bytes + text.start[2], '\n') + 7;
    size_t frame = (size_t)(text.bytes + text.start[2] - count);
    memcpy(bytes, text.bytes, text.start[1]);
    used = text.start[1];
    /* The search begins behind the title's first byte. */
    memset(bytes + used, 'x', WINDOW);
    memcpy(bytes + used, second, strlen(second));
    used += WINDOW;
    memcpy(bytes + used, count, frame);
    used += frame;
    memset(bytes + used, 'y', LONG_TITLE);
    memcpy(bytes + used, third, strlen(third));
    used += LONG_TITLE;
    memcpy(bytes + used, "\nthree\n", 7);
    used += 7;
    memcpy(bytes + used, after_count, (size_t)(text.bytes + text.size - after_count));
    used += (size_t)(text.bytes + text.size - after_count);
    assert_int_equal(asim_trajectory_open_memory(bytes, used, "test", &traj, &err), 0);
    assert_int_equal(asim_trajectory_frame_count(traj, &frames, &err), 0);
    assert_int_equal(frames, FRAMES - 1);
    const struct asim_damage *damage = asim_trajectory_damage(traj, &damages);
    assert_int_equal(damages, 1);
    assert_int_equal(damage[0].frame_index, 2);
    asim_trajectory_close(traj);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(title_to_the_end_of_the_window),
        cmocka_unit_test(whole_files),
        cmocka_unit_test(one_damaged_frame),
        cmocka_unit_test(cut_and_appended),
        cmocka_unit_test(another_system),
        cmocka_unit_test(many_false_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
