#!/usr/bin/env python3
"""Reads .gguf files that Narrow has written with the Python package gguf.

    check-gguf.py DIRECTORY

Every tensor must be readable, lie at a multiple of the alignment and inside the file. Where a file
has float32 tensor x and also x.TYPE, the latter must be, byte for byte, what the package makes of x
in that type. Exit code 1 and one line for each failure; without the package 0, after saying so.
"""

import sys
from pathlib import Path

try:
    import numpy as np
    from gguf import GGUFReader, GGMLQuantizationType
    from gguf.quants import dequantize, quantize
except ImportError as missing:
    print(f"check-gguf: nothing checked: {missing} (pip install gguf)")
    sys.exit(0)

PLAIN = {GGMLQuantizationType[name] for name in ["I8", "I16", "I32", "I64", "F64"]}


def check(path):
    reader = GGUFReader(path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    failures = []
    quantized = compared = 0
    for name, tensor in tensors.items():
        kind = tensor.tensor_type
        if tensor.data_offset % reader.alignment:
            failures.append(f"{name}: at byte {tensor.data_offset}, alignment {reader.alignment}")
        if tensor.data_offset + tensor.n_bytes > path.stat().st_size:
            failures.append(f"{name}: ends behind the file")
        if kind not in PLAIN and tensor.n_elements:
            try:
                values = dequantize(tensor.data, kind)
                if values.size != tensor.n_elements:
                    failures.append(f"{name}: {values.size} values, not {tensor.n_elements}")
            except NotImplementedError:
                pass  # the package has no dequantization of this type
        quantized += kind.name not in {"F32", "F16", "BF16"} and kind not in PLAIN
        of, dot, suffix = name.rpartition(".")
        if dot and suffix == kind.name and of in tensors:
            compared += 1
            rows = tensors[of].data.reshape(-1, tensors[of].data.shape[-1])
            expected = np.ascontiguousarray(quantize(rows, kind)).view(np.uint8)
            actual = np.ascontiguousarray(tensor.data).view(np.uint8)
            if not np.array_equal(expected.ravel(), actual.ravel()):
                failures.append(f"{name}: is not what gguf makes of {of}")
    fields = {name: field.contents() for name, field in reader.fields.items()}
    if quantized and not fields.get("general.quantization_version"):
        failures.append("general.quantization_version is missing")
    print(f"{path}: {len(fields)} fields, {len(tensors)} tensors, {compared} compared")
    return failures


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check-gguf.py DIRECTORY")
    paths = sorted(Path(sys.argv[1]).glob("*.gguf"))
    if not paths:
        sys.exit(f"check-gguf: no .gguf files in {sys.argv[1]}")
    failures = [f"{path}: {failure}" for path in paths for failure in check(path)]
    print("\n".join(failures), end="\n" if failures else "")
    sys.exit(1 if failures else 0)


main()
