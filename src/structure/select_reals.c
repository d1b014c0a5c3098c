/* Clauses about a number of each atom: its mass, charge, occupancy, temperature factor.
 * An atom without the number is not selected. */
#include "structure/select.h"

#include <math.h>
#include <string.h>

/* As numpy's isclose, which decides equality in MDAnalysis. */
static bool is_close(double a, double b)
{
    return fabs(a - b) <= 1e-8 + 1e-5 * fabs(b);
}

bool asim_select_real_fits(const struct asim_select_real *real, double value)
{
    if (real->absolute)
        value = fabs(value);
    switch (real->compare) {
    case ASIM_SELECT_LESS:
        return value < real->low;
    case ASIM_SELECT_LESS_EQUAL:
        return value <= real->low;
    case ASIM_SELECT_GREATER:
        return value > real->low;
    case ASIM_SELECT_GREATER_EQUAL:
        return value >= real->low;
    case ASIM_SELECT_EQUAL:
        return is_close(value, real->low);
    case ASIM_SELECT_NOT_EQUAL:
        return !is_close(value, real->low);
    case ASIM_SELECT_WITHIN:
        return real->low <= value && value <= real->high;
    }
    return false;
}

int asim_select_reals(const struct asim_topology *top,
                      const struct asim_select_query *query,
                      const struct asim_select_node *node, uint8_t *mask,
                      struct asim_error *err)
{
    const struct {
        enum asim_select_field field;
        const float *values;
        const char *name, *file;
    } rows[] = {{ASIM_SELECT_MASS, top->mass_amu, "masses", "TPR file"},
                {ASIM_SELECT_CHARGE, top->charge_e, "charges", "TPR file"},
                {ASIM_SELECT_OCCUPANCY, top->occupancy, "occupancies",
                 "PDB file that has them"},
                {ASIM_SELECT_BFACTOR, top->bfactor, "temperature factors",
                 "PDB file that has them"}};
    size_t row = 0;
    while (rows[row].field != node->field)
        row++;
    const float *values = rows[row].values;
    if (!values)
        return asim_select_fail_at(query, node->begin, node->end - node->begin, err,
                                   "this topology file has no %s: give a %s",
                                   rows[row].name, rows[row].file);
    memset(mask, 0, top->atom_count);
    for (size_t k = 0; k < node->real_count; k++) {
        /* Values are floats, so that a limit typed as the file has it must be one too.
         */
        struct asim_select_real real = query->reals[node->first_real + k];
        real.low = (double)(float)real.low;
        real.high = (double)(float)real.high;
        for (size_t i = 0; i < top->atom_count; i++)
            mask[i] |=
                !isnan(values[i]) && asim_select_real_fits(&real, (double)values[i]);
    }
    return 0;
}
