/*
 * The table of bias engines: what each needs, is told, and writes.
 *
 * Windows are prepared, run, checked and read by this table; nothing else knows the
 * names of their files or options. All names are relative to the window's folder.
 */
#ifndef WINDOWS_BIAS_METHOD_H
#define WINDOWS_BIAS_METHOD_H

#include <autosim/windows.h>

#include "base/error.h"

enum { ASIM_BIAS_FILES_MOST = 3, ASIM_BIAS_ARGUMENTS_MOST = 4 };

/* One bias for component 0 of `pca`. */
struct asim_bias_request {
    const struct asim_pca *pca;
    struct asim_bias bias;
    struct asim_steering steering;
    size_t system_atom_count;
    double dt_ps; /* of a step; where there is steering */
    int64_t sample_steps;
    double temperature_kelvin;
};

/* Steps over which the centre moves; 0: it stands. */
int64_t asim_bias_steering_steps(const struct asim_bias_request *request);

struct asim_bias_method {
    enum asim_bias_engine engine;
    const char *name;
    const char *summary;  /* for people, one line */
    bool exact;           /* its force is the gradient of its energy */
    bool inside_tpr;      /* the bias is part of window.tpr */
    bool other_fit_atoms; /* may superpose on atoms that are not analysed */
    int ranks_most;       /* thread-MPI ranks it runs with; 0: any number */
    /* Rows that a killed run may leave out before its last checkpoint: what the engine
     * had not handed to the system yet. */
    int rows_lost_most;
    /* The bias in files, NULL-terminated; the first is the one to look at. */
    const char *files[ASIM_BIAS_FILES_MOST + 1];
    const char *arguments[ASIM_BIAS_ARGUMENTS_MOST + 1]; /* of mdrun, NULL-terminated */
    const char *output;   /* where mdrun writes samples */
    bool output_in_steps; /* its rows begin with the step, not the time */
    const char *samples;  /* where those of all attempts are in the end */
    /* The texts of `files`, each owned by the caller. */
    int (*compose)(const struct asim_bias_request *request, char **ret_texts,
                   struct asim_error *err);
};

/* Never NULL; AUTO gives edi, which any GROMACS can do. */
const struct asim_bias_method *asim_bias_method(enum asim_bias_engine engine);

/* How a frame that is seen alone is put together: as the PCA did it, except where that
 * followed atoms from frame to frame, and along the bonds where it is not known (AUTO).
 * NONE: it is taken as it is. */
enum asim_pbc_mode asim_bias_pbc(const struct asim_pca *pca,
                                 const struct asim_topology *top);

/* The same of a frame that was not analysed, mdrun's or a TPR's own: that the analysed
 * ones are whole says nothing of it. */
enum asim_pbc_mode asim_bias_own_pbc(const struct asim_pca *pca,
                                     const struct asim_topology *top);

/* The texts of a method's files. */
struct asim_bias_texts {
    const struct asim_bias_method *method;
    char *text[ASIM_BIAS_FILES_MOST]; /* owned; NULL behind the last */
};

void asim_bias_texts_finish(struct asim_bias_texts *texts);
/* ASIM_EINPUT where the method cannot do this bias. */
int asim_bias_compose(const struct asim_bias_method *method,
                      const struct asim_bias_request *request,
                      struct asim_bias_texts *ret_texts, struct asim_error *err);
int asim_bias_write(const struct asim_bias_texts *texts, const char *folder,
                    struct asim_error *err);

/* The checksum of the texts one behind the other: of one file it is that file's own. */
int asim_bias_texts_sha256(const struct asim_bias_texts *texts, char ret_sha256[65],
                           struct asim_error *err);
/* The same of the files in a folder. ASIM_EINPUT names one that is missing. */
int asim_bias_files_sha256(const struct asim_bias_method *method, const char *folder,
                           char ret_sha256[65], struct asim_error *err);

#endif
