/* autosim info: what a file holds, and every damage in it. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "cli.h"
#include "formats/tpr.h"
#include "pipeline.h"

enum { MOST_READERS = 16 }; /* threads; each has a frame in memory */

/* What one file is; a GRO or PDB file is a topology and a trajectory. */
struct file_info {
    const char *path;
    const char *format; /* static */
    bool is_tpr, has_topology, has_frames;
    struct asim_tpr tpr;
    struct asim_topology top;
    struct asim_trajectory *traj;
    size_t frame_count;
    double first_time_ps, last_time_ps;
    float precision;
    float box_nm[3][3];
    struct asim_atom_list selected;
};

static void file_info_finish(struct file_info *info)
{
    asim_tpr_finish(&info->tpr);
    asim_topology_finish(&info->top);
    asim_trajectory_close(info->traj);
    asim_atom_list_finish(&info->selected);
}

/* What threads that read a file have found; under the mutex. */
struct frames_seen {
    pthread_mutex_t mutex;
    struct file_info *info;
    size_t first_index, last_index;
};

static int see_frame(void *context, struct asim_frame *frame, int thread_index,
                     struct asim_error *err)
{
    struct frames_seen *seen = context;
    struct file_info *info = seen->info;
    (void)thread_index;
    (void)err;
    pthread_mutex_lock(&seen->mutex);
    if (info->frame_count == 0 || frame->frame_index < seen->first_index) {
        seen->first_index = frame->frame_index;
        info->first_time_ps = frame->time_ps;
        info->precision = frame->precision;
        memcpy(info->box_nm, frame->box_nm, sizeof info->box_nm);
    }
    if (info->frame_count == 0 || frame->frame_index > seen->last_index) {
        seen->last_index = frame->frame_index;
        info->last_time_ps = frame->time_ps;
    }
    info->frame_count++;
    pthread_mutex_unlock(&seen->mutex);
    return 0;
}

/* Walks the whole file: every frame is decoded, so that every damage is met. */
static int read_frames(struct file_info *info, struct asim_error *err)
{
    struct frames_seen seen = {.mutex = PTHREAD_MUTEX_INITIALIZER, .info = info};
    int threads = asim_thread_count(0);
    if (threads > MOST_READERS)
        threads = MOST_READERS;
    int rc = asim_trajectory_visit(info->traj, threads, see_frame, &seen, err);
    pthread_mutex_destroy(&seen.mutex);
    return rc;
}

/* A TPR tells more than a topology: how the run was set up. */
static int read_topology(struct file_info *info, struct asim_error *err)
{
    info->is_tpr = strcmp(info->format, "TPR") == 0;
    if (!info->is_tpr)
        return asim_topology_read(info->path, &info->top, err);
    if (asim_tpr_read(info->path, &info->tpr, &info->top, err) < 0)
        return -1;
    memcpy(info->box_nm, info->tpr.box_nm, sizeof info->box_nm);
    return 0;
}

static int read_file(struct file_info *info, struct asim_error *err)
{
    const char *topology_format, *trajectory_format;
    if (asim_trajectory_recognise(info->path, &trajectory_format, err) < 0 ||
        asim_topology_recognise(info->path, &topology_format, err) < 0)
        return -1;
    info->has_topology = topology_format != NULL;
    /* What is neither is opened as a trajectory for the message that this gives. */
    info->has_frames = trajectory_format != NULL || !info->has_topology;
    info->format = info->has_topology ? topology_format : trajectory_format;
    if (info->has_topology && read_topology(info, err) < 0)
        return -1;
    if (!info->has_frames)
        return 0;
    if (asim_trajectory_open(info->path, &info->traj, err) < 0)
        return -1;
    return read_frames(info, err);
}

static size_t atom_count(const struct file_info *info)
{
    return info->has_topology ? info->top.atom_count
                              : asim_trajectory_atom_count(info->traj);
}

static json_t *box_to_json(const float box_nm[3][3])
{
    json_t *rows = json_array();
    for (int i = 0; i < 3; i++)
        json_array_append_new(rows,
                              json_pack("[f,f,f]", (double)box_nm[i][0],
                                        (double)box_nm[i][1], (double)box_nm[i][2]));
    return rows;
}

static json_t *damage_to_json(const struct asim_trajectory *traj)
{
    json_t *list = json_array();
    size_t count;
    const struct asim_damage *damage = asim_trajectory_damage(traj, &count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:I, s:I, s:o}", "frame",
                                        (json_int_t)damage[i].frame_index, "offset",
                                        (json_int_t)damage[i].offset_bytes, "what",
                                        asim_json_string(damage[i].what)));
    return list;
}

static json_t *atoms_to_json(const struct asim_topology *top)
{
    json_t *atoms = json_array();
    for (size_t i = 0; i < top->atom_count; i++) {
        json_t *atom =
            json_pack("{s:o, s:o, s:i}", "name",
                      asim_json_string(asim_topology_atom_name(top, i)), "resname",
                      asim_json_string(asim_topology_residue_name(top, i)), "resid",
                      (int)top->residues[top->residue[i]].resid);
        if (top->mass_amu)
            json_object_set_new(atom, "mass_amu", json_real((double)top->mass_amu[i]));
        if (top->charge_e)
            json_object_set_new(atom, "charge_e", json_real((double)top->charge_e[i]));
        json_array_append_new(atoms, atom);
    }
    return atoms;
}

static json_t *info_to_json(const struct file_info *info, bool with_atoms,
                            bool with_selection)
{
    json_t *root =
        json_pack("{s:o, s:s, s:I}", "file", asim_json_string(info->path), "format",
                  info->format, "atom_count", (json_int_t)atom_count(info));
    if (info->has_topology)
        json_object_set_new(root, "residue_count",
                            json_integer((json_int_t)info->top.residue_count));
    if (info->top.altloc_dropped_count > 0)
        json_object_set_new(root, "altloc_dropped_count",
                            json_integer((json_int_t)info->top.altloc_dropped_count));
    if (info->top.note)
        json_object_set_new(root, "note", asim_json_string(info->top.note));
    if (info->is_tpr || info->has_frames)
        json_object_set_new(root, "box_nm", box_to_json(info->box_nm));
    if (info->is_tpr) {
        json_object_set_new(root, "gmx_version",
                            asim_json_string(info->tpr.gromacs_version));
        json_object_set_new(root, "file_version", json_integer(info->tpr.file_version));
        json_object_set_new(root, "nsteps", json_integer(info->tpr.nsteps));
        json_object_set_new(root, "dt_ps", json_real(info->tpr.dt_ps));
        json_object_set_new(root, "ref_t_kelvin",
                            info->tpr.ref_t_kelvin > 0
                                ? json_real(info->tpr.ref_t_kelvin)
                                : json_null());
    }
    if (info->has_frames) {
        json_object_set_new(root, "frame_count",
                            json_integer((json_int_t)info->frame_count));
        json_object_set_new(root, "first_time_ps", json_real(info->first_time_ps));
        json_object_set_new(root, "last_time_ps", json_real(info->last_time_ps));
        json_object_set_new(root, "precision", json_real((double)info->precision));
        json_object_set_new(root, "damage", damage_to_json(info->traj));
    }
    if (with_atoms && info->has_topology)
        json_object_set_new(root, "atoms", atoms_to_json(&info->top));
    if (with_selection && info->has_topology) {
        json_t *selected = json_array();
        for (size_t i = 0; i < info->selected.count; i++)
            json_array_append_new(selected, json_integer(info->selected.index[i]));
        json_object_set_new(root, "selected", selected);
    }
    return root;
}

static void print_atoms(const struct asim_topology *top)
{
    printf("  %8s %-6s %-6s %6s %10s %9s\n", "index", "name", "res", "resid",
           "mass/amu", "charge/e");
    for (size_t i = 0; i < top->atom_count; i++)
        printf("  %8zu %-6s %-6s %6d %10.4f %9.4f\n", i,
               asim_topology_atom_name(top, i), asim_topology_residue_name(top, i),
               (int)top->residues[top->residue[i]].resid,
               top->mass_amu ? (double)top->mass_amu[i] : NAN,
               top->charge_e ? (double)top->charge_e[i] : NAN);
}

static void print_selected(const struct file_info *info, const char *selection)
{
    char calcium[300];
    printf("  '%s' selects %zu atom%s\n", selection, info->selected.count,
           asim_plural(info->selected.count));
    if (asim_selection_calcium(&info->top, &info->selected, calcium, sizeof calcium))
        printf("  note: %s\n", calcium);
}

static void print_info(const struct file_info *info, const struct settings *settings)
{
    printf("%s: %s, %zu atom%s", info->path, info->format, atom_count(info),
           asim_plural(atom_count(info)));
    if (info->has_topology)
        printf(", %zu residue%s", info->top.residue_count,
               asim_plural(info->top.residue_count));
    printf("\n");
    if (info->is_tpr) {
        printf("  GROMACS %s, file version %d\n", info->tpr.gromacs_version,
               info->tpr.file_version);
        printf("  %s, %lld steps of %g ps", info->tpr.integrator_name,
               (long long)info->tpr.nsteps, info->tpr.dt_ps);
        if (info->tpr.ref_t_kelvin > 0)
            printf(", %g K", info->tpr.ref_t_kelvin);
        printf("\n");
    }
    if (info->top.has_bonds)
        printf("  %zu bond%s, %zu molecule%s\n", info->top.bond_count,
               asim_plural(info->top.bond_count), info->top.molecule_count,
               asim_plural(info->top.molecule_count));
    else if (info->top.bond_count > 0)
        printf("  %zu bond%s, not all that there are\n", info->top.bond_count,
               asim_plural(info->top.bond_count));
    if (info->top.note)
        printf("  note: %s\n", info->top.note);
    if (info->has_frames) {
        printf("  %zu frame%s, %g to %g ps", info->frame_count,
               asim_plural(info->frame_count), info->first_time_ps, info->last_time_ps);
        if (info->precision > 0)
            printf(", precision 1/%g nm", (double)info->precision);
        printf("\n");
    }
    if (info->is_tpr || info->has_frames)
        printf("  box %g %g %g nm\n", (double)info->box_nm[0][0],
               (double)info->box_nm[1][1], (double)info->box_nm[2][2]);
    if (info->has_frames) {
        size_t count;
        const struct asim_damage *damage = asim_trajectory_damage(info->traj, &count);
        for (size_t i = 0; i < count; i++)
            printf("  damage at frame %zu, byte %llu: %s\n", damage[i].frame_index,
                   (unsigned long long)damage[i].offset_bytes, damage[i].what);
    }
    if (info->has_topology && settings->pca.selection)
        print_selected(info, settings->pca.selection);
    if (settings->atoms && info->has_topology)
        print_atoms(&info->top);
}

/* Positions for a selection: those of the file itself, or the first frame of the first
 * trajectory on the command line that has as many atoms, as `autosim pca` takes them.
 */
static int select_atoms(const struct settings *settings, struct file_info *info,
                        struct asim_error *err)
{
    struct asim_frame frame = {.atom_count = info->tpr.atom_count,
                               .x_nm = info->tpr.x_nm};
    struct asim_selection_context context = {.ndx_path = settings->pca.ndx_path,
                                             .residues = settings->pca.residues,
                                             .traj = info->traj};
    struct asim_trajectory *other = NULL;
    if (info->is_tpr) {
        memcpy(frame.box_nm, info->tpr.box_nm, sizeof frame.box_nm);
        context.frame = &frame;
    }
    for (int i = 0; i < settings->argument_count && !other; i++) {
        const char *path = settings->arguments[i], *topology_format;
        if (asim_topology_recognise(path, &topology_format, NULL) < 0 ||
            topology_format || asim_trajectory_open(path, &other, NULL) < 0)
            continue;
        if (asim_trajectory_atom_count(other) != info->top.atom_count) {
            asim_trajectory_close(other);
            other = NULL;
            continue;
        }
        context.frame = NULL;
        context.traj = other;
    }
    int rc = asim_selection_evaluate(&info->top, settings->pca.selection, &context,
                                     &info->selected, err);
    asim_trajectory_close(other);
    return rc;
}

static int read_info(const struct settings *settings, const char *path,
                     struct file_info *info, struct asim_error *err)
{
    *info = (struct file_info){.path = path};
    if (read_file(info, err) < 0)
        return -1;
    return info->has_topology && settings->pca.selection
               ? select_atoms(settings, info, err)
               : 0;
}

/* Files that are trajectories and nothing else, which `run` and `pca` take as one. */
struct series {
    const char **paths;
    json_t **objects; /* of these files; borrowed, NULL without --json */
    size_t count;
    const char *no_frame; /* the first one without a whole frame, or NULL */
};

/* What a chain of files leaves out; that they are none is no failure here, but said. */
static void print_series(const struct series *series)
{
    struct asim_trajectory *traj;
    struct asim_error err;
    if (series->count < 2)
        return;
    if (asim_trajectory_open_many(series->paths, series->count, &traj, &err) < 0) {
        if (!series->objects[0])
            printf("not one trajectory: %s\n", err.text);
        for (size_t i = 0; series->objects[0] && i < series->count; i++)
            json_object_set_new(series->objects[i], "chain_error",
                                asim_json_string(err.text));
        return;
    }
    size_t count, frames = 0;
    const struct asim_trajectory_part *part = asim_trajectory_parts(traj, &count);
    double first_ps = INFINITY, last_ps = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        frames += part[i].kept_count;
        if (part[i].kept_count > 0) {
            first_ps = fmin(first_ps, part[i].first_time_ps);
            last_ps = fmax(last_ps, part[i].last_time_ps);
        }
        if (series->objects[i])
            json_object_set_new(series->objects[i], "kept_frame_count",
                                json_integer((json_int_t)part[i].kept_count));
    }
    if (!series->objects[0]) {
        printf("as one: %zu frame%s, %g to %g ps\n", frames, asim_plural(frames),
               first_ps, last_ps);
        for (size_t i = 0; i < count; i++)
            if (part[i].kept_count < part[i].frame_count)
                printf("  %s: %zu of %zu frames are left out, for their times come "
                       "again in a later place\n",
                       part[i].path, part[i].frame_count - part[i].kept_count,
                       part[i].frame_count);
    }
    asim_trajectory_close(traj);
}

static int info_of_files(const struct settings *settings, json_t *list,
                         struct series *series, struct asim_error *err)
{
    for (int i = 0; i < settings->argument_count; i++) {
        struct file_info info;
        json_t *object = NULL;
        int rc = read_info(settings, settings->arguments[i], &info, err);
        if (rc == 0 && settings->json) {
            object =
                info_to_json(&info, settings->atoms, settings->pca.selection != NULL);
            json_array_append_new(list, object);
        } else if (rc == 0) {
            print_info(&info, settings);
        }
        if (rc == 0 && !info.has_topology) {
            if (info.frame_count == 0 && !series->no_frame)
                series->no_frame = settings->arguments[i];
            series->paths[series->count] = settings->arguments[i];
            series->objects[series->count++] = object;
        }
        file_info_finish(&info);
        if (rc < 0)
            return -1;
    }
    if (settings->pca.selection && series->count == (size_t)settings->argument_count)
        return asim_fail(err, ASIM_EUSAGE,
                         "--sel needs a topology to select from: name a TPR, PSF, PDB "
                         "or GRO file as well");
    return 0;
}

int cmd_info(const struct settings *settings, struct asim_error *err)
{
    size_t count = (size_t)settings->argument_count;
    json_t *list = json_array();
    struct series series = {.paths =
                                asim_alloc_array(count, sizeof *series.paths, err)};
    series.objects = asim_alloc_array(count, sizeof *series.objects, err);
    int rc = -1;
    if (!series.paths || !series.objects || check_input_files(settings, err) < 0 ||
        info_of_files(settings, list, &series, err) < 0)
        goto out;
    print_series(&series);
    if (settings->json) {
        /* One file is an object, several are an array of them. */
        json_dumpf(count == 1 ? json_array_get(list, 0) : list, stdout,
                   JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        printf("\n");
    }
    rc = series.no_frame
             ? asim_fail(err, ASIM_EINPUT, "'%s' holds no whole frame", series.no_frame)
             : 0;
out:
    free(series.paths);
    free(series.objects);
    json_decref(list);
    return rc;
}
