/*
 * The choice of vector instructions, by the processor and AUTOSIM_SIMD.
 * Invariant: nothing is chosen that the machine lacks. It knows no decoder.
 */
#include "formats/simd.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [ASIM_SIMD_SCALAR] = "scalar",
    [ASIM_SIMD_AVX2] = "avx2",
    [ASIM_SIMD_AVX512] = "avx512",
};
static const size_t name_count = sizeof names / sizeof *names;

bool asim_simd_available(enum asim_simd simd)
{
    if (simd == ASIM_SIMD_SCALAR)
        return true;
#if defined(__x86_64__)
    /* These ask also whether the system saves the wide registers. */
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (simd == ASIM_SIMD_AVX2)
        return avx2;
    return avx2 && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

const char *asim_simd_name(enum asim_simd simd)
{
    return names[simd];
}

int asim_simd_choose(enum asim_simd *ret_simd, struct asim_error *err)
{
    const char *wish = getenv("AUTOSIM_SIMD");
    enum asim_simd simd = ASIM_SIMD_AVX512;
    if (!wish || !*wish) {
        while (!asim_simd_available(simd))
            simd--;
        *ret_simd = simd;
        return 0;
    }
    size_t i = 0;
    while (i < name_count && strcmp(wish, names[i]) != 0)
        i++;
    if (i == name_count)
        return asim_fail(err, ASIM_EUSAGE,
                         "the environment variable AUTOSIM_SIMD is '%s'; scalar, avx2 "
                         "or avx512 was expected",
                         wish);
    simd = (enum asim_simd)i;
    if (!asim_simd_available(simd))
        return asim_fail(
            err, ASIM_EENV,
            "the environment variable AUTOSIM_SIMD asks for %s, which this "
            "machine does not have; unset it to use what is there",
            wish);
    *ret_simd = simd;
    return 0;
}
