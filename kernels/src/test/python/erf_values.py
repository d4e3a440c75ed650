"""Prints erf.csv, which checks the tests' own error function. Needs Python 3 with mpmath."""
from mpmath import erf, mp, mpf, nstr

mp.dps = 40
for x in [mpf(2) ** n for n in range(-20, -3)] + [mpf(n) / 8 for n in range(1, 25)] + [mpf(7) / 2, 4, 5, mpf(47) / 8, 6]:
    print("%s,%s" % (float(x).hex(), nstr(erf(x), 25)))
