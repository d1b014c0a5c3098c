/*
 * The table of selections that people type, without MDAnalysis: every one has the
 * number of atoms that the peer test has seen MDAnalysis give, or the refusal it names.
 *
 *     test_selection_table TABLE COMPLEX_PDB ALANINE_PDB
 *
 * Systems of the shared data are left out, and that is said, where AUTOSIM_TEST_DATA
 * does not name it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <autosim/selection.h>

struct system {
    const char *name, *topology, *positions; /* a path, or below the shared data */
};

static const char *complex_pdb, *alanine_pdb;
static int failures;

static void system_path(const char *file, char *path, size_t size)
{
    const char *data = getenv("AUTOSIM_TEST_DATA");
    if (strcmp(file, "complex.pdb") == 0)
        snprintf(path, size, "%s", complex_pdb);
    else if (strcmp(file, "alanine.pdb") == 0)
        snprintf(path, size, "%s", alanine_pdb);
    else
        snprintf(path, size, "%s/%s", data ? data : "", file);
}

static int open_system(const char *name, struct asim_topology *top,
                       struct asim_trajectory **traj)
{
    static const struct system systems[] = {
        {"adk", "adk/adk_oplsaa.tpr", "adk/adk_oplsaa.xtc"},
        {"psf", "adk/adk.psf", "adk/adk_dims.dcd"},
        {"cobrotoxin", "cobrotoxin/cobrotoxin.tpr", "cobrotoxin/cobrotoxin.xtc"},
        {"complex.pdb", "complex.pdb", "complex.pdb"},
        {"alanine.pdb", "alanine.pdb", "alanine.pdb"},
    };
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        char topology[4096], positions[4096];
        struct asim_error err = {0};
        if (strcmp(name, systems[i].name) != 0)
            continue;
        system_path(systems[i].topology, topology, sizeof topology);
        system_path(systems[i].positions, positions, sizeof positions);
        if (access(topology, R_OK) < 0) {
            printf("%s is left out: AUTOSIM_TEST_DATA does not have it\n", name);
            return 0;
        }
        if (asim_topology_read(topology, top, &err) < 0 ||
            asim_trajectory_open(positions, traj, &err) < 0) {
            printf("%s: %s\n", name, err.text);
            failures++;
            return 0;
        }
        return 1;
    }
    printf("unknown system '%s'\n", name);
    failures++;
    return 0;
}

/* The number of atoms of the first reading that a message shows. */
static long first_reading(const char *message)
{
    const char *line = strstr(message, "\n  ");
    const char *end = line ? strstr(line, " atom") : NULL;
    while (end && end > line && end[-1] >= '0' && end[-1] <= '9')
        end--;
    return end ? strtol(end, NULL, 10) : -1;
}

static int fits(const char *kind, long count, int rc, size_t selected,
                const char *message)
{
    if (strcmp(kind, "units") == 0)
        return rc < 0 && strstr(message, "a length needs a unit") &&
               first_reading(message) == count;
    if (strcmp(kind, "joint") == 0)
        return rc < 0 && strstr(message, "parentheses") &&
               first_reading(message) == count;
    if (strcmp(kind, "refused") == 0)
        return rc < 0 && !strstr(message, "selects no atom");
    if (strcmp(kind, "empty") == 0)
        return rc < 0 && strstr(message, "selects no atom") != NULL;
    return rc == 0 && (long)selected == count;
}

static void check_line(const struct asim_topology *top, struct asim_trajectory *traj,
                       char *line)
{
    struct asim_selection_context context = {.traj = traj};
    struct asim_atom_list list = {0};
    struct asim_error err = {0};
    const char *count = strsep(&line, "\t"), *kind = strsep(&line, "\t");
    const char *text = strsep(&line, "\t");
    int rc = asim_selection_evaluate(top, text, &context, &list, &err);
    if (!fits(kind, strtol(count, NULL, 10), rc, list.count, err.text)) {
        printf("FAILED: '%s', %s %s: %zu atoms %s\n", text, count, kind, list.count,
               err.text);
        failures++;
    }
    asim_atom_list_finish(&list);
}

int main(int argc, char **argv)
{
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    char line[2000];
    int present = 0;
    size_t checked = 0;
    if (argc != 4)
        return 2;
    complex_pdb = argv[2];
    alanine_pdb = argv[3];
    FILE *table = fopen(argv[1], "r");
    if (!table)
        return 2;
    while (fgets(line, sizeof line, table)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '[') {
            asim_trajectory_close(traj);
            asim_topology_finish(&top);
            traj = NULL;
            line[strcspn(line, "]")] = '\0';
            present = open_system(line + 1, &top, &traj);
        } else if (present && line[0] != '#' && strchr(line, '\t')) {
            check_line(&top, traj, line);
            checked++;
        }
    }
    fclose(table);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    printf("%zu selections\n", checked);
    return failures || checked < 80 ? 1 : 0;
}
