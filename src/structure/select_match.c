/* Wildcards as in file names: * any letters, ? one letter, [abc] [a-z] [!abc]. */
#include "structure/select.h"

/* The bracket at `p` against one letter: the length of the bracket, 0 where it is not
 * closed and so stands for itself. */
static size_t match_bracket(const char *p, char letter, bool *ret_match)
{
    size_t i = 1;
    bool inverted = p[i] == '!';
    if (inverted)
        i++;
    size_t first = i;
    bool match = false;
    for (; p[i] && (p[i] != ']' || i == first); i++) {
        unsigned char low = (unsigned char)p[i], high = low;
        if (p[i + 1] == '-' && p[i + 2] && p[i + 2] != ']') {
            high = (unsigned char)p[i + 2];
            i += 2;
        }
        match |= (unsigned char)letter >= low && (unsigned char)letter <= high;
    }
    if (p[i] != ']')
        return 0;
    *ret_match = match != inverted;
    return i + 1;
}

/* One step of the pattern (not a star) against one letter; the step's length, 0 where
 * it does not match. */
static size_t match_step(const char *pattern, char letter)
{
    if (*pattern == '[') {
        bool match;
        size_t length = match_bracket(pattern, letter, &match);
        if (length > 0)
            return match ? length : 0;
    }
    return *pattern == '?' || *pattern == letter ? 1 : 0;
}

/* Only the last star needs to be tried again: an earlier one can take the fewest
 * letters it may, since what follows it can be found further on by the later star. */
bool asim_select_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *star_text = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            star_text = text;
            continue;
        }
        size_t step = *pattern ? match_step(pattern, *text) : 0;
        if (step > 0) {
            pattern += step;
            text++;
        } else if (star) {
            pattern = star;
            text = ++star_text;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
