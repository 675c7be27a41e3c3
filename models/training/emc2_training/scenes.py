"""Training scenes: real frames, objects pasted where the label files say objects stand, augmentation.

The label files of thousands of frames tell where objects really are; their scans are not here. So an
object of that class, seen at a similar distance, is cut from a real scan, turned about the sensor to
the labelled azimuth (which keeps its shadow side right), moved to the labelled distance, thinned
as the distance asks, set on the local ground, and both occlusions are applied: it hides what is
behind, and what stands before it hides it.
"""

from dataclasses import dataclass

import numpy as np

from .boxes import bev_intersection, inside, to_local, from_local, wrap
from .kitti import CLASSES

# Angular cell in which a nearer return hides a farther one: rad azimuth, rad elevation.
AZIMUTH, ELEVATION = np.deg2rad(0.5), np.deg2rad(0.6)


@dataclass
class BankObject:
    local: np.ndarray  # [n, 3] box frame
    intensity: np.ndarray
    size: np.ndarray
    cls: int
    distance: float
    view: float  # yaw - azimuth
    bottom: float  # height of the bottom above nominal ground
    heading_known: bool


def build_bank(scans, min_points=8):
    bank = [[], [], []]
    for s in scans:
        for b, c in zip(s.boxes, s.classes):
            if c < 0:
                continue
            big = b.copy()
            big[3:5] += 0.2
            big[2] += 0.05
            k = inside(s.points, big)
            if len(k) < min_points:
                continue
            local = to_local(s.points[k], b)
            bank[c].append(BankObject(local, s.points[k, 3], b[3:6].copy(), c, np.hypot(b[0], b[1]),
                                      wrap(b[6] - np.arctan2(b[1], b[0])), b[2] - b[5] / 2 + s.origin_height,
                                      s.heading_known))
    return bank


def _hidden(az, el, r, other_az, other_el, other_r, margin=0.3):
    """Which of the first returns lie behind one of the other ones in the same angular cell."""
    key = lambda a, e: np.floor(a / AZIMUTH).astype(np.int64) * 4096 + np.floor(e / ELEVATION).astype(np.int64)
    k, mine = key(other_az, other_el), key(az, el)
    order = np.lexsort((other_r, k))
    k, near = k[order], other_r[order]
    first = np.r_[True, k[1:] != k[:-1]]
    k, near = k[first], near[first]
    at = np.minimum(np.searchsorted(k, mine), len(k) - 1)
    return (k[at] == mine) & (near[at] + margin < r)


def _polar(p):
    d = np.hypot(p[:, 0], p[:, 1])
    return np.arctan2(p[:, 1], p[:, 0]), np.arctan2(p[:, 2], d), np.hypot(d, p[:, 2])


def paste(rng, points, boxes, classes, heading, bank, layout, origin_height, limit):
    """Sets up to `limit` objects of `layout` (boxes, classes) into the scan."""
    order = rng.permutation(len(layout[1]))
    for i in order:
        if limit <= 0:
            break
        target, cls = layout[0][i], layout[1][i]
        distance, azimuth = np.hypot(target[0], target[1]), np.arctan2(target[1], target[0])
        if not bank[cls] or target[0] < 2 or distance > 68 or abs(azimuth) > np.deg2rad(40):
            continue
        view = wrap(target[6] - azimuth)
        best, score = None, -1e9
        for j in rng.integers(len(bank[cls]), size=12):
            o = bank[cls][j]
            off = abs(wrap(o.view - view))
            s = -min(off, np.pi - off) if not o.heading_known else -off
            s -= 0.12 * max(0.0, o.distance - distance) + 0.03 * max(0.0, distance - o.distance)
            if s > score:
                best, score = o, s
        o = best
        mirrored = abs(wrap(-o.view - view)) + 0.1 < abs(wrap(o.view - view))
        local, v = (o.local * np.array([1, -1, 1], np.float32), -o.view) if mirrored else (o.local, o.view)
        box = np.array([target[0], target[1], 0, *o.size, wrap(azimuth + v)])
        if any(bev_intersection(box, b) > 0 for b in boxes):
            continue
        around = points[(np.abs(points[:, 0] - box[0]) < 2.5) & (np.abs(points[:, 1] - box[1]) < 2.5)]
        if len(around) >= 5:
            ground = np.percentile(around[:, 2], 10)
            if abs(ground + origin_height) > 1.0:
                continue
            box[2] = ground + o.size[2] / 2
        else:
            box[2] = o.bottom - origin_height + o.size[2] / 2
        within = inside(points, box)
        above = within[points[within, 2] > box[2] - box[5] / 2 + 0.3]
        if len(above) > 0.3 * len(local) + 3:
            continue
        keep = min(1.0, (o.distance / max(distance, 1.0)) ** 2) if distance > o.distance else 1.0
        sel = rng.random(len(local)) < keep
        if sel.sum() < 4:
            continue
        new = np.concatenate([from_local(local[sel], box), o.intensity[sel, None]], 1).astype(np.float32)
        rest = np.delete(points, within, 0) if len(within) else points
        a, b = _polar(rest), _polar(new)
        seen = ~_hidden(*b, *a)
        if seen.mean() < 0.25 or seen.sum() < 4:
            continue
        new = new[seen]
        # The object's outline from the sensor shadows everything behind it.
        shadow = _hidden(*a, *[q[seen] for q in b])
        points = np.concatenate([rest[~shadow], new])
        boxes = np.concatenate([boxes, box[None]])
        classes = np.append(classes, cls)
        heading = np.append(heading, o.heading_known)
        limit -= 1
    return points, boxes, classes, heading


def augment(rng, points, boxes, classes, heading):
    points, boxes = points.copy(), boxes.copy()
    if rng.random() < 0.5:
        points[:, 1] *= -1
        boxes[:, 1] *= -1
        boxes[:, 6] *= -1
    a = rng.uniform(-0.35, 0.35)
    c, s = np.cos(a), np.sin(a)
    turn = np.array([[c, -s], [s, c]])
    points[:, :2] = points[:, :2] @ turn.T.astype(np.float32)
    boxes[:, :2] = boxes[:, :2] @ turn.T
    boxes[:, 6] = wrap(boxes[:, 6] + a)
    k = rng.uniform(0.95, 1.05)
    points[:, :3] *= np.float32(k)
    boxes[:, :6] *= k
    dz = rng.normal(0, 0.12)
    points[:, 2] += np.float32(dz)
    boxes[:, 2] += dz
    points = points[rng.random(len(points)) >= rng.choice([0, 0, 0.15, 0.4])]
    gain = rng.uniform(0.8, 1.2)
    points[:, 3] = np.minimum(1, points[:, 3] * np.float32(gain))
    points[:, :3] += rng.normal(0, 0.01, (len(points), 3)).astype(np.float32)
    return points, boxes, classes, heading


def load_layouts(folder, forbidden, read_calib, read_labels, Scan):
    """Boxes and classes of every label file whose drive is not forbidden."""
    from pathlib import Path
    folder = Path(folder)
    drive = {}
    for f in sorted((folder / "mapping").iterdir()):
        for line in f.read_text().splitlines():
            t = line.split("\t")
            drive[t[0]] = t[1]
    out = []
    for path in sorted((folder / "label_2").glob("*.txt")):
        if drive.get(path.stem) in forbidden or path.stem not in drive:
            continue
        calib = read_calib(folder / "calib" / path.name)
        s = read_labels(path, calib, Scan(path.stem, "", None, None, None, calib))
        ok = s.classes >= 0
        if ok.any():
            out.append((s.boxes[ok], s.classes[ok]))
    return out
