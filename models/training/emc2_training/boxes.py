"""Boxes as rows `x y z l w h yaw` (centre, metres, LiDAR frame, yaw counter-clockwise from +x)."""

import numpy as np


def wrap(a):
    return (a + np.pi) % (2 * np.pi) - np.pi


def to_local(points, box):
    """Points [N, >=3] in the frame of one box, float32."""
    c, s = np.cos(box[6]), np.sin(box[6])
    d = points[:, :3] - box[:3]
    return np.stack([c * d[:, 0] + s * d[:, 1], -s * d[:, 0] + c * d[:, 1], d[:, 2]], 1).astype(np.float32)


def from_local(local, box):
    c, s = np.cos(box[6]), np.sin(box[6])
    x, y, z = local[:, 0], local[:, 1], local[:, 2]
    return np.stack([c * x - s * y + box[0], s * x + c * y + box[1], z + box[2]], 1)


def inside(points, box, margin_xy=0.0, margin_z=0.0):
    """Which points lie in the (enlarged) box."""
    reach = 0.5 * np.hypot(box[3], box[4]) + 1.5 * margin_xy
    near = np.flatnonzero((np.abs(points[:, 0] - box[0]) <= reach) & (np.abs(points[:, 1] - box[1]) <= reach))
    q = to_local(points[near], box)
    ok = (
        (np.abs(q[:, 0]) <= box[3] / 2 + margin_xy)
        & (np.abs(q[:, 1]) <= box[4] / 2 + margin_xy)
        & (np.abs(q[:, 2]) <= box[5] / 2 + margin_z)
    )
    return near[ok]


def bev_corners(box):
    c, s = np.cos(box[6]), np.sin(box[6])
    x = np.array([1, -1, -1, 1]) * box[3] / 2
    y = np.array([1, 1, -1, -1]) * box[4] / 2
    return np.stack([c * x - s * y + box[0], s * x + c * y + box[1]], 1)


def _clip(poly, a, b):
    out = []
    e = b - a
    side = [e[0] * (p[1] - a[1]) - e[1] * (p[0] - a[0]) for p in poly]
    for i, p in enumerate(poly):
        j = (i + 1) % len(poly)
        if side[i] >= 0:
            out.append(p)
        if (side[i] > 0 and side[j] < 0) or (side[i] < 0 and side[j] > 0):
            t = side[i] / (side[i] - side[j])
            out.append(p + t * (poly[j] - p))
    return out


def bev_intersection(a, b):
    if np.hypot(a[0] - b[0], a[1] - b[1]) > 0.5 * (np.hypot(a[3], a[4]) + np.hypot(b[3], b[4])):
        return 0.0
    poly, cb = list(bev_corners(a)), bev_corners(b)
    for i in range(4):
        poly = _clip(poly, cb[i], cb[(i + 1) % 4])
        if len(poly) < 3:
            return 0.0
    p = np.array(poly)
    x, y = p[:, 0], p[:, 1]
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def overlaps(a, b):
    """BEV and 3D intersection over union of two boxes."""
    inter = bev_intersection(a, b)
    if inter <= 0:
        return 0.0, 0.0
    top = min(a[2] + a[5] / 2, b[2] + b[5] / 2)
    low = max(a[2] - a[5] / 2, b[2] - b[5] / 2)
    vol = inter * max(0.0, top - low)
    bev = inter / (a[3] * a[4] + b[3] * b[4] - inter)
    return bev, vol / (a[3] * a[4] * a[5] + b[3] * b[4] * b[5] - vol)


def nms(boxes, scores, limit):
    keep = []
    for i in np.argsort(-scores, kind="stable"):
        if all(overlaps(boxes[i], boxes[j])[0] <= limit for j in keep):
            keep.append(i)
    return np.array(keep, int)
