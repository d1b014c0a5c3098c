/*
 * The guard of the disk: a campaign that would fill it pauses before gmx fails, and
 * goes on by itself when there is space again.
 *
 * Invariants: what a hold stops writes its checkpoint first, so the limit leaves room
 * for that; after each hold in a row the next one lasts longer, because a quota or a
 * neighbour can leave space that statvfs shows and writing does not find. It must not
 * know why space is gone.
 */
#include <math.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "campaign/driver.h"

/* Of a running window, bytes an atom: positions and velocities of two checkpoints (2 x
 * 2 x 12), in mixed or double precision (x 2), and the final structure (69); its logs.
 */
enum { BYTES_AN_ATOM = 2 * 2 * 12 * 2 + 69, LOG_BYTES = 256 * 1024 };
static const double LONGEST_WAIT_SECONDS = 600;

static uint64_t bytes_free(const struct asim_driver *driver)
{
    struct statvfs space;
    if (statvfs(driver->campaign->folder, &space) < 0)
        return UINT64_MAX; /* what is wrong there will show elsewhere */
    return (uint64_t)space.f_bavail * space.f_frsize;
}

static uint64_t bytes_needed(const struct asim_driver *driver)
{
    uint64_t each =
        (uint64_t)driver->campaign->plan.system_atom_count * BYTES_AN_ATOM + LOG_BYTES;
    return each * (uint64_t)(driver->slots.at_once > 0 ? driver->slots.at_once : 1);
}

bool asim_driver_disk_is_full(const struct asim_driver *driver)
{
    return bytes_free(driver) < bytes_needed(driver);
}

static const double MB = 1e6;

void asim_driver_hold_for_disk(struct asim_driver *driver, const char *cause)
{
    double now = asim_monotonic_seconds(), least = driver->campaign->timing.disk;
    if (!driver->disk_hold) {
        /* One that ended long ago says nothing about this one. */
        bool again = now - driver->disk_until < 2 * driver->disk_wait;
        driver->disk_wait =
            again ? fmin(2 * driver->disk_wait, LONGEST_WAIT_SECONDS) : least;
        asim_log_write(
            driver->campaign->log, ASIM_LOG_WARNING,
            "Campaign paused: the disk of '%s' is full (%s; %.1f MB are free, "
            "running windows need %.1f MB); windows write their checkpoints "
            "and leave; free space and the campaign goes on by itself",
            driver->campaign->folder, cause, (double)bytes_free(driver) / MB,
            (double)bytes_needed(driver) / MB);
    }
    driver->disk_hold = true;
    driver->disk_until = now + driver->disk_wait;
    driver->next_disk = driver->disk_until;
}

void asim_driver_watch_disk(struct asim_driver *driver, double now)
{
    if (!driver->prepared || now < driver->next_disk)
        return;
    driver->next_disk = now + driver->campaign->timing.disk;
    uint64_t space = bytes_free(driver), needed = bytes_needed(driver);
    if (!driver->disk_hold && space < needed) {
        asim_driver_hold_for_disk(driver, "before gmx found out");
    } else if (driver->disk_hold && now >= driver->disk_until && space / 2 >= needed) {
        driver->disk_hold = false;
        driver->disk_until = now;
        asim_log_write(driver->campaign->log, ASIM_LOG_INFO,
                       "Campaign goes on: %.1f MB are free again", (double)space / MB);
    }
}
