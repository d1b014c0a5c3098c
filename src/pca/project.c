/* The projection of one frame on a component. */
#include <autosim/pca.h>

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/superpose.h"

int asim_pca_project(const struct asim_pca *pca, const float (*x_nm)[3],
                     size_t component, double *ret_nm, struct asim_error *err)
{
    if (component >= pca->component_count)
        return asim_fail(err, ASIM_EUSAGE,
                         "component %zu was asked for (numbered from 0); %zu are known",
                         component, pca->component_count);
    double *x = asim_alloc_array(pca->align_count, 3 * sizeof *x, err);
    if (!x)
        return -1;
    for (size_t a = 0; a < pca->align_count; a++)
        for (size_t d = 0; d < 3; d++)
            x[3 * a + d] = (double)x_nm[pca->align_indices[a]][d];
    double rotation[3][3], centre[3], reference_centre[3];
    int rc = asim_superpose(x, pca->reference_nm, pca->align_count, rotation, centre,
                            reference_centre, err);
    free(x);
    if (rc < 0)
        return -1;
    const double *v = pca->eigenvectors + component * 3 * pca->atom_count;
    double projection = 0.0;
    for (size_t a = 0; a < pca->atom_count; a++) {
        const float *from = x_nm[pca->atom_indices[a]];
        for (size_t d = 0; d < 3; d++) {
            double turned = rotation[d][0] * ((double)from[0] - centre[0]) +
                            rotation[d][1] * ((double)from[1] - centre[1]) +
                            rotation[d][2] * ((double)from[2] - centre[2]) +
                            reference_centre[d];
            projection += v[3 * a + d] * (turned - pca->mean_nm[3 * a + d]);
        }
    }
    *ret_nm = projection;
    return 0;
}
