/*
 * The run parameters of a TPR, field by field in the order of the file.
 *
 * Only what a campaign needs is kept; the rest is walked so that the file is known to
 * be understood to its last byte. Field templates: see asim_tpr_skip.
 */
#include "formats/tpr_layout.h"

#include <math.h>
#include <stdio.h>

enum { LAMBDA_COMPONENTS = 7 };

static const char *const integrators[] = {
    "md",  "steep", "cg", "bd",    "sd2",        "nm",    "l-bfgs",
    "tpi", "tpic",  "sd", "md-vv", "md-vv-avek", "mimic",
};

static void read_length(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    int version = reader->file_version;
    tpr->integrator = read_int(reader);
    int count = (int)(sizeof integrators / sizeof integrators[0]);
    if (tpr->integrator >= 0 && tpr->integrator < count)
        snprintf(tpr->integrator_name, sizeof tpr->integrator_name, "%s",
                 integrators[tpr->integrator]);
    else
        snprintf(tpr->integrator_name, sizeof tpr->integrator_name, "integrator %d",
                 tpr->integrator);
    tpr->offset.nsteps = reader->position;
    tpr->nsteps = version >= 62 ? read_int64(reader) : read_int(reader);
    asim_tpr_skip(reader, version >= 62 ? "li" : "ii"); /* first step, part */
    if (version >= 122 && read_bool(reader)) {          /* multiple time stepping */
        size_t levels = asim_tpr_read_count(reader, 8);
        asim_tpr_skip_bytes(reader, levels, 8);
    }
    if (version >= 131)
        asim_tpr_skip(reader, "r"); /* mass repartitioning */
    if (version >= 129)
        asim_tpr_skip(reader, "ir"); /* ensemble temperature */
    if (version >= 67 && version < 139)
        asim_tpr_skip(reader, "i"); /* nstcalcenergy */
    /* 0 Verlet, 1 group; before version 94 the other way round; before 81 all group. */
    int scheme = version >= 81 ? read_int(reader) : 1;
    tpr->group_cutoffs = scheme == (version >= 81 && version < 94 ? 0 : 1);
    asim_tpr_skip(reader, "iii r ii"); /* neighbour list, rtpi, centre of mass */
    if (version < 100)
        asim_tpr_skip(reader, "i"); /* nstcheckpoint */
    asim_tpr_skip(reader, "ii");    /* steepest descent, L-BFGS */
    if (version < 139)
        asim_tpr_skip(reader, "iiiiii"); /* nstlog to nstxout-compressed */
    if (version >= 59) {
        asim_tpr_skip(reader, "d"); /* first time */
        tpr->offset.dt = reader->position;
        tpr->dt_ps = read_double(reader);
    } else {
        asim_tpr_skip(reader, "r");
        tpr->offset.dt = reader->position;
        tpr->dt_ps = read_real(reader);
    }
    if (version < 139)
        asim_tpr_skip(reader, "r"); /* precision of compressed coordinates */
}

static void skip_interactions(struct asim_tpr_reader *reader)
{
    int version = reader->file_version;
    if (version >= 81)
        asim_tpr_skip(reader, "r"); /* verlet-buffer-tolerance */
    if (version >= 133)
        asim_tpr_skip(reader, "r"); /* verlet-buffer-pressure-tolerance */
    asim_tpr_skip(reader, "r");     /* rlist */
    if (version >= 67 && version < 108)
        asim_tpr_skip(reader, "r"); /* rlistlong */
    if (version >= 82 && version != 90)
        asim_tpr_skip(reader, "i");                          /* nstcalclr */
    asim_tpr_skip(reader, version >= 81 ? "ii rr" : "i rr"); /* Coulomb */
    asim_tpr_skip(reader, version >= 81 ? "ii rr" : "i rr"); /* van der Waals */
    asim_tpr_skip(reader, "i rrr"); /* dispersion correction, dielectrics, table */
    if (version < 113) {            /* implicit solvent */
        asim_tpr_skip(reader, "ii rr i rrrr");
        if (version >= 60)
            asim_tpr_skip(reader, "ri");
        asim_tpr_skip(reader, "r");
    }
    if (version >= 81)
        asim_tpr_skip(reader, "r"); /* fourierspacing */
    asim_tpr_skip(reader, "iiii r");
    if (version >= 93)
        asim_tpr_skip(reader, "r"); /* ewald-rtol-lj */
    asim_tpr_skip(reader, "ir");
    if (version < 100)
        asim_tpr_skip(reader, "b"); /* optimize_fft */
    if (version >= 93)
        asim_tpr_skip(reader, "i"); /* combination rule of LJ-PME */
}

static void skip_coupling(struct asim_tpr_reader *reader)
{
    int version = reader->file_version;
    asim_tpr_skip(reader, "i"); /* thermostat */
    if (version >= 79)
        asim_tpr_skip(reader, "b");
    if (version >= 71)
        asim_tpr_skip(reader, "i"); /* nsttcouple */
    asim_tpr_skip(reader, "ii");    /* barostat and its kind */
    if (version >= 71)
        asim_tpr_skip(reader, "i"); /* nstpcouple */
    asim_tpr_skip(reader, "r vvv vvv i");
    /* Centres of mass of position restraints, A and B. */
    size_t centres =
        version >= 135 ? asim_tpr_read_count(reader, 6 * real_bytes(reader)) : 1;
    asim_tpr_skip_bytes(reader, centres, 6 * real_bytes(reader));
    if (version < 79)
        asim_tpr_skip(reader, "i"); /* seed of the Andersen thermostat */
    asim_tpr_skip(reader, "r");     /* shake-tol */
}

static size_t skip_free_energy(struct asim_tpr_reader *reader)
{
    int version = reader->file_version;
    size_t states = 0;
    asim_tpr_skip(reader, "i"); /* free-energy */
    if (version >= 79)
        asim_tpr_skip(reader, "i");
    asim_tpr_skip(reader, version >= 59 ? "dd" : "rr");
    if (version >= 79) {
        states = asim_tpr_read_count(reader, LAMBDA_COMPONENTS * 8);
        for (int k = 0; k < LAMBDA_COMPONENTS && states > 0; k++) {
            asim_tpr_skip_bytes(reader, states, 8);
            asim_tpr_skip(reader, "bbbbbbb"); /* which components are separate */
        }
    } else if (version >= 64) {
        states = asim_tpr_read_count(reader, 8);
        asim_tpr_skip_bytes(reader, states, 8);
    }
    asim_tpr_skip(reader, "ri"); /* soft core */
    if (version >= 79)
        asim_tpr_skip(reader, "r");
    asim_tpr_skip(reader, "r");
    if (version >= 79)
        asim_tpr_skip(reader, "b");
    if (version >= 64)
        asim_tpr_skip(reader, "i"); /* nstdhdl */
    if (version >= 73)
        asim_tpr_skip(reader, "ii");
    if (version >= 71)
        asim_tpr_skip(reader, "id"); /* histogram */
    if (version >= 79)
        asim_tpr_skip(reader, "i");
    if (version >= 125)
        asim_tpr_skip(reader, "irrr"); /* Gapsys soft core */
    if ((version >= 83 && version < 90) || version >= 92)
        asim_tpr_skip(reader, "i"); /* calc-lambda-neighbors */
    return states;
}

static void skip_expanded_ensemble(struct asim_tpr_reader *reader, size_t states)
{
    int version = reader->file_version;
    size_t real = real_bytes(reader);
    if (version < 79)
        return;
    if (read_bool(reader)) { /* simulated tempering */
        asim_tpr_skip(reader, "irr");
        asim_tpr_skip_bytes(reader, states, real);
    }
    if (!read_bool(reader))
        return;
    asim_tpr_skip_bytes(reader, states, real);
    if (states > 0 && version < 136)
        asim_tpr_skip(reader, "b");
    asim_tpr_skip(reader, "iii iiii r b iii rrr b i iii rr");
    if (version >= 136)
        asim_tpr_skip_bytes(reader, states, 2 * real);
}

static void read_seed(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    int version = reader->file_version;
    asim_tpr_skip(reader, "ii b rr i rr i"); /* NMR restraints */
    if (version < 79)
        asim_tpr_skip(reader, "r");
    asim_tpr_skip(reader, "rr b i r"); /* minimisation */
    asim_tpr_skip(reader, "ii r i r"); /* constraints, friction of bd */
    tpr->offset.ld_seed = reader->position;
    tpr->ld_seed = version >= 97 ? read_int64(reader) : read_int(reader);
    asim_tpr_skip(reader, "vvv r iiii rrrr"); /* deform, cosine, user's numbers */
    if (version >= 77 && version < 106 && read_bool(reader)) { /* AdResS */
        asim_tpr_skip(reader, "i rrr ii v");
        size_t forces = asim_tpr_read_count(reader, 4);
        asim_tpr_skip(reader, "r");
        size_t energies = asim_tpr_read_count(reader, 4);
        asim_tpr_skip(reader, "i");
        asim_tpr_skip_bytes(reader, forces + energies, 4);
    }
}

static void walk_features(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    int version = reader->file_version;
    /* Before 101 an enumeration whose 0 is "no". */
    bool pull = version >= 101 ? read_bool(reader) : read_int(reader) != 0;
    if (pull)
        asim_tpr_walk_pull(reader, tpr);
    if (version >= 112 && read_bool(reader))
        asim_tpr_walk_awh(reader);
    if (version >= 74 && read_bool(reader))
        asim_tpr_walk_rotation(reader);
    if (version >= 99 && read_bool(reader)) { /* interactive MD */
        size_t atoms = asim_tpr_read_count(reader, 4);
        asim_tpr_skip_bytes(reader, atoms, 4);
    }
}

/* `at`: the numbers of degrees of freedom, then the reference temperatures. */
static void take_temperatures(const struct asim_tpr_reader *reader, size_t at,
                              size_t groups, struct asim_tpr *tpr)
{
    size_t real = real_bytes(reader);
    double most = -1;
    double first = NAN;
    tpr->one_temperature = true;
    for (size_t i = 0; i < groups; i++) {
        const uint8_t *bytes = reader->data + at + i * real;
        double degrees = load_real(bytes, reader->double_precision);
        double kelvin = load_real(bytes + groups * real, reader->double_precision);
        if (i == 0)
            first = kelvin;
        if (kelvin != first)
            tpr->one_temperature = false;
        if (degrees > most) {
            most = degrees;
            tpr->ref_t_kelvin = kelvin;
        }
    }
}

static void read_groups(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    int version = reader->file_version;
    size_t real = real_bytes(reader);
    size_t accelerated = 0;
    size_t temperatures = asim_tpr_read_count(reader, 3 * real);
    if (version >= 69)
        asim_tpr_skip(reader, "i"); /* Nose-Hoover chain length */
    if (version < 123 || version >= 126)
        accelerated = asim_tpr_read_count(reader, 3 * real);
    size_t frozen = asim_tpr_read_count(reader, 12);
    size_t energies = asim_tpr_read_count(reader, 4);
    size_t at = reader->position;
    asim_tpr_skip_bytes(reader, temperatures, 3 * real);
    if (!reader->failed) {
        tpr->temperature_group_count = temperatures;
        take_temperatures(reader, at, temperatures, tpr);
    }
    asim_tpr_skip_bytes(reader, frozen, 12);
    asim_tpr_skip_bytes(reader, accelerated, 3 * real);
    /* A count is below 2^31, so that its square fits. */
    asim_tpr_skip_bytes(reader, (uint64_t)energies * energies, 4);
    asim_tpr_skip_bytes(reader, temperatures, 4); /* kinds of annealing */
    size_t points_at = reader->position;
    asim_tpr_skip_bytes(reader, temperatures, 4);
    for (size_t i = 0; i < temperatures && !reader->failed; i++) {
        uint32_t points = load_u32(reader->data + points_at + 4 * i);
        asim_tpr_skip_bytes(reader, points, 2 * real);
    }
    asim_tpr_skip(reader, "ii r ii rr r"); /* walls */
}

static void skip_rest(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    int version = reader->file_version;
    size_t real = real_bytes(reader);
    if (version < 111) { /* electric fields along x, y, z */
        for (int d = 0; d < 3; d++) {
            size_t terms = asim_tpr_read_count(reader, 2 * real);
            size_t time_terms = asim_tpr_read_count(reader, 2 * real);
            asim_tpr_skip_bytes(reader, terms + time_terms, 2 * real);
        }
    }
    if (version >= 96 && read_int(reader) != 0)
        asim_tpr_walk_swap(reader);
    bool qmmm = read_bool(reader);
    asim_tpr_skip(reader, "ir");
    size_t groups = asim_tpr_read_count(reader, 0);
    if (groups > 0 && (qmmm || version < 113))
        asim_tpr_skip_bytes(reader, groups, 9 * 4 + bool_bytes(reader) + 2 * real);
    if (version >= 111) {
        tpr->offset.modules = reader->position;
        asim_tpr_walk_key_values(reader); /* parameters of modules */
    }
    if (version >= 117) {
        tpr->offset.prepared = reader->position;
        asim_tpr_walk_key_values(reader); /* what grompp prepared for them */
    }
}

void asim_tpr_walk_run_parameters(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    reader->section = "the run parameters";
    tpr->pbc_type = read_int(reader);
    asim_tpr_skip(reader, "b"); /* periodic molecules */
    read_length(reader, tpr);
    skip_interactions(reader);
    tpr->offset.continuation = reader->position;
    asim_tpr_skip(reader, "b");
    skip_coupling(reader);
    size_t states = skip_free_energy(reader);
    skip_expanded_ensemble(reader, states);
    read_seed(reader, tpr);
    walk_features(reader, tpr);
    reader->section = "the group options of the run parameters";
    read_groups(reader, tpr);
    reader->section = "the last part of the run parameters";
    skip_rest(reader, tpr);
}
