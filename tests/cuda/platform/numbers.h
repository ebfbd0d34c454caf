// Half precision in bits.

#pragma once
#include <math.h>

static float half_to_float(unsigned short bits) {
    int exponent = bits >> 10 & 31, digits = bits & 1023;
    float size = exponent == 31 ? (digits ? NAN : INFINITY)
                 : exponent     ? ldexpf(1024 + digits, exponent - 25)
                                : ldexpf(digits, -24);
    return bits >> 15 ? -size : size;
}

// To nearest, ties to even; subnormal numbers lie 2^-24 apart.
static unsigned short float_to_half(float x) {
    if (x != x) return 0x7fff;
    int sign = signbit(x) ? 0x8000 : 0, exponent;
    float size = fabsf(x);
    if (size == 0) return sign;
    if (size >= 65520) return sign | 0x7c00;
    frexpf(size, &exponent);
    int unit = exponent > -13 ? exponent - 11 : -24;
    return sign | (((unit + 24) << 10) + (int)rintf(ldexpf(size, -unit)));
}
