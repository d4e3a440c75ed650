"""Training steps in PyTorch, fp32 and under its autocast, as DjlStepTimes makes them in DJL.

Reads lines "NETWORK FORMAT" (mlp or convnet; fp32 or bf16) and answers each with the seconds of one step on one
thread: gradients to None, forward, loss, backward, SGD.
"""

import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)


def mlp():
    layers = [nn.Linear(784, 1024), nn.ReLU()]
    for _ in range(3):
        layers += [nn.Linear(1024, 1024), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(1024, 10)), torch.rand(512, 784)


def convnet():
    layers = []
    for before, after in [(3, 32), (32, 64), (64, 128)]:
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 4 * 4, 10)), torch.rand(64, 3, 32, 32)


class Task:
    def __init__(self, make, autocast):
        torch.manual_seed(1)
        self.model, self.x = make()
        self.labels = torch.arange(len(self.x)) % 10
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)
        self.autocast = autocast

    def step(self):
        start = time.perf_counter()
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            loss = nn.functional.cross_entropy(self.model(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        return time.perf_counter() - start


tasks = {}
print(torch.__version__, flush=True)
for line in sys.stdin:
    network, form = line.split()
    if (network, form) not in tasks:
        tasks[network, form] = Task({"mlp": mlp, "convnet": convnet}[network], form == "bf16")
    print(tasks[network, form].step(), flush=True)
