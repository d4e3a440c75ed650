"""Writes golden-safetensors.txt: small .safetensors files as the Python package writes them.

Lines are "NAME FILE [VALUES]": the file's bytes and, where it is about numbers, the float32 values
of its tensor x, little-endian, both in hexadecimal. The values are those of NumPy and ml_dtypes.

    pip install safetensors numpy ml_dtypes
    python3 golden-safetensors.py > golden-safetensors.txt
"""

import ctypes
import json
import struct

import ml_dtypes
import numpy as np
import safetensors

np.seterr(all="ignore")  # overflow is what is meant

CODES = np.arange(256, dtype=np.uint8)
WIDE = (np.arange(96, dtype=np.uint32) * 0x9E3779B9 >> 7).astype(np.uint16)
EDGES16 = np.array([0, 1, 0x8000, 0x7FFF, 0x3C00, 0x3F80, 0x7C00, 0xFC00, 0x7F80, 0xFF80], np.uint16)
BITS16 = np.concatenate([EDGES16, WIDE])
# About the ties of float32, 24 bits, and where double rounding would show.
TIES = [2**24 + 1, 2**24 + 3, 2**31 - 1, 2**31 - 64, 2**31 - 65]
TIES64 = TIES + [2**53 + 1, 2**62 + 2**38, 2**62 + 2**38 + 1, 2**63 - 1, 2**63 - 2**38 - 1]
TOP = [2**63, 2**63 + 2**39, 2**63 + 2**39 + 1, 2**63 + 3 * 2**39, 2**64 - 1, 2**64 - 2**39 - 1]
DOUBLES = [0.1, -0.0, 1 + 2**-24, 1 + 2**-24 + 2**-52, 1 + 3 * 2**-24, 1e39, -1e300, 2**-150.0]
DOUBLES += [2**-149.0, 3 * 2**-150.0, 2**-126 - 2**-151.0, np.inf, -np.inf, np.nan, 3.4028235677973366e38]


def nibbles(packed):
    return np.stack([packed & 15, packed >> 4], -1).reshape(-1)


def sixes(packed):
    """Four codes in three bytes, from the lowest bit on."""
    word = packed.reshape(-1, 3).astype(np.uint32) @ np.array([1, 1 << 8, 1 << 16], np.uint32)
    return np.stack([word >> (6 * i) & 63 for i in range(4)], -1).reshape(-1).astype(np.uint8)


def same(codes):
    return codes


# dtype in a file: what the package calls it, or None where it only reads it; its bytes; what the
# values of its codes are taken from.
NUMBERS = {
    "BOOL": ("bool", np.array([0, 1, 1, 0], np.uint8), same, np.bool_),
    "F4": ("float4_e2m1fn_x2", CODES, nibbles, ml_dtypes.float4_e2m1fn),
    "F6_E2M3": (None, CODES[:255], sixes, ml_dtypes.float6_e2m3fn),
    "F6_E3M2": (None, CODES[:255], sixes, ml_dtypes.float6_e3m2fn),
    "U8": ("uint8", CODES, same, np.uint8),
    "I8": ("int8", CODES, same, np.int8),
    "F8_E5M2": ("float8_e5m2", CODES, same, ml_dtypes.float8_e5m2),
    "F8_E4M3": ("float8_e4m3fn", CODES, same, ml_dtypes.float8_e4m3fn),
    "F8_E8M0": ("float8_e8m0fnu", CODES, same, ml_dtypes.float8_e8m0fnu),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", CODES, same, ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", CODES, same, ml_dtypes.float8_e5m2fnuz),
    "I16": ("int16", BITS16, same, np.int16),
    "U16": ("uint16", BITS16, same, np.uint16),
    "F16": ("float16", BITS16, same, np.float16),
    "BF16": ("bfloat16", BITS16, same, ml_dtypes.bfloat16),
    "I32": ("int32", np.array(TIES + [-t for t in TIES] + [-(2**31)], np.int32), same, np.int32),
    "U32": ("uint32", np.array(TIES + [2**32 - 1, 2**31 + 128], np.uint32), same, np.uint32),
    "F32": ("float32", np.array(DOUBLES).astype(np.float32), same, np.float32),
    "F64": ("float64", np.array(DOUBLES), same, np.float64),
    "I64": ("int64", np.array(TIES64 + [-t for t in TIES64] + [-(2**63)], np.int64), same, np.int64),
    "U64": ("uint64", np.array(TIES64 + TOP, np.uint64), same, np.uint64),
}


def save(tensors, metadata=None):
    """tensors: name -> (dtype as the package calls it, shape in elements, bytes)"""
    specs, keep = {}, []
    for name, (dtype, shape, data) in tensors.items():
        if dtype.endswith("_x2"):
            shape = [*shape[:-1], shape[-1] // 2]
        keep.append(ctypes.create_string_buffer(data, max(1, len(data))))
        specs[name] = safetensors.TensorSpec(
            dtype=dtype, shape=shape, data_ptr=ctypes.addressof(keep[-1]), data_len=len(data))
    return bytes(safetensors.serialize(specs, metadata=metadata))


def by_hand(dtype, shape, data):
    """As the package would write it, which then has to read it."""
    info = {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}
    header = json.dumps({"x": info}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def main():
    print(f"# safetensors {safetensors.__version__}, NumPy {np.__version__}, "
          f"ml_dtypes {ml_dtypes.__version__}, by golden-safetensors.py")
    for dtype, (name, data, codes, kind) in NUMBERS.items():
        values = codes(data).view(kind).astype(np.float32)
        raw = data.tobytes()
        shape = [2, values.size // 2] if values.size % 2 == 0 else [values.size]
        file = by_hand(dtype, shape, raw) if name is None else save({"x": (name, shape, raw)})
        [(_, back)] = safetensors.deserialize(file)
        assert (back["dtype"], back["shape"], bytes(back["data"])) == (dtype, shape, raw)
        print(dtype, file.hex(), values.astype("<f4").tobytes().hex())

    kinds = {d: (n, data.itemsize) for d, (n, data, _, _) in NUMBERS.items() if n}
    kinds["C64"] = ("complex64", 8)
    many = {f"{i % 3}.{d}": (n, [2, 4] if d == "F4" else [2, 2], bytes(range(4 * size)))
            for i, (d, (n, size)) in enumerate(kinds.items())}
    print("layout", save(many, {"format": "pt"}).hex())
    texts = ["é", "Z", "a/b", 'quote " and \\', "\n\t\b\f\r\x01\x1f\x7f", "\u2028", "𝄞", "\uffff", ""]
    print("names", save({t: ("uint8", [1], b"x") for t in texts}, {'"\x02é/𝄞': "\\\n"}).hex())
    print("empty", save({}).hex())
    print("metadata", save({}, {"a": ""}).hex())
    shapes = {"scalar": [], "none": [0], "gone": [3, 0, 2], "deep": [1] * 20}
    print("shapes", save({n: ("float32", s, b"1234" * int(np.prod(s))) for n, s in shapes.items()}).hex())


main()
