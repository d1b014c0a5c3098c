/*
 * Claims on cores: see the header. Invariant: never waits. It must not know what runs
 * on the cores.
 */
#include "engine/core_claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "engine/record.h"

enum { LEAST_FD = ASIM_SHIM_CLAIM_FD + 1 }; /* never what it is copied to */

/* Where others could write they could replace the file by another one. */
static bool is_private_folder(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
           status.st_uid == geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* `folder` is owned; NULL where memory was short. */
static char *file_in_private(char *folder, struct asim_error *err)
{
    char *path = folder && is_private_folder(folder)
                     ? asim_format(err, "%s/autosim-cores", folder)
                     : NULL;
    free(folder);
    return path;
}

int asim_core_claims_path(char **ret_path, struct asim_error *err)
{
    const char *named = secure_getenv("AUTOSIM_CORE_CLAIMS");
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    long uid = (long)geteuid();
    char *path = NULL;
    if (named) {
        bool off = *named == '\0' || strcmp(named, "off") == 0;
        path = off ? NULL : asim_strdup(named, err);
        if (!off && !path)
            return -1;
        *ret_path = path;
        return 0;
    }
    if (runtime && *runtime == '/')
        path = file_in_private(asim_strdup(runtime, err), err);
    if (!path)
        path = file_in_private(asim_format(err, "/run/user/%ld", uid), err);
    if (!path) {
        char *folder = asim_format(err, "/tmp/autosim-%ld", uid);
        if (folder)
            mkdir(folder, 0700); /* what is there already is judged the same way */
        path = file_in_private(folder, err);
    }
    if (!path)
        return asim_fail(err, ASIM_EENV,
                         "there is no folder for this user's claims on cores: neither "
                         "$XDG_RUNTIME_DIR nor /run/user/%ld nor /tmp/autosim-%ld is a "
                         "folder that belongs to user %ld and that only this user can "
                         "write to",
                         uid, uid, uid);
    *ret_path = path;
    return 0;
}

static int open_claims(const char *path, struct asim_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LEAST_FD);
    int cause = errno;
    if (fd >= 0)
        close(fd);
    if (high < 0)
        asim_fail(err, ASIM_EENV, "cannot open the claims on cores '%s': %s", path,
                  strerror(cause));
    return high;
}

static struct flock byte_of(int cpu)
{
    return (struct flock){
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = cpu, .l_len = 1};
}

int asim_core_claims_take(const char *path, const int *cpus, size_t cpu_count,
                          int *ret_fd, struct asim_error *err)
{
    int fd = open_claims(path, err);
    if (fd < 0)
        return -1;
    for (size_t i = 0; i < cpu_count; i++) {
        struct flock byte = byte_of(cpus[i]);
        if (fcntl(fd, F_OFD_SETLK, &byte) == 0)
            continue;
        int rc = errno == EAGAIN || errno == EACCES
                     ? 0
                     : asim_fail(err, ASIM_EENV, "cannot claim core %d in '%s': %s",
                                 cpus[i], path, strerror(errno));
        close(fd); /* and with it what was claimed */
        return rc;
    }
    *ret_fd = fd;
    return 1;
}

size_t asim_core_claims_count(const char *path, const int *cpus, size_t cpu_count)
{
    size_t held = 0;
    int fd = open_claims(path, NULL);
    if (fd < 0)
        return 0;
    for (size_t i = 0; i < cpu_count; i++) {
        struct flock byte = byte_of(cpus[i]);
        held += fcntl(fd, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
    }
    close(fd);
    return held;
}
