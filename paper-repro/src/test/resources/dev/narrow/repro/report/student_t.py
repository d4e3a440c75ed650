"""Quantiles of Student's t distribution to the nearest double, for StudentTTest.

Computed from the regularized incomplete beta function at 60 digits (mpmath), p being the double
exactly. Run: python3 student_t.py > student_t.csv
"""

from mpmath import betainc, findroot, mp, mpf, sqrt
from scipy.stats import t as scipy_t

mp.dps = 60

DEGREES = [1, 2, 3, 4, 5, 6, 7, 9, 10, 14, 19, 24, 29, 30, 49, 60, 99, 120, 199, 200, 201, 202, 250, 499, 1000, 10000, 1000000]
PROBABILITIES = [1e-12, 1e-6, 0.0005, 0.005, 0.025, 0.05, 0.1, 0.2, 0.25, 0.26, 0.4, 0.499, 0.6, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.9995]


def below(t, df):
    tail = betainc(mpf(df) / 2, mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2
    return tail if t < 0 else 1 - tail


print("p,df,t")
for df in DEGREES:
    for p in PROBABILITIES:
        start = mpf(float(scipy_t.ppf(p, df)))
        root = findroot(lambda t: below(t, df) - mpf(p), (start, start * (1 + mpf(10) ** -9)))
        print(f"{p!r},{df},{float(root)!r}")
