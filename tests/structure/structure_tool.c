/*
 * What the peer test asks of the library:
 *
 *     structure_tool select TOPOLOGY [POSITIONS] < selections   a line each: the count,
 *         the sum of the indices and the sum of their squares modulo 2^64; or the
 * error. Positions are those of the trajectory's first frame. structure_tool whole
 * TOPOLOGY TRAJECTORY SELECTION OUTPUT   raw float32 positions of the selected atoms of
 * every frame, made whole
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <autosim/selection.h>
#include <autosim/trajectory.h>

#include "structure/whole.h"

static int report(const struct asim_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static void print_error(const char *text)
{
    printf("error ");
    for (; *text; text++)
        putchar(*text == '\n' ? '|' : *text);
    putchar('\n');
}

static int select_lines(const char *path, const char *positions)
{
    struct asim_topology top = {0};
    struct asim_error err = {0};
    char line[2000];
    struct asim_selection_context context = {0};
    if (asim_topology_read(path, &top, &err) < 0 ||
        (positions && asim_trajectory_open(positions, &context.traj, &err) < 0))
        return report(&err);
    while (fgets(line, sizeof line, stdin)) {
        struct asim_atom_list list = {0};
        line[strcspn(line, "\n")] = '\0';
        if (asim_selection_evaluate(&top, line, &context, &list, &err) < 0) {
            print_error(err.text);
            continue;
        }
        uint64_t sum = 0, squares = 0;
        for (size_t i = 0; i < list.count; i++) {
            sum += list.index[i];
            squares += (uint64_t)list.index[i] * list.index[i];
        }
        printf("%zu %" PRIu64 " %" PRIu64 "\n", list.count, sum, squares);
        asim_atom_list_finish(&list);
    }
    asim_trajectory_close(context.traj);
    asim_topology_finish(&top);
    return 0;
}

static int write_frames(struct asim_trajectory *traj, struct asim_whole *whole,
                        const struct asim_atom_list *list, FILE *out,
                        struct asim_error *err)
{
    struct asim_frame frame = {0};
    asim_trajectory_limit_atoms(traj, asim_whole_atom_limit(whole));
    int rc;
    while ((rc = asim_trajectory_next(traj, &frame, err)) == 1) {
        if (asim_whole_apply(whole, &frame, err) < 0) {
            rc = -1;
            break;
        }
        for (size_t i = 0; i < list->count; i++)
            fwrite(frame.x_nm[list->index[i]], sizeof(float), 3, out);
    }
    asim_frame_finish(&frame);
    return rc;
}

static int write_whole(char **argv)
{
    struct asim_topology top = {0};
    struct asim_atom_list list = {0};
    struct asim_trajectory *traj = NULL;
    struct asim_whole *whole = NULL;
    struct asim_error err = {0};
    int rc = 1;
    FILE *out = fopen(argv[5], "wb");
    if (!out) {
        perror(argv[5]);
        return 1;
    }
    if (asim_topology_read(argv[2], &top, &err) < 0 ||
        asim_selection_evaluate(&top, argv[4], NULL, &list, &err) < 0 ||
        asim_whole_create(&top, ASIM_PBC_WHOLE, list.index, list.count, &whole, &err) <
            0 ||
        asim_trajectory_open(argv[3], &traj, &err) < 0 ||
        write_frames(traj, whole, &list, out, &err) < 0)
        report(&err);
    else
        rc = 0;
    if (fclose(out) != 0)
        rc = 1;
    asim_trajectory_close(traj);
    asim_whole_destroy(whole);
    asim_atom_list_finish(&list);
    asim_topology_finish(&top);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "select") == 0)
        return select_lines(argv[2], argc > 3 ? argv[3] : NULL);
    if (argc == 6 && strcmp(argv[1], "whole") == 0)
        return write_whole(argv);
    fprintf(stderr, "usage: structure_tool select TOPOLOGY [NDX] | whole TOPOLOGY "
                    "TRAJECTORY SELECTION OUTPUT\n");
    return 2;
}
