/* The table of bias engines, and their files on disk. */
#include "windows/bias_method.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "windows/colvars.h"
#include "windows/edi.h"
#include "windows/plumed.h"

static const uint64_t LARGEST_FILE_BYTES = (uint64_t)1 << 32;

double asim_bias_centre_nm(const struct asim_bias *bias,
                           const struct asim_steering *steering, double time_ps)
{
    if (!steering || !(time_ps < steering->duration_ps))
        return bias->centre_nm;
    double done = time_ps > 0 ? time_ps / steering->duration_ps : 0;
    return steering->from_nm + done * (bias->centre_nm - steering->from_nm);
}

int64_t asim_bias_steering_steps(const struct asim_bias_request *request)
{
    return request->steering.duration_ps > 0
               ? (int64_t)llround(request->steering.duration_ps / request->dt_ps)
               : 0;
}

/* The slope of an .edi restraint never ends. */
static int compose_edi(const struct asim_bias_request *request, char **ret_texts,
                       struct asim_error *err)
{
    if (request->steering.duration_ps > 0)
        return asim_fail(err, ASIM_EINPUT,
                         "the edi bias cannot move a window to its centre and stay "
                         "there; the colvars and the plumed bias can");
    return asim_edi_write(request->pca, &request->bias, request->system_atom_count,
                          request->sample_steps, request->temperature_kelvin, ret_texts,
                          err);
}

static int compose_colvars(const struct asim_bias_request *request, char **ret_texts,
                           struct asim_error *err)
{
    return asim_colvars_compose(request, ret_texts, err);
}

static int compose_plumed(const struct asim_bias_request *request, char **ret_texts,
                          struct asim_error *err)
{
    return asim_plumed_compose(request, ret_texts, err);
}

/* In the order of enum asim_bias_engine, AUTO left out. */
static const struct asim_bias_method methods[] = {
    {
        .engine = ASIM_BIAS_EDI,
        .name = "edi",
        .summary = "essential-dynamics restraint; leaves out a torque, whose size is "
                   "measured",
        .files = {"bias.edi"},
        .arguments = {"-ei", "bias.edi", "-eo", "bias.xvg"},
        .output = "bias.xvg",
        .samples = "bias.xvg",
        .compose = compose_edi,
    },
    {
        .engine = ASIM_BIAS_COLVARS,
        .name = "colvars",
        .summary = "Colvars inside GROMACS, through the TPR; exact forces",
        .exact = true,
        .inside_tpr = true,
        .other_fit_atoms = true,
        .rows_lost_most = ASIM_COLVARS_FLUSH_ROWS,
        .files = {"bias.colvars"},
        /* Colvars names its output after the energies and begins it anew with every
         * start of mdrun. */
        .output = "ener.colvars.traj",
        .output_in_steps = true,
        .samples = "bias.colvars.traj",
        .compose = compose_colvars,
    },
    {
        .engine = ASIM_BIAS_PLUMED,
        .name = "plumed",
        .summary = "PLUMED through mdrun -plumed; exact forces",
        .exact = true,
        .ranks_most = 1,
        .files = {"plumed.dat", "avg.pdb", "vec.pdb"},
        .arguments = {"-plumed", "plumed.dat"},
        .output = "COLVAR",
        .samples = "COLVAR",
        .compose = compose_plumed,
    },
};

enum { METHOD_COUNT = sizeof methods / sizeof *methods };

const struct asim_bias_method *asim_bias_method(enum asim_bias_engine engine)
{
    for (int i = 0; i < METHOD_COUNT; i++)
        if (methods[i].engine == engine)
            return &methods[i];
    return &methods[0];
}

const char *asim_bias_engine_name(enum asim_bias_engine engine)
{
    return engine == ASIM_BIAS_AUTO ? "auto" : asim_bias_method(engine)->name;
}

int asim_bias_engine_from_name(const char *name, enum asim_bias_engine *ret_engine)
{
    if (strcmp(name, "auto") == 0) {
        *ret_engine = ASIM_BIAS_AUTO;
        return 0;
    }
    for (int i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(name, methods[i].name) == 0) {
            *ret_engine = methods[i].engine;
            return 0;
        }
    }
    return -1;
}

enum asim_pbc_mode asim_bias_pbc(const struct asim_pca *pca,
                                 const struct asim_topology *top)
{
    if (pca->pbc == ASIM_PBC_AUTO)
        return top->has_bonds ? ASIM_PBC_WHOLE : ASIM_PBC_NONE;
    return pca->pbc == ASIM_PBC_NOJUMP ? ASIM_PBC_CLUSTER : pca->pbc;
}

enum asim_pbc_mode asim_bias_own_pbc(const struct asim_pca *pca,
                                     const struct asim_topology *top)
{
    enum asim_pbc_mode pbc = asim_bias_pbc(pca, top);
    return pbc == ASIM_PBC_NONE && top->has_bonds ? ASIM_PBC_WHOLE : pbc;
}

void asim_bias_texts_finish(struct asim_bias_texts *texts)
{
    if (!texts)
        return;
    for (size_t i = 0; i < ASIM_BIAS_FILES_MOST; i++)
        free(texts->text[i]);
    *texts = (struct asim_bias_texts){0};
}

int asim_bias_compose(const struct asim_bias_method *method,
                      const struct asim_bias_request *request,
                      struct asim_bias_texts *ret_texts, struct asim_error *err)
{
    struct asim_bias_texts texts = {.method = method};
    if (method->compose(request, texts.text, err) < 0)
        return -1;
    *ret_texts = texts;
    return 0;
}

int asim_bias_write(const struct asim_bias_texts *texts, const char *folder,
                    struct asim_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && texts->method->files[i]; i++) {
        char *path = asim_path_join(folder, texts->method->files[i], err);
        rc = path ? asim_file_replace(path, texts->text[i], strlen(texts->text[i]), err)
                  : -1;
        free(path);
    }
    return rc;
}

int asim_bias_texts_sha256(const struct asim_bias_texts *texts, char ret_sha256[65],
                           struct asim_error *err)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; texts->method->files[i]; i++)
        total += strlen(texts->text[i]);
    char *joined = asim_alloc_array(total, 1, err);
    if (!joined)
        return -1;
    for (size_t i = 0; texts->method->files[i]; i++) {
        size_t size = strlen(texts->text[i]);
        memcpy(joined + at, texts->text[i], size);
        at += size;
    }
    asim_sha256(joined, total, ret_sha256);
    free(joined);
    return 0;
}

int asim_bias_files_sha256(const struct asim_bias_method *method, const char *folder,
                           char ret_sha256[65], struct asim_error *err)
{
    struct asim_bias_texts texts = {.method = method};
    int rc = 0;
    for (size_t i = 0; rc == 0 && method->files[i]; i++) {
        size_t size;
        char *path = asim_path_join(folder, method->files[i], err);
        if (!path)
            rc = -1;
        else if (!asim_file_exists(path))
            rc = asim_fail(err, ASIM_EINPUT, "'%s' is missing; plan the windows again",
                           path);
        else
            rc = asim_file_read(path, LARGEST_FILE_BYTES, &texts.text[i], &size, err);
        if (rc == 0 && strlen(texts.text[i]) != size)
            rc = asim_fail(err, ASIM_EINPUT,
                           "'%s' holds a zero byte and is not the planned file; plan "
                           "the windows again",
                           path);
        free(path);
    }
    if (rc == 0)
        rc = asim_bias_texts_sha256(&texts, ret_sha256, err);
    asim_bias_texts_finish(&texts);
    return rc;
}
