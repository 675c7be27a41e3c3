"""What is trained on and what is kept away: one place, checked before every run."""

from pathlib import Path

import numpy as np

from . import kitti, scenes


def load(shared, unpacked):
    """Returns (train scans, validation scans, layouts). Refuses a split whose drives overlap."""
    shared = Path(shared)
    k, raw = shared / "data/kitti", shared / "data/kitti_raw/2011_09_26"
    train = kitti.load_object(k, "lidar_train.txt")
    train += kitti.load_raw(raw, "0001") + kitti.load_raw(raw, "0018")
    train += kitti.load_raw(raw, "0027", teacher=True)
    delft = kitti.load_delft(shared / "data/view_of_delft")
    for s in delft:
        s.points[:, 3] *= 0.4  # its reflectance reads about 2.5 times KITTI's mean
    train += delft
    for s in train:
        drop_dontcare(s)
    val = kitti.load_object(k, "lidar_val.txt")
    forbidden = {s.drive for s in val} | {f"2011_09_26_drive_{d}_sync" for d in ("0052", "0009")}
    both = {s.drive for s in train} & forbidden
    if both:
        raise SystemExit(f"train and validation share drives: {sorted(both)}")
    layouts = scenes.load_layouts(Path(unpacked) / "kitti_labels", forbidden, kitti.read_calib,
                                  kitti.read_labels, kitti.Scan)
    return train, val, layouts


def drop_dontcare(scan, beyond_m=25.0):
    """Takes out the returns of far unlabelled objects (DontCare areas), which would teach that cars are none."""
    if not scan.dontcare:
        return
    u, v, _ = scan.calib.project(scan.points).T
    far = np.hypot(scan.points[:, 0], scan.points[:, 1]) > beyond_m
    inside = np.zeros(len(u), bool)
    for x0, y0, x1, y1 in scan.dontcare:
        inside |= (u >= x0) & (u <= x1) & (v >= y0) & (v <= y1)
    scan.points = scan.points[~(inside & far)]
