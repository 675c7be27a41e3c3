"""Writes tests/fixtures/features.npz, and decode.npz and windows.npz beside it: what ../FEATURES.md's tensors are for a made-up scan, which
proposals come of a made-up network's answer, and what windows and crops of a made-up picture show. The Rust tests read them, and so do the tests here.

    python -m emc2_training.fixtures ../../tests/fixtures/features.npz
"""

import sys
from pathlib import Path

import numpy as np

from . import features, windows
from .boxes import overlaps, to_local
from .evaluate import decode
from .export import toy_points

# How the decoder is set in the fixture, here and in tests/features.rs.
DECODER = {"origin_height": 1.73, "threshold": 0.1, "limit": 64, "overlap_weight": 0.5, "nms_overlap": 0.2}


def answer(seed=4, peaks=60):
    """What some cells of a made-up answer say: cells [K, 3] (class, row, column), logits [K], box channels [K, 10]."""
    rng = np.random.default_rng(seed)
    cells = np.stack([rng.integers(3, size=peaks), rng.integers(176, size=peaks), rng.integers(200, size=peaks)], 1)
    cells[1::4] = cells[::4] + [0, 2, 1]  # near neighbours, so that suppression has work
    cells[2::4] = cells[::4] + [0, 1, 0]  # next to each other: one alone is a peak
    cells[:, 1:] = np.minimum(cells[:, 1:], [175, 199])
    yaw = rng.uniform(-np.pi, np.pi, peaks)
    size = np.array([[3.9, 1.6, 1.5], [0.8, 0.7, 1.8], [1.8, 0.6, 1.7]])[cells[:, 0]]
    heads = np.concatenate([rng.uniform(-0.8, 0.8, (peaks, 2)), rng.normal(0.8, 0.2, (peaks, 1)), np.log(size) + rng.normal(0, 0.1, (peaks, 3)),
                            np.sin(2 * yaw)[:, None], np.cos(2 * yaw)[:, None], rng.normal(0, 2, (peaks, 2))], 1)
    return cells, rng.normal(0, 2, peaks).astype(np.float32), heads.astype(np.float32)


def maps(cells, logits, heads):
    """The dense outputs that these cells stand for."""
    heat, boxes = np.full((3, 176, 200), -9, np.float32), np.zeros((3, 10, 176, 200), np.float32)
    for (c, i, j), logit, head in zip(cells, logits, heads):
        heat[c, i, j], boxes[c, :, i, j] = logit, head
    return heat, boxes.reshape(30, 176, 200)


def picture(seed=5, width=203, height=151):
    """A made-up picture [height, width, 3], 8 bit."""
    x, y, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(3))
    noise = np.random.default_rng(seed).integers(0, 40, (height, width, 3))
    return ((x * (c + 1) + 2 * y * (3 - c)) % 200 + noise).astype(np.uint8)


# 2D boxes (left, top, right, bottom) in that picture: large, small, far over its border.
BOXES_2D = ((20.3, 30.1, 180.8, 120.4), (100.2, 60.7, 108.9, 81.3), (-60.0, 90.0, 40.0, 400.0), (150.0, 5.0, 400.0, 60.0))


def shown(pixels, rect):
    """[3, 3, 16, 16]: the tight and the wide window and the crop of a 2D box, at 16 x 16 places."""
    pyramid = windows.Pyramid(pixels)
    return np.stack([pyramid.window(*w, 16) for w in (*windows.rectangles(rect), windows.crop(rect))]).astype(np.float32)


def main():
    pixels = picture()
    np.savez_compressed(Path(sys.argv[1]).with_name("windows.npz"), picture=pixels, boxes=np.array(BOXES_2D),
                        windows=np.stack([shown(pixels, np.array(rect)) for rect in BOXES_2D]))
    cells, logits, heads = answer()
    boxes, classes, scores = decode(*maps(cells, logits, heads), **DECODER)
    np.savez_compressed(Path(sys.argv[1]).with_name("decode.npz"), cells=cells.astype(np.float64), logits=logits, heads=heads,
                        proposals=np.concatenate([boxes, classes[:, None], scores[:, None]], 1))
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
