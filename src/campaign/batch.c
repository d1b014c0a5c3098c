/*
 * Asynchronous work for another program's event loop: launches, news, cancelling.
 * A thin layer: what it starts is the driver's, what it changes is a request's. It must
 * not know processes or files.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "campaign/campaign_internal.h"
#include "campaign/driver.h"

static int check_at_work(const struct asim_campaign *campaign, struct asim_error *err)
{
    const struct asim_driver *driver = campaign->driver;
    if (!driver)
        return asim_fail(err, ASIM_EUSAGE,
                         "the campaign has not been started: asim_campaign_start "
                         "comes first");
    if (driver->broken)
        return asim_fail(err, driver->fatal.status, "%s", driver->fatal.text);
    if (driver->stopping || driver->stop_requests > 0)
        return asim_fail(err, ASIM_ECANCELLED,
                         "the campaign was asked to stop: nothing is started any more");
    return 0;
}

static bool is_ended(const struct asim_campaign_window *window)
{
    enum asim_window_phase phase = window->life.phase;
    return phase == ASIM_PHASE_COMPLETED || phase == ASIM_PHASE_FAILED ||
           phase == ASIM_PHASE_CANCELLED;
}

/* One that runs already, started by an earlier driver, is launched as it is. */
static int launch(struct asim_campaign *campaign, size_t i, struct asim_error *err)
{
    struct asim_campaign_window *window = &campaign->windows[i];
    if (window->chosen)
        return 0;
    window->chosen = true;
    if (window->runner)
        return 0;
    return asim_driver_act(campaign->driver, i, ASIM_ACTION_QUEUE, err);
}

int asim_launch_umbrella_window(struct asim_campaign *campaign, int window_id,
                                struct asim_error *err)
{
    size_t i = 0;
    int rc = -1;
    asim_campaign_enter(campaign);
    if (check_at_work(campaign, err) < 0 ||
        asim_campaign_find_window(campaign, window_id, &i, err) < 0)
        goto out;
    const struct asim_window_life *life = &campaign->windows[i].life;
    if (is_ended(&campaign->windows[i])) {
        asim_fail(err, ASIM_EUSAGE,
                  "window %d is %s; only one that is planned or waits can be launched",
                  window_id, asim_window_phase_name(life->phase));
        goto out;
    }
    rc = launch(campaign, i, err);
    asim_campaign_tell(campaign, i);
    asim_driver_wake(campaign->driver);
out:
    asim_campaign_leave(campaign);
    return rc;
}

int asim_execute_batch(struct asim_campaign *campaign, size_t window_count,
                       size_t *ret_launched, struct asim_error *err)
{
    size_t launched = 0;
    asim_campaign_enter(campaign);
    int rc = check_at_work(campaign, err);
    for (size_t i = 0; rc == 0 && i < campaign->plan.window_count; i++) {
        if (window_count > 0 && launched == window_count)
            break;
        if (is_ended(&campaign->windows[i]) || campaign->windows[i].chosen)
            continue;
        rc = launch(campaign, i, err);
        launched++;
    }
    campaign->told_idle = false;
    asim_driver_wake(campaign->driver);
    asim_campaign_leave(campaign);
    if (rc == 0 && ret_launched)
        *ret_launched = launched;
    return rc;
}

int asim_cancel(struct asim_campaign *campaign, int window_id, struct asim_error *err)
{
    struct asim_request request = {
        .kind = ASIM_REQUEST_CANCEL, .window_ids = &window_id, .window_count = 1};
    if (window_id == ASIM_ALL_WINDOWS)
        request = (struct asim_request){.kind = ASIM_REQUEST_STOP};
    return asim_campaign_request(campaign, &request, NULL, err);
}

int asim_event_fd(const struct asim_campaign *campaign)
{
    return asim_campaign_event_fd(campaign);
}

static int next_news(struct asim_campaign *campaign, struct asim_event *ret_event,
                     struct asim_error *err)
{
    struct asim_event event = {.kind = ASIM_NEWS_WINDOW};
    size_t i = campaign->news[campaign->news_first];
    if (asim_campaign_window(campaign, i, &event.window, err) < 0)
        return -1;
    campaign->news_first = (campaign->news_first + 1) % campaign->plan.window_count;
    campaign->news_count--;
    campaign->windows[i].has_news = false;
    *ret_event = event;
    return 1;
}

int asim_next_event(struct asim_campaign *campaign, struct asim_event *ret_event,
                    struct asim_error *err)
{
    asim_campaign_enter(campaign);
    campaign->tells_news = true;
    int rc = 0, work = 1;
    if (campaign->news_count == 0)
        work = asim_campaign_dispatch(campaign, err);
    if (work < 0) {
        rc = -1;
    } else if (campaign->news_count > 0) {
        rc = next_news(campaign, ret_event, err);
    } else if (work == 0 && !campaign->told_idle) {
        campaign->told_idle = true;
        *ret_event = (struct asim_event){.kind = ASIM_NEWS_IDLE};
        rc = 1;
    }
    asim_campaign_leave(campaign);
    return rc;
}
