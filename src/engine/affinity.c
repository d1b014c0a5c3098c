/*
 * Cores that this process may use, and their division among windows.
 *
 * Invariant: every core handed out is in the affinity mask and in hwloc's allowed set,
 * and is in one slot only. Must not know what runs on the cores.
 */
#include "engine/affinity.h"

#include <hwloc.h>
#include <hwloc/glibc-sched.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <autosim/engine.h>

#include "base/memory.h"
#include "base/text.h"
#include "engine/core_claims.h"

enum { CPUS_LARGEST = 1 << 16 };

void asim_cores_finish(struct asim_cores *cores)
{
    if (!cores)
        return;
    free(cores->cpu);
    free(cores->core);
    *cores = (struct asim_cores){0};
}

/* Whole cores below one cgroup's CPU quota; INT_MAX where it sets none. */
static int quota_cores(const char *folder, bool unified)
{
    char path[4500];
    long long quota = -1, period = 0;
    snprintf(path, sizeof path, "%s/%s", folder,
             unified ? "cpu.max" : "cpu.cfs_quota_us");
    FILE *file = fopen(path, "re");
    if (!file)
        return INT_MAX;
    int found = fscanf(file, "%lld %lld", &quota, &period); /* "max" is no number */
    fclose(file);
    if (!unified && found == 1) {
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        file = fopen(path, "re");
        if (!file)
            return INT_MAX;
        found += fscanf(file, "%lld", &period);
        fclose(file);
    }
    if (found != 2 || quota <= 0 || period <= 0 || quota / period >= INT_MAX)
        return INT_MAX;
    return quota < period ? 1 : (int)(quota / period);
}

static int quota_to_root(const char *root, const char *group, bool unified)
{
    char folder[4400];
    int least = INT_MAX;
    snprintf(folder, sizeof folder, "%s%s", root, group);
    size_t root_length = strlen(root);
    for (;;) {
        int cores = quota_cores(folder, unified);
        least = cores < least ? cores : least;
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < root_length)
            return least;
        *slash = '\0';
    }
}

static int cgroup_limit(void)
{
    int least = INT_MAX;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return least;
    char line[4200];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        controllers++;
        int cores = INT_MAX;
        if (*controllers == '\0')
            cores = quota_to_root("/sys/fs/cgroup", group, true);
        else if (strcmp(controllers, "cpu") == 0 ||
                 strncmp(controllers, "cpu,", 4) == 0 || strstr(controllers, ",cpu,") ||
                 (strlen(controllers) > 4 &&
                  strcmp(controllers + strlen(controllers) - 4, ",cpu") == 0))
            cores = quota_to_root("/sys/fs/cgroup/cpu", group, false);
        least = cores < least ? cores : least;
    }
    fclose(file);
    return least;
}

static int slurm_limit(void)
{
    const char *text = getenv("SLURM_CPUS_ON_NODE");
    int64_t count;
    return text && asim_parse_int64(text, &count) && count > 0 && count < INT_MAX
               ? (int)count
               : INT_MAX;
}

/* The affinity mask, which may be longer than cpu_set_t on large machines. */
static bool affinity_mask(hwloc_topology_t topology, hwloc_cpuset_t set)
{
    for (int cpus = 1024; cpus <= CPUS_LARGEST; cpus *= 2) {
        cpu_set_t *mask = CPU_ALLOC(cpus);
        size_t bytes = CPU_ALLOC_SIZE(cpus);
        if (!mask)
            return false;
        bool read =
            sched_getaffinity(0, bytes, mask) == 0 &&
            hwloc_cpuset_from_glibc_sched_affinity(topology, set, mask, bytes) == 0;
        CPU_FREE(mask);
        if (read)
            return true;
    }
    return false;
}

static int list_units(hwloc_topology_t topology, hwloc_const_cpuset_t allowed,
                      struct asim_cores *cores, struct asim_error *err)
{
    int total = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    if (total < 1 || total > CPUS_LARGEST)
        return asim_fail(err, ASIM_EENV, "hwloc finds %d processing units", total);
    cores->cpu = asim_alloc_array((size_t)total, sizeof *cores->cpu, err);
    cores->core = asim_alloc_array((size_t)total, sizeof *cores->core, err);
    if (!cores->cpu || !cores->core)
        return -1;
    hwloc_obj_t last = NULL;
    for (int i = 0; i < total; i++) { /* logical order: by package, cache, core */
        hwloc_obj_t unit = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, (unsigned)i);
        if (!unit || !hwloc_bitmap_isset(allowed, unit->os_index))
            continue;
        hwloc_obj_t core =
            hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, unit);
        if (cores->count == 0 || !core || core != last)
            cores->physical_count++;
        last = core;
        cores->cpu[cores->count] = (int)unit->os_index;
        cores->core[cores->count] = cores->physical_count - 1;
        cores->count++;
    }
    if (cores->count == 0)
        return asim_fail(err, ASIM_EENV, "no core is allowed to this process");
    return 0;
}

/* Without /sys (some containers and chroots) hwloc would complain on stderr and then
 * still know how many cores there are: it is told so from the start. */
static int load_topology(hwloc_topology_t topology)
{
    char flat[32];
    if (access("/sys/devices/system/cpu", F_OK) < 0) {
        snprintf(flat, sizeof flat, "core:%ld pu:1", sysconf(_SC_NPROCESSORS_CONF));
        if (hwloc_topology_set_synthetic(topology, flat) < 0)
            return -1;
    }
    return hwloc_topology_load(topology);
}

int asim_cores_look(struct asim_cores *ret_cores, struct asim_error *err)
{
    struct asim_cores cores = {0};
    hwloc_topology_t topology = NULL;
    hwloc_cpuset_t allowed = hwloc_bitmap_alloc();
    int rc = -1;
    if (!allowed) {
        asim_fail(err, ASIM_ENOMEM, "no memory for a set of cores");
        goto out;
    }
    if (hwloc_topology_init(&topology) < 0 || load_topology(topology) < 0) {
        asim_fail(err, ASIM_EENV, "hwloc cannot read the topology of this machine");
        goto out;
    }
    if (affinity_mask(topology, allowed))
        hwloc_bitmap_and(allowed, allowed, hwloc_topology_get_allowed_cpuset(topology));
    else
        hwloc_bitmap_copy(allowed, hwloc_topology_get_allowed_cpuset(topology));
    if (list_units(topology, allowed, &cores, err) < 0)
        goto out;
    int quota = cgroup_limit(), slurm = slurm_limit();
    cores.limit = cores.count;
    cores.limit = quota < cores.limit ? quota : cores.limit;
    cores.limit = slurm < cores.limit ? slurm : cores.limit;
    *ret_cores = cores;
    cores = (struct asim_cores){0};
    rc = 0;
out:
    asim_cores_finish(&cores);
    if (topology)
        hwloc_topology_destroy(topology);
    hwloc_bitmap_free(allowed);
    return rc;
}

int asim_cores_available(void)
{
    struct asim_cores cores;
    if (asim_cores_look(&cores, NULL) < 0)
        return 1;
    int limit = cores.limit;
    asim_cores_finish(&cores);
    return limit;
}

/* All processing units, or the first of every physical core; returns how many. */
static int choose_units(const struct asim_cores *cores, bool siblings, int *ret_cpus)
{
    int kept = 0;
    for (int i = 0; i < cores->count; i++)
        if (siblings || i == 0 || cores->core[i] != cores->core[i - 1])
            ret_cpus[kept++] = cores->cpu[i];
    return kept;
}

void asim_core_slots_finish(struct asim_core_slots *slots)
{
    if (!slots)
        return;
    for (int slot = 0; slots->claim_fd && slot < slots->slot_count; slot++)
        asim_core_slots_give(slots, slot);
    free(slots->cpus);
    free(slots->taken);
    free(slots->claim_fd);
    free(slots->claims);
    *slots = (struct asim_core_slots){0};
}

int asim_core_slots_create(const struct asim_cores *cores, int slots_wanted,
                           int slot_width, struct asim_core_slots *ret_slots,
                           struct asim_error *err)
{
    struct asim_core_slots slots = {0};
    int rc = -1;
    if (slots_wanted < 0 || slot_width < 1)
        return asim_fail(err, ASIM_EUSAGE,
                         "%d windows of %d cores: at least one core a window is needed",
                         slots_wanted, slot_width);
    int64_t needed = (int64_t)(slots_wanted ? slots_wanted : 1) * slot_width;
    if (needed > cores->limit)
        return asim_fail(
            err, ASIM_EUSAGE,
            "%d windows x %d cores = %" PRId64
            " cores, but this process may use %d; run fewer windows at once (-j) "
            "or with fewer threads (--ntmpi, --ntomp)",
            slots_wanted ? slots_wanted : 1, slot_width, needed, cores->limit);
    slots.cpus = asim_alloc_array((size_t)cores->count, sizeof *slots.cpus, err);
    if (!slots.cpus)
        return -1;
    int units = choose_units(cores, needed > cores->physical_count, slots.cpus);
    int usable = units < cores->limit ? units : cores->limit;
    slots.exclusive = cores->limit >= cores->count;
    slots.slot_width = slot_width;
    slots.at_once = slots_wanted ? slots_wanted : usable / slot_width;
    /* Where others hold some cores there are others to go to. */
    slots.slot_count = slots.exclusive ? units / slot_width : slots.at_once;
    slots.taken = asim_alloc_array((size_t)slots.slot_count, 1, err);
    slots.claim_fd =
        asim_alloc_array((size_t)slots.slot_count, sizeof *slots.claim_fd, err);
    if (!slots.taken || !slots.claim_fd)
        goto out;
    for (int slot = 0; slot < slots.slot_count; slot++)
        slots.claim_fd[slot] = -1;
    *ret_slots = slots;
    slots = (struct asim_core_slots){0};
    rc = 0;
out:
    asim_core_slots_finish(&slots);
    return rc;
}

void asim_core_slots_claim_from(struct asim_core_slots *slots, char *path)
{
    free(slots->claims);
    slots->claims = slots->exclusive ? path : NULL;
    if (!slots->exclusive)
        free(path);
}

size_t asim_core_slots_held(const struct asim_core_slots *slots)
{
    size_t count = (size_t)slots->slot_count * (size_t)slots->slot_width;
    return slots->claims ? asim_core_claims_count(slots->claims, slots->cpus, count)
                         : 0;
}

int asim_core_slots_take(struct asim_core_slots *slots, struct asim_error *err)
{
    slots->held_slots = 0;
    for (int slot = 0; slot < slots->slot_count; slot++) {
        if (slots->taken[slot])
            continue;
        size_t width = (size_t)slots->slot_width;
        int claimed = slots->claims
                          ? asim_core_claims_take(slots->claims,
                                                  slots->cpus + (size_t)slot * width,
                                                  width, &slots->claim_fd[slot], err)
                          : 1;
        if (claimed < 0)
            return -1;
        if (claimed) {
            slots->taken[slot] = 1;
            return slot;
        }
        slots->held_slots++;
    }
    return -1;
}

void asim_core_slots_give(struct asim_core_slots *slots, int slot)
{
    if (slot < 0 || slot >= slots->slot_count)
        return;
    if (slots->claim_fd[slot] >= 0)
        close(slots->claim_fd[slot]);
    slots->claim_fd[slot] = -1;
    slots->taken[slot] = 0;
}

const int *asim_core_slots_cpus(const struct asim_core_slots *slots, int slot,
                                size_t *ret_count)
{
    bool bound = slots->exclusive && slot >= 0 && slot < slots->slot_count;
    *ret_count = bound ? (size_t)slots->slot_width : 0;
    return bound ? slots->cpus + (size_t)slot * (size_t)slots->slot_width : NULL;
}
