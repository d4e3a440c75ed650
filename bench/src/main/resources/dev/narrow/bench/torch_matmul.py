"""Matrix products in PyTorch, fp32 and bf16, as ProductReport measures those of Narrow.

    python3 torch_matmul.py MxKxN... [--threads N] [--seconds S]

Prints a line of JSON for each shape and dtype: GFLOP/s of [m, k] times [k, n] into memory that is there already, the
best of as many calls as fit into S seconds. Without shapes, they come from standard input, a line "MxKxN N S" each.
"""

import argparse
import json
import sys
import time

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def operands(m, k, n):
    torch.manual_seed(1)
    a = torch.rand(m, k) * 2 - 1
    b = torch.rand(k, n) * 2 - 1
    return {name: (a.to(t), b.to(t), torch.empty(m, n, dtype=t)) for name, t in DTYPES.items()}


def measure(shape, threads, seconds):
    m, k, n = (int(extent) for extent in shape.split("x"))
    torch.set_num_threads(threads)
    for name, (a, b, c) in operands(m, k, n).items():
        torch.matmul(a, b, out=c)
        least = float("inf")
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            torch.matmul(a, b, out=c)
            least = min(least, time.perf_counter() - start)
        rate = 2 * m * k * n / least / 1e9
        result = {"mkn": shape, "dtype": name, "threads": threads, "gflops": round(rate, 2), "torch": torch.__version__}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("shapes", nargs="*", metavar="MxKxN")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    for shape in arguments.shapes:
        measure(shape, arguments.threads, arguments.seconds)
    if not arguments.shapes:
        for line in sys.stdin:
            shape, threads, seconds = line.split()
            measure(shape, int(threads), float(seconds))
