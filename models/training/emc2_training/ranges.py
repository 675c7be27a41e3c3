"""Ranges of an 8-bit network's activations, chosen by what they do to its answers.

A range that holds every activation leaves the many small ones few steps; one that cuts off the largest may lose near objects. Which is worse differs
from layer to layer. So each range in turn is made wider and narrower, and what brings the answers nearest to those of the float network stays.
"""

import numpy as np
import onnx
from onnx import numpy_helper

FIRST, THEN = (0.5, 0.7, 0.85, 1.2, 1.5, 2.0, 3.0), (0.8, 0.9, 1.1, 1.25)  # factors tried in the first round and in the second
LIKELY = 0.05  # cells that are looked at: where either network gives a class this much
SURE = 0.1  # cells of which the boxes are looked at
BOX_WEIGHT = 10.0


def probability(logit):
    return 1 / (1 + np.exp(-logit))


def departure(heatmap, boxes, expected_heatmap, expected_boxes):
    """How far the answers of one frame are from the float network's: squared differences of logits where something may be, class by class, and of
    boxes where something is; each at most 4 and 1, so that a single cell does not decide."""
    held = np.log(0.001), np.log(0.999 / 0.001)
    logit, expected = (np.clip(h[0], *held) for h in (heatmap, expected_heatmap))
    total = 0.0
    for got, want in zip(logit, expected):
        likely = probability(np.maximum(got, want)) > LIKELY
        if likely.any():
            total += float(np.minimum((got - want)[likely] ** 2, 4).mean())
    sure = probability(expected_heatmap[0].max(0)) > SURE
    if sure.any():
        total += BOX_WEIGHT * float(np.minimum((boxes[0] - expected_boxes[0])[:, sure] ** 2, 1).mean())
    return total


def scales(model):
    """The scales of the activations in a QDQ model, by name; those of weights are not among them."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    return {node.input[1]: tensors[node.input[1]] for node in model.graph.node if node.op_type == "QuantizeLinear" and node.input[0] not in tensors}


def fit_biases(model):
    """Gives every bias the scale that its convolution's input and weights have by now: runtimes only join what fits in that way (at half the time)."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    made = {output: node for node in model.graph.node for output in node.output}
    value = lambda name: numpy_helper.to_array(tensors[name]).astype(np.float64)
    for node in model.graph.node:
        parts = [made.get(name) for name in node.input]
        if node.op_type != "Conv" or len(parts) < 3 or any(part is None or part.op_type != "DequantizeLinear" for part in parts):
            continue
        data, weight, bias = parts
        exact = value(bias.input[0]) * value(bias.input[1])
        scale = (value(data.input[1]) * value(weight.input[1])).astype(np.float32)
        scale = np.broadcast_to(scale, tensors[bias.input[1]].dims).astype(np.float32)
        steps = np.round(exact / scale).astype(np.int32)
        for name, array in ((bias.input[0], steps), (bias.input[1], scale)):
            tensors[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))


def choose(path, answers, frames, expected, say=print):
    """Changes the scales of the QDQ model at `path` in place; `answers(bytes)` gives a function from a frame's inputs to (heatmap, boxes)."""
    model = onnx.load(path)

    def loss():
        fit_biases(model)
        ask = answers(model.SerializeToString())
        return float(np.mean([departure(*ask(frame), *want) for frame, want in zip(frames, expected)]))

    best = before = loss()
    for factors in (FIRST, THEN):
        for tensor in scales(model).values():
            scale = numpy_helper.to_array(tensor)
            kept = scale
            for factor in factors:
                tensor.CopyFrom(numpy_helper.from_array(np.asarray(scale * factor, np.float32), tensor.name))
                now = loss()
                if now < best:
                    best, kept = now, np.asarray(scale * factor, np.float32)
            tensor.CopyFrom(numpy_helper.from_array(kept, tensor.name))
    best = loss()
    onnx.save(model, path)
    say(f"{path}: departure from the float network {before:.3f}, with ranges chosen {best:.3f}")
    return before, best
