"""Writes elementary.txt: elementary functions of exactly known numbers, cut off after 64 bits.

Lines are "FUNCTION ARGUMENT RESULT". An argument is "SIGNIFICAND*EXPONENT", SIGNIFICAND * 2^EXPONENT,
or "NUMERATOR/LOGDENOMINATOR", 2^(NUMERATOR / 2^LOGDENOMINATOR); a result is "SIGNIFICAND*EXPONENT" too,
with "=" before it if it is exact, and "~" if not. Significands are hexadecimal, all else decimal.

The arguments are random doubles of all sizes that the function tells apart, doubles on both sides of 1
and 0, powers, and hard cases: inverse functions of 64-bit numbers, rounded to 53 to 600 bits either way,
so that the result lies that close to where the cut-off changes.

    python3 elementary.py > elementary.txt
"""

import random

import mpmath
from mpmath import mp, mpf

mp.prec = 6000
BITS = 64


def exp2(x):
    return mpf(2) ** x


def inverse_sigmoid(y):
    return mpmath.log(y / (1 - y))


def square(y):
    return y * y


# name: function, inverse, largest log2 of an argument, smallest, signed, exponents of hard results
FUNCTIONS = {
    "exp": (mpmath.exp, mpmath.log, 19, -1080, True, (-40, 40)),
    "exp2": (exp2, lambda y: mpmath.log(y, 2), 19, -1080, True, (-40, 40)),
    "log": (mpmath.log, mpmath.exp, 1100, -1100, False, (-60, 4)),
    "log2": (lambda x: mpmath.log(x, 2), exp2, 1100, -1100, False, (-60, 4)),
    "tanh": (mpmath.tanh, mpmath.atanh, 11, -1080, True, (-60, -1)),
    "sigmoid": (lambda x: 1 / (1 + mpmath.exp(-x)), inverse_sigmoid, 11, -1080, True, (-60, -1)),
    "reciprocal": (lambda x: 1 / x, lambda y: 1 / y, 1100, -1100, True, (-60, 60)),
    "sqrt": (mpmath.sqrt, square, 1100, -1100, False, (-60, 60)),
    "reciprocalSqrt": (lambda x: 1 / mpmath.sqrt(x), lambda y: 1 / square(y), 1100, -1100, False, (-60, 60)),
}


def parts(x):
    """(sign, significand, exponent) of an mpf."""
    sign, significand, exponent, _ = x._mpf_
    return -1 if sign else 1, int(significand), exponent


def result(value):
    sign, significand, exponent = parts(value)
    exact = significand.bit_length() <= BITS
    excess = mp.prec - BITS
    exponent -= mp.prec - significand.bit_length()
    significand <<= mp.prec - significand.bit_length()
    if not exact:
        # decided well within the precision, of which the functions cost a few bits
        rest = significand & ((1 << excess) - 1)
        margin = 1 << 500
        assert margin < rest < (1 << excess) - margin, value
    return f"{'=' if exact else '~'}{'-' if sign < 0 else ''}{significand >> excess:x}*{exponent + excess}"


def dyadic(x):
    sign, significand, exponent = parts(x)
    return f"{'-' if sign < 0 else ''}{significand:x}*{exponent}"


def rounded(x, bits, up):
    sign, significand, exponent = parts(x)
    excess = significand.bit_length() - bits
    if excess <= 0:
        return x
    return mpmath.ldexp(mpf(sign * ((significand >> excess) + up)), exponent + excess)


def main():
    random.seed(1)
    print(f"# mpmath {mpmath.__version__}, by elementary.py")
    for name, (function, inverse, largest, smallest, signed, hard) in FUNCTIONS.items():
        arguments = []
        for bits in (1, 8, 11, 24, 53):
            for _ in range(40):
                wide = random.random() < 0.5
                exponent = random.randint(smallest, largest - 1) if wide else random.randint(-12, 5)
                significand = mpf(random.getrandbits(bits) | 1 << (bits - 1))
                arguments.append(mpmath.ldexp(significand, exponent - bits + 1))
        for distance in (8, 24, 52, 63, 64, 65, 200, 1000):
            arguments += [1 + mpf(2) ** -distance, 1 - mpf(2) ** -distance]
        if signed:
            arguments += [-x for x in arguments]
        for bits in (53, 100, 200, 600):
            for _ in range(10):
                y = mpmath.ldexp(mpf(random.getrandbits(BITS) | 1 << (BITS - 1)), random.randint(*hard) - BITS)
                x = inverse(y)
                arguments += [rounded(x, bits, 0), rounded(x, bits, 1)]
        for x in arguments:
            if x != 0 and not (x == 1 and name.startswith("log")):
                print(name, dyadic(x), result(function(x)))
        for _ in range(80):
            log_denominator = random.randint(0, 9)
            numerator = random.randint(-(10 << log_denominator), 10 << log_denominator)
            log2 = mpmath.ldexp(mpf(numerator), -log_denominator)
            if log2 != 0:
                value = log2 if name == "log2" else function(exp2(log2))
                print(name, f"{numerator}/{log_denominator}", result(value))


main()
