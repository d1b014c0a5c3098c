/* Which vector instructions decoders may use: what the machine has, or less by the
 * environment variable AUTOSIM_SIMD = scalar, avx2 or avx512. */
#ifndef FORMATS_SIMD_H
#define FORMATS_SIMD_H

#include <stdbool.h>

#include "base/error.h"

enum asim_simd {
    ASIM_SIMD_SCALAR,
    ASIM_SIMD_AVX2,   /* with FMA */
    ASIM_SIMD_AVX512, /* with F, BW, DQ, VL, VBMI and IFMA: Ice Lake, Zen 4 and later */
};

bool asim_simd_available(enum asim_simd simd);
const char *asim_simd_name(enum asim_simd simd);

/* ASIM_EUSAGE where the variable holds no known name, ASIM_EENV where it asks for
 * instructions that this machine lacks. */
int asim_simd_choose(enum asim_simd *ret_simd, struct asim_error *err);

#endif
