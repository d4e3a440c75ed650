"""Writes what PyTorch computes for the operations of a transformer, both passes, as golden values for
dev.narrow.kernels.TransformerGoldenTest. Needs Python 3 with torch; made with torch 2.13.0 on a CPU:

    python3 transformer.py > ../resources/dev/narrow/kernels/transformer.txt

A line is a name, the extents, a colon and the values: operands drawn in float32, which nine digits
tell apart, and results computed in float64, so that PyTorch's own rounding does not count. Gradients
are those of sum(y * dy).
"""
import torch
from torch.nn import functional

torch.manual_seed(2026)


def write(name, tensor):
    values = tensor.detach().double().flatten().tolist()
    print(name, *tensor.shape, ":", *("%.9g" % v for v in values))


def draw(name, *shape):
    values = torch.randn(shape).float().double().requires_grad_()
    write(name, values)
    return values


def backward(name, y, **operands):
    write(name + ".y", y)
    dy = draw(name + ".dy", *y.shape)
    y.backward(dy)
    for operand, tensor in operands.items():
        write(name + ".d" + operand, tensor.grad)


x, w, b = draw("layerNorm.x", 2, 3, 19), draw("layerNorm.weight", 19), draw("layerNorm.bias", 19)
backward("layerNorm", functional.layer_norm(x, (19,), w, b, 1e-5), x=x, weight=w, bias=b)

x, w = draw("rmsNorm.x", 4, 19), draw("rmsNorm.weight", 19)
backward("rmsNorm", functional.rms_norm(x, (19,), w, 1e-5), x=x, weight=w)

x = draw("softmax.x", 3, 18)
backward("softmax", functional.softmax(x, -1), x=x)

table = draw("embedding.table", 5, 4)
indices = torch.tensor([[4, 0, 4], [1, 1, 3]])
write("embedding.indices", indices)
backward("embedding", functional.embedding(indices, table), table=table)


def attention(name, heads, dim, queries, keys, causal):
    q, k, v = (draw(name + "." + n, 2, t, heads * dim) for n, t in (("q", queries), ("k", keys), ("v", keys)))
    split = [t.view(2, -1, heads, dim).transpose(1, 2) for t in (q, k, v)]
    y = functional.scaled_dot_product_attention(*split, is_causal=causal)
    backward(name, y.transpose(1, 2).reshape(2, queries, heads * dim), q=q, k=k, v=v)


attention("fullAttention", 2, 3, 4, 6, False)
attention("causalAttention", 3, 2, 7, 7, True)

x = draw("argmax.x", 3, 20)
write("argmax.y", x.argmax(-1))
