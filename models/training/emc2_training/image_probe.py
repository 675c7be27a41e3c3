"""How well the pretrained image network's stages tell objects from weak proposals that are none, on drives that a probe did not see.

    python -m emc2_training.image_probe --shared DATA --unpacked LABELS --models ..

Windows of labelled objects (jittered, three times each) and of the bridge's proposals down to a confidence of 0.01 that touch no label, in
all labelled pictures but those of the drives kept away. For each choice of stages: means over the tight and the wide window, a linear
probe trained on three of four groups of drives, the area under the ROC curve on the fourth; mean of the four, weighted by objects.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from . import data, features, from_models, windows
from .boxes import overlaps
from .evaluate import decode
from .expert_nets import ImageNet
from .kitti import CLASSES

WIDTHS = {"stem": 24, "stage 2": 48, "stage 3": 96}
CHOICES = (("stem",), ("stage 2",), ("stage 3",), ("stem", "stage 2"), ("stage 2", "stage 3"), ("stem", "stage 2", "stage 3"))
MOST_DISTANCE, GROUPS = 45.0, 4


def boxes_of(rng, scan, bev):
    """[(box, class, is it an object?)] of one frame."""
    out = []
    for box, cls in zip(scan.boxes, scan.classes):
        for _ in range(3 if cls >= 0 else 0):
            near = box.copy()
            near[:3] += rng.normal(0, 0.12, 3)
            near[3:6] *= np.exp(rng.normal(0, 0.08, 3))
            out.append((near, cls, True))
    if scan.points is None:
        return out
    with torch.no_grad():
        heat, reg = bev(*(torch.from_numpy(t)[None] for t in features.bev_grids(scan.points, scan.origin_height)))
    for box, cls, _ in zip(*decode(heat[0].numpy(), reg[0].numpy(), scan.origin_height, 0.01, 100, candidates=1000)):
        if any(overlaps(box, b)[0] > 0 or np.hypot(*(box - b)[:2]) < 1.5 for b in scan.boxes):
            continue
        u, v, _ = scan.calib.project(box[None, :3])[0]
        if not any(x0 < u < x1 and y0 < v < y1 for x0, y0, x1, y1 in scan.dontcare):
            out.append((box, cls, False))
    return out


@torch.no_grad()
def means(net, pyramid, rect):
    """{stage: means of the tight and the wide window} of one 2D box."""
    a = net.pool(net.first_conv(torch.from_numpy(np.stack([pyramid.window(*r) for r in windows.rectangles(rect)])).float()))
    b = net.stage2(a)
    return {name: t.mean((2, 3)).flatten().numpy() for name, t in zip(WIDTHS, (a, b, net.stage3(b)))}


def roc_area(score, truth):
    rank = np.empty(len(score))
    rank[np.argsort(score)] = np.arange(1, len(score) + 1)
    n = truth.sum()
    return (rank[truth].sum() - n * (n + 1) / 2) / (n * (len(truth) - n))


def probe(x, truth, group, penalty=0.1):
    """Mean area over groups that the probe did not see."""
    areas = []
    for k in range(GROUPS):
        seen, count = group != k, truth[group == k].sum()
        if not 0 < count < (~seen).sum():
            continue
        z = torch.from_numpy(((x - x[seen].mean(0)) / (x[seen].std(0) + 1e-4)).clip(-5, 5)).float()
        w = torch.zeros(z.shape[1] + 1, requires_grad=True)
        y = torch.from_numpy(truth[seen]).float()
        rarer, optimizer = (1 - y).sum() / y.sum().clamp(min=1), torch.optim.LBFGS([w], max_iter=60)

        def closure():
            optimizer.zero_grad()
            out = z[seen] @ w[:-1] + w[-1]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(out, y, pos_weight=rarer) + penalty * (w[:-1] ** 2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        areas.append((roc_area((z[~seen] @ w[:-1]).detach().numpy(), truth[~seen]), count))
    return float(np.average([a for a, _ in areas], weights=[n for _, n in areas]))


def groups_of(drives, truth):
    """A number 0 to GROUPS - 1 for each row: whole drives, objects spread evenly."""
    load, place = [0.0] * GROUPS, {}
    count = {d: truth[drives == d].sum() for d in sorted(set(drives))}
    for d in sorted(count, key=lambda d: -count[d]):
        place[d] = int(np.argmin(load))
        load[place[d]] += count[d] + 0.5
    return np.array([place[d] for d in drives])


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--models", required=True, help="folder with bev, whose weak proposals are told apart")
    a = a.parse_args()
    torch.set_num_threads(1)  # many small windows
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    train, _, _ = data.load(a.shared, a.unpacked)
    bev = from_models.bev(Path(a.models) / "bev/model.onnx")
    net = ImageNet(Path(a.shared) / "models/fastestdet/FastestDet.onnx").eval()
    rows = []
    for scan in [s for s in train if s.image is not None] + data.pictures(a.shared, train):
        pyramid = windows.load(scan.image)
        for box, cls, truth in boxes_of(rng, scan, bev):
            rect = windows.project_box(box, scan.calib)
            if rect is not None and rect[2] > 0 and rect[0] < pyramid.levels[0].shape[1] and np.hypot(*box[:2]) < MOST_DISTANCE:
                rows.append((scan.drive, cls, truth, means(net, pyramid, rect)))
    drives, classes, truth = (np.array([r[k] for r in rows]) for k in range(3))
    group = groups_of(drives, truth & (classes > 0))
    print("objects and others: " + ", ".join(f"{name} {truth[classes == c].sum()} and {(~truth[classes == c]).sum()}" for c, name in enumerate(CLASSES)))
    for choice in CHOICES:
        x = np.array([np.concatenate([r[3][part] for part in choice]) for r in rows])
        areas = [probe(x[classes == c], truth[classes == c], group[classes == c]) for c in range(3)]
        print(f"{' + '.join(choice):<25}" + "".join(f"{name} {area:.3f}  " for name, area in zip(CLASSES, areas)), flush=True)


if __name__ == "__main__":
    main()
