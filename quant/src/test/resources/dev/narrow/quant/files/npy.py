"""Writes npy.txt: small .npy files as NumPy writes them.

Lines are "NAME HEX", the file's bytes in hexadecimal. The name is the descr without its byte order
mark, big or little, the order c or f, the extents, and the format version, separated by commas.
Element i in C order is (i - 2) * 0.375 in float files, (i * 37) mod 251 in code files.

    python3 npy.py > npy.txt
"""

import io

import numpy as np


def file(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def array(kind, endian, shape, order):
    n = int(np.prod(shape))
    if kind.startswith("f"):
        flat = (np.arange(n) - 2) * 0.375
    else:
        flat = np.arange(n) * 37 % 251
    mark = {"little": "<", "big": ">"}[endian]
    return np.asarray(flat.reshape(shape).astype(mark + kind), order=order.upper())


def main():
    print(f"# NumPy {np.__version__}, by npy.py")
    for kind in ["f2", "f4", "f8", "u1", "u2", "u4"]:
        for endian in ["little"] if kind == "u1" else ["little", "big"]:
            for order in "cf":
                name = f"{kind},{endian},{order},2x3x4,1.0"
                print(name, file(array(kind, endian, (2, 3, 4), order)).hex())
    for shape in [(), (5,), (0,), (3, 0), (1,) * 12]:
        extents = "x".join(map(str, shape)) or "scalar"
        print(f"f4,little,c,{extents},1.0", file(array("f4", "little", shape, "c")).hex())
    for version in [(2, 0), (3, 0)]:
        name = f"f4,little,c,2x3,{version[0]}.0"
        print(name, file(array("f4", "little", (2, 3), "c"), version).hex())


main()
