/*
 * Keeping and watching a lease.
 *
 * Invariant: while the kernel lets the keeper live, its newest beat on disk began less
 * than one lease ago. It must not know what the lease is for.
 */
#include "campaign/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#define LAPSED_NAME "lapsed"

enum { BEATS_A_LEASE = 6, LAPSED_LEASES = 2 };

struct asim_lease {
    int fd;
    char *folder;
    double seconds;
    unsigned long long beat;
    timer_t killer;
    bool has_killer, has_thread, ending;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards `ending` */
    pthread_cond_t wake;
};

static bool write_text(int fd, const char *text)
{
    /* Always the same length, so that no beat leaves the end of an older one. */
    char block[ASIM_LEASE_BYTES];
    memset(block, ' ', sizeof block);
    size_t length = strnlen(text, sizeof block - 1);
    memcpy(block, text, length);
    block[sizeof block - 1] = '\n';
    return pwrite(fd, block, sizeof block, 0) == (ssize_t)sizeof block &&
           fdatasync(fd) == 0;
}

/* Once anybody has seen a lease lapse, nobody needs to wait for it again. */
static bool marked_lapsed(const char *folder)
{
    char *path = asim_path_join(folder, LAPSED_NAME, NULL);
    bool there = path && asim_file_exists(path);
    free(path);
    return there;
}

static struct timespec to_timespec(double seconds)
{
    return (struct timespec){(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
}

static bool write_beat(struct asim_lease *lease)
{
    char text[ASIM_LEASE_BYTES];
    double began = asim_monotonic_seconds();
    snprintf(text, sizeof text, "alive %llu %.3f", ++lease->beat, lease->seconds);
    if (!write_text(lease->fd, text))
        return false;
    /* A clock that stood still, as in a virtual machine that was paused, winds no timer
     * down: what others have decided meanwhile holds. */
    if (marked_lapsed(lease->folder))
        raise(SIGKILL);
    struct itimerspec at = {.it_value = to_timespec(began + lease->seconds)};
    return timer_settime(lease->killer, TIMER_ABSTIME, &at, NULL) == 0;
}

static void *keep(void *context)
{
    struct asim_lease *lease = context;
    pthread_mutex_lock(&lease->mutex);
    while (!lease->ending) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        struct timespec until =
            to_timespec((double)now.tv_sec + 1e-9 * (double)now.tv_nsec +
                        lease->seconds / BEATS_A_LEASE);
        pthread_cond_timedwait(&lease->wake, &lease->mutex, &until);
        if (lease->ending)
            break;
        pthread_mutex_unlock(&lease->mutex);
        write_beat(lease); /* one that fails is followed by others until the end */
        pthread_mutex_lock(&lease->mutex);
    }
    pthread_mutex_unlock(&lease->mutex);
    return NULL;
}

static void release(struct asim_lease *lease)
{
    if (lease->has_thread) {
        pthread_mutex_lock(&lease->mutex);
        lease->ending = true;
        pthread_cond_signal(&lease->wake);
        pthread_mutex_unlock(&lease->mutex);
        pthread_join(lease->thread, NULL);
    }
    if (lease->has_killer)
        timer_delete(lease->killer);
    if (lease->fd >= 0)
        close(lease->fd);
    pthread_cond_destroy(&lease->wake);
    pthread_mutex_destroy(&lease->mutex);
    free(lease->folder);
    free(lease);
}

static int start_thread(struct asim_lease *lease, struct asim_error *err)
{
    /* Signals are for the program's own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int cause = pthread_create(&lease->thread, NULL, keep, lease);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (cause)
        return asim_fail(err, ASIM_EENV, "cannot start a thread: %s", strerror(cause));
    lease->has_thread = true;
    return 0;
}

int asim_lease_keep(const char *folder, double seconds, struct asim_lease **ret_lease,
                    struct asim_error *err)
{
    struct asim_lease *lease = asim_alloc_array(1, sizeof *lease, err);
    char *path = asim_path_join(folder, ASIM_LEASE_NAME, err);
    char *own_folder = asim_strdup(folder, err);
    struct sigevent kill_us = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    int rc = -1;
    if (!lease || !path || !own_folder) {
        free(lease);
        free(path);
        free(own_folder);
        return -1;
    }
    lease->folder = own_folder;
    lease->seconds = seconds;
    pthread_mutex_init(&lease->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lease->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    lease->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lease->fd < 0) {
        asim_fail(err, ASIM_EIO, "cannot write '%s': %s", path, strerror(errno));
        goto out;
    }
    if (timer_create(CLOCK_BOOTTIME, &kill_us, &lease->killer) < 0) {
        asim_fail(err, ASIM_EENV, "cannot make a timer: %s", strerror(errno));
        goto out;
    }
    lease->has_killer = true;
    if (!write_beat(lease)) {
        asim_fail(err, errno == ENOSPC || errno == EDQUOT ? ASIM_EENV : ASIM_EIO,
                  "cannot write '%s': %s", path, strerror(errno));
        goto out;
    }
    if (asim_folder_sync(folder, err) < 0 || start_thread(lease, err) < 0)
        goto out;
    *ret_lease = lease;
    lease = NULL;
    rc = 0;
out:
    if (lease)
        release(lease);
    free(path);
    return rc;
}

void asim_lease_end(struct asim_lease *lease, const char *why)
{
    char text[ASIM_LEASE_BYTES];
    if (!lease)
        return;
    pthread_mutex_lock(&lease->mutex);
    lease->ending = true;
    pthread_cond_signal(&lease->wake);
    pthread_mutex_unlock(&lease->mutex);
    pthread_join(lease->thread, NULL);
    lease->has_thread = false;
    if (why) {
        snprintf(text, sizeof text, "over %s", why);
        write_text(lease->fd, text); /* where it fails, the lease lapses */
    }
    release(lease);
}

static void mark_lapsed(const char *folder)
{
    char *path = asim_path_join(folder, LAPSED_NAME, NULL);
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd >= 0)
        close(fd);
    free(path);
}

static void read_text(const char *folder, char ret_text[ASIM_LEASE_BYTES])
{
    ret_text[0] = '\0';
    char *path = asim_path_join(folder, ASIM_LEASE_NAME, NULL);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd < 0 ? 0 : pread(fd, ret_text, ASIM_LEASE_BYTES - 1, 0);
    if (got >= 0) {
        while (got > 0 && (ret_text[got - 1] == ' ' || ret_text[got - 1] == '\n'))
            got--;
        ret_text[got] = '\0';
    }
    if (fd >= 0)
        close(fd);
    free(path);
}

enum asim_lease_state asim_lease_look(const char *folder, double seconds,
                                      struct asim_lease_watch *watch)
{
    char text[ASIM_LEASE_BYTES];
    double now = asim_monotonic_seconds();
    unsigned long long beat;
    double own;
    read_text(folder, text);
    if (!watch->seen || strcmp(text, watch->text) != 0) {
        watch->changed = watch->seen;
        watch->seen = true;
        watch->since = now;
        memcpy(watch->text, text, sizeof text);
    }
    if (strncmp(text, "over", 4) == 0)
        return ASIM_LEASE_OVER;
    if (watch->lapsed || marked_lapsed(folder)) {
        watch->lapsed = true;
        return ASIM_LEASE_LAPSED;
    }
    if (sscanf(text, "alive %llu %lf", &beat, &own) == 2 && own > 0 && own < 1e6)
        seconds = own;
    if (now - watch->since > LAPSED_LEASES * seconds) {
        watch->lapsed = true;
        mark_lapsed(folder);
        return ASIM_LEASE_LAPSED;
    }
    return watch->changed ? ASIM_LEASE_ALIVE : ASIM_LEASE_UNSURE;
}
