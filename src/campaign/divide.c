/*
 * How a driver divides the cores among windows: as the user says, as was measured, or
 * by a calibration first. It must not know what a trial is.
 */
#include "base/memory.h"
#include "campaign/driver.h"
#include "campaign/options.h"
#include "engine/core_claims.h"

/* Without claims a campaign runs as well as alone on the machine: no reason to stop. */
static void use_claims(struct asim_driver *driver)
{
    struct asim_error cause;
    char *path = NULL;
    if (asim_core_claims_path(&path, &cause) < 0)
        asim_log_write(driver->campaign->log, ASIM_LOG_WARNING,
                       "%s; another campaign may take the same cores", cause.text);
    asim_core_slots_claim_from(&driver->slots, path);
    size_t held = asim_core_slots_held(&driver->slots);
    if (held > 0)
        asim_log_write(driver->campaign->log, ASIM_LOG_INFO,
                       "Campaign: %zu of %d cores are in use by windows of other "
                       "campaigns, or of this one that still run; only free ones are "
                       "taken",
                       held, driver->slots.slot_count * driver->slots.slot_width);
}

int asim_driver_divide(struct asim_driver *driver, struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    struct asim_run_options *options = &driver->options;
    bool measured;
    if (asim_options_resolve(campaign, &driver->gromacs, driver->gpus.count,
                             &driver->cores, options, &measured, err) < 0 ||
        asim_core_slots_create(&driver->cores, options->jobs,
                               options->ntmpi * options->ntomp, &driver->slots,
                               err) < 0)
        return -1;
    driver->slot_users = asim_alloc_array((size_t)driver->slots.slot_count,
                                          sizeof *driver->slot_users, err);
    if (!driver->slot_users)
        return -1;
    use_claims(driver);
    if (asim_journal_add(
            campaign->journal,
            asim_record_session(driver->gromacs.path, driver->gromacs.version,
                                driver->slots.at_once, options->ntmpi, options->ntomp),
            err) < 0)
        return -1;
    asim_log_write(campaign->log, ASIM_LOG_INFO,
                   "Campaign: %zu windows to run, %d at once, %d x %d threads each%s, "
                   "%s %s",
                   asim_campaign_unfinished_count(campaign), driver->slots.at_once,
                   options->ntmpi, options->ntomp,
                   measured ? " (as calibration.json has it)" : "",
                   driver->gromacs.path, driver->gromacs.version);
    if (driver->gpus.count > 0)
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Campaign: windows take %d GPU%s in turn", driver->gpus.count,
                       driver->gpus.count == 1 ? "" : "s");
    driver->prepared = true;
    return 0;
}

int asim_driver_calibrate(struct asim_driver *driver, int epoll_fd, uint64_t tag,
                          struct asim_error *err)
{
    const struct asim_calibration_request request = {
        .campaign = driver->campaign,
        .options = &driver->options,
        .gromacs = &driver->gromacs,
        .gpus = &driver->gpus,
        .cores = &driver->cores,
        .epoll_fd = epoll_fd,
        .tag = tag,
    };
    int known;
    if (!asim_calibration_recall(driver->campaign, &driver->gromacs, driver->gpus.count,
                                 &driver->cores, &known))
        driver->calibration = asim_calibration_begin(&request);
    return driver->calibration ? 0 : asim_driver_divide(driver, err);
}

int asim_driver_go_on_calibrating(struct asim_driver *driver, double now, bool drop,
                                  struct asim_error *err)
{
    if (!drop && !asim_calibration_step(driver->calibration, now))
        return 0;
    asim_calibration_destroy(driver->calibration);
    driver->calibration = NULL;
    return asim_driver_divide(driver, err);
}
