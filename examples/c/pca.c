/*
 * Principal components of a trajectory.
 *
 *     cc pca.c -o pca $(pkg-config --cflags --libs autosim)
 *     ./pca system.tpr traj.xtc "protein and name CA"
 */
#include <stdio.h>
#include <stdlib.h>

#include <autosim/autosim.h>

static void fail(const struct asim_error *err)
{
    fprintf(stderr, "pca: %s\n", err->text);
    exit(asim_status_exit_code(err->status));
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: pca TOPOLOGY TRAJECTORY [SELECTION]\n");
        return 2;
    }
    struct asim_error err = {0};
    struct asim_pca pca = {0};
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    const char *trajectories[] = {argv[2]};
    options.selection = argc > 3 ? argv[3] : NULL;
    options.component_count = 3;

    if (asim_extract_reaction_coordinates(argv[1], trajectories, 1, &options, NULL,
                                          &pca, &err) < 0)
        fail(&err);

    printf("%zu frames, %zu atoms: %s\n", pca.frame_count, pca.atom_count,
           pca.selection);
    for (size_t k = 0; k < pca.component_count; k++)
        printf("PC%zu: %.6f nm^2, %.1f%% of the variance\n", k + 1,
               pca.eigenvalues_nm2[k],
               100 * pca.eigenvalues_nm2[k] / pca.total_variance_nm2);

    /* The projection of each frame on PC1, in nm; its mean is 0. */
    for (size_t f = 0; f < pca.frame_count && f < 5; f++)
        printf("%10.1f ps %10.5f nm\n", pca.time_ps[f], pca.projections_nm[f]);

    /* The component itself: atom i moves along eigenvectors[3 i .. 3 i + 2]. */
    for (size_t i = 0; i < pca.atom_count && i < 3; i++)
        printf("atom %u moves along %8.4f %8.4f %8.4f\n", pca.atom_indices[i] + 1,
               pca.eigenvectors[3 * i], pca.eigenvectors[3 * i + 1],
               pca.eigenvectors[3 * i + 2]);
    asim_pca_finish(&pca);
    return 0;
}
