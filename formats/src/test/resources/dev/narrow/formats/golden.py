"""Writes golden.txt: what ml_dtypes and NumPy make of float32 numbers, and of codes.

Lines are "encode FORMAT FLOAT CODE" and "decode FORMAT CODE FLOAT", numbers as hexadecimal bits.
The inputs are the values of the codes, the middles between them, and the neighbouring floats;
for the 16-bit formats those of every 61st code, and of the ends of each range.

    python3 golden.py > golden.txt
"""

import numpy as np
import ml_dtypes

FORMATS = {
    "fp16": (np.float16, 16),
    "bf16": (ml_dtypes.bfloat16, 16),
    "e4m3fn": (ml_dtypes.float8_e4m3fn, 8),
    "e5m2": (ml_dtypes.float8_e5m2, 8),
    "e4m3": (ml_dtypes.float8_e4m3, 8),
    "e4m3fnuz": (ml_dtypes.float8_e4m3fnuz, 8),
    "e3m2": (ml_dtypes.float6_e3m2fn, 6),
    "e2m1": (ml_dtypes.float4_e2m1fn, 4),
}
SPECIALS = [0x00000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001,
            0x7FC00000, 0x7FFFFFFF]


def main():
    np.seterr(all="ignore")
    print(f"# ml_dtypes {ml_dtypes.__version__}, NumPy {np.__version__}, by golden.py")
    for name, (dtype, width) in FORMATS.items():
        storage = np.uint16 if width > 8 else np.uint8
        codes = np.arange(1 << width, dtype=np.uint32)
        values = codes.astype(storage).view(dtype).astype(np.float32)
        keep = (codes % 61 == 0) | (codes % (1 << (width - 1)) < 4) if width > 8 else codes >= 0
        for code in codes[keep]:
            print(f"decode {name} {code:x} {values[code : code + 1].view(np.uint32)[0]:08x}")
        finite = np.unique(np.abs(values[np.isfinite(values)]))
        step = finite[-1] - finite[-2]
        if finite[-1] + step < np.inf:
            finite = np.append(finite, finite[-1] + step)
        chosen = np.arange(len(finite) - 1)
        if width > 8:
            chosen = chosen[(chosen % 61 == 0) | (chosen < 4) | (chosen > len(finite) - 5)]
        inputs = set()
        for i in chosen:
            low, high = finite[i], finite[i + 1]
            for x in (low, np.float32(low + (high - low) / 2), high):
                for y in (x, np.nextafter(x, np.float32(0)), np.nextafter(x, np.float32(np.inf))):
                    inputs.add(int(np.float32(y).view(np.uint32)))
        bits = np.array(sorted(inputs.union(SPECIALS)), dtype=np.uint32)
        bits = np.concatenate([bits, bits | np.uint32(0x80000000)])
        encoded = bits.view(np.float32).astype(dtype).view(storage)
        for x, code in zip(bits, encoded):
            print(f"encode {name} {x:08x} {code:x}")


main()
