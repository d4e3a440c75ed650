"""Writes images.txt, the golden values of ImagesGoldenTest: convolution, pooling and batch normalization.

Needs Python 3 with PyTorch; made with 2.13.0 on a CPU. Usage: python3 images.py > images.txt

Each line is a name, a colon and the values in row-major order, in the fewest digits that give the
same float32. The operands are multiples of 2^-6.
"""
import torch
import torch.nn.functional as F

torch.manual_seed(2026)
torch.set_num_threads(1)


def draw(*shape):
    return (torch.randint(-64, 65, shape) / 64).requires_grad_()


def write(name, tensor):
    print(name + ":", *tensor.detach().flatten().numpy())


def convolution(name, n, c, h, w, o, kernel, stride, padding, dilation, groups):
    x, weight, bias = draw(n, c, h, w), draw(o, c // groups, *kernel), draw(o)
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    dy = draw(*y.shape)
    y.backward(dy)
    settings = [n, c, h, w, o, *kernel, *stride, *padding, *dilation, groups]
    print("convolution:", name)
    print("settings:", *settings)
    for part, tensor in dict(x=x, weight=weight, bias=bias, dy=dy, y=y, dx=x.grad,
                             dweight=weight.grad, dbias=bias.grad).items():
        write(part, tensor)


def pooling(name, how, n, c, h, w, kernel, stride, padding, counts):
    x = draw(n, c, h, w)
    if how == "max":
        y, argmax = F.max_pool2d(x, kernel, stride, padding, return_indices=True)
    else:
        y = F.avg_pool2d(x, kernel, stride, padding, count_include_pad=counts)
    dy = draw(*y.shape)
    y.backward(dy)
    print(how + "-pooling:", name)
    print("settings:", n, c, h, w, *kernel, *stride, *padding, int(counts))
    for part, tensor in dict(x=x, dy=dy, y=y, dx=x.grad).items():
        write(part, tensor)
    if how == "max":
        write("argmax", argmax)


def batch_normalization(name, *shape):
    x, gamma, beta = draw(*shape), draw(shape[1]), draw(shape[1])
    mean, variance = draw(shape[1]).detach(), draw(shape[1]).detach().abs()
    print("batch-normalization:", name)
    print("settings:", *shape)
    write("oldMean", mean)
    write("oldVariance", variance)
    write("inference", F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, 1e-3))
    y = F.batch_norm(x, mean, variance, gamma, beta, True, 0.25, 1e-3)
    dy = draw(*shape)
    y.backward(dy)
    for part, tensor in dict(x=x, gamma=gamma, beta=beta, dy=dy, y=y, dx=x.grad, dgamma=gamma.grad,
                             dbeta=beta.grad, newMean=mean, newVariance=variance).items():
        write(part, tensor)


convolution("plain", 1, 3, 5, 6, 4, (3, 3), (1, 1), (0, 0), (1, 1), 1)
convolution("same", 1, 2, 4, 5, 5, (3, 3), (1, 1), (1, 1), (1, 1), 1)
convolution("strided", 2, 2, 7, 8, 3, (3, 2), (2, 3), (1, 0), (1, 1), 1)
convolution("dilated", 1, 2, 9, 8, 3, (3, 2), (2, 1), (2, 1), (2, 3), 1)
convolution("grouped", 2, 6, 5, 5, 4, (2, 3), (1, 2), (1, 1), (1, 1), 2)
convolution("depthwise", 2, 4, 6, 6, 4, (3, 3), (2, 2), (1, 1), (1, 1), 4)
convolution("multiplied", 1, 2, 4, 4, 6, (3, 3), (1, 1), (1, 1), (1, 1), 2)
convolution("pointwise", 2, 5, 3, 4, 6, (1, 1), (1, 1), (0, 0), (1, 1), 1)
pooling("plain", "max", 2, 2, 4, 6, (2, 2), (2, 2), (0, 0), False)
pooling("padded", "max", 1, 3, 7, 6, (3, 3), (2, 2), (1, 1), False)
pooling("plain", "average", 2, 2, 4, 6, (2, 2), (2, 2), (0, 0), False)
pooling("padded", "average", 1, 3, 7, 6, (3, 3), (2, 1), (1, 1), False)
pooling("counted", "average", 1, 3, 7, 6, (3, 2), (2, 1), (1, 1), True)
batch_normalization("images", 3, 2, 4, 5)
batch_normalization("rows", 7, 3)
