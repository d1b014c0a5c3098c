/*
 * inotify, where it works. A watch tells once (IN_ONESHOT): gmx writes hundreds of
 * times between two looks, and each one would wake us. It must not know what is
 * written.
 */
#include "campaign/changes.h"

#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Numbers: statfs(2) and the headers of the file systems. */
bool asim_changes_are_told(const char *folder)
{
    static const unsigned long deaf[] = {
        0x6969,     /* NFS */
        0x0bd00bd0, /* Lustre */
        0x47504653, /* GPFS */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB2 */
        0x517b,     /* SMB */
        0x65735546, /* FUSE */
        0x00c36400, /* Ceph */
        0x19830326, /* BeeGFS */
        0x01021997, /* 9P */
        0x5346414f, /* AFS */
        0x7461636f, /* OCFS2 */
        0x01161970, /* GFS2 */
    };
    struct statfs status;
    if (statfs(folder, &status) < 0)
        return false;
    for (size_t i = 0; i < sizeof deaf / sizeof *deaf; i++)
        if ((unsigned long)status.f_type == deaf[i])
            return false;
    return true;
}

int asim_changes_open(const char *folder)
{
    return asim_changes_are_told(folder) ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
}

int asim_changes_watch(int fd, const char *folder)
{
    return fd < 0 ? -1
                  : inotify_add_watch(fd, folder,
                                      IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONESHOT);
}

void asim_changes_forget(int fd, int watch)
{
    if (fd >= 0 && watch >= 0)
        inotify_rm_watch(fd, watch);
}

bool asim_changes_read(int fd, asim_changed_fn changed, void *context)
{
    _Alignas(struct inotify_event) char text[4096];
    bool whole = true;
    ssize_t got;
    while (fd >= 0 && (got = read(fd, text, sizeof text)) > 0) {
        for (const char *at = text; at < text + got;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            if (event->mask & IN_Q_OVERFLOW)
                whole = false;
            else if (!(event->mask & IN_IGNORED))
                changed(context, event->wd);
            at += sizeof *event + event->len;
        }
    }
    return whole;
}
