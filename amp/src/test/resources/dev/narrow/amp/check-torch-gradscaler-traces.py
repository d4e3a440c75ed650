"""Replays torch-gradscaler-traces.jsonl.gz with the PyTorch that is installed, and compares bit for bit.

Each line holds the parameters of torch.amp.GradScaler, whether each step found an infinity, and the
[scale, growth_tracker] that torch._amp_update_scale_ of PyTorch 2.13.0 (CPU) left after the step.
"""

import gzip
import json
import pathlib

import torch

path = pathlib.Path(__file__).with_name("torch-gradscaler-traces.jsonl.gz")
traces = steps = 0
for line in gzip.open(path, "rt"):
    t = json.loads(line)
    scale = torch.tensor(t["init"], dtype=torch.float32)
    tracker = torch.tensor(0, dtype=torch.int32)
    for found, expected in zip(t["found"], t["trace"], strict=True):
        flag = torch.tensor(float(found))
        torch._amp_update_scale_(scale, tracker, flag, t["growth"], t["backoff"], t["interval"])
        assert [scale.item(), tracker.item()] == expected, (t, scale, tracker, expected)
        steps += 1
    traces += 1
print(f"{traces} traces, {steps} steps, all as torch {torch.__version__} has them")
