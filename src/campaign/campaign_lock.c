/*
 * campaign.lock: an open-file-description lock, so that it belongs to this opening, is
 * seen on network file systems, and falls with the process. The file's text (pid and
 * host of the owner) is for the message only; it is never believed.
 */
#include "campaign/campaign_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

/* A child between fork and exec shares the lock of a parent that was killed at that
 * very moment; it is gone within milliseconds. */
enum { TRIES = 10, PAUSE_NANOSECONDS = 20 * 1000 * 1000 };

static int locked_by(int fd, const char *path, struct asim_error *err)
{
    char owner[300];
    ssize_t got = pread(fd, owner, sizeof owner - 1, 0);
    owner[got > 0 ? got : 0] = '\0';
    owner[strcspn(owner, "\n")] = '\0';
    return asim_fail(err, ASIM_ELOCKED,
                     "another autosim works on this campaign (%s holds '%s'); wait for "
                     "it or stop it",
                     owner[0] ? owner : "an unknown process", path);
}

static int write_owner(int fd, const char *path, struct asim_error *err)
{
    char host[256] = "", owner[300];
    gethostname(host, sizeof host - 1);
    int length = snprintf(owner, sizeof owner, "process %ld on %s\n", (long)getpid(),
                          host[0] ? host : "an unnamed machine");
    if (ftruncate(fd, 0) < 0 || pwrite(fd, owner, (size_t)length, 0) != length)
        return asim_fail(err, errno == ENOSPC ? ASIM_EENV : ASIM_EIO,
                         "cannot write '%s': %s", path, strerror(errno));
    return 0;
}

int asim_campaign_lock_take(const char *folder, int *ret_fd, struct asim_error *err)
{
    int rc = -1;
    char *path = asim_path_join(folder, "campaign.lock", err);
    if (!path)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        asim_fail(err, ASIM_EIO, "cannot open '%s': %s", path, strerror(errno));
        goto out;
    }
    for (int i = 0;; i++) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
            break;
        if (errno != EAGAIN && errno != EACCES) {
            asim_fail(err, ASIM_EIO, "cannot lock '%s': %s", path, strerror(errno));
            goto out;
        }
        if (i == TRIES) {
            locked_by(fd, path, err);
            goto out;
        }
        struct timespec pause = {0, PAUSE_NANOSECONDS};
        nanosleep(&pause, NULL);
    }
    if (write_owner(fd, path, err) < 0)
        goto out;
    *ret_fd = fd;
    fd = -1;
    rc = 0;
out:
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

bool asim_campaign_lock_is_held(const char *folder)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *path = asim_path_join(folder, "campaign.lock", NULL);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    bool held =
        fd >= 0 && fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    free(path);
    return held;
}

void asim_campaign_lock_give(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
