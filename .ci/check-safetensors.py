#!/usr/bin/env python3
"""Reads files that Narrow has written with the Python package safetensors.

    .ci/check-safetensors.py quant/target/for-python

The directory is that of the test SafetensorsForPythonTest: element i of each tensor is
(i - 100) / 16, rounded to the tensor's dtype. What that is, ml_dtypes and NumPy say. Where torch is
there, its loader reads the files too. Without the packages this says so and checks nothing.
"""

import pathlib
import sys

try:
    import ml_dtypes
    import numpy as np
    import safetensors
    import safetensors.numpy

    if tuple(map(int, safetensors.__version__.split(".")[:2])) < (0, 8):
        raise ImportError(f"safetensors {safetensors.__version__} is older than 0.8")
    if not hasattr(ml_dtypes, "float6_e2m3fn"):
        raise ImportError(f"ml_dtypes {ml_dtypes.__version__} has no FP6")
except ImportError as e:
    print(f"{pathlib.Path(sys.argv[0]).name}: not checked, {e}")
    sys.exit(0)
try:
    import torch
    import safetensors.torch
except ImportError:
    torch = None

SHAPE = [8, 32]
NUMBERS = (np.arange(256) - 100) / 16
METADATA = {"written by": "Narrow", "é": '"\\\n'}

FLOATS = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E8M0": ml_dtypes.float8_e8m0fnu,
    "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "F6_E2M3": ml_dtypes.float6_e2m3fn,
    "F6_E3M2": ml_dtypes.float6_e3m2fn,
    "F4": ml_dtypes.float4_e2m1fn,
}
INTEGERS = {f"{s}{b}": np.dtype(f"{s.lower()}{b // 8}") for s in "IU" for b in (8, 16, 32, 64)}


def rounded(dtype):
    """The numbers in a dtype, one code in an element."""
    if dtype == "BOOL":
        return NUMBERS != 0
    if dtype in INTEGERS:
        return np.rint(NUMBERS).clip(np.iinfo(INTEGERS[dtype]).min, None).astype(INTEGERS[dtype])
    return NUMBERS.astype(np.float32).astype(FLOATS[dtype])


def packed(dtype, values):
    """Their bytes in a file: narrow codes without gaps, from the lowest bit on."""
    width = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}.get(dtype)
    if width is None:
        return values.tobytes()
    bits = np.unpackbits(values.view(np.uint8)[:, None], axis=1, bitorder="little")[:, :width]
    return np.packbits(bits.reshape(-1), bitorder="little").tobytes()


def same(a, b):
    return np.array_equal(np.asarray(a, np.float64), np.asarray(b, np.float64), equal_nan=True)


def main(directory):
    wrong = []
    checked = 0

    def check(good, *what):
        nonlocal checked
        checked += 1
        if not good:
            wrong.append(" ".join(map(str, what)))

    everything = directory / "all.safetensors"
    tensors = dict(safetensors.deserialize(everything.read_bytes()))
    check(set(tensors) == {"BOOL", *FLOATS, *INTEGERS}, everything, "holds", *tensors)
    for name, tensor in tensors.items():
        check(tensor["dtype"] == name, name, "has dtype", tensor["dtype"])
        check(tensor["shape"] == SHAPE, name, "has shape", tensor["shape"])
        check(bytes(tensor["data"]) == packed(name, rounded(name)), name, "has other bytes")

    for file in sorted(directory.glob("*.safetensors")):
        with safetensors.safe_open(file, framework="np") as opened:
            check(opened.metadata() == METADATA, file, "has metadata", opened.metadata())
    for name, array in safetensors.numpy.load_file(directory / "numpy.safetensors").items():
        check(same(array.reshape(-1), rounded(name)), name, "differs by NumPy's loader")
    if torch is not None:
        for name, tensor in safetensors.torch.load_file(directory / "numpy.safetensors").items():
            check(same(tensor.reshape(-1).double().numpy(), rounded(name)), name, "differs by torch")
        with safetensors.safe_open(everything, framework="pt") as opened:
            for name in ["BF16", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"]:
                values = opened.get_tensor(name).float().reshape(-1).numpy()
                check(same(values, rounded(name)), name, "differs by torch")

    versions = f"safetensors {safetensors.__version__}, ml_dtypes {ml_dtypes.__version__}"
    versions += f", torch {torch.__version__}" if torch is not None else ", no torch"
    print(f"{directory}: {checked} checks, {len(wrong)} wrong ({versions})")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
