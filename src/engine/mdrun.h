/* gmx mdrun of one window: its command, and what its files say of how it went. */
#ifndef ENGINE_MDRUN_H
#define ENGINE_MDRUN_H

#include <stdbool.h>
#include <stdint.h>

#include <autosim/bias.h>
#include <autosim/engine.h>

#include "engine/process.h"

/* Names of a window's files, fixed, relative to its folder. gmx runs inside it. Those
 * of the bias are in windows/bias_method.h. */
#define ASIM_MDRUN_TPR "window.tpr"
#define ASIM_MDRUN_LOG "md.log"
#define ASIM_MDRUN_EDR "ener.edr"
#define ASIM_MDRUN_CPT "state.cpt"
#define ASIM_MDRUN_GRO "confout.gro"
#define ASIM_MDRUN_XTC "traj.xtc"

struct asim_mdrun {
    const struct asim_gromacs *gromacs;
    enum asim_bias_engine bias;
    int ntmpi, ntomp;
    double checkpoint_minutes;
    double maxh;       /* 0: none */
    const int *gpu_id; /* NULL: gmx chooses */
};

/* argv, NULL-terminated, freed by asim_argv_free: always explicit threads, `-pin off`,
 * `-cpi state.cpt` (which starts afresh where there is no checkpoint). */
int asim_mdrun_command(const struct asim_mdrun *mdrun, char ***ret_argv,
                       struct asim_error *err);

/* The same for a trial of its speed: from the beginning, without checkpoints and final
 * structure, for `maxh`. */
int asim_mdrun_trial_command(const struct asim_mdrun *mdrun, char ***ret_argv,
                             struct asim_error *err);

/* Where the next attempt goes on. */
enum asim_mdrun_from {
    ASIM_FROM_CHECKPOINT, /* the last one; from the beginning where there is none */
    ASIM_FROM_PREVIOUS, /* the one before it; from the beginning where there is none */
    ASIM_FROM_START,
};

/*
 * Makes the folder ready for its next attempt; call it before every spawn; calling it
 * again after a crash comes to the same. Nothing may live in the folder (ASIM_ELOCKED).
 * Halves of our own files that a kill left go.
 *
 * gmx replaces a checkpoint in two renames; where a kill fell between them,
 * state_prev.cpt becomes state.cpt again (with `-cpi` of a missing file gmx would
 * silently start from nothing). FROM_PREVIOUS moves state.cpt aside and does the same.
 * Where there is no checkpoint, or a new beginning is asked for, what earlier attempts
 * wrote is moved to attempt-M.files/, M being the newest attempt before this one,
 * because gmx is told to overwrite and never to keep
 * "#file.1#" copies (it gives up at 99 of them). Of such folders the newest
 * ASIM_MDRUN_KEPT are kept whole, of older ones only the log. Where there is one, what
 * the bias wrote so far is collected first.
 */
enum { ASIM_MDRUN_KEPT = 3 };
int asim_mdrun_prepare(const char *folder, int attempt, enum asim_mdrun_from from,
                       struct asim_error *err);

/*
 * Colvars begins its output anew with every start of mdrun. Moves its whole lines
 * behind those of the starts before, so that one file has the samples of all attempts;
 * where a kill comes between, lines are there twice, which readers allow for. Other
 * engines go on in one file, and there is nothing to do.
 */
int asim_mdrun_collect(const char *folder, struct asim_error *err);

enum asim_run_end {
    ASIM_END_COMPLETED, /* last step reached and final structure written */
    ASIM_END_WALLTIME,  /* stopped cleanly by -maxh: continue, no failure */
    ASIM_END_STOPPED,   /* stopped by TERM/INT: continue from the checkpoint (where the
                           stop came before gmx ran, from what is there) */
    ASIM_END_MACHINE,   /* killed, out of memory, lost: continue from the checkpoint */
    ASIM_END_DISK_FULL, /* pause the campaign */
    ASIM_END_PHYSICS,   /* blow-up: new velocities, bounded retries */
    ASIM_END_INPUT,     /* wrong TPR, wrong atoms: no retry */
    ASIM_END_RESTART,   /* the checkpoint or its files do not fit: start this window
                           afresh */
};

struct asim_run_outcome {
    enum asim_run_end end;
    int64_t step;                         /* the last step written; -1: none */
    double ns_per_day;                    /* NAN */
    double final_potential_energy_kj_mol; /* NAN */
    char cause[200];                      /* "" where completed */
};

/* Judges an attempt from its exit record (NULL: there is none), stdout, stderr, log,
 * energies and final structure; never from the exit code alone. Completed means: gmx
 * came to its own end in this very attempt, step nsteps is in the energy file (or log),
 * and a whole confout.gro of atom_count atoms is not older than the attempt. Call it
 * when the folder is free. */
int asim_mdrun_judge(const char *folder, int attempt,
                     const struct asim_exit_record *record, int64_t nsteps,
                     size_t atom_count, struct asim_run_outcome *ret_outcome,
                     struct asim_error *err);

/* In words, for logs: "completed", "walltime", ... */
const char *asim_run_end_name(enum asim_run_end end);

/* Changes whenever gmx writes into any of its files; the same while it writes nothing.
 * Cheap: looks at sizes and times only. */
uint64_t asim_mdrun_activity(const char *folder);

/* The last step a running window has written, from its log or, where that says less
 * (nstlog 0 or large), from the times of its bias output; -1 where not known. Cheap:
 * reads ends only. */
int64_t asim_mdrun_step(const char *folder, double dt_ps);

#endif
