/* Numbers of a text, for tests of what is written. */
#ifndef TESTS_NUMBERS_H
#define TESTS_NUMBERS_H

#include <stdlib.h>
#include <string.h>

/* Those behind the first `key`, "(x, y, z)" or bare, to the end of its line; SIZE_MAX
 * where there is no such key. */
static size_t numbers_behind(const char *text, const char *key, double *numbers)
{
    const char *at = strstr(text, key);
    size_t count = 0;
    if (!at)
        return SIZE_MAX;
    for (at += strlen(key); *at && *at != '\n';) {
        char *end;
        double number = strtod(at, &end);
        if (end != at)
            numbers[count++] = number;
        at = end != at ? end : at + 1;
    }
    return count;
}

#endif
