#!/usr/bin/env python3
"""Dequantizes files that Narrow has written as the convention compressed-tensors says.

    .ci/check-compressed-tensors.py quant/target/for-compressed-tensors

The directory is that of the test CompressedTensorsForPythonTest: for each recipe a
model.safetensors with its config.json, and values.safetensors with what Narrow reads of the model.
The formulas of the convention, in float32, have to give the same numbers to the last bit. Without the
packages this says so and checks nothing.
"""

import json
import pathlib
import sys

try:
    import ml_dtypes
    import numpy as np
    import safetensors
except ImportError as e:
    print(f"{pathlib.Path(sys.argv[0]).name}: not checked, {e}")
    sys.exit(0)
DTYPES = {"F32": np.float32, "U8": np.uint8, "F8_E4M3": ml_dtypes.float8_e4m3fn}
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)


def load(file):
    return {
        name: np.frombuffer(bytes(t["data"]), DTYPES[t["dtype"]]).reshape(t["shape"])
        for name, t in safetensors.deserialize(file.read_bytes())
    }


def fp8(weight, scale):
    weight, scale = weight.astype(np.float32), scale.astype(np.float32)
    if scale.ndim == 2 and scale.shape[1] != 1:
        scale = scale.repeat(128, 0)[: weight.shape[0]].repeat(128, 1)[:, : weight.shape[1]]
    return weight * scale


def nvfp4(packed, scale, global_scale):
    codes = np.stack([packed & 15, packed >> 4], axis=-1).reshape(packed.shape[0], -1)
    factors = scale.astype(np.float32) / global_scale
    return E2M1[codes] * factors.repeat(16, axis=1)


def dequantized(tensors, module):
    scale = tensors[f"{module}.weight_scale"]
    if f"{module}.weight_packed" in tensors:
        packed, global_scale = (
            tensors[f"{module}.weight_packed"],
            tensors[f"{module}.weight_global_scale"],
        )
        return nvfp4(packed, scale, global_scale)
    return fp8(tensors[f"{module}.weight"], scale)


def main(directory):
    wrong = []
    checked = 0

    def check(good, *what):
        nonlocal checked
        checked += 1
        if not good:
            wrong.append(" ".join(map(str, what)))

    recipes = sorted(file.parent for file in directory.glob("*/model.safetensors"))
    check(recipes, directory, "has no models")
    for recipe in recipes:
        tensors = load(recipe / "model.safetensors")
        values = load(recipe / "values.safetensors")
        quantization = json.loads((recipe / "config.json").read_text())["quantization_config"]
        check(quantization["quant_method"] == "compressed-tensors", recipe, "has no quant_method")
        check(quantization["ignore"] == ["kept"], recipe, "ignores", quantization["ignore"])
        for name in ["kept.weight", "kept.bias"]:
            check(np.array_equal(tensors[name], values[name]), recipe, name, "differs")
        for module in ["a", "b"]:
            expected = values[f"{module}.weight"]
            found = dequantized(tensors, module)
            same = found.shape == expected.shape and np.array_equal(
                found.view(np.uint32), expected.view(np.uint32)
            )
            check(same, recipe, module, "differs by the formula")

    versions = f"safetensors {safetensors.__version__}, ml_dtypes {ml_dtypes.__version__}"
    print(f"{directory}: {checked} checks, {len(wrong)} wrong ({versions})")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
