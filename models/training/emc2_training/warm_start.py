"""Weights of an exported network put back into the one that trains.

Export folds each BatchNorm into the convolution before it. Here the convolution gets a plain weight again and the
BatchNorm the statistics of some batches and the scale and shift that give the same output, so that
the network says what the file says and still trains as a fresh one does.
"""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn


def module_path(node_name):
    """`/stage/first/first.0/MatMul` is `stage.first.0`: export repeats a Sequential's name before its child's number."""
    path, before = [], None
    for part in node_name.strip("/").split("/")[:-1]:
        path.append(part.rpartition(".")[2] if before is not None and part.rpartition(".")[0] == before else part)
        before = part
    return ".".join(path)


def weights(path):
    """{module path: (weight, bias or None)} of the layers of a file, as torch lays them out."""
    if not Path(path).is_file():
        raise SystemExit(f"{path}: no such file; expected the model.onnx of a model folder (models/bev, models/lpe, ...)")
    graph = onnx.load(path).graph
    values = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    out = {}
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul") or node.input[1] not in values:
            continue
        name, weight = module_path(node.name), values[node.input[1]]
        if node.op_type == "MatMul":
            out[name] = (weight.T, values.get(f"{name}.bias"))
        else:
            out[name] = (weight, values[node.input[2]] if len(node.input) > 2 else None)
    return out


def norm_after(net, name):
    """The BatchNorm that follows a convolution in its Sequential, if one does."""
    parent, _, leaf = name.rpartition(".")
    after = getattr(net.get_submodule(parent), str(int(leaf) + 1), None) if leaf.isdigit() else None
    return after if isinstance(after, nn.BatchNorm2d) else None


@torch.no_grad()
def load_onnx(net, path, batches, adapt=None, newer=()):
    """Fills what a network learns from its model.onnx; batches: lists of inputs whose statistics the BatchNorms get.

    adapt: {layer: function} for layers whose weight and bias were laid out otherwise in older files; newer: layers that older files
    lack, which stay as they are.
    """
    layers = {n: m for n, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and m.weight.requires_grad}
    found = weights(path)
    for name in set(newer) - set(found):
        layers.pop(name, None)
    lacking = sorted(set(layers) - set(found))
    if lacking:
        raise SystemExit(f"{path}: lacks {lacking[:3]}; expected an export of this network")
    folded = []
    for name, layer in layers.items():
        weight, bias = (t if t is None else (adapt or {}).get(name, lambda t: t)(t) for t in found[name])
        if weight.shape != layer.weight.shape:
            raise SystemExit(f"{path}: {name} is {tuple(weight.shape)}, the network wants {tuple(layer.weight.shape)}")
        layer.weight.copy_(weight)
        norm = norm_after(net, name)
        if norm is not None:
            norm.reset_running_stats()
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.fill_(1), norm.bias.copy_(bias)
            folded.append((layer, norm))
        elif layer.bias is not None:
            layer.bias.copy_(bias)
    unfold(net, folded, batches)


@torch.no_grad()
def load_linear(net, path, prefix):
    """Fills the linear layers of a part from the layers of a model.onnx whose path begins with `prefix`."""
    found = weights(path)
    for name, layer in net.named_modules():
        if not isinstance(layer, nn.Linear):
            continue
        weight, bias = found.get(f"{prefix}.{name}", (None, None))
        if weight is None or weight.shape != layer.weight.shape:
            raise SystemExit(f"{path}: {prefix}.{name} is {None if weight is None else tuple(weight.shape)}, "
                             f"the network wants {tuple(layer.weight.shape)}")
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.copy_(bias)


def unfold(net, folded, batches):
    """Gives BatchNorms that stand for a mere bias the statistics of their inputs; the network's answers stay."""
    sums = {norm: [0, 0.0, 0.0] for _, norm in folded}

    def watch(norm, inputs):
        y = inputs[0].double()
        s = sums[norm]
        s[0] += y.numel() // y.shape[1]
        s[1] += y.sum((0, 2, 3))
        s[2] += (y * y).sum((0, 2, 3))

    hooks = [norm.register_forward_pre_hook(watch) for _, norm in folded]
    net.eval()
    for inputs in batches:
        net(*inputs)
    for h in hooks:
        h.remove()
    for conv, norm in folded:
        n, total, squares = sums[norm]
        mean = total / n
        var = (squares / n - mean * mean).clamp(min=1e-8)
        # A weight row may have any length, the BatchNorm undoes it: give it the one that fresh rows have.
        size = (2 / conv.weight[0].numel()) ** 0.5 / conv.weight.flatten(1).pow(2).mean(1).sqrt().clamp(min=1e-8).double()
        conv.weight.mul_(size.float()[:, None, None, None])
        bias = norm.bias.clone()
        norm.running_mean.copy_(mean * size)
        norm.running_var.copy_(var * size**2)
        norm.weight.copy_((norm.running_var + norm.eps).sqrt() / size.float())
        norm.bias.copy_(bias + mean.float())
