/*
 * Runs a fuzz target once on every file named on the command line, or in a folder named
 * there, so that corpora are ordinary tests with any compiler. A crash, or a report of
 * a sanitizer, fails the test; so does a corpus that is not there.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return -1;
    }
    int rc = -1;
    uint8_t *data = NULL;
    if (fseek(file, 0, SEEK_END) != 0)
        goto out;
    long size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0)
        goto out;
    /* Exactly as large as the file, so that a sanitizer sees reads behind its end. */
    data = malloc(size > 0 ? (size_t)size : 1);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
        goto out;
    LLVMFuzzerTestOneInput(data, (size_t)size);
    rc = 0;
out:
    if (rc < 0)
        fprintf(stderr, "cannot read %s\n", path);
    free(data);
    fclose(file);
    return rc;
}

static int run_folder(const char *path, int *count)
{
    DIR *folder = opendir(path);
    if (!folder) {
        perror(path);
        return -1;
    }
    int rc = 0;
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof name || run_file(name) < 0)
            rc = -1;
        ++*count;
    }
    closedir(folder);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = 0, count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode)) {
            rc |= run_folder(argv[i], &count);
        } else {
            rc |= run_file(argv[i]);
            count++;
        }
    }
    printf("%d inputs\n", count);
    return rc < 0 || count == 0;
}
