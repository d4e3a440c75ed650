"""Writes recipes.txt: what PyTorch and NumPy with ml_dtypes make of some numbers.

    python3 recipes.py > recipes.txt

A line is: name, parameters, float32 inputs as hexadecimal bits, results in hexadecimal, by " | ".
"""
import sys
import warnings

import ml_dtypes
import numpy as np
import torch

warnings.simplefilter("ignore")
print(f"# torch {torch.__version__}, numpy {np.__version__}, ml_dtypes {ml_dtypes.__version__}")
rng = np.random.default_rng(4)


def bits(x):
    return " ".join(f"{b:08x}" for b in np.asarray(x, np.float32).reshape(-1).view(np.uint32))


def codes(c):
    return " ".join(f"{int(b) & 0xFF:02x}" for b in np.asarray(c).reshape(-1))


def line(name, parameters, x, result):
    print(name, parameters, bits(x), codes(result), sep=" | ")


def numbers(n, spread=8):
    return (rng.standard_normal(n) * np.exp2(rng.uniform(-spread, spread, n))).astype(np.float32)


# FP8 casts under a scale: x / scale, rounded and saturated by PyTorch's cast of E4M3FN
for seed in range(4):
    x = numbers(64)
    scale = np.float32(np.abs(x).max()) / np.float32(448)
    q = (torch.from_numpy(x) / torch.tensor(scale)).to(torch.float8_e4m3fn)
    line("fp8", bits(scale), x, q.view(torch.uint8).numpy())
    scale = np.float32(np.abs(x).max()) / np.float32(57344)
    q = (torch.from_numpy(x) / torch.tensor(scale)).to(torch.float8_e5m2)
    line("fp8-e5m2", bits(scale), x, q.view(torch.uint8).numpy())

# int8: ties on purpose, where the order of operations shows
for scale, zero in [(0.1, 3), (1 / 3, -7), (0.0237, 10), (0.7, 0)]:
    k = rng.integers(-150, 150, 48)
    x = ((k + np.float32(0.5)) * np.float32(scale)).astype(np.float32)
    x[::5] = numbers(len(x[::5]), 2)
    t = torch.from_numpy(x)
    parameters = f"{bits(np.float32(scale))} {zero}"
    q = torch.quantize_per_tensor(t, scale, zero, torch.qint8).int_repr().numpy()
    line("quantize_per_tensor", parameters, x, q)
    q = torch.quantize_per_channel(
        t.reshape(1, -1), torch.tensor([scale]), torch.tensor([zero]), 0, torch.qint8
    )
    line("quantize_per_channel", parameters, x, q.int_repr().numpy())
    fake = torch.fake_quantize_per_tensor_affine(t, scale, zero, -128, 127).numpy()
    line("fake_quantize", parameters, x, np.rint(fake / np.float32(scale)) + zero)

# MX by NumPy: the rule of each scale in integers, the elements by ml_dtypes
ELEMENTS = {
    "mxfp8-e4m3": (ml_dtypes.float8_e4m3fn, 8, 3),
    "mxfp8-e5m2": (ml_dtypes.float8_e5m2, 15, 2),
    "mxfp6-e2m3": (ml_dtypes.float6_e2m3fn, 2, 3),
    "mxfp6-e3m2": (ml_dtypes.float6_e3m2fn, 4, 2),
    "mxfp4": (ml_dtypes.float4_e2m1fn, 2, 1),
}


def exponent(rule, amax, largest, emax, fraction):
    mantissa, e = np.frexp(np.float64(amax))  # amax = mantissa * 2^e, mantissa in [1/2, 1)
    e = int(e) - 1
    if rule == "floor":
        return e - emax
    if rule == "ceil":
        return e - emax + (mantissa != 0.5)
    if rule == "even":
        unit = 2.0 ** (e - fraction)
        rounded = np.floor(np.float64(amax) / unit + 0.5) * unit
        return int(np.frexp(rounded)[1]) - 1 - emax
    up = -127  # round-up: the least by which amax is in range
    while np.float64(amax) > np.float64(largest) * 2.0**up:
        up += 1
    return up


for name, (dtype, emax, fraction) in ELEMENTS.items():
    largest = np.float64(ml_dtypes.finfo(dtype).max)
    for rule in ["floor", "ceil", "even", "round-up"]:
        for seed in range(3):
            x = numbers(32, [0, 2, 12][seed])
            e = int(np.clip(exponent(rule, np.abs(x).max(), largest, emax, fraction), -127, 127))
            quotient = np.clip(x.astype(np.float64) / 2.0**e, -largest, largest)
            q = quotient.astype(np.float32).astype(dtype).view(np.uint8)
            line(f"{name}/{rule}", f"{e + 127:02x}", x, q)

# NVFP4: every quotient in float32, in the order of the definition
for seed in range(6):
    x = numbers(64, seed)
    tensor = np.abs(x).max() / np.float32(2688)
    out, scales = [], []
    for b in x.reshape(-1, 16):
        s = (np.abs(b).max() / np.float32(6) / tensor).astype(ml_dtypes.float8_e4m3fn)
        scales.append(s)
        factor = np.float32(s) * tensor
        out.append((b / factor).clip(-6, 6).astype(ml_dtypes.float4_e2m1fn).view(np.uint8))
    scales = np.array(scales, ml_dtypes.float8_e4m3fn).view(np.uint8)
    line("nvfp4", bits(tensor) + " " + codes(scales), x, np.concatenate(out))
