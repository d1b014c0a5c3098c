/*
 * Records of the journal to and from structs. docs/journal.md says what each holds.
 * Invariant: decode(encode(change)) gives every member that the change's event uses.
 * It must not know files or processes.
 */
#include "campaign/records.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "campaign/slurm_jobs.h"

/* Far above any machine and any campaign; they only keep a damaged number from sizing
 * something. */
enum { LARGEST_CPU_COUNT = 1 << 16, LARGEST_WINDOW_COUNT = 1 << 24 };

void asim_order_finish(struct asim_order *order)
{
    free(order->windows);
    free(order->values);
    *order = (struct asim_order){0};
}

void asim_record_finish(struct asim_record *record)
{
    if (!record)
        return;
    free(record->cpus);
    asim_order_finish(&record->order);
    *record = (struct asim_record){0};
}

static int decode_int(const json_t *json, const char *key, int64_t least,
                      int64_t largest, int64_t *ret_value, struct asim_error *err)
{
    int64_t value = 0;
    if (asim_json_int64(json, key, &value, err) < 0)
        return -1;
    if (value < least || value > largest)
        return asim_fail(err, ASIM_EINPUT,
                         "member '%s' is %lld; %lld to %lld was expected", key,
                         (long long)value, (long long)least, (long long)largest);
    *ret_value = value;
    return 0;
}

static int decode_cpus(const json_t *json, struct asim_record *record,
                       struct asim_error *err)
{
    const json_t *array = json_object_get(json, "cpus");
    if (!json_is_array(array) || json_array_size(array) > LARGEST_CPU_COUNT)
        return asim_fail(err, ASIM_EINPUT,
                         "member 'cpus' is not an array of at most %d core numbers",
                         LARGEST_CPU_COUNT);
    record->cpu_count = json_array_size(array);
    record->cpus = asim_alloc_array(record->cpu_count, sizeof *record->cpus, err);
    if (!record->cpus)
        return -1;
    for (size_t i = 0; i < record->cpu_count; i++)
        record->cpus[i] = (int)json_integer_value(json_array_get(array, i));
    return 0;
}

static int decode_end(const json_t *json, struct asim_window_change *change,
                      struct asim_error *err)
{
    int64_t retries = 0, exit_code = 0;
    if (decode_int(json, "retries", 0, INT_MAX, &retries, err) < 0 ||
        decode_int(json, "exit_code", INT_MIN, INT_MAX, &exit_code, err) < 0 ||
        decode_int(json, "step", -1, INT64_MAX, &change->step, err) < 0 ||
        asim_json_double(json, "ns_per_day", &change->ns_per_day, err) < 0 ||
        asim_json_double(json, "final_potential_energy_kj_mol",
                         &change->final_potential_energy_kj_mol, err) < 0 ||
        asim_json_double(json, "runtime_seconds", &change->runtime_seconds, err) < 0 ||
        asim_json_text(json, "cause", change->cause, sizeof change->cause, err) < 0)
        return -1;
    change->retries = (int)retries;
    change->exit_code = (int)exit_code;
    if (change->event != ASIM_EVENT_COMPLETED)
        return 0;
    if (decode_int(json, "samples_bytes", -1, INT64_MAX, &change->samples_bytes, err) <
        0)
        return -1;
    return asim_json_text(json, "samples_sha256", change->samples_sha256,
                          sizeof change->samples_sha256, err);
}

static int decode_request(const json_t *json, struct asim_record *record,
                          struct asim_error *err)
{
    return asim_json_text(json, "request", record->request, sizeof record->request,
                          err);
}

/* A whole number of an array, or of a member that holds for all. */
static int decode_value(const json_t *json, const char *key, size_t i, int64_t least,
                        int64_t largest, int64_t *ret_value, struct asim_error *err)
{
    const json_t *value = json_object_get(json, key);
    if (json_is_array(value))
        value = json_array_get(value, i);
    if (!json_is_integer(value) || json_integer_value(value) < least ||
        json_integer_value(value) > largest)
        return asim_fail(err, ASIM_EINPUT,
                         "member '%s' has no whole number from %lld to %lld for window "
                         "%zu of the list",
                         key, (long long)least, (long long)largest, i);
    *ret_value = json_integer_value(value);
    return 0;
}

static int decode_order(const json_t *json, enum asim_window_event event,
                        struct asim_record *record, struct asim_error *err)
{
    const json_t *array = json_object_get(json, "windows");
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > LARGEST_WINDOW_COUNT)
        return asim_fail(err, ASIM_EINPUT, "member 'windows' is no list of windows");
    struct asim_order *order = &record->order;
    record->kind = ASIM_RECORD_ORDER;
    order->event = event;
    order->count = count;
    order->windows = asim_alloc_array(count, sizeof *order->windows, err);
    order->values = asim_alloc_array(count, sizeof *order->values, err);
    if (!order->windows || !order->values || decode_request(json, record, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        int64_t window = 0;
        if (decode_value(json, "windows", i, 0, LARGEST_WINDOW_COUNT, &window, err) < 0)
            return -1;
        if (event == ASIM_EVENT_EXTEND &&
            decode_value(json, "nsteps", i, 1, INT64_MAX, &order->values[i], err) < 0)
            return -1;
        if (event == ASIM_EVENT_PRIORITY &&
            decode_value(json, "priority", i, INT_MIN, INT_MAX, &order->values[i],
                         err) < 0)
            return -1;
        order->windows[i] = (size_t)window;
    }
    return 0;
}

static int decode_window(const json_t *json, const char *event,
                         struct asim_record *record, struct asim_error *err)
{
    struct asim_window_change *change = &record->change;
    int kind = 0;
    while (asim_window_event_durable((enum asim_window_event)kind) &&
           strcmp(event, asim_window_event_name((enum asim_window_event)kind)) != 0)
        kind++;
    if (!asim_window_event_durable((enum asim_window_event)kind))
        return asim_fail(err, ASIM_EINPUT,
                         "unknown event '%s'; a newer autosim may have written it",
                         event);
    change->event = (enum asim_window_event)kind;
    if (kind >= ASIM_EVENT_EXTEND)
        return decode_order(json, change->event, record, err);
    record->kind = ASIM_RECORD_WINDOW;

    int64_t window = 0, attempt = 0;
    if (decode_int(json, "window", 0, LARGEST_WINDOW_COUNT, &window, err) < 0)
        return -1;
    record->window_index = (size_t)window;
    if (change->event == ASIM_EVENT_RETRY)
        return 0;
    if (change->event == ASIM_EVENT_REFUSED)
        return asim_json_text(json, "cause", change->cause, sizeof change->cause, err);
    if (decode_int(json, "attempt", 1, INT_MAX, &attempt, err) < 0)
        return -1;
    change->attempt = (int)attempt;
    if (change->event == ASIM_EVENT_START) {
        /* Older journals have none: it was the window's then. */
        if (json_object_get(json, "nsteps") &&
            decode_int(json, "nsteps", 0, INT64_MAX, &change->nsteps, err) < 0)
            return -1;
        return decode_cpus(json, record, err);
    }
    return decode_end(json, change, err);
}

static int decode_head(const json_t *json, struct asim_record *record,
                       struct asim_error *err)
{
    int64_t format = 0, window_count = 0;
    if (asim_json_int64(json, "format", &format, err) < 0)
        return -1;
    if (format != ASIM_JOURNAL_FORMAT)
        return asim_fail(err, ASIM_EINPUT,
                         "the journal has format %lld; this autosim reads format %d",
                         (long long)format, ASIM_JOURNAL_FORMAT);
    if (decode_int(json, "window_count", 0, LARGEST_WINDOW_COUNT, &window_count, err) <
        0)
        return -1;
    record->kind = ASIM_RECORD_HEAD;
    record->window_count = (size_t)window_count;
    return asim_json_text(json, "plan_sha256", record->plan_sha256,
                          sizeof record->plan_sha256, err);
}

static int decode_plan(const json_t *json, struct asim_record *record,
                       struct asim_error *err)
{
    int64_t window_count = 0;
    if (decode_int(json, "window_count", 1, LARGEST_WINDOW_COUNT, &window_count, err) <
        0)
        return -1;
    record->kind = ASIM_RECORD_PLAN;
    record->window_count = (size_t)window_count;
    return asim_json_text(json, "plan_sha256", record->plan_sha256,
                          sizeof record->plan_sha256, err) < 0
               ? -1
               : decode_request(json, record, err);
}

int asim_record_decode(const json_t *json, struct asim_record *ret_record,
                       struct asim_error *err)
{
    struct asim_record record = {0};
    char event[32];
    int rc;
    if (asim_json_text(json, "event", event, sizeof event, err) < 0)
        return -1;
    if (strcmp(event, "journal") == 0) {
        rc = decode_head(json, &record, err);
    } else if (strcmp(event, "session") == 0) {
        record.kind = ASIM_RECORD_SESSION;
        rc = 0;
    } else if (strcmp(event, "pause") == 0 || strcmp(event, "resume") == 0) {
        record.kind = ASIM_RECORD_HOLD;
        record.paused = strcmp(event, "pause") == 0;
        rc = decode_request(json, &record, err);
    } else if (strcmp(event, "plan") == 0) {
        rc = decode_plan(json, &record, err);
    } else if (asim_record_is_job(event)) {
        record.kind = ASIM_RECORD_JOB;
        rc = 0;
    } else {
        rc = decode_window(json, event, &record, err);
    }
    if (rc < 0) {
        asim_record_finish(&record);
        return -1;
    }
    *ret_record = record;
    return 0;
}

json_t *asim_record_head(const char *plan_sha256, size_t window_count)
{
    return json_pack("{s:s, s:i, s:s, s:I}", "event", "journal", "format",
                     ASIM_JOURNAL_FORMAT, "plan_sha256", plan_sha256, "window_count",
                     (json_int_t)window_count);
}

json_t *asim_record_session(const char *gromacs_path, const char *gromacs_version,
                            int jobs, int ntmpi, int ntomp)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return json_pack("{s:s, s:I, s:s%, s:s%, s:s%, s:i, s:i, s:i}", "event", "session",
                     "pid", (json_int_t)getpid(), "host", host, strlen(host), "gromacs",
                     gromacs_path, strlen(gromacs_path), "gromacs_version",
                     gromacs_version, strlen(gromacs_version), "jobs", jobs, "ntmpi",
                     ntmpi, "ntomp", ntomp);
}

json_t *asim_record_hold(bool paused, const char *request)
{
    return json_pack("{s:s, s:s}", "event", paused ? "pause" : "resume", "request",
                     request);
}

json_t *asim_record_plan(const char *plan_sha256, size_t window_count,
                         const char *request)
{
    return json_pack("{s:s, s:s, s:I, s:s}", "event", "plan", "plan_sha256",
                     plan_sha256, "window_count", (json_int_t)window_count, "request",
                     request);
}

json_t *asim_record_order(const struct asim_order *order, const char *request)
{
    json_t *windows = json_array(), *values = json_array();
    bool failed = !windows || !values;
    for (size_t i = 0; i < order->count && !failed; i++)
        failed = json_array_append_new(
                     windows, json_integer((json_int_t)order->windows[i])) < 0 ||
                 json_array_append_new(values, json_integer(order->values[i])) < 0;
    json_t *json = failed ? NULL
                          : json_pack("{s:s, s:s, s:O}", "event",
                                      asim_window_event_name(order->event), "request",
                                      request, "windows", windows);
    const char *key = order->event == ASIM_EVENT_EXTEND     ? "nsteps"
                      : order->event == ASIM_EVENT_PRIORITY ? "priority"
                                                            : NULL;
    if (json && key && json_object_set(json, key, values) < 0) {
        json_decref(json);
        json = NULL;
    }
    json_decref(windows);
    json_decref(values);
    return json;
}

static json_t *cpu_array(const int *cpus, size_t cpu_count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < cpu_count; i++) {
        if (json_array_append_new(array, json_integer(cpus[i])) < 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* Causes quote what programs printed; jansson wants UTF-8, so anything else than
 * printable ASCII becomes '?'. */
static void printable(const char *text, char *ret_text, size_t size)
{
    size_t i = 0;
    for (; text[i] && i + 1 < size; i++)
        ret_text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    ret_text[i] = '\0';
}

json_t *asim_record_window(size_t window_index, const struct asim_window_change *change,
                           const int *cpus, size_t cpu_count)
{
    const char *event = asim_window_event_name(change->event);
    json_int_t window = (json_int_t)window_index;
    char cause[sizeof change->cause];
    printable(change->cause, cause, sizeof cause);
    switch (change->event) {
    case ASIM_EVENT_START:
        return json_pack("{s:s, s:I, s:i, s:I, s:o}", "event", event, "window", window,
                         "attempt", change->attempt, "nsteps",
                         (json_int_t)change->nsteps, "cpus",
                         cpu_array(cpus, cpu_count));
    case ASIM_EVENT_RETRY:
        return json_pack("{s:s, s:I}", "event", event, "window", window);
    case ASIM_EVENT_REFUSED:
        return json_pack("{s:s, s:I, s:s}", "event", event, "window", window, "cause",
                         cause);
    default:
        break;
    }
    json_t *json = json_pack(
        "{s:s, s:I, s:i, s:i, s:i, s:I, s:o, s:o, s:o, s:s}", "event", event, "window",
        window, "attempt", change->attempt, "retries", change->retries, "exit_code",
        change->exit_code, "step", (json_int_t)change->step, "ns_per_day",
        asim_json_number(change->ns_per_day), "final_potential_energy_kj_mol",
        asim_json_number(change->final_potential_energy_kj_mol), "runtime_seconds",
        asim_json_number(change->runtime_seconds), "cause", cause);
    if (json && change->event == ASIM_EVENT_COMPLETED &&
        (json_object_set_new(json, "samples_bytes",
                             json_integer((json_int_t)change->samples_bytes)) < 0 ||
         json_object_set_new(json, "samples_sha256",
                             json_string(change->samples_sha256)) < 0)) {
        json_decref(json);
        json = NULL;
    }
    return json;
}
