"""Where the returns of people and cyclists lie against their labels: real ones, and made-up ones in the same places.

    python -m emc2_training.people_offsets --shared DATA --unpacked LABELS

`shapes.as_labelled` was set by the first two columns; nothing of validation is looked at. Metres; along the ray: away from the sensor.
"""

import argparse

import numpy as np

from . import data, shapes
from .boxes import inside

COLUMNS = ("median along the ray", "spread along it, 10-90 %", "spread across it, 5-95 %", "highest return over the top", "returns")


def offsets(points, box, least=15):
    """One row of COLUMNS for the returns in a label's box, None with fewer than `least`."""
    near = points[inside(points, box, 0.25, 0.2)]
    near = near[near[:, 2] > box[2] - box[5] / 2 + 0.15]  # without the ground
    if len(near) < least:
        return None
    azimuth = np.arctan2(box[1], box[0])
    d = near[:, :2] - box[:2]
    along = d[:, 0] * np.cos(azimuth) + d[:, 1] * np.sin(azimuth)
    across = -d[:, 0] * np.sin(azimuth) + d[:, 1] * np.cos(azimuth)
    return [np.median(along), np.ptp(np.percentile(along, [10, 90])), np.ptp(np.percentile(across, [5, 95])),
            near[:, 2].max() - box[2] - box[5] / 2, len(near)]


def made_up(rng, cls, box):
    """The returns of a made-up person or cyclist in a label's place."""
    shape = shapes.person if cls == 1 else shapes.cyclist
    return shapes.as_labelled(rng, shapes.cast(rng, shape(rng, box[3:6]), box), cls)


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--copies", type=int, default=20, help="made-up ones in each real one's place")
    a = a.parse_args()
    rng = np.random.default_rng(0)
    train = data.load(a.shared, a.unpacked)[0]
    print(f"{'':<28}" + "".join(f"{c:>30}" for c in COLUMNS))
    for cls, name in ((1, "Pedestrian"), (2, "Cyclist")):
        places = [(s, b) for s in train for b, c in zip(s.boxes, s.classes) if c == cls]
        groups = {"KITTI": [offsets(s.points, b) for s, b in places if not s.drive.startswith("delft")],
                  "View-of-Delft": [offsets(s.points, b) for s, b in places if s.drive.startswith("delft")],
                  "made up": [offsets(made_up(rng, cls, b), b) for _, b in places for _ in range(a.copies)]}
        for group, rows in groups.items():
            rows = np.array([r for r in rows if r is not None]).reshape(-1, len(COLUMNS))
            cells = [f"{m:.2f} ± {s:.2f}" for m, s in zip(rows.mean(0), rows.std(0))] if len(rows) else ["-"] * len(COLUMNS)
            print(f"{name + ', ' + group + f' ({len(rows)})':<28}" + "".join(f"{c:>30}" for c in cells))


if __name__ == "__main__":
    main()
