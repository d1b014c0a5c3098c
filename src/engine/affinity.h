/* Which cores a window gets: neighbours in the topology, no core in two windows. */
#ifndef ENGINE_AFFINITY_H
#define ENGINE_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Cores that a process may use, as they were when they were looked at: processing units
 * in the order of the topology, neighbours together. */
struct asim_cores {
    int count;
    int *cpu;  /* [count] OS indices */
    int *core; /* [count] number of the physical core, ascending */
    int physical_count;
    int limit; /* how many may be used; at least 1 */
};

void asim_cores_finish(struct asim_cores *cores);
/* Those of the calling thread. */
int asim_cores_look(struct asim_cores *ret_cores, struct asim_error *err);

/* A pool of slots of equal width over such cores. */
struct asim_core_slots {
    int slot_count; /* places; may be more than windows shall run at once */
    int at_once;    /* windows that shall run at once */
    int slot_width; /* cores a slot */
    int *cpus;      /* [slot_count][slot_width] OS indices */
    char *taken;    /* [slot_count] */
    int *claim_fd;  /* [slot_count] of what we hold; -1: none */
    char *claims;   /* file of claims on cores (core_claims.h); NULL: none are made */
    int held_slots; /* free ones that the last call of take found claimed by others */
    /* False where a CPU quota or SLURM_CPUS_ON_NODE allows fewer cores than the
     * affinity mask: others use the same cores then and would choose the same ones, so
     * that binding to them would make two jobs share a core while others idle. */
    bool exclusive;
};

void asim_core_slots_finish(struct asim_core_slots *slots);
/* As many slots of `slot_width` neighbours among `cores` as fit. ASIM_EUSAGE with the
 * arithmetic where slots_wanted x slot_width exceeds the cores (slots_wanted 0: as many
 * as fit). One physical core's hardware threads count as one where the machine has
 * enough physical cores. No claims are made until asim_core_slots_claim_from. */
int asim_core_slots_create(const struct asim_cores *cores, int slots_wanted,
                           int slot_width, struct asim_core_slots *ret_slots,
                           struct asim_error *err);
/* From now on a slot is taken only where its cores can be claimed in the file `path`
 * (owned from here; NULL: none). Nothing where the cores are not exclusive: windows are
 * not bound to them then. */
void asim_core_slots_claim_from(struct asim_core_slots *slots, char *path);
/* How many cores of the pool windows of others run on now. */
size_t asim_core_slots_held(const struct asim_core_slots *slots);
/* A free slot's index, or -1. Where claims cannot be made (-1 with `err` filled in)
 * nothing is taken. */
int asim_core_slots_take(struct asim_core_slots *slots, struct asim_error *err);
/* Our copy of the claim is closed; a window that lives keeps its own. */
void asim_core_slots_give(struct asim_core_slots *slots, int slot);
/* What struct asim_spawn wants: the slot's cores; NULL and 0 where it is better not
 * bound. Borrowed. */
const int *asim_core_slots_cpus(const struct asim_core_slots *slots, int slot,
                                size_t *ret_count);

#endif
