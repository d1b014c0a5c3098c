/*
 * The journal file: reading with checks, appending in groups.
 *
 * A line is a JSON object whose last member is "crc": the CRC-32 (zlib's) of the bytes
 * before `,"crc":"`. A line without its newline at the end of the file was torn by a
 * crash and was never acknowledged; all else that does not check is damage. It must not
 * know what records mean.
 */
#include "campaign/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

/* `,"crc":"12345678"}` */
enum { CRC_TAIL_LENGTH = 18 };

/* 10,000 windows with a few attempts each make some 10 MB. */
static const uint64_t LARGEST_JOURNAL_BYTES = (uint64_t)1 << 31;

struct asim_journal {
    char *path;
    int fd;
    uint64_t size; /* of the acknowledged part */
    uint64_t next_seq;
    bool broken;
    char *queue;
    size_t queue_size, queue_capacity;
};

static int damaged(const char *path, uint64_t line_number, const char *what,
                   struct asim_error *err)
{
    return asim_fail(err, ASIM_EINPUT,
                     "journal '%s' line %llu: %s; the file was changed or damaged "
                     "after it was written: restore it from a backup",
                     path, (unsigned long long)line_number, what);
}

static int read_line(const char *path, const char *line, size_t length, uint64_t seq,
                     asim_journal_record_fn on_record, void *context,
                     struct asim_error *err)
{
    if (length <= CRC_TAIL_LENGTH)
        return damaged(path, seq + 1, "too short for a record", err);
    const char *tail = line + length - CRC_TAIL_LENGTH;
    char expected[CRC_TAIL_LENGTH + 1];
    unsigned long crc =
        crc32_z(0, (const unsigned char *)line, length - CRC_TAIL_LENGTH);
    snprintf(expected, sizeof expected, ",\"crc\":\"%08lx\"}", crc);
    if (memcmp(tail, expected, CRC_TAIL_LENGTH) != 0)
        return damaged(path, seq + 1, "the checksum does not fit the text", err);

    json_error_t cause;
    json_t *record = json_loadb(line, length, JSON_REJECT_DUPLICATES, &cause);
    if (!json_is_object(record)) {
        json_decref(record);
        return damaged(path, seq + 1, "not a JSON object", err);
    }
    int rc = -1;
    int64_t found = -1;
    if (asim_json_int64(record, "seq", &found, err) < 0 || found < 0 ||
        (uint64_t)found != seq) {
        damaged(path, seq + 1, "the sequence number is not the next one", err);
        goto out;
    }
    rc = on_record ? on_record(context, record, err) : 0;
    if (rc < 0)
        asim_wrap(err, "journal '%s' line %llu", path, (unsigned long long)seq + 1);
out:
    json_decref(record);
    return rc;
}

int asim_journal_read(const char *path, asim_journal_record_fn on_record, void *context,
                      struct asim_journal_info *ret_info, struct asim_error *err)
{
    struct asim_journal_info info = {0};
    if (!asim_file_exists(path)) {
        *ret_info = info;
        return 0;
    }
    char *data;
    size_t size, start = 0;
    if (asim_file_read(path, LARGEST_JOURNAL_BYTES, &data, &size, err) < 0)
        return -1;
    int rc = -1;
    while (start < size) {
        const char *end = memchr(data + start, '\n', size - start);
        if (!end) {
            info.torn_bytes = size - start;
            break;
        }
        size_t length = (size_t)(end - (data + start));
        if (read_line(path, data + start, length, info.record_count, on_record, context,
                      err) < 0)
            goto out;
        info.record_count++;
        start += length + 1;
    }
    *ret_info = info;
    rc = 0;
out:
    free(data);
    return rc;
}

/* What stands behind `offset`, up to a limit that leaves the rest for the next time. */
static int read_tail(const char *path, uint64_t offset, char **ret_data,
                     size_t *ret_size, struct asim_error *err)
{
    enum { LARGEST_TAIL = 1 << 26 };
    struct stat status;
    char *data = NULL;
    size_t done = 0;
    int rc = -1;
    /* Opened anew each time: network file systems promise fresh data only then. */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_data = NULL;
        *ret_size = 0;
        return 0;
    }
    if (fd < 0 || fstat(fd, &status) < 0)
        goto fail;
    uint64_t size = (uint64_t)status.st_size > offset
                        ? (uint64_t)status.st_size - offset
                        : 0; /* shorter than before: its writer cut a group off */
    size = size < LARGEST_TAIL ? size : LARGEST_TAIL;
    data = asim_alloc_array((size_t)size + 1, 1, err);
    if (!data)
        goto out;
    while (done < size) {
        ssize_t got =
            pread(fd, data + done, (size_t)size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            goto fail;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_data = data;
    *ret_size = done;
    data = NULL;
    rc = 0;
    goto out;
fail:
    asim_fail(err, ASIM_EIO, "cannot read the journal '%s': %s", path, strerror(errno));
out:
    free(data);
    if (fd >= 0)
        close(fd);
    return rc;
}

int asim_journal_follow(const char *path, struct asim_journal_cursor *cursor,
                        asim_journal_record_fn on_record, void *context,
                        struct asim_error *err)
{
    char *data;
    size_t size, start = 0;
    int rc = 0;
    if (read_tail(path, cursor->offset, &data, &size, err) < 0)
        return -1;
    while (start < size && rc == 0) {
        const char *end = memchr(data + start, '\n', size - start);
        if (!end)
            break;
        size_t length = (size_t)(end - (data + start));
        rc = read_line(path, data + start, length, cursor->record_count, on_record,
                       context, err);
        if (rc != 0)
            break;
        start += length + 1;
        cursor->offset += length + 1;
        cursor->record_count++;
    }
    free(data);
    return rc < 0 ? -1 : 0;
}

/* Cuts a torn tail off, so that the next record starts on a line of its own. */
static int take_over(struct asim_journal *journal, const struct asim_journal_info *info,
                     struct asim_error *err)
{
    struct stat status;
    if (fstat(journal->fd, &status) < 0)
        return asim_fail(err, ASIM_EIO, "cannot read the size of '%s': %s",
                         journal->path, strerror(errno));
    journal->size = (uint64_t)status.st_size - info->torn_bytes;
    if (info->torn_bytes > 0 && (ftruncate(journal->fd, (off_t)journal->size) < 0 ||
                                 fdatasync(journal->fd) < 0))
        return asim_fail(err, ASIM_EIO, "cannot cut the torn end off '%s': %s",
                         journal->path, strerror(errno));
    return 0;
}

int asim_journal_open(const char *path, asim_journal_record_fn on_record, void *context,
                      struct asim_journal **ret_journal,
                      struct asim_journal_info *ret_info, struct asim_error *err)
{
    struct asim_journal_info info;
    if (asim_journal_read(path, on_record, context, &info, err) < 0)
        return -1;
    struct asim_journal *journal = asim_alloc_array(1, sizeof *journal, err);
    if (!journal)
        return -1;
    journal->fd = -1;
    journal->path = asim_strdup(path, err);
    if (!journal->path)
        goto fail;
    bool is_new = !asim_file_exists(path);
    journal->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (journal->fd < 0) {
        asim_fail(err, ASIM_EIO, "cannot write the journal '%s': %s", path,
                  strerror(errno));
        goto fail;
    }
    if (take_over(journal, &info, err) < 0)
        goto fail;
    if (is_new) {
        /* The file's name must survive a crash as surely as its first record. */
        char *slash = strrchr(journal->path, '/');
        if (slash)
            *slash = '\0';
        int rc = asim_folder_sync(slash ? journal->path : ".", err);
        if (slash)
            *slash = '/';
        if (rc < 0)
            goto fail;
    }
    journal->next_seq = info.record_count;
    *ret_journal = journal;
    *ret_info = info;
    return 0;
fail:
    asim_journal_close(journal);
    return -1;
}

void asim_journal_close(struct asim_journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->queue);
    free(journal->path);
    free(journal);
}

int asim_journal_add(struct asim_journal *journal, json_t *record,
                     struct asim_error *err)
{
    int rc = -1;
    char *text = NULL, now[40];
    if (!record) {
        asim_fail(err, ASIM_ENOMEM, "no memory for a record of '%s'", journal->path);
        goto out;
    }
    if (journal->broken) {
        asim_fail(err, ASIM_EIO, "the journal '%s' could not be written before",
                  journal->path);
        goto out;
    }
    asim_utc_time_text(now, sizeof now);
    if (json_object_set_new(record, "seq",
                            json_integer((json_int_t)journal->next_seq)) < 0 ||
        json_object_set_new(record, "time", json_string(now)) < 0 ||
        !(text = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(17)))) {
        asim_fail(err, ASIM_ENOMEM, "no memory for a record of '%s'", journal->path);
        goto out;
    }
    size_t length = strlen(text) - 1; /* without the closing brace */
    size_t needed = journal->queue_size + length + CRC_TAIL_LENGTH + 2;
    if (asim_grow(&journal->queue, &journal->queue_capacity, needed, 1, err) < 0)
        goto out;
    char *line = journal->queue + journal->queue_size;
    memcpy(line, text, length);
    snprintf(line + length, CRC_TAIL_LENGTH + 2, ",\"crc\":\"%08lx\"}\n",
             crc32_z(0, (const unsigned char *)text, length));
    journal->queue_size += length + CRC_TAIL_LENGTH + 1;
    journal->next_seq++;
    rc = 0;
out:
    free(text);
    json_decref(record);
    return rc;
}

int asim_journal_add_alone(struct asim_journal *journal, json_t *record,
                           struct asim_error *err)
{
    size_t queue_size = journal->queue_size;
    uint64_t next_seq = journal->next_seq;
    if (asim_journal_add(journal, record, err) < 0)
        return -1;
    if (asim_journal_commit(journal, err) == 0)
        return 0;
    journal->queue_size = queue_size;
    journal->next_seq = next_seq;
    return -1;
}

bool asim_journal_is_broken(const struct asim_journal *journal)
{
    return journal->broken;
}

int asim_journal_commit(struct asim_journal *journal, struct asim_error *err)
{
    if (journal->broken)
        return asim_fail(err, ASIM_EIO, "the journal '%s' could not be written before",
                         journal->path);
    size_t done = 0;
    while (done < journal->queue_size) {
        ssize_t written =
            write(journal->fd, journal->queue + done, journal->queue_size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            goto fail;
        done += (size_t)written;
    }
    if (done > 0 && fdatasync(journal->fd) < 0)
        goto fail;
    journal->size += done;
    journal->queue_size = 0;
    return 0;
fail:;
    int cause = errno;
    bool full = cause == ENOSPC || cause == EDQUOT;
    /* Whole lines of a group that failed must not be taken for acknowledged ones. */
    bool cut = ftruncate(journal->fd, (off_t)journal->size) == 0;
    journal->broken = !full || !cut;
    return asim_fail(err, full ? ASIM_EENV : ASIM_EIO,
                     "cannot write the journal '%s': %s%s; nothing new is started, "
                     "windows that run go on and are found again by the next run",
                     journal->path, strerror(cause),
                     cut ? "" : " (and its end could not be cut off)");
}
