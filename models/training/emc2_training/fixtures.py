"""Writes tests/fixtures/features.npz: what ../FEATURES.md's tensors are for a made-up scan. The Rust tests read it.

    python -m emc2_training.fixtures ../../tests/fixtures/features.npz
"""

import sys

import numpy as np

from . import features
from .boxes import overlaps, to_local
from .export import toy_points


def main():
    rng = np.random.default_rng(3)
    points = toy_points(2)
    points = points[rng.permutation(len(points))]
    fine, coarse = features.bev_grids(points, 1.73)
    boxes = np.array([[12, 3, -0.95, 3.9, 1.6, 1.5, 0.1], [20.2, -4.1, -0.9, 4.1, 1.7, 1.6, 1.4], [31, 6, -1, 0.8, 0.7, 1.8, -2.9],
                      [9, -3, -0.9, 1.8, 0.6, 1.7, 3.0], [50, 20, -0.8, 3.9, 1.6, 1.5, 0.7]])
    classes, confidence = np.array([0, 0, 1, 2, 0]), np.array([0.9, 0.6, 0.3, 0.5, 0.2])
    out = {k: [] for k in ("raster", "context", "points128", "points256")}
    for b, c, f in zip(boxes, classes, confidence):
        k = features.region(points, b)
        local, i = to_local(points[k], b), points[k, 3]
        out["raster"].append(features.raster(local, i, b))
        out["context"].append(features.context(b, c, f, len(k), 1.73))
        out["points128"].append(features.point_rows(local, i, b, 128))
        out["points256"].append(features.point_rows(local, i, b, 256))
    pairs = [overlaps(a, b) for a in boxes for b in boxes + np.array([0.4, 0.2, 0.1, 0.3, 0.1, 0, 0.2])]
    np.savez_compressed(sys.argv[1], points=points, fine=fine, coarse=coarse, boxes=boxes, classes=classes.astype(np.float64),
                        confidence=confidence, overlaps=np.array(pairs), **{k: np.stack(v) for k, v in out.items()})


if __name__ == "__main__":
    main()
