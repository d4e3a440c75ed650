"""Writes gguf_golden.txt: blocks and their values as the Python package gguf has them.

Lines are "dequantize TYPE BLOCKS FLOATS" and "quantize TYPE FLOATS BLOCKS". BLOCKS are the bytes in
hexadecimal, FLOATS the bits of float32, eight digits each; every NaN is 7fc00000. A line for each
type has its number, and the elements and the bytes of a block: "type NAME NUMBER ELEMENTS BYTES".
The last line is "file BYTES", a file with metadata of all types of values.

    pip install gguf==0.19.0 numpy==2.4.6
    python3 gguf_golden.py > gguf_golden.txt
"""

import os
import tempfile
from importlib.metadata import version

import numpy as np
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

# Where the binary16 scales (and minima) of a block lie.
HALVES = {
    T.Q4_0: [0],
    T.Q4_1: [0, 2],
    T.Q5_0: [0],
    T.Q5_1: [0, 2],
    T.Q8_0: [0],
    T.Q2_K: [80, 82],
    T.Q3_K: [108],
    T.Q4_K: [0, 2],
    T.Q5_K: [0, 2],
    T.Q6_K: [208],
    T.IQ4_NL: [0],
    T.IQ4_XS: [0],
}
E8M0 = [0, 1, 2, 3, 100, 127, 253, 254, 255]
E4M3 = [[0, 1, 7, 8], [0x7E, 0x7F, 0x80, 0xFF], [0x38, 0x40, 0x87, 0xFE]]

rng = np.random.default_rng(4)


def floats(x):
    x = np.where(np.isnan(x), np.float32(np.nan), x.astype(np.float32, copy=False))
    return "".join(f"{bits:08x}" for bits in x.view(np.uint32).ravel())


def scales(n):
    """Pairs of scale and minimum: ordinary, negative, zeros, subnormal, the largest, no numbers."""
    pairs = [
        (0.0123, 0.456),
        (-1.5, 3.25),
        (5.96e-8, -6e-5),
        (65504, -65504),
        (0.0, -0.0),
        (np.inf, 1.0),
        (np.nan, -np.inf),
    ]
    return np.array(pairs[:n], dtype=np.float16)


def dequantized(kind):
    elements, size = GGML_QUANT_SIZES[kind]
    if kind in HALVES:
        pairs = scales(7 if elements == 32 else 3)
        blocks = rng.integers(0, 256, (len(pairs), size), dtype=np.uint8)
        for which, at in enumerate(HALVES[kind]):
            blocks[:, at : at + 2] = pairs[:, which : which + 1].copy().view(np.uint8)
    elif kind == T.MXFP4:
        blocks = rng.integers(0, 256, (len(E8M0), size), dtype=np.uint8)
        blocks[:, 0] = E8M0
        blocks[:, 1:9] = 0x11 * np.arange(8)  # every code in every block
        blocks[:, 9:17] = 0x11 * np.arange(8, 16)
    else:
        blocks = rng.integers(0, 256, (len(E4M3), size), dtype=np.uint8)
        blocks[:, :4] = E4M3
    for block in blocks:
        with np.errstate(all="ignore"):
            print("dequantize", kind.name, block.tobytes().hex(), floats(dequantize(block, kind)))


def inputs():
    normal = rng.standard_normal((12, 32)).astype(np.float32)
    factors = [1, 1e-5, 1e-7, 1e-30, 1e-37, 1e-39, 1e-44, 1e6, 1e30, 3e38 / 4, 0, -0.0]
    yield from normal * np.array(factors, dtype=np.float32)[:, None]
    yield -np.abs(normal[0])
    steps = np.arange(32, dtype=np.float32)
    yield np.where(steps == 0, np.float32(127), steps - 15.5)  # scale 1, ties
    yield np.where(steps == 0, np.float32(-127), (steps - 16) * 7.5)
    yield np.where(steps == 7, np.float32(-8), steps / 2 - 8)  # for 4 bits
    yield np.where(steps == 7, np.float32(8), steps / 2 - 7.5)
    yield np.where(steps % 2 == 0, np.float32(3), np.float32(-3))  # largest of both signs
    for odd in [np.inf, -np.inf, np.nan]:
        block = normal[1].copy()
        block[5] = odd
        yield block
    block = normal[2].copy()
    block[3], block[4] = np.inf, np.nan
    yield block


def file():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "x.gguf")
        out = GGUFWriter(path, "test")
        out.add_custom_alignment(64)
        out.add_uint8("u8", 255)
        out.add_int8("i8", -128)
        out.add_uint16("u16", 65535)
        out.add_int16("i16", -32768)
        out.add_uint32("u32", 2**32 - 1)
        out.add_int32("i32", -(2**31))
        out.add_uint64("u64", 2**64 - 1)
        out.add_int64("i64", -(2**63))
        out.add_float32("f32", 0.1)
        out.add_float64("f64", 0.1)
        out.add_bool("yes", True)
        out.add_bool("no", False)
        out.add_string("text", "Grüße\n\u2028 \U0001f600")
        out.add_array("tokens", ["<s>", "</s>", "a", "b" * 70, "c", "d"])
        out.add_array("integers", [1, -2, 3])
        out.add_array("floats", [0.5, 1.5, 2.5, 3.5, 4.5])
        out.add_array("flags", [True, False])
        rows = np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5
        out.add_tensor("rows", rows)
        out.add_tensor("halves", rows.astype(np.float16)[:, :1])
        out.add_tensor("numbers", np.array([7, -8], dtype=np.int32))
        eights = quantize(np.arange(64, dtype=np.float32).reshape(2, 32) * 2, T.Q8_0)
        out.add_tensor("eights", eights, raw_dtype=T.Q8_0)
        out.write_header_to_file()
        out.write_kv_data_to_file()
        out.write_tensors_to_file()
        out.close()
        with open(path, "rb") as written:
            return written.read()


def main():
    print(f"# gguf {version('gguf')}, NumPy {np.__version__}, by gguf_golden.py")
    for kind in [*HALVES, T.MXFP4, T.NVFP4]:
        dequantized(kind)
    ordinary = list(inputs())
    rounding = np.array(
        [0x3F800000, 0x3F808000, 0x3F818000, 0x3F808001, 0x3F801000, 0x3F803000, 0x7F7FFFFF]
        + [0x00000001, 0x80008000, 0x477FEFFF, 0x477FF000, 0x33000000, 0x33000001, 0x387FE000]
        + [0x7F800000, 0xFF800000, 0x7F800001, 0xFFFFFFFF] + [0] * 14,
        dtype=np.uint32,
    ).view(np.float32)
    for kind in [T.Q8_0, T.Q4_0, T.F16, T.BF16]:
        for block in ordinary if kind in HALVES else [ordinary[0], rounding]:
            with np.errstate(all="ignore"):
                codes = quantize(block, kind)
            print("quantize", kind.name, floats(block), codes.tobytes().hex())
    for kind, (elements, size) in GGML_QUANT_SIZES.items():
        print("type", kind.name, int(kind), elements, size)
    print("file", file().hex())


main()
