"""Writes golden.txt: what ml_dtypes, NumPy and PyTorch make of floating-point numbers, and of codes.

Lines are "encode FORMAT FLOAT CODE" and "decode FORMAT CODE FLOAT", numbers as hexadecimal bits;
"double" is "encode" of a float64 that float32 cannot hold, "torch" PyTorch's "encode" where it gives
another code (for the formats that it has; their lines follow their "encode"), and "table
FORMAT OPERATION DIGEST" has the SHA-256 of the bytes of all pairs' results, NaNs as 0xFF. The inputs
are the values of the codes, the middles between them, and the neighbouring floats; for the 16-bit
formats those of every 61st code, and of the ends of each range.

    python3 golden.py > golden.txt
"""

import hashlib

import ml_dtypes
import numpy as np
import torch

FORMATS = {
    "fp16": (np.float16, 16),
    "bf16": (ml_dtypes.bfloat16, 16),
    "e4m3fn": (ml_dtypes.float8_e4m3fn, 8),
    "e5m2": (ml_dtypes.float8_e5m2, 8),
    "e4m3": (ml_dtypes.float8_e4m3, 8),
    "e3m4": (ml_dtypes.float8_e3m4, 8),
    "e4m3fnuz": (ml_dtypes.float8_e4m3fnuz, 8),
    "e5m2fnuz": (ml_dtypes.float8_e5m2fnuz, 8),
    "e4m3b11fnuz": (ml_dtypes.float8_e4m3b11fnuz, 8),
    "e8m0": (ml_dtypes.float8_e8m0fnu, 8),
    "e2m3": (ml_dtypes.float6_e2m3fn, 6),
    "e3m2": (ml_dtypes.float6_e3m2fn, 6),
    "e2m1": (ml_dtypes.float4_e2m1fn, 4),
}
TORCH = {
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "e4m3fn": torch.float8_e4m3fn,
    "e5m2": torch.float8_e5m2,
    "e4m3fnuz": torch.float8_e4m3fnuz,
    "e5m2fnuz": torch.float8_e5m2fnuz,
    "e8m0": torch.float8_e8m0fnu,
}
OPERATIONS = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
}
SPECIALS = [0x00000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001,
            0x7FC00000, 0x7FFFFFFF]


def main():
    np.seterr(all="ignore")
    versions = f"ml_dtypes {ml_dtypes.__version__}, NumPy {np.__version__}"
    print(f"# {versions}, PyTorch {torch.__version__.split('+')[0]}, by golden.py")
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
        doubles(name, dtype, storage, finite, chosen)
        if name in TORCH:
            tensor = torch.from_numpy(bits.view(np.float32).copy()).to(TORCH[name])
            codes = tensor.view(getattr(torch, f"uint{width}")).numpy()
            for x, code in zip(bits[codes != encoded], codes[codes != encoded]):
                print(f"torch {name} {x:08x} {code:x}")
        if width <= 8:
            tables(name, dtype, width)


def doubles(name, dtype, storage, finite, chosen):
    """Beside the middles by less than float32 can see: rounding twice would make ties of them."""
    for i in chosen[:: max(1, len(chosen) // 64)]:
        low, high = np.float64(finite[i]), np.float64(finite[i + 1])
        for middle in (low, low + (high - low) / 2):
            for x in (middle * (1 - 2.0**-40), middle * (1 + 2.0**-40), -middle * (1 + 2.0**-50)):
                code = np.array([x]).astype(dtype).view(storage)[0]
                print(f"double {name} {np.float64(x).view(np.uint64):016x} {code:x}")


def tables(name, dtype, width):
    codes = np.arange(1 << width, dtype=np.uint8).view(dtype)
    for operation, function in OPERATIONS.items():
        results = function(codes[:, None], codes[None, :])
        codes_of_results = results.view(np.uint8).copy()
        codes_of_results[np.isnan(results)] = 0xFF
        digest = hashlib.sha256(codes_of_results.tobytes()).hexdigest()
        print(f"table {name} {operation} {digest}")


main()
