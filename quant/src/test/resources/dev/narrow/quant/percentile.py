"""Writes percentile.txt: percentiles of magnitudes as NumPy interpolates them.

Lines are "N PERCENT BITS": of the N magnitudes of float32((i * 7919 + 13) mod 1009 - 504) *
float32(0.37), i from 0 on, taken to float64, the percentile rounded to float32, as bits in
hexadecimal.

    python3 percentile.py > percentile.txt
"""

import numpy as np

for n in 1, 2, 5, 32, 100, 1001:
    i = np.arange(n)
    values = ((i * 7919 + 13) % 1009 - 504).astype(np.float32) * np.float32(0.37)
    for percent in 0.1, 25.0, 50.0, 99.0, 99.9, 99.99, 100.0:
        found = np.float32(np.percentile(np.abs(values).astype(np.float64), percent))
        print(n, percent, format(found.view(np.uint32), "08x"))
