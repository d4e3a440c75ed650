"""Derives the constants of dev.narrow.kernels.Elementary. Needs Python 3 with mpmath and numpy.

exp: q with exp(r) ~ 1 + r + r^2 q(r) on |r| <= ln(2)/2, least largest relative error of exp.
exp2: q with 2^r ~ 1 + r ln(2) + r^2 q(r) on |r| <= 1/2, least largest relative error of exp2.
log: q with log(1 + f) ~ f + f^2 (-1/2 + f q(f)) on |f| <= 1/3, least largest relative error of log.
tanh: q with tanh(x) ~ x + x^3 q(x^2) on |x| <= 0.98, least largest relative error of tanh.
erf: q with erf(x) ~ x + x q(x^2) on |x| <= 29/32, least largest relative error of erf.
erfc: q with erfc(x) ~ q(x - 1.5)^2 on 29/32 <= x <= 3.92, least largest relative error of 1 - q^2 as erf.

The fit is Lawson's: least squares whose weights move to where the error is largest. Coefficients are
rounded to binary32 from the lowest degree up; after each rounding the higher ones are fitted again,
so that they make up for it.
"""
import numpy
from mpmath import mp, mpf, cos, erf, erfc, exp, floor, frexp, ldexp, log, pi, sqrt, tanh

mp.dps = 40


def to_float32(x):
    mantissa, exponent = frexp(mpf(x))
    return ldexp(floor(ldexp(mantissa, 24) + mpf(1) / 2), exponent - 24)


def java_hex(x):
    mantissa, exponent = float(x).hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + str(int(exponent)) + "f"


def lawson(nodes, target, weight, first, degree):
    high = float(max(nodes))
    x = numpy.array([float(n) for n in nodes]) / high
    basis = numpy.stack([x ** i for i in range(first, degree + 1)], axis=1) * weight[:, None]
    right = target * weight
    shares = numpy.full(len(x), 1.0 / len(x))
    for _ in range(400):
        root = numpy.sqrt(shares)
        solution = numpy.linalg.lstsq(basis * root[:, None], right * root, rcond=None)[0]
        error = abs(basis @ solution - right)
        shares = shares * error
        shares /= shares.sum()
    return [mpf(c) / mpf(high) ** (first + i) for i, c in enumerate(solution)]


def derive(name, target, weight, low, high, degree):
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / 1000) for i in range(500)]
    weights = numpy.array([float(weight(x)) for x in nodes])
    rounded = []
    for first in range(degree + 1):
        rest = [float(target(x) - sum(c * x ** i for i, c in enumerate(rounded))) for x in nodes]
        rounded.append(to_float32(lawson(nodes, numpy.array(rest), weights, first, degree)[0]))
    worst = max(abs(weight(x) * (target(x) - sum(c * x ** i for i, c in enumerate(rounded)))) for x in nodes)
    print("%s: largest relative error 2^%.2f" % (name, float(log(worst, 2))))
    for i, c in enumerate(rounded):
        print("  q%d = %s" % (i, java_hex(c)))


def split(name, value, bits):
    """high has few enough bits that k * high is exact for |k| < 2^(24 - bits); low is the rest."""
    mantissa, exponent = frexp(value)
    high = ldexp(floor(ldexp(mantissa, bits) + mpf(1) / 2), exponent - bits)
    print("%s: high %s low %s" % (name, java_hex(high), java_hex(to_float32(value - high))))


print("log2(e):", java_hex(to_float32(1 / log(2))))
split("ln(2)", log(2), 16)
half = log(2) / 2 * (1 + mpf(2) ** -16)
derive("exp", lambda r: (exp(r) - 1 - r) / r ** 2, lambda r: r ** 2 / exp(r), -half, half, 4)
ln2 = log(2)
print("ln(2): nearest %s rest %s" % (java_hex(to_float32(ln2)), java_hex(to_float32(ln2 - to_float32(ln2)))))
derive("exp2", lambda r: (2 ** r - 1 - r * ln2) / r ** 2, lambda r: r ** 2 / 2 ** r, -mpf(1) / 2, mpf(1) / 2, 4)
third = mpf(1) / 3
derive("log", lambda f: (log(1 + f) - f + f ** 2 / 2) / f ** 3, lambda f: f ** 3 / log(1 + f), -third, third, 7)
derive("tanh", lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z * sqrt(z) / tanh(sqrt(z)), mpf(0), mpf("0.98") ** 2, 6)
joint = mpf(29) / 32
derive("erf", lambda z: erf(sqrt(z)) / sqrt(z) - 1, lambda z: sqrt(z) / erf(sqrt(z)), mpf(0), joint ** 2, 6)
centre = mpf(3) / 2
derive("erfc", lambda c: sqrt(erfc(centre + c)), lambda c: 2 * sqrt(erfc(centre + c)) / erf(centre + c), joint - centre, mpf("3.92") - centre, 11)
for name, value in (
    ("sqrt(1/2)", sqrt(mpf(1) / 2)),
    ("2 sqrt(2/pi)", 2 * sqrt(2 / pi)),
    ("0.044715 * 2 sqrt(2/pi)", mpf("0.044715") * 2 * sqrt(2 / pi)),
    ("3 * 0.044715 * 2 sqrt(2/pi)", 3 * mpf("0.044715") * 2 * sqrt(2 / pi)),
    ("1/sqrt(2 pi)", 1 / sqrt(2 * pi)),
):
    print("%s: %s" % (name, java_hex(to_float32(value))))
