/*
 * Errors of libautosim.
 *
 * A function that can fail returns 0 or -1 and fills a `struct asim_error` that the
 * caller owns (NULL is accepted: the caller does not want the text). Branch on
 * `status`; `text` is for people: one complete sentence in lower case that says what,
 * where, what was expected and, where it helps, what to do. `ret_*` outputs are
 * untouched on failure. The library never prints and never exits.
 */
#ifndef AUTOSIM_ERROR_H
#define AUTOSIM_ERROR_H

#ifdef __cplusplus
#define ASIM_LINKAGE extern "C"
#else
#define ASIM_LINKAGE
#endif

#if defined(__GNUC__)
#define ASIM_API ASIM_LINKAGE __attribute__((visibility("default")))
#define ASIM_PRINTF(format_index, first_index)                                         \
    __attribute__((format(printf, format_index, first_index)))
#else
#define ASIM_API ASIM_LINKAGE
#define ASIM_PRINTF(format_index, first_index)
#endif

enum asim_status {
    ASIM_OK = 0,
    ASIM_EFAIL,      /* a failure that fits none of the following */
    ASIM_EUSAGE,     /* wrong options or arguments, contradicting settings */
    ASIM_EINPUT,     /* a file or selection is wrong, damaged, or does not fit */
    ASIM_EIO,        /* the system refused to read or write */
    ASIM_ENOMEM,     /* memory, or the memory the user allowed, is not enough */
    ASIM_EENV,       /* something this machine must offer is missing: gmx, disk space */
    ASIM_EWINDOWS,   /* windows were given up */
    ASIM_EQUALITY,   /* the result is below the quality asked for */
    ASIM_ELOCKED,    /* another process works on this campaign */
    ASIM_ECANCELLED, /* stopped on request */
};

/* "0.1.0": of the library that is loaded. Static. */
ASIM_API const char *asim_version(void);

struct asim_error {
    enum asim_status status;
    char text[1000];
};

/* The exit code of the command line for a status: 0 ok, 1 failure, 2 usage, 3 bad
 * input, 4 environment, 5 windows failed, 6 quality, 75 locked. ASIM_EIO and
 * ASIM_ENOMEM are 4: what was asked for is right, the machine could not do it.
 * ASIM_ECANCELLED is 130 (128 + SIGINT) where no other signal is known. */
ASIM_API int asim_status_exit_code(enum asim_status status);

#endif
