"""Casts from float32 and back in PyTorch and ml_dtypes, one thread, as EncodeBenchmark measures them.

Prints a line for each size, format and library: 10^9 elements per second of encoding and of decoding into memory
that is there already, the best of as many rounds as fit into a second. What is not installed is left out.
"""

import time


def best(n, run):
    run()
    end = time.perf_counter() + 1
    least = float("inf")
    inner = max(1, (1 << 20) // n)
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(inner):
            run()
        least = min(least, (time.perf_counter() - start) / inner)
    return n / least / 1e9


def line(library, n, name, encode, decode):
    print(f"{n:9d} {name:10s} {library:20s} {best(n, encode):8.3f} {best(n, decode):8.3f}", flush=True)


SIZES = [1 << 16, 1 << 24]

try:
    import torch

    torch.set_num_threads(1)
    print(f"{'elements':>9s} {'format':10s} {'peer':20s} {'encode':>8s} {'decode':>8s}")
    types = {"fp16": torch.float16, "bf16": torch.bfloat16, "e4m3fn": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}
    for n in SIZES:
        x = torch.randn(n) * 4
        for name, dtype in types.items():
            codes = x.to(dtype)
            back = torch.empty(n)
            line(
                "torch " + torch.__version__,
                n,
                name,
                lambda: codes.copy_(x),
                lambda: back.copy_(codes),
            )
except ImportError as e:
    print("no torch:", e)

try:
    import ml_dtypes
    import numpy

    types = {
        "fp16": numpy.float16,
        "bf16": ml_dtypes.bfloat16,
        "e4m3fn": ml_dtypes.float8_e4m3fn,
        "e5m2": ml_dtypes.float8_e5m2,
    }
    for n in SIZES:
        x = (numpy.random.default_rng(1).standard_normal(n) * 4).astype(numpy.float32)
        for name, dtype in types.items():
            codes = x.astype(dtype)
            back = numpy.empty(n, numpy.float32)
            line(
                "ml_dtypes " + ml_dtypes.__version__,
                n,
                name,
                lambda: numpy.copyto(codes, x, casting="unsafe"),
                lambda: numpy.copyto(back, codes, casting="unsafe"),
            )
except ImportError as e:
    print("no ml_dtypes:", e)
