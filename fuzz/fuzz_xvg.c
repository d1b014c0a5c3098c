/* XVG: any bytes as a table. */
#include <stddef.h>
#include <stdint.h>

#include "formats/xvg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_xvg xvg;
    if (asim_xvg_parse(data, size, "fuzz", &xvg, &err) == 0)
        asim_xvg_finish(&xvg);
    return 0;
}
