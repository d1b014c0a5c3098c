/* Loaded in front of a program: a file system that gives no locks, as Lustre without
 * them. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

/* The symbol is fcntl64 where offsets have 64 bits. */
__attribute__((visibility("default"))) int fcntl(int fd, int command, ...)
{
    static int (*real)(int, int, ...);
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (command == F_OFD_SETLK || command == F_OFD_GETLK || command == F_OFD_SETLKW) {
        errno = ENOSYS;
        return -1;
    }
    if (!real)
        real = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl64");
    return real(fd, command, argument);
}
