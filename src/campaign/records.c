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

/* Far above any machine and any campaign; they only keep a damaged number from sizing
 * something. */
enum { LARGEST_CPU_COUNT = 1 << 16, LARGEST_WINDOW_COUNT = 1 << 24 };

void asim_record_finish(struct asim_record *record)
{
    if (!record)
        return;
    free(record->cpus);
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

static int decode_window(const json_t *json, const char *event,
                         struct asim_record *record, struct asim_error *err)
{
    struct asim_window_change *change = &record->change;
    int kind = 0;
    while (kind <= ASIM_EVENT_RETRY &&
           strcmp(event, asim_window_event_name((enum asim_window_event)kind)) != 0)
        kind++;
    if (kind > ASIM_EVENT_RETRY)
        return asim_fail(err, ASIM_EINPUT,
                         "unknown event '%s'; a newer autosim may have written it",
                         event);
    change->event = (enum asim_window_event)kind;
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
    if (change->event == ASIM_EVENT_START)
        return decode_cpus(json, record, err);
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
        return json_pack("{s:s, s:I, s:i, s:o}", "event", event, "window", window,
                         "attempt", change->attempt, "cpus",
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
