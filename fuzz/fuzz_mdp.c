/* Fuzzing of .mdp texts: what was set is found again, and only there. */
#include <stdlib.h>
#include <string.h>

#include "formats/mdp.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    static const struct asim_mdp_setting settings[] = {
        {"nsteps", "70"}, {"colvars-active", "yes"}, {"define", NULL}, {NULL, NULL}};
    char *text = calloc(size + 1, 1), *copy = NULL, *value = NULL;
    if (!text)
        return;
    memcpy(text, data, size);
    if (asim_mdp_set(text, settings, &copy, NULL) == 0) {
        for (const struct asim_mdp_setting *s = settings; s->key; s++) {
            if (asim_mdp_get(copy, s->key, &value, NULL) < 0)
                continue;
            if (!value != !s->value || (value && strcmp(value, s->value) != 0))
                abort();
            free(value);
        }
    }
    free(copy);
    free(text);
}
