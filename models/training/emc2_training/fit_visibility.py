"""Fits the constants of src/bridge/visibility.rs: which share of the rays through a car's box come back.

    python -m emc2_training.fit_visibility --kitti KITTI --split lidar_train.txt
"""

import argparse

import numpy as np

from . import kitti
from .boxes import inside, to_local

# KITTI's HDL-64E as in calib/kitti.yaml.
BEAMS, ELEVATION, AZIMUTH_STEP, PATCHES = 64, np.deg2rad([-23.6, 2.4]), np.deg2rad(0.18), 5


def rays(box):
    """Rays of the sensor through the faces of a box that look at it."""
    per_ray = AZIMUTH_STEP * (ELEVATION[1] - ELEVATION[0]) / (BEAMS - 1)
    c, s = np.cos(box[6]), np.sin(box[6])
    axes = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    half, centre, total = box[3:6] / 2, box[:3], 0.0
    g = (2 * np.arange(PATCHES) + 1) / PATCHES - 1
    for k in range(3):
        along = -centre @ axes[k]
        if abs(along) <= half[k]:
            continue
        u, v = (k + 1) % 3, (k + 2) % 3
        a, b = np.meshgrid(g * half[u], g * half[v])
        at = centre + np.sign(along) * half[k] * axes[k] + a.reshape(-1, 1) * axes[u] + b.reshape(-1, 1) * axes[v]
        flat = np.hypot(at[:, 0], at[:, 1])
        seen = (at[:, 2] >= np.tan(ELEVATION[0]) * flat) & (at[:, 2] <= np.tan(ELEVATION[1]) * flat)
        patch = 4 * half[u] * half[v] / PATCHES**2
        total += np.sum((patch * np.abs(at @ axes[k]) / (np.sum(at**2, 1) * flat * per_ray))[seen])
    return total


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--kitti", required=True)
    a.add_argument("--split", required=True)
    a = a.parse_args()
    rows = []
    for s in kitti.load_object(a.kitti, a.split):
        for box, cls, occ, trunc in zip(s.boxes, s.classes, s.occlusion, s.truncation):
            if cls == 0 and occ == 0 and trunc < 0.1:
                local = to_local(s.points[inside(s.points, box, 0.1, 0.05)], box)
                n = np.sum(local[:, 2] >= -box[5] / 2 + 0.2)
                rows.append((np.hypot(box[0], box[1]), n / rays(box)))
    d, share = np.array(rows).T
    for lo, hi in ((5, 10), (10, 15), (15, 20), (20, 30), (30, 40), (40, 55), (55, 70)):
        k = (d >= lo) & (d < hi)
        if k.sum() >= 3:
            print(f"{lo:>3}-{hi:<3} m  {k.sum():>3} cars  share median {np.median(share[k]):.2f}")
    near = np.median(share[d < 15])
    far = d > 20
    # Least absolute error of ln(share / near) = -(d - 15) / L.
    lengths = np.arange(15, 120, 1.0)
    error = [np.abs(np.log(np.maximum(share[far], 1e-3) / near) + (d[far] - 15) / length).mean() for length in lengths]
    print(f"returned {near:.2f}, loss length {lengths[np.argmin(error)]:.0f} m")


if __name__ == "__main__":
    main()
