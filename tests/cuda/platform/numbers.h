// Half precision in bits. Includes nothing: it stands before every kernel.

#pragma once

static float half_to_float(unsigned short bits) {
    int exponent = bits >> 10 & 31, digits = bits & 1023;
    float size = exponent == 31 ? (digits ? __builtin_nanf("") : __builtin_inff())
                 : exponent     ? __builtin_ldexpf(1024 + digits, exponent - 25)
                                : __builtin_ldexpf(digits, -24);
    return bits >> 15 ? -size : size;
}

// To nearest, ties to even; subnormal numbers lie 2^-24 apart.
static unsigned short float_to_half(float x) {
    if (x != x) return 0x7fff;
    int sign = __builtin_signbit(x) ? 0x8000 : 0, exponent;
    float size = __builtin_fabsf(x);
    if (size == 0) return sign;
    if (size >= 65520) return sign | 0x7c00;
    __builtin_frexpf(size, &exponent);
    int unit = exponent > -13 ? exponent - 11 : -24;
    return sign | (((unit + 24) << 10) + (int)__builtin_rintf(__builtin_ldexpf(size, -unit)));
}
