"""Image windows of regions and the features at points (../FEATURES.md)."""

import numpy as np
from PIL import Image

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
SIZE, NEAR = 64, 0.1
CROP, CROP_SCALE = 160, 2.0  # places along a classifier's crop; its side over the longer side of the 2D box


class Pyramid:
    """An image with its mip levels, float32 in 0..1."""

    def __init__(self, rgb):
        self.levels = [np.asarray(rgb, np.float32) / 255]
        while min(self.levels[-1].shape[:2]) >= 8 and len(self.levels) < 6:
            a = self.levels[-1]
            a = a[: a.shape[0] // 2 * 2, : a.shape[1] // 2 * 2]
            self.levels.append((a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]) / 4)

    def window(self, left, top, width, height, places=SIZE):
        step = max(width, height) / places
        level = int(np.clip(np.ceil(np.log2(max(step / 2, 1e-6))), 0, len(self.levels) - 1))
        a, k = self.levels[level], 2.0 ** level
        # Level pixel i covers full-size pixels k*i .. k*i + k - 1: its centre is at k*i + (k - 1) / 2.
        place = (np.arange(places) + 0.5) / places
        u = (left + place * width - 0.5 - (k - 1) / 2) / k
        v = (top + place * height - 0.5 - (k - 1) / 2) / k
        out = _bilinear(a, u, v)
        return ((out - MEAN) / STD).transpose(2, 0, 1)


def _bilinear(a, u, v):
    h, w = a.shape[:2]
    u0, v0 = np.floor(u).astype(int), np.floor(v).astype(int)
    fu, fv = (u - u0).astype(np.float32)[None, :, None], (v - v0).astype(np.float32)[:, None, None]
    out = 0
    for dv, wv in ((0, 1 - fv), (1, fv)):
        for du, wu in ((0, 1 - fu), (1, fu)):
            vv, uu = v0 + dv, u0 + du
            px = a[np.clip(vv, 0, h - 1)[:, None], np.clip(uu, 0, w - 1)[None, :]]
            off = ((vv < 0) | (vv >= h))[:, None] | ((uu < 0) | (uu >= w))[None, :]
            out = out + np.where(off[..., None], MEAN, px) * wv * wu
    return out.astype(np.float32)


def project_box(box, calib):
    """2D box (left, top, right, bottom), not clipped by the image; None when wholly behind the camera."""
    l, w, h = box[3:6] / 2
    c, s = np.cos(box[6]), np.sin(box[6])
    corners = np.array([[x, y, z] for x in (-l, l) for y in (-w, w) for z in (-h, h)])
    corners = np.stack([c * corners[:, 0] - s * corners[:, 1], s * corners[:, 0] + c * corners[:, 1], corners[:, 2]], 1) + box[:3]
    q = np.concatenate([corners, np.ones((8, 1))], 1) @ calib.velo_to_rect.T @ calib.p2.T
    edges = [(i, i ^ b) for i in range(8) for b in (1, 2, 4) if i < i ^ b]
    pts = [p for p in q if p[2] >= NEAR]
    for i, j in edges:
        a, b = q[i], q[j]
        if (a[2] < NEAR) != (b[2] < NEAR):
            t = (NEAR - a[2]) / (b[2] - a[2])
            pts.append(a + t * (b - a))
    if not pts:
        return None
    p = np.array(pts)
    u, v = p[:, 0] / p[:, 2], p[:, 1] / p[:, 2]
    return np.array([u.min(), v.min(), u.max(), v.max()])


def rectangles(rect):
    """Tight and wide window (left, top, width, height) of a 2D box."""
    cu, cv = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
    out = []
    for k in (1.2, 2.4):
        w, h = max(16.0, k * (rect[2] - rect[0])), max(16.0, k * (rect[3] - rect[1]))
        out.append((cu - w / 2, cv - h / 2, w, h))
    return out


def crop(rect):
    """The classifier's window (left, top, width, height) of a 2D box: a square, so that nothing is stretched."""
    side = max(16.0, CROP_SCALE * max(rect[2] - rect[0], rect[3] - rect[1]))
    return ((rect[0] + rect[2] - side) / 2, (rect[1] + rect[3] - side) / 2, side, side)


def load(path):
    return Pyramid(Image.open(path).convert("RGB"))
