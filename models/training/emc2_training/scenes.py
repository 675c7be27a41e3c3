"""Training scenes: real frames, objects pasted where the label files say objects stand (batches.py augments them).

The label files of thousands of frames tell where objects really are; their scans are not here. So an
object of that class, seen at a similar distance, is cut from a real scan, turned about the sensor to
the labelled azimuth (which keeps its shadow side right), moved to the labelled distance, thinned
as the distance asks, set on the local ground, and both occlusions are applied: it hides what is
behind, and what stands before it hides it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import shapes
from .boxes import bev_intersection, from_local, inside, to_local, wrap
from .kitti import OTHER

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
    gap: float  # height of the bottom above the ground about it, as the label has it
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
            around = s.points[(np.abs(s.points[:, 0] - b[0]) < 2.5) & (np.abs(s.points[:, 1] - b[1]) < 2.5), 2]
            gap = np.clip(b[2] - b[5] / 2 - np.percentile(around, 10), -0.15, 0.15)
            bank[c].append(BankObject(local, s.points[k, 3], b[3:6].copy(), c, np.hypot(b[0], b[1]),
                                      wrap(b[6] - np.arctan2(b[1], b[0])), b[2] - b[5] / 2 + s.origin_height, gap,
                                      s.heading_known))
    return bank


class Depth:
    """Nearest return in each angular cell, and whose it is."""

    SHAPE = (512, 192)

    def __init__(self):
        self.range = np.full(self.SHAPE, np.inf, np.float32).reshape(-1)
        self.owner = np.full(len(self.range), -1)

    @classmethod
    def cell(cls, azimuth, elevation):
        i = np.clip(np.floor(azimuth / AZIMUTH).astype(np.int64) + cls.SHAPE[0] // 2, 0, cls.SHAPE[0] - 1)
        j = np.clip(np.floor(elevation / ELEVATION).astype(np.int64) + cls.SHAPE[1] // 2, 0, cls.SHAPE[1] - 1)
        return i * cls.SHAPE[1] + j

    def put(self, cell, r, owner=-1):
        before = self.range[cell]
        np.minimum.at(self.range, cell, r)
        self.owner[cell[r < before]] = owner

    def hides(self, cell, r, owner=-2, margin=0.3):
        return (self.range[cell] + margin < r) & (self.owner[cell] != owner)


def _polar(p):
    d = np.hypot(p[:, 0], p[:, 1])
    return Depth.cell(np.arctan2(p[:, 1], p[:, 0]), np.arctan2(p[:, 2], d)), np.hypot(d, p[:, 2])


class Composer:
    """A scan into which objects are set one after the other; occlusion is settled by angular cells."""

    def __init__(self, scan, points, boxes, classes, heading):
        self.scan, self.points = scan, points
        self.boxes, self.classes, self.heading = list(boxes), list(classes), list(heading)
        self.cell, self.range = _polar(points)
        self.scene, self.pasted = Depth(), Depth()
        self.scene.put(self.cell, self.range)
        self.gone = np.zeros(len(points), bool)
        self.new = []  # (points, cell, range)

    def ground(self, x, y):
        """Height of the ground about a place, None where too few returns say it."""
        p = self.points
        around = p[(np.abs(p[:, 0] - x) < 2.5) & (np.abs(p[:, 1] - y) < 2.5), 2]
        return np.percentile(around, 10) if len(around) >= 5 else None

    def free(self, box):
        return not any(bev_intersection(box, b) > 0 for b in self.boxes)

    def add(self, box, cls, new, heading):
        """Sets an object's returns into the scan; whether it could stand there and is seen."""
        within = inside(self.points, box)
        above = within[self.points[within, 2] > box[2] - box[5] / 2 + 0.3]
        if len(above) > 0.3 * len(new) + 3:
            return False
        uvd = self.scan.calib.project(new)
        w, h = self.scan.view
        new = new[(uvd[:, 2] > 0) & (uvd[:, 0] >= 0) & (uvd[:, 0] < w) & (uvd[:, 1] >= 0) & (uvd[:, 1] < h)]
        if len(new) < 4:
            return False
        cell, r = _polar(new)
        seen = ~self.scene.hides(cell, r)
        if seen.mean() < 0.25 or seen.sum() < 4:
            return False
        new, cell, r = new[seen], cell[seen], r[seen]
        self.gone[within] = True
        me = len(self.new)
        self.scene.put(cell, r, me)
        self.pasted.put(cell, r, me)
        self.new.append((new, cell, r))
        self.boxes.append(box)
        self.classes.append(cls)
        self.heading.append(heading)
        return True

    def finish(self):
        """(points, boxes, classes, heading), all occlusions applied."""
        rest = self.points[~self.gone & ~self.pasted.hides(self.cell, self.range)]
        new = [p[~self.pasted.hides(cell, r, me)] for me, (p, cell, r) in enumerate(self.new)]
        return (np.concatenate([rest, *new]), np.array(self.boxes, float).reshape(-1, 7), np.array(self.classes, int),
                np.array(self.heading, bool))


MADE_UP = (0.3, 0.5, 0.5)  # share of made-up cars, people, cyclists among what is set into a scan


def paste(rng, composer, bank, layout, limit):
    """Sets up to `limit` objects of `layout` (boxes, classes) into the scan."""
    for i in rng.permutation(len(layout[1])):
        if limit <= 0:
            break
        target, cls = layout[0][i], layout[1][i]
        distance, azimuth = np.hypot(target[0], target[1]), np.arctan2(target[1], target[0])
        if target[0] < 2 or distance > 68 or abs(azimuth) > np.deg2rad(42):
            continue
        if cls == OTHER or (cls >= 0 and (rng.random() < MADE_UP[cls] or not bank[cls])):
            limit -= make(rng, composer, cls, target)
        elif cls >= 0:
            limit -= crop(rng, composer, bank[cls], cls, target, distance, azimuth)


def make(rng, composer, cls, target):
    """A made-up car, person, cyclist or truck of the labelled size, place and heading."""
    ground = composer.ground(target[0], target[1])
    if ground is None or abs(ground + composer.scan.origin_height) > 1.0:
        return False
    box = target.copy()
    box[2] = ground + box[5] / 2
    if not composer.free(box):
        return False
    shape = {0: shapes.car, 1: shapes.person, 2: shapes.cyclist, OTHER: shapes.truck}[cls]
    new = shapes.as_labelled(rng, shapes.cast(rng, shape(rng, box[3:6]), box), cls)
    # Unequal heights of label and ground: the box's foot is not always where the feet are.
    box[2] += rng.normal(0.03 if cls == 1 else 0.01, 0.06 if cls == 1 else 0.04)
    return len(new) >= 4 and composer.add(box, cls, new, True)


def crop(rng, composer, bank, cls, target, distance, azimuth):
    """A real crop seen from a like side, turned to the labelled azimuth, scaled towards the labelled size."""
    view = wrap(target[6] - azimuth)
    best, score = None, -1e9
    for j in rng.integers(len(bank), size=12):
        o = bank[j]
        off = abs(wrap(o.view - view))
        s = -min(off, np.pi - off) if not o.heading_known else -off
        s -= 0.12 * max(0.0, o.distance - distance) + 0.03 * max(0.0, distance - o.distance)
        if s > score:
            best, score = o, s
    o = best
    mirrored = abs(wrap(-o.view - view)) + 0.1 < abs(wrap(o.view - view))
    local, v = (o.local * np.array([1, -1, 1], np.float32), -o.view) if mirrored else (o.local, o.view)
    scale = np.clip(target[3:6] / o.size, 0.88, 1.14) if rng.random() < 0.6 else rng.uniform(0.95, 1.05, 3)
    box = np.array([target[0], target[1], 0, *(o.size * scale), wrap(azimuth + v)])
    if not composer.free(box):
        return False
    ground = composer.ground(box[0], box[1])
    if ground is not None:
        if abs(ground + composer.scan.origin_height) > 1.0:
            return False
        box[2] = ground + o.gap + box[5] / 2
    else:
        box[2] = o.bottom - composer.scan.origin_height + box[5] / 2
    keep = min(1.0, (o.distance / max(distance, 1.0)) ** 2) if distance > o.distance else 1.0
    sel = rng.random(len(local)) < keep
    if sel.sum() < 4:
        return False
    new = np.concatenate([from_local(local[sel] * scale, box), o.intensity[sel, None]], 1).astype(np.float32)
    return composer.add(box, cls, new, o.heading_known)


def mix(rng, scan, other):
    """(points, boxes, classes, heading) of two scans of one kind of sensor, one left and one right of a random azimuth.

    Streets are few; halves of two make another. Both are seen from the same place, so that occlusion stays true.
    """
    cut = rng.uniform(-0.5, 0.5)
    kept = []
    for s, side in ((scan, 1), (other, -1)) if rng.random() < 0.5 else ((other, 1), (scan, -1)):
        away = (np.arctan2(s.points[:, 1], s.points[:, 0]) - cut) * side > 0
        whole = np.zeros(len(s.boxes), bool)
        for k, b in enumerate(s.boxes):
            room = np.arctan2(np.hypot(b[3], b[4]) / 2, np.hypot(b[0], b[1]))
            off = wrap(np.arctan2(b[1], b[0]) - cut) * side
            whole[k] = off > room
            if abs(off) <= room:  # cut in two: gone
                away[inside(s.points, b, 0.15, 0.15)] = False
        z = np.array([0, 0, s.origin_height - scan.origin_height, 0], np.float32)
        lift = np.array([*z[:3], 0, 0, 0, 0])
        kept.append((s.points[away] + z, s.boxes[whole] + lift, s.classes[whole], np.full(whole.sum(), s.heading_known)))
    return tuple(np.concatenate(parts) for parts in zip(*kept))


def scatter(rng, composer, bank, people, things):
    """People, alone or in company, and cyclists anywhere, and things that are neither."""
    for _ in range(people + things):
        x = rng.uniform(4, 45)
        place = np.array([x, rng.uniform(-0.8, 0.8) * x, 0.0])
        yaw = rng.uniform(-np.pi, np.pi)
        if people > 0:
            people -= 1
            cls = rng.integers(1, 3)
            l, w, h = ((0.85, 0.63, 1.75), (1.76, 0.6, 1.74))[cls - 1] * np.exp(rng.normal(0, 1, 3) * (0.2, 0.15, 0.06))
            box = np.array([*place, l, w, h, yaw])
            boxes = company(rng, box) if cls == 1 and rng.random() < 0.6 else box[None]
            paste(rng, composer, bank, (boxes, np.full(len(boxes), cls)), len(boxes))
            continue
        ground = composer.ground(place[0], place[1])
        if ground is None:
            continue
        parts, size = shapes.clutter(rng)
        box = np.array([place[0], place[1], ground + size[2] / 2, *size, yaw])
        if composer.free(box):
            new = shapes.cast(rng, parts, box)
            if len(new) >= 4:
                composer.add(box, OTHER, new, True)


def company(rng, box):
    """[k, 7]: a person and one to three more who walk along, abreast or behind; two so close must not pass for a cyclist."""
    out = [box]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        last, other = out[-1], box.copy()
        other[3:6] *= np.exp(rng.normal(0, 1, 3) * (0.15, 0.1, 0.05))
        other[6] = wrap(box[6] + rng.normal(0, 0.15))
        abreast = rng.random() < 0.65
        step = (last[4] + other[4] if abreast else last[3] + other[3]) / 2 + rng.exponential(0.15)
        along, across = (rng.normal(0, 0.2), step) if abreast else (-step, rng.normal(0, 0.15))
        c, s = np.cos(box[6]), np.sin(box[6])
        other[:2] = last[:2] + [c * along - s * across, s * along + c * across]
        out.append(other)
    return np.array(out)


def recorded_as(folder):
    """{frame of the object layout: (its drive, its number there)}, as the mapping beside the label files says."""
    rows = (line.split("\t") for f in sorted((Path(folder) / "mapping").iterdir()) for line in f.read_text().splitlines())
    return {t[0]: (t[1], t[2]) for t in rows}


def load_layouts(folder, forbidden, read_calib, read_labels, Scan):
    """Boxes and classes of every label file whose drive is not forbidden."""
    folder, of, out = Path(folder), recorded_as(folder), []
    for path in sorted((folder / "label_2").glob("*.txt")):
        if path.stem not in of or of[path.stem][0] in forbidden:
            continue
        calib = read_calib(folder / "calib" / path.name)
        found = layout(read_labels(path, calib, Scan(path.stem, "", None, None, None, calib)))
        if found:
            out.append(found)
    return out


def layout(scan):
    """(boxes, classes) of a frame's labels where things may be set; None where it has none."""
    ok = (scan.classes >= 0) | (scan.classes == OTHER)
    ok &= (scan.classes != OTHER) | (scan.boxes[:, 5] < 4.5) & (scan.boxes[:, 3] < 14)  # trams are another story
    return (scan.boxes[ok], scan.classes[ok]) if ok.any() else None
