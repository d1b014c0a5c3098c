/* XVG: any bytes as a table. */
#include <stddef.h>
#include <stdint.h>

#include "formats/xvg.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_xvg xvg;
    if (asim_xvg_parse(data, size, "fuzz", &xvg, &err) == 0)
        asim_xvg_finish(&xvg);
}
