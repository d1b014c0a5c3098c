/* TPR: parse any bytes; what parses must also be patchable or be refused politely. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "formats/tpr.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_tpr tpr = {0};
    struct asim_topology top = {0};
    if (asim_tpr_parse(data, size, &tpr, &top, &err) < 0)
        return;
    struct asim_tpr_patch patch = {
        .x_nm = (const float(*)[3])tpr.x_nm,
        .box_nm = tpr.offset.box ? (const float(*)[3])tpr.box_nm : NULL,
        .nsteps = 1000,
        .ld_seed = 7,
        .velocity_seed = 11,
        .temperature_kelvin = 300,
    };
    void *copy = NULL;
    size_t copy_size;
    if (asim_tpr_patch(data, size, &patch, &copy, &copy_size, &err) == 0)
        free(copy);
    static const double x_nm[3] = {1, 2, 3};
    const struct asim_tpr_colvars colvars = {
        .text = "colvar { }", .name = "c", .atom_count = 1, .x_nm = x_nm, .seed = -1};
    if (asim_tpr_add_colvars(data, size, &colvars, &copy, &copy_size, &err) == 0)
        free(copy);
    asim_topology_finish(&top);
    asim_tpr_finish(&tpr);
}
