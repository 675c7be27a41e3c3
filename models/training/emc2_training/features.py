"""The tensors of ../FEATURES.md, in numpy. The Rust bridge implements the same page."""

import numpy as np

from .boxes import inside

X, Y, H = (0.0, 70.4), (-40.0, 40.0), (-1.0, 3.5)
FINE, COARSE = np.float32(0.2), np.float32(0.4)
SLICES = np.array([-1.0, 0.25, 0.55, 0.85, 1.2, 1.6, 2.1, 3.5], np.float32)
RASTER, MARGIN_XY, MARGIN_Z = (32, 16), 0.5, 0.3


def _log(n, full):
    return np.minimum(1.0, np.log1p(n) / np.log(full)).astype(np.float32)


def bev_grids(points, origin_height, x=X, y=Y):
    """`fine` [12, NX, NY] and `coarse` [8, NX/2, NY/2]; x, y: the range, multiples of the coarse cell from X, Y."""
    h = points[:, 2] + np.float32(origin_height)
    ok = (points[:, 0] >= x[0]) & (points[:, 0] < x[1]) & (points[:, 1] >= y[0]) & (points[:, 1] < y[1])
    ok &= (h >= H[0]) & (h < H[1])
    p, h = points[ok], h[ok]
    fine = _cells(p, h, x, y, FINE)
    coarse = _cells(p, h, x, y, COARSE)
    nx, ny = round((x[1] - x[0]) / float(FINE)), round((y[1] - y[0]) / float(FINE))
    f = np.zeros((12, nx * ny), np.float32)
    key, n = fine["cell"], fine["n"]
    k = np.searchsorted(SLICES, h, side="right") - 1
    count = np.bincount(fine["slot"] * 7 + k, minlength=len(key) * 7).reshape(-1, 7)
    f[:7, key] = _log(count, 9.0).T
    f[7, key] = _h(fine["max"])
    f[8, key] = fine["sum_i"] / n
    f[9, key] = fine["sum_dx"] / n
    f[10, key] = fine["sum_dy"] / n
    f[11, key] = (fine["max"] - fine["min"]) / (H[1] - H[0])

    mx, my = nx // 2, ny // 2
    g = np.zeros((8, mx * my), np.float32)
    cx = x[0] + (np.arange(mx) + 0.5) * float(COARSE)
    cy = y[0] + (np.arange(my) + 0.5) * float(COARSE)
    r = np.hypot(cx[:, None], cy[None, :]).astype(np.float32).reshape(-1)
    key, n = coarse["cell"], coarse["n"]
    mean = coarse["sum_h"] / n
    g[0, key] = _log(n, 65.0)
    g[1, key] = _h(coarse["min"])
    g[2, key] = _h(mean)
    g[3, key] = np.minimum(1.0, np.sqrt(np.maximum(0.0, coarse["sum_hh"] / n - mean * mean)))
    g[4, key] = _h(coarse["max"])
    g[5, key] = coarse["sum_i"] / n
    g[6, key] = _log(n * (r[key] / 20.0) ** 2, 257.0)
    g[7] = r / 80.0
    return f.reshape(12, nx, ny), g.reshape(8, mx, my)


def _h(h):
    return (h - H[0]) / (H[1] - H[0])


def _cells(p, h, x, y, cell):
    ix = np.floor((p[:, 0] - np.float32(x[0])) / cell).astype(np.int64)
    iy = np.floor((p[:, 1] - np.float32(y[0])) / cell).astype(np.int64)
    nx, ny = round((x[1] - x[0]) / float(cell)), round((y[1] - y[0]) / float(cell))
    flat = ix * ny + iy
    keys = np.flatnonzero(np.bincount(flat, minlength=nx * ny))
    place = np.zeros(nx * ny, np.int64)
    place[keys] = np.arange(len(keys))
    slot = place[flat]
    m = len(keys)
    total = lambda v: np.bincount(slot, v.astype(np.float64), m)
    lo, hi = np.full(m, np.inf, np.float32), np.full(m, -np.inf, np.float32)
    np.minimum.at(lo, slot, h)
    np.maximum.at(hi, slot, h)
    half = float(cell) / 2
    return {
        "cell": keys, "slot": slot, "n": np.bincount(slot, minlength=m), "min": lo, "max": hi,
        "sum_i": total(p[:, 3]), "sum_h": total(h), "sum_hh": total(h.astype(np.float64) ** 2),
        "sum_dx": total((p[:, 0] - (x[0] + (ix + 0.5) * float(cell))) / half),
        "sum_dy": total((p[:, 1] - (y[0] + (iy + 0.5) * float(cell))) / half),
    }


def region(points, box):
    """Indices of a region's points, in scan order."""
    return np.sort(inside(points, box, MARGIN_XY, MARGIN_Z))


def context(box, cls, confidence, n, origin_height):
    d = np.hypot(box[0], box[1])
    a = box[6] - np.arctan2(box[1], box[0])
    hot = np.eye(3)[cls]
    return np.array([*box[3:6], box[2] + origin_height, d / 70, np.log1p(n) / 8, *hot, confidence,
                     np.sin(a), np.cos(a)], np.float32)


def raster(local, intensity, box):
    """[8, 32, 16] from a region's points in the box frame."""
    rows, cols = RASTER
    el, ew, eh = box[3] + 2 * MARGIN_XY, box[4] + 2 * MARGIN_XY, box[5] + 2 * MARGIN_Z
    out = np.zeros((8, rows * cols), np.float32)
    if len(local) == 0:
        return out.reshape(8, rows, cols)
    r = np.clip(((local[:, 0] / el + 0.5) * rows).astype(int), 0, rows - 1)
    c = np.clip(((local[:, 1] / ew + 0.5) * cols).astype(int), 0, cols - 1)
    z = np.clip(local[:, 2] / eh + 0.5, 0, 1)
    s = np.clip((z * 5).astype(int), 0, 4)
    k = r * cols + c
    size = rows * cols
    for i in range(5):
        out[i] = _log(np.bincount(k[s == i], minlength=size), 9.0)
    np.maximum.at(out[5], k, z.astype(np.float32))
    n = np.bincount(k, minlength=size)
    out[6] = np.bincount(k, intensity, size) / np.maximum(n, 1)
    out[7] = _log(n, 33.0)
    return out.reshape(8, rows, cols)


def pick(n, m):
    """Which of a region's n points fill m places (empty when n = 0)."""
    if n == 0:
        return np.zeros(0, int)
    return (np.arange(m) * n) // m if n > m else np.arange(m) % n


def point_rows(local, intensity, box, m):
    """[m, 8]."""
    out = np.zeros((m, 8), np.float32)
    k = pick(len(local), m)
    if len(k):
        q = local[k]
        out[:, :3], out[:, 3] = q, intensity[k]
        out[:, 4:7] = q / (np.asarray(box[3:6], np.float32) / 2)
        out[:, 7] = 1
    return out
