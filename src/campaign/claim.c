/* Claims of windows as files. Invariant: a claim file appears whole or not at all. It
 * must not know whether an owner lives. */
#include "campaign/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* A window changes hands once a job at most. */
enum { GENERATIONS_LARGEST = 1 << 20 };

static int read_one(const char *folder, int generation, char *ret_owner,
                    struct asim_error *err)
{
    char text[ASIM_SLOT_ID_BYTES + 1] = "";
    char *path = asim_format(err, "%s/claim-%d", folder, generation);
    int rc = -1;
    if (!path)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        rc = 0;
        goto out;
    }
    ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    if (got < 0) {
        asim_fail(err, ASIM_EIO, "cannot read '%s': %s", path, strerror(errno));
        goto out;
    }
    text[strcspn(text, "\n")] = '\0';
    if (!asim_slot_id_valid(text)) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' names no slot; it was damaged: restore it, or remove it when "
                  "no job of this campaign runs",
                  path);
        goto out;
    }
    memcpy(ret_owner, text, ASIM_SLOT_ID_BYTES);
    rc = 1;
out:
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

int asim_claim_read(const char *window_folder, struct asim_claim *ret_claim,
                    struct asim_error *err)
{
    struct asim_claim claim = *ret_claim;
    while (claim.generation < GENERATIONS_LARGEST) {
        int found = read_one(window_folder, claim.generation + 1, claim.owner, err);
        if (found < 0)
            return -1;
        if (found == 0)
            break;
        claim.generation++;
    }
    *ret_claim = claim;
    return 0;
}

static int write_beside(const char *path, const char *owner, struct asim_error *err)
{
    char text[ASIM_SLOT_ID_BYTES + 1];
    int length = snprintf(text, sizeof text, "%s\n", owner);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool written =
        fd >= 0 && write(fd, text, (size_t)length) == length && fsync(fd) == 0;
    int cause = errno;
    if (fd >= 0)
        close(fd);
    if (written)
        return 0;
    unlink(path);
    return asim_fail(err, cause == ENOSPC || cause == EDQUOT ? ASIM_EENV : ASIM_EIO,
                     "cannot write '%s': %s", path, strerror(cause));
}

int asim_claim_take(const char *window_folder, int generation, const char *owner,
                    struct asim_error *err)
{
    char *path = asim_format(err, "%s/claim-%d", window_folder, generation);
    char *beside = asim_format(err, "%s/claim-%d.%s", window_folder, generation, owner);
    struct stat status = {0};
    int rc = -1;
    if (!path || !beside || write_beside(beside, owner, err) < 0)
        goto out;
    int linked = link(beside, path), cause = errno;
    /* Over NFS a lost answer makes link() fail although it was done: the number of
     * names tells. */
    if (linked < 0 && stat(beside, &status) == 0 && status.st_nlink == 2)
        linked = 0;
    if (linked == 0)
        rc = asim_folder_sync(window_folder, err) < 0 ? -1 : 1;
    else if (cause == EEXIST)
        rc = 0;
    else
        asim_fail(err, ASIM_EIO, "cannot link '%s' to '%s': %s", beside, path,
                  strerror(cause));
    unlink(beside);
out:
    free(path);
    free(beside);
    return rc;
}
