"""A quick look at accuracy while training: area under the whole precision-recall curve.

The figures that count come from `emc2 eval`; this follows the same idea (filter "hard": occlusion
<= 2, truncation <= 0.5, 2D height > 25 px; others and vans are neither finds nor mistakes).
"""

import numpy as np
import torch

from . import features
from .bev_net import BOX_CHANNELS
from .boxes import nms, overlaps, wrap


# Share of the predicted overlap in a proposal's confidence, in contracts too: on two sets of drives held out (data.NAMED) 0.25 was a
# little better than 0.5, or the same. The figures of these drives in the cards are therefore not quite unseen.
OVERLAP_WEIGHT = 0.25
# Of an expert's predicted overlap in its score, against the proposal's confidence, in contracts too. On drives held out 0.7 was better than 0.5 for each
# of the three experts, cars and people, whole scans and thinned ones (tune_router; thinned). Higher still was better yet, on few people: not followed.
QUALITY_WEIGHT = 0.7


def expert_score(confidence, quality):
    """The score of a region: how sure the proposal was, and how good the expert says that its box is (both 0 to 1)."""
    return confidence ** (1 - QUALITY_WEIGHT) * quality ** QUALITY_WEIGHT


@torch.no_grad()
def detect(net, scans, threshold=0.1, limit=64, overlap_weight=OVERLAP_WEIGHT):
    """List of (boxes, classes, scores), one a scan."""
    out = []
    net.eval()
    for s in scans:
        fine, coarse = features.bev_grids(s.points, s.origin_height)
        heat, reg = net(torch.from_numpy(fine)[None], torch.from_numpy(coarse)[None])
        out.append(decode(heat[0].float().numpy(), reg[0].float().numpy(), s.origin_height, threshold, limit, overlap_weight))
    return out


def decode(heat, reg, origin_height, threshold=0.1, limit=64, overlap_weight=OVERLAP_WEIGHT, nms_overlap=0.2, candidates=None):
    """Proposals as ../FEATURES.md says; of the best `candidates` cells alone where that is given (a network that has hardly learned names thousands)."""
    pad = np.pad(heat, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    nx, ny = heat.shape[1:]
    around = np.max([pad[:, i:i + nx, j:j + ny] for i in range(3) for j in range(3)], 0)
    sets = reg.reshape(-1, BOX_CHANNELS, nx, ny)
    own = (np.abs(sets[:, :2]) <= 0.5).all(1)  # the centre of the cell's box lies in the cell
    c, i, j = np.nonzero(((heat >= around) | own) & (heat > np.log(threshold / (1 - threshold))))
    v = sets[c, :, i, j].T  # of the class's own box channels
    x = features.X[0] + (i + 0.5 + v[0]) * 0.4
    y = features.Y[0] + (j + 0.5 + v[1]) * 0.4
    a = np.arctan2(v[6], v[7]) / 2
    a = np.where(a < -np.pi / 4, a + np.pi, a)
    yaw = wrap(np.where(v[8] > 0, a, a - np.pi))
    boxes = np.stack([x, y, v[2] - origin_height, *np.exp(np.clip(v[3:6], -3, 4)), yaw], 1)
    sig = lambda t: 1 / (1 + np.exp(-t))
    score = sig(heat[c, i, j]) ** (1 - overlap_weight) * sig(v[9]) ** overlap_weight
    if candidates is not None and len(score) > candidates:
        best = np.sort(np.argsort(-score, kind="stable")[:candidates])
        boxes, c, score = boxes[best], c[best], score[best]
    keep = [k for cls in range(3) for k in np.flatnonzero(c == cls)[nms(boxes[c == cls], score[c == cls], nms_overlap)]]
    keep = sorted(keep, key=lambda k: -score[k])[:limit]
    return boxes[keep], c[keep], score[keep]


def _curve_area(score, hit, total):
    if total == 0:
        return None
    order = np.argsort(-np.array(score), kind="stable")
    tp = np.cumsum(np.array(hit, float)[order]) if len(order) else np.zeros(0)
    if len(tp) == 0:
        return 0.0
    precision, recall = tp / (np.arange(len(tp)) + 1), tp / total
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.r_[0, recall]) * best))


LIMITS = {"Car": [("bev50", 0, 0.5), ("bev70", 0, 0.7), ("3d70", 1, 0.7)],
          "Pedestrian": [("3d25", 1, 0.25), ("3d50", 1, 0.5)], "Cyclist": [("3d25", 1, 0.25), ("3d50", 1, 0.5)]}


def counted(scan, g):
    """Whether a label counts under the filter "hard"."""
    return scan.occlusion is None or (scan.occlusion[g] <= 2 and scan.truncation[g] <= 0.5 and scan.height_px[g] > 25)


def labels(scans, cls):
    """How many labels of a class count."""
    return sum(bool(counted(s, g)) for s in scans for g in np.flatnonzero(s.classes == cls))


def average_precision(found, scans):
    out = {}
    for cls, (name, limits) in enumerate(LIMITS.items()):
        for tag, which, limit in limits:
            score, hit, total = [], [], 0
            for (boxes, classes, scores), s in zip(found, scans):
                if not s.known[cls]:
                    continue
                mine = np.flatnonzero((s.classes == cls) | (s.classes == -1 - cls))
                valid = [s.classes[g] == cls and counted(s, g) for g in mine]
                total += sum(valid)
                free = set(range(len(mine)))
                for k in np.flatnonzero(classes == cls)[np.argsort(-scores[classes == cls], kind="stable")]:
                    o = [(overlaps(boxes[k], s.boxes[mine[g]])[which], valid[g], g) for g in free]
                    o = [t for t in o if t[0] > limit]
                    if o:
                        _, ok, g = max(o, key=lambda t: (t[1], t[0]))
                        free.discard(g)
                        if ok:
                            score.append(scores[k])
                            hit.append(1)
                    else:
                        uvd = s.calib.project(_corners(boxes[k]))
                        if np.ptp(uvd[:, 1]) >= 25:
                            score.append(scores[k])
                            hit.append(0)
            area = _curve_area(score, hit, total)
            if area is not None:
                out[f"{name} {tag}"] = round(area, 3)
    return out


def _corners(b):
    from .boxes import bev_corners
    c = bev_corners(b)
    return np.array([[*p, z] for p in c for z in (b[2] - b[5] / 2, b[2] + b[5] / 2)])


def read_results(folder, scans):
    """A run's `results/` as (boxes, classes, scores), one a scan."""
    from pathlib import Path

    from .kitti import CLASSES, Scan, read_labels

    out = []
    for s in scans:
        path = Path(folder) / f"{s.id}.txt"
        rows = read_labels(path, s.calib, Scan(s.id, s.drive, None, None, None, s.calib))
        scores = [float(line.split()[15]) for line in path.read_text().splitlines() if line.split()[0] in CLASSES]
        out.append((rows.boxes, rows.classes, np.array(scores)))
    return out


def bootstrap(found, scans, key, draws=1000, seed=0):
    """2.5 % and 97.5 % of a figure over frames drawn with replacement."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        k = rng.integers(len(scans), size=len(scans))
        figure = average_precision([found[i] for i in k], [scans[i] for i in k]).get(key)
        if figure is not None:
            values.append(figure)
    return tuple(round(float(v), 3) for v in np.percentile(values, [2.5, 97.5]))


def main():
    """Judges a run: python -m emc2_training.evaluate --kitti KITTI --split lidar_val.txt --results OUT/results"""
    import argparse

    from . import kitti

    a = argparse.ArgumentParser(description=main.__doc__)
    a.add_argument("--kitti", required=True)
    a.add_argument("--split", required=True)
    a.add_argument("--results", required=True)
    a.add_argument("--draws", type=int, default=300)
    a = a.parse_args()
    scans = kitti.load_object(a.kitti, a.split)
    found = read_results(a.results, scans)
    for key, value in average_precision(found, scans).items():
        low, high = bootstrap(found, scans, key, a.draws) if a.draws else (None, None)
        print(f"{key:<16} {value:.3f}  [{low}, {high}]  {len(scans)} frames")


if __name__ == "__main__":
    main()
