/* Fuzzing of .edi files: any text gives what gmx would read, or an error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"
#include "windows/edi.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_edi edi;
    struct asim_error err = {0};
    char *text = malloc(size + 1);
    if (!text)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (asim_edi_parse(text, &edi, &err) == 0)
        asim_edi_finish(&edi);
    free(text);
}
