/* Settings in .mdp texts, read and replaced. Must not know what they mean. */
#include "formats/mdp.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

/* A line: its key and value inside the text, without blanks around them. */
struct line {
    const char *key, *value;
    size_t key_length, value_length;
    size_t length; /* with its line feed */
};

static size_t trim(const char **text, size_t length)
{
    while (length > 0 && isspace((unsigned char)**text)) {
        (*text)++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)(*text)[length - 1]))
        length--;
    return length;
}

static struct line read_line(const char *text)
{
    struct line line = {.length = strcspn(text, "\n")};
    size_t said = strcspn(text, ";\n");
    const char *equals = memchr(text, '=', said);
    if (equals) {
        line.key = text;
        line.key_length = trim(&line.key, (size_t)(equals - text));
        line.value = equals + 1;
        line.value_length = trim(&line.value, said - (size_t)(equals + 1 - text));
    }
    line.length += text[line.length] == '\n';
    return line;
}

static bool same_key(const struct line *line, const char *key)
{
    size_t i = 0;
    for (;;) {
        while (i < line->key_length && (line->key[i] == '-' || line->key[i] == '_'))
            i++;
        while (*key == '-' || *key == '_')
            key++;
        if (i == line->key_length || !*key)
            return i == line->key_length && !*key;
        if (tolower((unsigned char)line->key[i++]) != tolower((unsigned char)*key++))
            return false;
    }
}

int asim_mdp_get(const char *text, const char *key, char **ret_value,
                 struct asim_error *err)
{
    struct line line;
    for (; *text; text += line.length) {
        line = read_line(text);
        if (line.key_length == 0 || !same_key(&line, key))
            continue;
        char *value = asim_alloc_array(line.value_length + 1, 1, err);
        if (!value)
            return -1;
        memcpy(value, line.value, line.value_length);
        *ret_value = value;
        return 0;
    }
    *ret_value = NULL;
    return 0;
}

bool asim_mdp_is_yes(const char *value)
{
    static const char *const words[] = {"yes", "on", "true", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

int asim_mdp_set(const char *text, const struct asim_mdp_setting *settings,
                 char **ret_text, struct asim_error *err)
{
    char *copy = NULL;
    size_t size = 0;
    struct line line;
    FILE *out = open_memstream(&copy, &size);
    if (!out)
        return asim_fail(err, ASIM_ENOMEM, "no memory for an .mdp file");
    for (; *text; text += line.length) {
        bool replaced = false;
        line = read_line(text);
        for (const struct asim_mdp_setting *s = settings; s->key && !replaced; s++)
            replaced = line.key_length > 0 && same_key(&line, s->key);
        if (replaced)
            continue;
        fwrite(text, 1, line.length, out);
        if (text[line.length - 1] != '\n')
            fputc('\n', out);
    }
    for (const struct asim_mdp_setting *s = settings; s->key; s++)
        if (s->value)
            fprintf(out, "%s = %s\n", s->key, s->value);
    if (fclose(out) != 0) {
        free(copy);
        return asim_fail(err, ASIM_ENOMEM, "no memory for an .mdp file");
    }
    *ret_text = copy;
    return 0;
}
