/*
 * Essential-dynamics input (.edi) for `gmx mdrun -ei`: the harmonic restraint of one
 * principal component, V = k/2 (p - p0)^2, by GROMACS' flooding code.
 */
#ifndef WINDOWS_EDI_H
#define WINDOWS_EDI_H

#include <autosim/bias.h>
#include <autosim/pca.h>

/* gmx reads the restraint's numbers from fields of 12 characters: a longer number would
 * be cut in two without a word. These round to what fits and comes back the same. */
double asim_edi_round_centre(double centre_nm);
double asim_edi_round_force_constant(double force_constant_kj_mol_nm2);

/*
 * The text of the file (owned by the caller), for component 0 of `pca`. It is read back
 * as gmx reads it and compared before it is handed out. ASIM_EINPUT where fit and
 * analysed atoms differ (the force would be wrong) or a number does not fit its field.
 */
int asim_edi_write(const struct asim_pca *pca, const struct asim_bias *bias,
                   size_t system_atom_count, int64_t sample_steps,
                   double temperature_kelvin, char **ret_text, struct asim_error *err);

/* What gmx would make of an .edi text. */
struct asim_edi {
    size_t system_atom_count;
    int64_t sample_steps;
    size_t atom_count;
    uint32_t *atom_indices; /* [atom_count] 0-based */
    double *reference_nm;   /* [3 atom_count] */
    double *average_nm;     /* [3 atom_count] */
    double *vector;         /* [3 atom_count] */
    struct asim_bias bias;
    double slope_nm_step;
};

void asim_edi_finish(struct asim_edi *edi);
int asim_edi_parse(const char *text, struct asim_edi *ret_edi, struct asim_error *err);

#endif
