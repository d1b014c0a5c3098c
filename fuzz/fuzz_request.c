/* Any bytes as what another process asks of a campaign: what is taken names windows
 * that can be, and is a request of this version. */
#include <stdlib.h>

#include "campaign/spool.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_spooled spooled = {0};
    struct asim_error err;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json && asim_spool_decode(json, &spooled, &err) == 0) {
        const struct asim_request *request = &spooled.request;
        if ((int)request->kind < 0 || request->kind > ASIM_REQUEST_INSERT ||
            request->window_count > size)
            abort();
        for (size_t i = 0; i < request->window_count; i++)
            if (request->window_ids[i] < 0)
                abort();
    }
    asim_spooled_finish(&spooled);
    json_decref(json);
}
