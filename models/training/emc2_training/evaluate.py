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


def matched(boxes, classes, scores, scan):
    """{key: (scores, hits, labels that count)} of one frame's boxes, best first; what lies on a label that does not count is in neither."""
    out = {}
    for cls, (name, limits) in enumerate(LIMITS.items()):
        if not scan.known[cls]:
            continue
        mine = np.flatnonzero((scan.classes == cls) | (scan.classes == -1 - cls))
        valid = [scan.classes[g] == cls and counted(scan, g) for g in mine]
        order = np.flatnonzero(classes == cls)[np.argsort(-scores[classes == cls], kind="stable")]
        each = [[overlaps(boxes[k], scan.boxes[g]) for g in mine] for k in order]
        wide = [np.ptp(scan.calib.project(_corners(boxes[k]))[:, 1]) >= 25 for k in order]
        for tag, which, limit in limits:
            free, score, hit = set(range(len(mine))), [], []
            for k, o, judged in zip(order, each, wide):
                near = [(valid[g], o[g][which], g) for g in free if o[g][which] > limit]
                if near:
                    ok, _, g = max(near)
                    free.discard(g)
                    judged = ok
                if judged:
                    score.append(scores[k])
                    hit.append(int(bool(near)))
            out[f"{name} {tag}"] = score, hit, sum(valid)
    return out


def areas(parts):
    """{key: area under the curve} of frames as `matched` gives them; no key of which no label counts."""
    out = {}
    for key in {key: None for part in parts for key in part}:
        score, hit, total = zip(*(part[key] for part in parts if key in part))
        area = _curve_area(sum(score, []), sum(hit, []), sum(total))
        if area is not None:
            out[key] = round(area, 3)
    return out


def average_precision(found, scans):
    return areas([matched(*one, s) for one, s in zip(found, scans)])


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


def bootstrap(found, scans, draws=1000, seed=0, together=None):
    """{key: (2.5 %, 97.5 %)} of each area over frames drawn with replacement; those of one name in `together` are drawn as one."""
    parts, rng = {}, np.random.default_rng(seed)
    for k, (one, scan) in enumerate(zip(found, scans)):
        parts.setdefault(together[k] if together else k, []).append(matched(*one, scan))
    parts = list(parts.values())
    drawn = [areas([part for i in rng.integers(len(parts), size=len(parts)) for part in parts[i]]) for _ in range(draws)]
    keys = {key: None for part in drawn for key in part}
    return {key: tuple(round(float(v), 3) for v in np.percentile([d[key] for d in drawn if key in d], [2.5, 97.5])) for key in keys}


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
    between = bootstrap(found, scans, a.draws) if a.draws else {}
    for key, value in average_precision(found, scans).items():
        low, high = between.get(key, (None, None))
        print(f"{key:<16} {value:.3f}  [{low}, {high}]  {len(scans)} frames")


if __name__ == "__main__":
    main()
