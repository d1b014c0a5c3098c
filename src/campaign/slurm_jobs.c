/*
 * Submissions against the queue.
 *
 * Invariants: a submission is on record before sbatch runs; it is given up for lost
 * only when answers of the controller, not silence, leave it out. It must not run
 * anything.
 */
#include "campaign/slurm_jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Answers that leave a submission out before it counts as lost: one may be older than
 * the submission. */
enum { ABSENT_LOOKS = 2, SUBMISSIONS_LARGEST = 1 << 20, ELEMENTS_LARGEST = 1 << 20 };

static const char *const state_words[] = {"intended", "seen", "ended", "lost"};

void asim_jobs_finish(struct asim_jobs *jobs)
{
    free(jobs->submissions);
    *jobs = (struct asim_jobs){0};
}

static enum asim_element_state state_of(const char *name)
{
    static const char *const queued[] = {"PENDING",      "CONFIGURING", "REQUEUED",
                                         "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT",
                                         "RESV_DEL_HOLD"};
    static const char *const running[] = {"RUNNING", "COMPLETING", "SIGNALING",
                                          "STAGE_OUT", "RESIZING"};
    for (size_t i = 0; i < sizeof queued / sizeof *queued; i++)
        if (strcmp(name, queued[i]) == 0)
            return ASIM_ELEMENT_QUEUED;
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
        if (strcmp(name, running[i]) == 0)
            return ASIM_ELEMENT_RUNNING;
    if (strcmp(name, "SUSPENDED") == 0 || strcmp(name, "STOPPED") == 0)
        return ASIM_ELEMENT_SUSPENDED;
    return ASIM_ELEMENT_ENDED;
}

/* Slurm holds a job that it failed to launch, once or MaxBatchRequeue times; a person's
 * own hold reads JobHeldUser or JobHeldAdmin. */
static bool is_held(const char *reason)
{
    return strstr(reason, "requeued held") || strstr(reason, "requeued in held") ||
           strcmp(reason, "JobHoldMaxRequeue") == 0;
}

/* The text up to `delimiter` into a buffer; the rest, or NULL where it does not fit or
 * the delimiter is missing. */
static const char *take_field(const char *text, char delimiter, char *ret_field,
                              size_t size)
{
    const char *end = strchr(text, delimiter);
    size_t length = end ? (size_t)(end - text) : 0;
    if (!end || length >= size)
        return NULL;
    memcpy(ret_field, text, length);
    ret_field[length] = '\0';
    return end + 1;
}

int asim_queue_line(const char *line, struct asim_element *ret_element)
{
    struct asim_element element = {0};
    static const char hex[] = "0123456789abcdef";
    size_t prefix = strlen(ASIM_COMMENT_PREFIX);
    char text[512], comment[64];
    const char *reason = NULL;
    size_t length = strcspn(line, "\n");
    if (length >= sizeof text)
        return 0;
    memcpy(text, line, length);
    text[length] = '\0';
    const char *at = take_field(text, '|', element.id, sizeof element.id);
    if (at)
        at = take_field(at, '|', element.state_name, sizeof element.state_name);
    if (at)
        at = take_field(at, '|', comment, sizeof comment);
    if (at)
        reason = take_field(at, '|', element.node, sizeof element.node);
    if (!reason || strncmp(comment, ASIM_COMMENT_PREFIX, prefix) != 0 ||
        strspn(comment + prefix, hex) != ASIM_TOKEN_BYTES - 1 ||
        strlen(comment + prefix) != ASIM_TOKEN_BYTES - 1)
        return 0;
    memcpy(element.token, comment + prefix, ASIM_TOKEN_BYTES);
    snprintf(element.reason, sizeof element.reason, "%s", reason);
    element.state = state_of(element.state_name);
    if (element.state == ASIM_ELEMENT_QUEUED && is_held(element.reason))
        element.state = ASIM_ELEMENT_HELD;
    *ret_element = element;
    return 1;
}

struct asim_submission *asim_jobs_find(const struct asim_jobs *jobs, const char *token)
{
    for (size_t i = jobs->count; i-- > 0;)
        if (strcmp(jobs->submissions[i].token, token) == 0)
            return &jobs->submissions[i];
    return NULL;
}

int asim_jobs_add(struct asim_jobs *jobs, const char *token, int elements,
                  struct asim_error *err)
{
    if (jobs->count >= SUBMISSIONS_LARGEST)
        return asim_fail(err, ASIM_EINPUT, "more than %d submissions",
                         SUBMISSIONS_LARGEST);
    if (asim_grow(&jobs->submissions, &jobs->capacity, jobs->count + 1,
                  sizeof *jobs->submissions, err) < 0)
        return -1;
    struct asim_submission *submission = &jobs->submissions[jobs->count++];
    *submission = (struct asim_submission){.elements = elements, .progress = -1};
    snprintf(submission->token, sizeof submission->token, "%s", token);
    return 0;
}

json_t *asim_record_submit(const char *token, int elements)
{
    return json_pack("{s:s, s:s, s:i}", "event", "submit", "token", token, "elements",
                     elements);
}

json_t *asim_record_job(const char *token, const char *job_id)
{
    return json_pack("{s:s, s:s, s:s}", "event", "job", "token", token, "job_id",
                     job_id);
}

json_t *asim_record_job_end(const char *token, enum asim_submission_state state)
{
    return json_pack("{s:s, s:s, s:s}", "event", "job_end", "token", token, "state",
                     state_words[state]);
}

bool asim_record_is_job(const char *event)
{
    return strcmp(event, "submit") == 0 || strcmp(event, "job") == 0 ||
           strcmp(event, "job_end") == 0;
}

int asim_jobs_replay(struct asim_jobs *jobs, const json_t *json, struct asim_error *err)
{
    char event[16], token[ASIM_TOKEN_BYTES], word[16];
    int64_t elements;
    if (asim_json_text(json, "event", event, sizeof event, err) < 0 ||
        asim_json_text(json, "token", token, sizeof token, err) < 0)
        return -1;
    if (strcmp(event, "submit") == 0) {
        if (asim_json_int64(json, "elements", &elements, err) < 0)
            return -1;
        if (elements < 1 || elements > ELEMENTS_LARGEST)
            return asim_fail(err, ASIM_EINPUT, "member 'elements' is %lld",
                             (long long)elements);
        return asim_jobs_add(jobs, token, (int)elements, err);
    }
    struct asim_submission *submission = asim_jobs_find(jobs, token);
    if (!submission)
        return asim_fail(err, ASIM_EINPUT, "the submission '%s' is not on record",
                         token);
    if (strcmp(event, "job") == 0)
        return asim_json_text(json, "job_id", submission->job_id,
                              sizeof submission->job_id, err);
    if (asim_json_text(json, "state", word, sizeof word, err) < 0)
        return -1;
    bool lost = strcmp(word, state_words[ASIM_SUBMISSION_LOST]) == 0;
    submission->state = lost ? ASIM_SUBMISSION_LOST : ASIM_SUBMISSION_ENDED;
    return 0;
}

static void count_element(struct asim_submission *submission,
                          const struct asim_element *element)
{
    bool queued = element->state == ASIM_ELEMENT_QUEUED;
    bool held = element->state == ASIM_ELEMENT_HELD;
    submission->mentioned = true;
    submission->queued += queued;
    submission->held += held;
    submission->suspended += element->state == ASIM_ELEMENT_SUSPENDED;
    submission->running += element->state == ASIM_ELEMENT_RUNNING;
    if (queued || (held && submission->queued == 0))
        memcpy(submission->reason, element->reason, sizeof submission->reason);
}

void asim_jobs_look(struct asim_jobs *jobs, const char *text)
{
    struct asim_element element;
    for (size_t i = 0; i < jobs->count; i++) {
        struct asim_submission *submission = &jobs->submissions[i];
        submission->queued = submission->running = submission->held =
            submission->suspended = 0;
        submission->mentioned = false;
        submission->reason[0] = '\0';
    }
    for (const char *line = text; line && *line;) {
        const char *newline = strchr(line, '\n');
        if (asim_queue_line(line, &element)) {
            struct asim_submission *submission = asim_jobs_find(jobs, element.token);
            if (submission)
                count_element(submission, &element);
        }
        line = newline ? newline + 1 : NULL;
    }
    for (size_t i = 0; i < jobs->count; i++) {
        struct asim_submission *submission = &jobs->submissions[i];
        bool live =
            submission->queued + submission->running + submission->suspended > 0;
        submission->absent = live ? 0 : submission->absent + 1;
        /* One that was given up for lost and comes up after all is ours again. */
        if (live ||
            (submission->mentioned && submission->state == ASIM_SUBMISSION_INTENDED))
            submission->state = ASIM_SUBMISSION_SEEN;
    }
}

enum asim_submission_state
asim_submission_fate(const struct asim_submission *submission, bool has_slots)
{
    if (submission->queued + submission->running + submission->suspended > 0)
        return ASIM_SUBMISSION_SEEN;
    if (submission->mentioned)
        return ASIM_SUBMISSION_ENDED;
    if (submission->absent < ABSENT_LOOKS)
        return ASIM_SUBMISSION_INTENDED;
    return submission->state == ASIM_SUBMISSION_SEEN || has_slots
               ? ASIM_SUBMISSION_ENDED
               : ASIM_SUBMISSION_LOST;
}

int asim_jobs_live(const struct asim_jobs *jobs, int *ret_queued)
{
    int live = 0, queued = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        const struct asim_submission *submission = &jobs->submissions[i];
        bool undecided = submission->state == ASIM_SUBMISSION_INTENDED;
        int waiting = undecided ? submission->elements : submission->queued;
        queued += waiting;
        live += waiting + submission->running;
    }
    *ret_queued = queued;
    return live;
}

int asim_jobs_held(const struct asim_jobs *jobs)
{
    int held = 0;
    for (size_t i = 0; i < jobs->count; i++)
        held += jobs->submissions[i].held;
    return held;
}
