"""Weights of an exported network put back into the one that trains.

Export folds each BatchNorm into the convolution before it. Here the convolution gets a plain weight again and the
BatchNorm the statistics of some batches and the scale and shift that give the same output, so that
the network says what the file says and still trains as a fresh one does.
"""

import onnx
import torch
from onnx import numpy_helper
from torch import nn


def convolutions(net):
    """[(conv, its BatchNorm or None)] in the order in which the network calls them."""
    order = []
    hooks = [m.register_forward_hook(lambda m, *_: order.append(m)) for m in net.modules()
             if isinstance(m, (nn.Conv2d, nn.BatchNorm2d))]
    with torch.no_grad():
        net.eval()(torch.zeros(1, 12, 16, 16), torch.zeros(1, 8, 8, 8))
    for h in hooks:
        h.remove()
    return [(m, order[i + 1] if i + 1 < len(order) and isinstance(order[i + 1], nn.BatchNorm2d) else None)
            for i, m in enumerate(order) if isinstance(m, nn.Conv2d)]


@torch.no_grad()
def load_onnx(net, path, batches):
    """Fills a `BevNet` from model.onnx; batches: [(fine, coarse)] whose statistics the BatchNorms get."""
    graph = onnx.load(path).graph
    values = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    nodes = [n for n in graph.node if n.op_type == "Conv"]
    pairs = convolutions(net)
    if len(nodes) != len(pairs):
        raise SystemExit(f"{path}: {len(nodes)} convolutions, the network has {len(pairs)}")
    folded = {}
    for node, (conv, norm) in zip(nodes, pairs):
        weight, bias = values[node.input[1]], values[node.input[2]]
        if weight.shape != conv.weight.shape:
            raise SystemExit(f"{path}: {node.name} is {tuple(weight.shape)}, the network wants {tuple(conv.weight.shape)}")
        conv.weight.copy_(weight)
        if norm is None:
            conv.bias.copy_(bias)
        else:
            folded[norm] = bias
            norm.reset_running_stats()
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.fill_(1), norm.bias.copy_(bias)
    sums = {norm: [0, 0.0, 0.0] for norm in folded}

    def watch(norm, inputs):
        y = inputs[0].double()
        s = sums[norm]
        s[0] += y.numel() // y.shape[1]
        s[1] += y.sum((0, 2, 3))
        s[2] += (y * y).sum((0, 2, 3))

    hooks = [norm.register_forward_pre_hook(watch) for norm in folded]
    net.eval()
    for fine, coarse in batches:
        net(fine, coarse)
    for h in hooks:
        h.remove()
    for conv, norm in pairs:
        if norm is None:
            continue
        n, total, squares = sums[norm]
        mean = total / n
        var = (squares / n - mean * mean).clamp(min=1e-8)
        # A weight row may have any length, the BatchNorm undoes it: give it the one that fresh rows have.
        size = (2 / conv.weight[0].numel()) ** 0.5 / conv.weight.flatten(1).pow(2).mean(1).sqrt().clamp(min=1e-8).double()
        conv.weight.mul_(size.float()[:, None, None, None])
        norm.running_mean.copy_(mean * size)
        norm.running_var.copy_(var * size**2)
        norm.weight.copy_((norm.running_var + norm.eps).sqrt() / size.float())
        norm.bias.copy_(folded[norm] + mean.float())
