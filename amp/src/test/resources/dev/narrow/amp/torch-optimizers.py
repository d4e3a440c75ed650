"""Makes torch-optimizers.txt: parameters after each of 20 steps of torch.optim, in float64.

A block is: method, learning rate, momentum, weight decay; the initial parameters; then for each step
the gradient and the parameters after it. Inputs are float32 numbers, so that both start alike.
"""

import pathlib

import torch

torch.manual_seed(20261123)
lines = [f"# torch {torch.__version__}, torch.optim.SGD and AdamW in float64; made by torch-optimizers.py"]


def text(t):
    return " ".join(repr(float(x)) for x in t.detach())


def f32(x):
    return float(torch.tensor(x, dtype=torch.float32))


for method, lr, momentum, decay, size in [
    ("sgd", 0.05, 0.9, 0.0, 1),
    ("sgd", 0.1, 0.5, 0.01, 1),
    ("adamw", 0.001, 0.0, 0.0, 1),
    ("adamw", 0.01, 0.0, 0.1, 1),
    ("adamw", 0.001, 0.0, 0.0, 2.0**-26),  # of the order of epsilon
    ("nesterov", 0.05, 0.9, 0.0, 1),
    ("nesterov", 0.1, 0.5, 0.01, 1),
]:
    w = torch.randn(3).double().requires_grad_()
    if method != "adamw":
        opt = torch.optim.SGD(
            [w], lr=f32(lr), momentum=f32(momentum), weight_decay=f32(decay), nesterov=method == "nesterov"
        )
    else:
        opt = torch.optim.AdamW([w], lr=f32(lr), betas=(f32(0.9), f32(0.999)), eps=f32(1e-8), weight_decay=f32(decay))
    lines += [f"{method} {lr} {momentum} {decay}", text(w)]
    for _ in range(20):
        w.grad = (torch.randn(3) * size).double()
        opt.step()
        lines += [text(w.grad), text(w)]

pathlib.Path(__file__).with_suffix(".txt").write_text("\n".join(lines) + "\n")
