/* autosim log: the campaign's log, or the last words of gmx in a window. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli.h"
#include "pipeline.h"

enum { TAIL_LINES = 40 };

static void print_tail(const char *data, size_t size)
{
    size_t start = size, lines = 0;
    while (start > 0) {
        if (data[start - 1] == '\n' && start < size && ++lines == TAIL_LINES)
            break;
        start--;
    }
    fwrite(data + start, 1, size - start, stdout);
}

static int print_file_tail(const char *path, struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(path, (uint64_t)1 << 32, &data, &size, err) < 0)
        return -1;
    printf("==> %s <==\n", path);
    print_tail(data, size);
    free(data);
    return 0;
}

static int print_window(const char *folder, int64_t window_id, struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    struct asim_window_status status = {.window_id = -1};
    if (asim_campaign_open_readonly(folder, &campaign, err) < 0)
        return -1;
    size_t count = asim_campaign_window_count(campaign);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count && status.window_id != window_id; i++)
        rc = asim_campaign_window(campaign, i, &status, err);
    asim_campaign_close(campaign);
    if (rc < 0)
        return -1;
    if (status.window_id != window_id)
        return asim_fail(err, ASIM_EUSAGE, "there is no window %lld; there are %zu",
                         (long long)window_id, count);
    if (status.attempts == 0)
        return asim_fail(err, ASIM_EINPUT, "window %lld has not been started yet",
                         (long long)window_id);
    static const char *const streams[] = {"stdout", "stderr"};
    for (int i = 0; i < 2; i++) {
        char *path = asim_format(err, "%s/windows/%03lld/attempt-%d.%s", folder,
                                 (long long)window_id, status.attempts, streams[i]);
        if (!path)
            return -1;
        rc = print_file_tail(path, err);
        free(path);
        if (rc < 0)
            return -1;
    }
    return 0;
}

int cmd_log(const struct settings *settings, struct asim_error *err)
{
    if (check_campaign(settings, err) < 0)
        return -1;
    if (settings->argument_count == 1) {
        int64_t window_id;
        if (!asim_parse_int64(settings->arguments[0], &window_id) || window_id < 0)
            return asim_fail(err, ASIM_EUSAGE, "'%s' is no window number",
                             settings->arguments[0]);
        return print_window(settings->folder, window_id, err);
    }
    char *path = asim_path_join(settings->folder, "autosim_compute.log", err);
    char *data = NULL;
    size_t size;
    int rc = path ? asim_file_read(path, (uint64_t)1 << 32, &data, &size, err) : -1;
    if (rc == 0)
        fwrite(data, 1, size, stdout);
    free(data);
    free(path);
    return rc;
}
