/* Filling in a struct asim_error. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"

int asim_fail(struct asim_error *err, enum asim_status status, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
        err->status = status;
    }
    return -1;
}

int asim_wrap(struct asim_error *err, const char *format, ...)
{
    if (err) {
        char cause[sizeof err->text];
        memcpy(cause, err->text, sizeof cause);
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
        size_t used = length < 0 ? 0 : (size_t)length;
        if (used < sizeof err->text) {
            int room = (int)(sizeof err->text - used);
            /* A cause that does not fit is cut: the precision says it is meant. */
            snprintf(err->text + used, (size_t)room, ": %.*s", room, cause);
        }
    }
    return -1;
}

int asim_status_exit_code(enum asim_status status)
{
    switch (status) {
    case ASIM_OK:
        return 0;
    case ASIM_EFAIL:
        return 1;
    case ASIM_EUSAGE:
        return 2;
    case ASIM_EINPUT:
        return 3;
    case ASIM_EIO:
    case ASIM_ENOMEM:
    case ASIM_EENV:
        return 4;
    case ASIM_EWINDOWS:
        return 5;
    case ASIM_EQUALITY:
        return 6;
    case ASIM_ELOCKED:
        return 75;
    case ASIM_ECANCELLED:
        return 130;
    }
    return 1;
}

const char *asim_version(void)
{
    return AUTOSIM_VERSION;
}
