/*
 * What was measured of divisions of the cores, kept and made use of. It must not know
 * how it was measured.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "campaign/calibration_file.h"
#include "engine/affinity.h"
#include "engine/record.h"
#include "windows/bias_method.h"

#define CALIBRATION_NAME "calibration.json"

int asim_calibration_cores(const struct asim_cores *cores)
{
    return cores->physical_count < cores->limit ? cores->physical_count : cores->limit;
}

void asim_calibration_host(char *ret_host, size_t size)
{
    ret_host[0] = '\0';
    gethostname(ret_host, size - 1);
    ret_host[size - 1] = '\0';
}

size_t asim_calibration_candidates(int cores, size_t windows_left,
                                   struct asim_split ret_splits[ASIM_SPLITS_MOST])
{
    size_t count = 0;
    int windows = windows_left < (size_t)cores ? (int)windows_left : cores;
    for (; windows >= 1 && count < ASIM_SPLITS_MOST; windows /= 2) {
        int threads = cores / windows;
        if (threads > ASIM_THREADS_MOST)
            break;
        ret_splits[count++] = (struct asim_split){
            .windows = cores / threads, .threads = threads, .ns_per_day = NAN};
    }
    return count;
}

size_t asim_calibration_choose(const struct asim_split *splits, size_t count, int cores,
                               size_t windows_left)
{
    size_t best = 0;
    double most = -1;
    for (size_t k = 0; k < count; k++) {
        size_t at_once = (size_t)(cores / splits[k].threads);
        if (at_once > windows_left)
            at_once = windows_left;
        if (at_once == 0 || !(splits[k].ns_per_day > 0))
            continue;
        size_t rounds = (windows_left + at_once - 1) / at_once;
        double each = splits[k].ns_per_day / splits[k].windows;
        double together = each * (double)windows_left / (double)rounds;
        if (together > most) {
            most = together;
            best = k;
        }
    }
    return best;
}

static char *file_path(const struct asim_campaign *campaign, struct asim_error *err)
{
    return asim_path_join(campaign->folder, CALIBRATION_NAME, err);
}

static json_t *key_json(const struct asim_campaign *campaign,
                        const struct asim_gromacs *gromacs, int gpu_count,
                        const struct asim_cores *cores)
{
    char host[256];
    asim_calibration_host(host, sizeof host);
    return json_pack("{s:s%, s:s%, s:s%, s:s, s:s, s:i, s:i}", "host", host,
                     strlen(host), "gromacs", gromacs->path, strlen(gromacs->path),
                     "gromacs_version", gromacs->version, strlen(gromacs->version),
                     "bias", asim_bias_method(campaign->plan.bias)->name, "tpr_sha256",
                     campaign->plan.windows[0].tpr_sha256, "cores",
                     asim_calibration_cores(cores), "gpus", gpu_count);
}

/* True where every member of the key is in `found` with the same value. */
static bool fits(const json_t *found, json_t *key)
{
    const char *name;
    json_t *value;
    json_object_foreach(
        key, name,
        value) if (!json_equal(value, json_object_get(found, name))) return false;
    return true;
}

/* 0 where there is none that can be used. */
static size_t decode(const json_t *json, struct asim_split ret_splits[ASIM_SPLITS_MOST])
{
    const json_t *array = json_object_get(json, "splits");
    size_t count = json_array_size(array);
    if (count > ASIM_SPLITS_MOST)
        return 0;
    for (size_t k = 0; k < count; k++) {
        const json_t *one = json_array_get(array, k);
        int64_t windows, threads;
        double speed;
        if (asim_json_int64(one, "windows", &windows, NULL) < 0 ||
            asim_json_int64(one, "threads", &threads, NULL) < 0 ||
            asim_json_double(one, "ns_per_day", &speed, NULL) < 0 || windows < 1 ||
            windows > INT_MAX || threads < 1 || threads > ASIM_THREADS_MOST)
            return 0;
        ret_splits[k] = (struct asim_split){(int)windows, (int)threads, speed};
    }
    return count;
}

static json_t *read_file(const struct asim_campaign *campaign)
{
    json_t *json = NULL;
    char *path = file_path(campaign, NULL);
    if (!path || asim_record_read(path, &json, NULL) != 1)
        json = NULL;
    free(path);
    return json;
}

bool asim_calibration_recall(const struct asim_campaign *campaign,
                             const struct asim_gromacs *gromacs, int gpu_count,
                             const struct asim_cores *cores, int *ret_ntomp)
{
    struct asim_split splits[ASIM_SPLITS_MOST];
    json_t *json = read_file(campaign), *key = NULL;
    size_t count = json ? decode(json, splits) : 0;
    if (count > 0)
        key = key_json(campaign, gromacs, gpu_count, cores);
    size_t left = asim_campaign_unfinished_count(campaign);
    bool known = key && left > 0 && fits(json, key);
    if (known)
        *ret_ntomp = splits[asim_calibration_choose(
                                splits, count, asim_calibration_cores(cores), left)]
                         .threads;
    json_decref(key);
    json_decref(json);
    return known;
}

size_t asim_campaign_splits(const struct asim_campaign *campaign,
                            struct asim_split ret_splits[ASIM_SPLITS_MOST],
                            char *ret_host, size_t host_size)
{
    json_t *json = read_file(campaign);
    size_t count = json ? decode(json, ret_splits) : 0;
    if (count > 0 && asim_json_text(json, "host", ret_host, host_size, NULL) < 0)
        ret_host[0] = '\0';
    json_decref(json);
    return count;
}

int asim_calibration_keep(const struct asim_campaign *campaign,
                          const struct asim_gromacs *gromacs, int gpu_count,
                          const struct asim_cores *cores,
                          const struct asim_split *splits, size_t count,
                          struct asim_error *err)
{
    char when[64];
    json_t *json = key_json(campaign, gromacs, gpu_count, cores), *array = json_array();
    char *path = file_path(campaign, err), *line = NULL;
    int rc = -1;
    asim_utc_time_text(when, sizeof when);
    for (size_t k = 0; k < count; k++)
        json_array_append_new(array,
                              json_pack("{s:i, s:i, s:o}", "windows", splits[k].windows,
                                        "threads", splits[k].threads, "ns_per_day",
                                        asim_json_number(splits[k].ns_per_day)));
    if (json_array_size(array) != count ||
        json_object_set_new(json, "measured", json_string(when)) < 0 ||
        json_object_set(json, "splits", array) < 0)
        asim_fail(err, ASIM_ENOMEM, "no memory for the calibration");
    else if (path && (line = asim_record_seal(json, err)))
        rc = asim_file_replace(path, line, strlen(line), err);
    free(line);
    free(path);
    json_decref(array);
    json_decref(json);
    return rc;
}
