"""Makes the crop classifier: whether the picture of a region is that of a person or a cyclist (../FEATURES.md, `logits`).

    python -m emc2_training.classifier --shared DATA --unpacked LABELS --bev runs/models/bev/model.onnx --out runs/models

FastestDet (ShuffleNetV2, trained on COCO) stays as it is, up to the features from which its three outputs are made; the means of those about
the middle of a crop are read by one linear layer for each class, which is all that is learned. Learned from labelled objects
(jittered) and from the bridge's proposals down to a confidence of 0.01 that touch no label, in all labelled pictures but those of the drives
kept away; mirrored as well. Prints how well layers learned on three of four groups of drives do on the fourth.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from . import data, export, from_models, image_probe, loop, origin, plain_card, train_experts, windows
from .kitti import CLASSES
from .windows import CROP, MEAN, STD

KNOWN = (1, 2)  # of CLASSES: cars gain nothing by it
LAST = "onnx::Conv_738"  # FastestDet's features before its three outputs, 1/16 of the picture
SEEN = 352  # pixels along the picture that the file is made for
MIDDLE = 2  # cells along the square about the middle that are read
PENALTY = 0.1
# How much a layer's logit weighs in a score, the largest that is believed, and what is taken off: a score is the overlap to be expected, which a clear
# picture raises little and a picture of something else ends. On drives held out (data.FOLD) weights of 0.4 to 1.0 and shifts of 0 to 2 order people
# much the same, and from a shift of 1 on scores are as good as without a classifier (tune_router's hits).
WEIGHT, MOST, SHIFT = 0.7, 4.0, 1.0


def trunk(path, size=CROP):
    """FastestDet.onnx for whitened RGB crops [1, 3, size, size] up to LAST, as a model with one output."""
    model = onnx.load(path)
    graph = model.graph
    at = next((k for k, n in enumerate(graph.node) if LAST in n.output), None)
    if at is None:
        raise SystemExit(f"{path}: no tensor {LAST}: expected FastestDet.onnx")
    del graph.node[at + 1:], graph.output[:], graph.value_info[:]
    used = {name for n in graph.node for name in n.input}
    kept = [i for i in graph.initializer if i.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    # Channel shuffles hold the sizes of their maps: 1/8, 1/16 and 1/32 of the picture.
    sizes = {(SEEN // k) ** power: (size // k) ** power for k in (8, 16, 32) for power in (1, 2)}
    shapes = {n.input[1] for n in graph.node if n.op_type == "Reshape"}
    for i in graph.initializer:
        if i.name in shapes:
            shape = numpy_helper.to_array(i)
            i.CopyFrom(numpy_helper.from_array(np.array([sizes.get(int(v), int(v)) for v in shape], shape.dtype), i.name))
    first = next(n for n in graph.node if n.op_type == "Conv")
    weight, bias = (next(i for i in graph.initializer if i.name == name) for name in first.input[1:3])
    rgb = numpy_helper.to_array(weight)[:, ::-1]  # the file sees BGR in 0..1
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + (rgb * MEAN[None, :, None, None]).sum((1, 2, 3)), bias.name))
    weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(rgb * STD[None, :, None, None]), weight.name))
    given = graph.input[0]
    for n in graph.node:
        for k, name in enumerate(n.input):
            if name == given.name:
                n.input[k] = "crops"
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("crops", onnx.TensorProto.FLOAT, (1, 3, size, size)))
    graph.output.append(helper.make_tensor_value_info(LAST, onnx.TensorProto.FLOAT, None))
    return model


def session_of(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def middle(features):
    """Means [C] of features [1, C, S, S] about the middle."""
    a = (features.shape[2] - MIDDLE) // 2
    return features[0, :, a:a + MIDDLE, a:a + MIDDLE].mean((1, 2))


def rows_of(session, shown, bev):
    """Arrays (drive, class, is it an object?, means [C] of the crop, and of its mirror image), a row for each person, cyclist and weak proposal of one."""
    rng, rows = np.random.default_rng(0), []
    for scan in shown:
        pyramid = windows.load(scan.image)
        for box, cls, truth in image_probe.boxes_of(rng, scan, bev):
            rect = windows.project_box(box, scan.calib) if cls in KNOWN else None
            if rect is None or rect[2] <= 0 or rect[0] >= pyramid.levels[0].shape[1] or np.hypot(*box[:2]) >= image_probe.MOST_DISTANCE:
                continue
            crop = pyramid.window(*windows.crop(rect), CROP)[None].astype(np.float32)
            said = [middle(session.run(None, {"crops": np.ascontiguousarray(c)})[0]) for c in (crop, crop[..., ::-1])]
            rows.append((scan.drive, cls, truth, *said))
    return tuple(np.array([r[k] for r in rows]) for k in range(5))


def learn(means, truth):
    """(weights [C], bias) of a layer that tells objects (half of the weight) from others."""
    center, spread = means.mean(0), means.std(0) + 1e-4
    z, y = torch.from_numpy((means - center) / spread).float(), torch.from_numpy(truth).float()
    w = torch.zeros(z.shape[1] + 1, requires_grad=True)
    rarer, optimizer = (1 - y).sum() / y.sum().clamp(min=1), torch.optim.LBFGS([w], max_iter=100)

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z @ w[:-1] + w[-1], y, pos_weight=rarer) + PENALTY * (w[:-1] ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    weights = w[:-1].detach().numpy() / spread
    return weights, w[-1].item() - float(weights @ center)


def left_out(rows, cls):
    """(area under the ROC curve, area under the precision-recall curve) for objects of drives that the layer did not see."""
    drive, classes, truth, *means = (r[rows[1] == cls] for r in rows)
    group, score = image_probe.groups_of(drive, truth), np.zeros(len(truth))
    for k in range(image_probe.GROUPS):
        seen = group != k
        weights, bias = learn(np.concatenate([m[seen] for m in means]), np.concatenate([truth[seen]] * 2))
        score[~seen] = means[0][~seen] @ weights + bias
    found = truth[np.argsort(-score)]
    return image_probe.roc_area(score, truth), float((np.cumsum(found) / np.arange(1, len(found) + 1) * found).sum() / found.sum())


def with_layers(model, layers):
    """The trunk with one linear layer a class behind it: `logits` [1, classes]."""
    graph, number = model.graph, lambda name, v: graph.initializer.append(numpy_helper.from_array(np.asarray(v), name))
    cells = CROP // 16
    a, area = (cells - MIDDLE) // 2, MIDDLE ** 2
    number("middle.starts", [a, a]), number("middle.ends", [a + MIDDLE] * 2), number("middle.axes", [2, 3])
    number("layers.weight", WEIGHT / area * np.stack([np.repeat(w, area) for w, _ in layers]).astype(np.float32))
    number("layers.bias", (WEIGHT * np.array([b for _, b in layers]) - SHIFT).astype(np.float32))
    number("least", np.float32(-WEIGHT * MOST - SHIFT)), number("most", np.float32(WEIGHT * MOST - SHIFT))
    graph.node.extend([
        helper.make_node("Slice", [LAST, "middle.starts", "middle.ends", "middle.axes"], ["middle"]),
        helper.make_node("Flatten", ["middle"], ["flat"]),
        helper.make_node("Gemm", ["flat", "layers.weight", "layers.bias"], ["free"], transB=1),
        helper.make_node("Clip", ["free", "least", "most"], ["logits"]),
    ])
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, (1, len(layers))))
    model.producer_name, model.doc_string, graph.name = "emc2", "", "classifier"
    return model


def example(session, patches=20):
    """A made-up crop (of few colours, so that the golden pair stays small) of which no logit is cut off."""
    for seed in range(200):
        colours = np.random.default_rng(seed).normal(0, 2, (1, 3, patches, patches))
        crops = colours.repeat(CROP // patches, 2).repeat(CROP // patches, 3).astype(np.float32)
        if (np.abs(session.run(["logits"], {"crops": crops})[0] + SHIFT) < 0.8 * WEIGHT * MOST).all():
            return crops
    raise SystemExit("classifier: no made-up crop gives a logit that is not cut off: nothing to compare with")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--bev", required=True, metavar="MODEL", help="model.onnx or checkpoint of the network whose weak proposals are told apart")
    a.add_argument("--hold-out", nargs="+", default=[], metavar="DRIVE", help="drives kept away (`fold`, `others`, `people`, or by name)")
    a.add_argument("--out", required=True, help="the models folder; gets classifier/")
    loop.add_trust(a)
    a = a.parse_args()
    before = origin.seen_by(a.bev)
    origin.check_unseen(a.bev, before, a)
    torch.set_num_threads(1)  # many small crops
    away = data.held_out(a.hold_out)
    train, _, _ = data.load(a.shared, a.unpacked, away)
    shown = [s for s in train if s.image is not None] + data.pictures(a.shared, train, away)
    bev = from_models.bev(Path(a.bev)) if a.bev.endswith(".onnx") else train_experts.load_bev(a.bev)
    model = trunk(Path(a.shared) / "models/fastestdet/FastestDet.onnx")
    rows = rows_of(session_of(model), shown, bev)
    layers, judged = [], []
    for cls in KNOWN:
        mine = rows[1] == cls
        layers.append(learn(np.concatenate([m[mine] for m in rows[3:]]), np.concatenate([rows[2][mine]] * 2)))
        roc, area = left_out(rows, cls)
        judged.append(f"{CLASSES[cls]}: {rows[2][mine].sum()} objects, {(~rows[2][mine]).sum()} others; on drives left out: area under the ROC curve {roc:.3f}, "
                      f"under the precision-recall curve {area:.3f}")
        print(judged[-1], flush=True)
    folder = Path(a.out) / "classifier"
    folder.mkdir(parents=True, exist_ok=True)
    model = with_layers(model, layers)
    export.check_operators("classifier", model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, folder / "model.onnx")
    # Nobody knows, or vouches for, what the proposals' network saw: None.
    seen = {s.drive for s in shown}.union(before or ()) if before is not None or a.hold_out else None
    origin.tell(folder / "model.onnx", seen)
    session = session_of(model)
    ms = export.describe(folder, "classifier", "classifier", session, {"crops": example(session)}, ["logits"],
                         f"classes: [{', '.join(CLASSES[c] for c in KNOWN)}]\n")
    plain_card.write(folder, "classifier", "classifier", "FastestDet's features of a crop, frozen, under one learned linear layer for each of Pedestrian and Cyclist.",
                     [("drives seen", plain_card.drives(seen)), ("arguments", f"`bev {a.bev}`, `hold_out {' '.join(sorted(away)) or 'none'}`"), ("seed", 0)],
                     "Layers learned on three of four groups of drives, on the fourth:\n\n" + "".join(f"- {line}\n" for line in judged) + "\n",
                     plain_card.TERMS + plain_card.FASTESTDET)
    print(f"classifier: {(folder / 'model.onnx').stat().st_size / 1e6:.2f} MB, {ms:.2f} ms on one thread")


if __name__ == "__main__":
    main()
