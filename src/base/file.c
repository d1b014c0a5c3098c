/*
 * Files: whole reads, atomic replacement, folders.
 * Invariant: a path that is replaced always holds the old or the new content, whole.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <nettle/version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

char *asim_path_join(const char *folder, const char *name, struct asim_error *err)
{
    size_t length = strlen(folder);
    const char *separator = length > 0 && folder[length - 1] == '/' ? "" : "/";
    return asim_format(err, "%s%s%s", folder, separator, name);
}

int asim_make_folder(const char *path, struct asim_error *err)
{
    char *partial = asim_strdup(path, err);
    if (!partial)
        return -1;
    int rc = -1;
    for (char *end = partial + 1;; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        char saved = *end;
        *end = '\0';
        struct stat status;
        if (mkdir(partial, 0777) < 0 &&
            (errno != EEXIST || stat(partial, &status) < 0 ||
             !S_ISDIR(status.st_mode))) {
            asim_fail(err, ASIM_EIO, "cannot create the folder '%s': %s", partial,
                      errno == EEXIST ? "a file of that name is there"
                                      : strerror(errno));
            goto out;
        }
        *end = saved;
        if (saved == '\0')
            break;
    }
    rc = 0;
out:
    free(partial);
    return rc;
}

static const char *kind_of_file(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a folder";
    if (S_ISFIFO(mode))
        return "a pipe";
    if (S_ISSOCK(mode))
        return "a socket";
    return "a device";
}

int asim_file_open(const char *path, int *ret_fd, uint64_t *ret_size,
                   struct asim_error *err)
{
    /* O_NONBLOCK: opening a pipe without a writer must not wait for one. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return asim_fail(err, ASIM_EIO, "cannot open '%s': %s", path, strerror(errno));
    struct stat status;
    if (fstat(fd, &status) < 0) {
        asim_fail(err, ASIM_EIO, "cannot read '%s': %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    if (!S_ISREG(status.st_mode)) {
        asim_fail(err, ASIM_EINPUT, "'%s' is %s; a regular file was expected%s", path,
                  kind_of_file(status.st_mode),
                  S_ISFIFO(status.st_mode)
                      ? ", for files are read by position: write what the pipe gives "
                        "to disk first"
                      : "");
        close(fd);
        return -1;
    }
    *ret_fd = fd;
    *ret_size = (uint64_t)status.st_size;
    return 0;
}

int asim_file_open_stream(const char *path, FILE **ret_file, uint64_t *ret_size,
                          struct asim_error *err)
{
    int fd = -1;
    uint64_t size = 0;
    if (asim_file_open(path, &fd, &size, err) < 0)
        return -1;
    FILE *file = fdopen(fd, "r");
    if (!file) {
        close(fd);
        return asim_fail(err, ASIM_ENOMEM, "no memory to read '%s'", path);
    }
    *ret_file = file;
    *ret_size = size;
    return 0;
}

int asim_file_read(const char *path, uint64_t max_bytes, char **ret_data,
                   size_t *ret_size, struct asim_error *err)
{
    char *data = NULL;
    int rc = -1, fd;
    uint64_t file_size;
    if (asim_file_open(path, &fd, &file_size, err) < 0)
        return -1;
    if (file_size > max_bytes) {
        asim_fail(err, ASIM_EINPUT, "'%s' has %llu bytes; at most %llu were expected",
                  path, (unsigned long long)file_size, (unsigned long long)max_bytes);
        goto out;
    }
    size_t size = (size_t)file_size, done = 0;
    data = asim_alloc_array(size + 1, 1, err);
    if (!data)
        goto out;
    while (done < size) {
        ssize_t got = read(fd, data + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            asim_fail(err, ASIM_EIO, "cannot read '%s' at byte %zu: %s", path, done,
                      strerror(errno));
            goto out;
        }
        if (got == 0)
            break; /* shortened meanwhile: what is there counts */
        done += (size_t)got;
    }
    data[done] = '\0';
    *ret_data = data;
    *ret_size = done;
    data = NULL;
    rc = 0;
out:
    free(data);
    close(fd);
    return rc;
}

void asim_folder_remove(const char *path)
{
    DIR *entries = opendir(path);
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry;
         entry = readdir(entries))
        unlinkat(dirfd(entries), entry->d_name, 0);
    if (entries)
        closedir(entries);
    rmdir(path);
}

int asim_folder_sync(const char *path, struct asim_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return asim_fail(err, ASIM_EIO, "cannot open the folder '%s': %s", path,
                         strerror(errno));
    /* Some network file systems refuse to sync a folder; then there is nothing to do.
     */
    int rc = fsync(fd) < 0 && errno != EINVAL && errno != EBADF
                 ? asim_fail(err, ASIM_EIO, "cannot sync the folder '%s': %s", path,
                             strerror(errno))
                 : 0;
    close(fd);
    return rc;
}

static int sync_parent(const char *path, struct asim_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = !slash ? asim_strdup(".", err)
                   : slash == path
                       ? asim_strdup("/", err)
                       : asim_format(err, "%.*s", (int)(slash - path), path);
    if (!folder)
        return -1;
    int rc = asim_folder_sync(folder, err);
    free(folder);
    return rc;
}

/* As mkostemp, with the permissions of any other file of the user: a umask can be asked
 * for only by changing it, for all threads of the program. */
static int make_temporary(char *template)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    enum { TAIL = 6, TRIES = 100 };
    char *tail = template + strlen(template) - TAIL;
    int fd = -1;
    for (int i = 0; i < TRIES && fd < 0 && (i == 0 || errno == EEXIST); i++) {
        uint64_t random = 0;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return -1;
        for (int k = 0; k < TAIL; k++, random /= sizeof letters - 1)
            tail[k] = letters[random % (sizeof letters - 1)];
        fd = open(template, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return fd;
}

/* The file that is to be replaced: a link to a file stays and the file is replaced. A
 * device or a pipe is none: renaming over /dev/null would take it from the whole
 * machine. */
static char *replaceable(const char *path, struct asim_error *err)
{
    struct stat status;
    /* Before realpath, which finds nothing behind /dev/stdout where that is a pipe. */
    bool there = stat(path, &status) == 0;
    if (there && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        asim_fail(err, ASIM_EIO,
                  "cannot write '%s': it is a device or a pipe, and a regular file "
                  "would take its place",
                  path);
        return NULL;
    }
    char *target = there ? realpath(path, NULL) : NULL;
    return target ? target : asim_strdup(path, err);
}

int asim_output_open(const char *path, struct asim_output *ret_output,
                     struct asim_error *err)
{
    struct asim_output output = {0};
    int fd = -1;
    output.path = replaceable(path, err);
    output.temporary = output.path ? asim_format(err, "%s.XXXXXX", output.path) : NULL;
    if (!output.path || !output.temporary)
        goto fail;
    fd = make_temporary(output.temporary);
    if (fd < 0) {
        asim_fail(err, ASIM_EIO, "cannot write '%s': %s", path, strerror(errno));
        free(output.temporary); /* nothing to unlink */
        output.temporary = NULL;
        goto fail;
    }
    output.stream = fdopen(fd, "w");
    if (!output.stream) {
        asim_fail(err, ASIM_EIO, "cannot write '%s': %s", path, strerror(errno));
        close(fd);
        goto fail;
    }
    *ret_output = output;
    return 0;
fail:
    asim_output_close(&output);
    return -1;
}

int asim_output_commit(struct asim_output *output, struct asim_error *err)
{
    errno = 0;
    int failed = fflush(output->stream) != 0 || ferror(output->stream) ||
                 fsync(fileno(output->stream)) != 0;
    int cause = errno ? errno : EIO;
    if (fclose(output->stream) != 0 && !failed) {
        failed = 1;
        cause = errno;
    }
    output->stream = NULL;
    if (!failed && rename(output->temporary, output->path) < 0) {
        failed = 1;
        cause = errno;
    }
    if (failed)
        return asim_fail(err, ASIM_EIO, "cannot write '%s': %s", output->path,
                         strerror(cause));
    free(output->temporary);
    output->temporary = NULL;
    return sync_parent(output->path, err);
}

void asim_output_close(struct asim_output *output)
{
    if (!output)
        return;
    if (output->stream)
        fclose(output->stream);
    if (output->temporary)
        unlink(output->temporary);
    free(output->temporary);
    free(output->path);
    *output = (struct asim_output){0};
}

int asim_file_replace(const char *path, const void *data, size_t size,
                      struct asim_error *err)
{
    struct asim_output output;
    if (asim_output_open(path, &output, err) < 0)
        return -1;
    fwrite(data, 1, size, output.stream);
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}

bool asim_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void sha256_end(struct sha256_ctx *context, char ret_hex[65])
{
    unsigned char digest[SHA256_DIGEST_SIZE];
#if NETTLE_VERSION_MAJOR >= 4
    sha256_digest(context, digest);
#else
    sha256_digest(context, sizeof digest, digest);
#endif
    for (size_t i = 0; i < sizeof digest; i++)
        sprintf(ret_hex + 2 * i, "%02x", digest[i]);
}

int asim_file_sha256(const char *path, char ret_hex[65], struct asim_error *err)
{
    return asim_file_sha256_unless(NULL, path, ret_hex, err);
}

int asim_file_sha256_unless(const atomic_bool *stop, const char *path, char ret_hex[65],
                            struct asim_error *err)
{
    int fd;
    uint64_t size;
    if (asim_file_open(path, &fd, &size, err) < 0)
        return -1;
    struct sha256_ctx context;
    sha256_init(&context);
    unsigned char block[65536];
    ssize_t got;
    while ((got = read(fd, block, sizeof block)) > 0 || (got < 0 && errno == EINTR)) {
        if (stop && atomic_load(stop)) {
            close(fd);
            return asim_fail(err, ASIM_EFAIL, "the hash of '%s' was given up", path);
        }
        if (got > 0)
            sha256_update(&context, (size_t)got, block);
    }
    int cause = errno;
    close(fd);
    if (got < 0)
        return asim_fail(err, ASIM_EIO, "cannot read '%s': %s", path, strerror(cause));
    sha256_end(&context, ret_hex);
    return 0;
}

void asim_sha256(const void *data, size_t size, char ret_hex[65])
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, size, data);
    sha256_end(&context, ret_hex);
}
