"""Makes torch-autocast.txt: the operations that torch.autocast knows on each device, and what it does to each.

The names are the dispatcher's registrations under AutocastCUDA and AutocastCPU. The policy of each is
observed, not copied: the operation is called with fake tensors, and the first thing it does is seen. The
arguments fit its schema, no more; what fails does so only after autocast has cast them.
  lower    casts fp32 operands down
  f32      casts 16-bit operands up, or asks for an fp32 result
  promote  casts 16-bit operands up only where another is fp32
  banned   is refused
"""

import logging
import pathlib
import warnings

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

warnings.simplefilter("ignore")
logging.disable()  # of fake tensors that do not fit
LOW = torch.bfloat16


class FirstCasts(TorchDispatchMode):
    """The types that operands are cast to, up to the first operation that is no cast."""

    def __init__(self):
        super().__init__()
        self.casts = []
        self.done = False
        self.dtype = None

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default and not self.done:
            self.casts.append(kwargs["dtype"])
        elif func.namespace == "aten" and not self.done:
            self.done = True
            asked = [a for a in [*args, *kwargs.values()] if isinstance(a, torch.dtype)]
            self.dtype = asked[0] if asked else None
        return func(*args, **kwargs)


def argument(arg, tensors):
    """A value of the argument's type."""
    kind = str(arg.type)
    if kind in ("Tensor", "Optional[Tensor]"):
        return next(tensors)
    if kind in ("List[Tensor]", "List[Optional[Tensor]]"):
        return [next(tensors), next(tensors)]
    if kind.startswith("Optional"):
        return None
    plain = {"int": 1, "float": 1.0, "number": 1.0, "bool": False, "str": "fro", "List[int]": [1], "List[bool]": [False]}
    return plain[kind]


def observe(op, device, dtypes):
    """The casts of a call whose tensors have these types in turn, or the exception if it has none."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        made = []

        def tensors():
            while True:
                made.append(None)
                yield torch.empty(4, 4, device=device, dtype=dtypes[(len(made) - 1) % len(dtypes)])

        values = tensors()
        needed = [a for a in op._schema.arguments if not a.has_default_value() or "Tensor" in str(a.type)]
        arguments = {arg.name: argument(arg, values) for arg in needed}
        torch.set_autocast_enabled(device, True)
        torch.set_autocast_dtype(device, LOW)
        torch.set_autocast_cache_enabled(False)
        error = None
        try:
            with FirstCasts() as seen:
                op(**arguments)
        except Exception as e:
            error = e
        finally:
            torch.set_autocast_enabled(device, False)
        return seen, error


def policy(op, device):
    down, _ = observe(op, device, [torch.float32])
    up, error = observe(op, device, [LOW])
    mixed, _ = observe(op, device, [LOW, torch.float32])
    if "unsafe to autocast" in str(error):
        return "banned"
    if LOW in down.casts:
        return "lower"
    if torch.float32 in up.casts or up.dtype == torch.float32:
        return "f32"
    if torch.float32 in mixed.casts:
        return "promote"
    return "? %s %s %s %s" % (down.casts, up.casts, up.dtype, error)


lines = [f"# torch {torch.__version__}, made by torch-autocast.py: device, operation, policy"]
for device, key in [("cuda", "AutocastCUDA"), ("cpu", "AutocastCPU")]:
    for name in sorted(torch._C._dispatch_get_registrations_for_dispatch_key(key)):
        packet, _, overload = name.removeprefix("aten::").partition(".")
        op = getattr(getattr(torch.ops.aten, packet), overload or "default")
        lines.append(f"{device} {name.removeprefix('aten::')} {policy(op, device)}")

pathlib.Path(__file__).with_suffix(".txt").write_text("\n".join(lines) + "\n")
