/* Runs an analysis for scripts: pca_tool TOPOLOGY TRAJECTORY FOLDER [KEY=VALUE ..]
 * Prints the processor time up to where files are written. */
#include <autosim/pca.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void listen(void *context, enum asim_log_level level, const char *message,
                   const char *line)
{
    (void)context;
    (void)level;
    (void)message;
    fprintf(stderr, "%s\n", line);
}

static int set_option(struct asim_pca_options *options, char *argument)
{
    char *value = strchr(argument, '=');
    if (!value)
        return -1;
    *value++ = '\0';
    if (strcmp(argument, "sel") == 0)
        options->selection = value;
    else if (strcmp(argument, "align") == 0)
        options->align_selection = value;
    else if (strcmp(argument, "pbc") == 0)
        options->pbc = strcmp(value, "none") == 0 ? ASIM_PBC_NONE : ASIM_PBC_AUTO;
    else if (strcmp(argument, "memory") == 0)
        options->memory =
            strcmp(value, "stream") == 0 ? ASIM_MEMORY_STREAM : ASIM_MEMORY_AUTO;
    else if (strcmp(argument, "precision") == 0)
        options->precision =
            strcmp(value, "double") == 0 ? ASIM_PRECISION_DOUBLE : ASIM_PRECISION_MIXED;
    else if (strcmp(argument, "reference") == 0)
        options->reference =
            strcmp(value, "first") == 0 ? ASIM_REFERENCE_FIRST : ASIM_REFERENCE_MEAN;
    else if (strcmp(argument, "reference_file") == 0) {
        options->reference = ASIM_REFERENCE_FILE;
        options->reference_path = value;
    } else if (strcmp(argument, "fit_weights") == 0)
        options->fit_weights =
            strcmp(value, "mass") == 0 ? ASIM_WEIGHTS_MASS : ASIM_WEIGHTS_NONE;
    else if (strcmp(argument, "pca_weights") == 0)
        options->pca_weights =
            strcmp(value, "mass") == 0 ? ASIM_WEIGHTS_MASS : ASIM_WEIGHTS_NONE;
    else if (strcmp(argument, "limit") == 0)
        options->memory_limit_bytes = strtoull(value, NULL, 10);
    else if (strcmp(argument, "begin") == 0)
        options->begin_ps = strtod(value, NULL);
    else if (strcmp(argument, "end") == 0)
        options->end_ps = strtod(value, NULL);
    else if (strcmp(argument, "stride") == 0)
        options->stride = strtoul(value, NULL, 10);
    else if (strcmp(argument, "k") == 0)
        options->component_count = strtoul(value, NULL, 10);
    else if (strcmp(argument, "tolerance") == 0)
        options->mean_tolerance_nm = strtod(value, NULL);
    else if (strcmp(argument, "threads") == 0)
        options->thread_count = atoi(value);
    else
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    struct asim_log *log = NULL;
    struct asim_pca pca = {0};
    struct asim_error err = {0};
    int rc = 1;
    if (argc < 4)
        return 2;
    for (int i = 4; i < argc; i++)
        if (set_option(&options, argv[i]) < 0)
            return 2;
    if (asim_log_open(NULL, &log, &err) < 0)
        goto out;
    asim_log_set_listener(log, listen, NULL);
    if (asim_topology_read(argv[1], &top, &err) < 0 ||
        asim_trajectory_open(argv[2], &traj, &err) < 0 ||
        asim_pca_compute(&top, traj, &options, log, &pca, &err) < 0)
        goto out;
    printf("cpu_seconds %.6f\n", (double)clock() / CLOCKS_PER_SEC);
    if (asim_pca_write(&pca, &top, argv[3], &err) < 0)
        goto out;
    rc = 0;
out:
    if (rc)
        fprintf(stderr, "error %d: %s\n", (int)err.status, err.text);
    asim_pca_finish(&pca);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    asim_log_close(log);
    return rc;
}
