/* Numbers as GROMACS' binary files store them: big-endian, IEEE 754, unaligned. */
#ifndef FORMATS_BIG_ENDIAN_H
#define FORMATS_BIG_ENDIAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t load_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, 4);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

static inline uint64_t load_u64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline float load_float(const uint8_t *bytes)
{
    uint32_t bits = load_u32(bytes);
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline double load_double(const uint8_t *bytes)
{
    uint64_t bits = load_u64(bytes);
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

static inline double load_real(const uint8_t *bytes, bool double_precision)
{
    return double_precision ? load_double(bytes) : (double)load_float(bytes);
}

#endif
