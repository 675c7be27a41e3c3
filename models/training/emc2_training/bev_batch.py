"""What the proposal network sees of a batch of scenes, and what it should say: grids and targets (tensors: ../FEATURES.md)."""

import math

import torch

from .batches import EMPTY, inside, wrap
from .features import H, SLICES, X, Y
from .kitti import OTHER

FINE, COARSE = 0.2, 0.4
CROP = (56.0, 57.6)  # training window, metres along x and y
SIGMA = (1.1, 0.65, 0.75)  # of the heat map's bumps, in cells across the width; along the length it grows
STRETCH = (1.6, 1.0, 1.3)
LEAST = (5, 4, 4)  # fewer returns of an object are neither a find nor a mistake
OWN = 0.25  # a cell where the bump of a find is higher is that find's: its box is taught there, and no neighbour takes it away


def windows(b):
    """([B], [B]): lower corners of training windows; most are where a drive looks."""
    n, device = len(b), b.points.device
    r = torch.rand(4, n, device=device)
    x = torch.where(r[0] < 0.7, torch.zeros(n, device=device), COARSE * torch.floor(r[1] * 36))
    y = torch.where(r[2] < 0.6, torch.full((n,), -28.8, device=device), COARSE * (torch.floor(r[3] * (round((80 - CROP[1]) / COARSE) + 1)) - 100))
    return x, y


def whole(b):
    """The whole range instead of a window."""
    return torch.full_like(b.height, X[0]), torch.full_like(b.height, Y[0])


WHOLE = (X[1] - X[0], Y[1] - Y[0])


def grids(b, x, y, size):
    """`fine` [B, 12, NX, NY] and `coarse` [B, 8, NX / 2, NY / 2] of the windows of `size` (m) at x, y [B]; channels last in memory."""
    nx, ny = round(size[0] / FINE), round(size[1] / FINE)
    dx, dy, h = b.points[..., 0] - x[:, None], b.points[..., 1] - y[:, None], b.points[..., 2] + b.height[:, None]
    ok = b.valid & (dx >= 0) & (dy >= 0) & (h >= H[0]) & (h < H[1])
    ok &= (torch.floor(dx / FINE) < nx) & (torch.floor(dy / FINE) < ny)
    scene, at = ok.nonzero(as_tuple=True)
    dx, dy, h, light = dx[scene, at], dy[scene, at], h[scene, at], b.points[scene, at, 3]
    return fine_grid(scene, dx, dy, h, light, len(b), nx, ny), coarse_grid(scene, dx, dy, h, light, x, y, nx // 2, ny // 2)


def log_share(n, full):
    return (torch.log1p(n) / math.log(full)).clamp(max=1)


def cells(scene, dx, dy, cell, nx, ny):
    ix, iy = torch.floor(dx / cell), torch.floor(dy / cell)
    return ((scene * nx + ix.long()) * ny + iy.long()), ix, iy


def extremes(key, h, count):
    """Lowest and highest h of each cell; 0 where it is empty."""
    low = h.new_full((count,), math.inf).scatter_reduce_(0, key, h, "amin")
    high = h.new_full((count,), -math.inf).scatter_reduce_(0, key, h, "amax")
    return low, high


def fine_grid(scene, dx, dy, h, light, count, nx, ny):
    key, ix, iy = cells(scene, dx, dy, FINE, nx, ny)
    total = count * nx * ny
    slices = torch.bucketize(h, torch.as_tensor(SLICES, device=h.device), right=True) - 1
    n = h.new_zeros(total * 7).index_add_(0, key * 7 + slices, torch.ones_like(h)).view(total, 7)
    off = lambda d, i: (d - (i + 0.5) * FINE) / (FINE / 2)
    sums = h.new_zeros(total, 3).index_add_(0, key, torch.stack([light, off(dx, ix), off(dy, iy)], 1))
    low, high = extremes(key, h, total)
    hit = torch.isfinite(high)
    sums = sums / n.sum(1, keepdim=True).clamp(min=1)
    tall, top = torch.where(hit, high - low, 0 * high.clamp(0, 0)), torch.where(hit, (high - H[0]) / (H[1] - H[0]), torch.zeros_like(high))
    out = torch.cat([log_share(n, 9.0), top[:, None], sums, (tall / (H[1] - H[0]))[:, None]], 1)
    return out.view(count, nx, ny, 12).permute(0, 3, 1, 2)


def coarse_grid(scene, dx, dy, h, light, x, y, nx, ny):
    count = len(x)
    key, _, _ = cells(scene, dx, dy, COARSE, nx, ny)
    total = count * nx * ny
    sums = h.new_zeros(total, 4).index_add_(0, key, torch.stack([torch.ones_like(h), h, h * h, light], 1))
    low, high = extremes(key, h, total)
    n = sums[:, 0]
    hit = n > 0
    mean, square, bright = (sums[:, k] / n.clamp(min=1) for k in (1, 2, 3))
    share = lambda v: torch.where(hit, (v - H[0]) / (H[1] - H[0]), torch.zeros_like(v))
    cx = x[:, None] + (torch.arange(nx, device=x.device) + 0.5) * COARSE
    cy = y[:, None] + (torch.arange(ny, device=x.device) + 0.5) * COARSE
    r = torch.hypot(cx[:, :, None], cy[:, None, :]).reshape(-1)
    spread = (square - mean * mean).clamp(min=0).sqrt().clamp(max=1)
    out = torch.stack([log_share(n, 65.0), share(low), share(mean), spread, share(high), bright, log_share(n * (r / 20) ** 2, 257.0), r / 80], 1)
    return out.view(count, nx, ny, 8).permute(0, 3, 1, 2)


def targets(b, x, y, size=CROP):
    """Heat map [B, 3, NX, NY] and its loss weight, box targets [B, 9, NX, NY], their weight, that of the heading, the object's box
    [B, 7, NX, NY], its class [B, NX, NY], and the window's (x, y, sensor height): all at the coarse cell."""
    nx, ny, count = round(size[0] / COARSE), round(size[1] / COARSE), len(b)
    cx = x[:, None] + (torch.arange(nx, device=x.device) + 0.5) * COARSE
    cy = y[:, None] + (torch.arange(ny, device=x.device) + 0.5) * COARSE
    places = max(1, int((b.classes != EMPTY).sum(1).max()))  # objects come first
    boxes, classes, heading = b.boxes[:, :places], b.classes[:, :places], b.heading[:, :places].float()
    own = torch.where(classes < 0, -1 - classes, classes).clamp(0, 2)  # the class, or the one that it is a neighbour of
    few = inside(b, boxes).sum(-1) < torch.tensor(LEAST, device=x.device)[own]
    find = (classes >= 0) & ~few
    hidden = (classes >= 0) & few | (classes < 0) & (classes > OTHER)
    truck = (classes == OTHER) & (boxes[..., 3] > 3.0)

    shape = (count, boxes.shape[1], nx, ny)
    dx = (cx[:, None, :] - boxes[..., 0, None])[..., :, None].expand(shape)
    dy = (cy[:, None, :] - boxes[..., 1, None])[..., None, :].expand(shape)
    each = lambda v: v[..., None, None]
    c, s = each(torch.cos(boxes[..., 6])), each(torch.sin(boxes[..., 6]))
    u, v = c * dx + s * dy, c * dy - s * dx
    sigma = torch.tensor(SIGMA, device=x.device)[own] * COARSE
    along = each(sigma * torch.tensor(STRETCH, device=x.device)[own])
    bump = torch.exp(-0.5 * ((u / along) ** 2 + (v / each(sigma)) ** 2))
    centre = (dx > -COARSE / 2) & (dx <= COARSE / 2) & (dy > -COARSE / 2) & (dy <= COARSE / 2)
    bump = torch.where(centre, torch.ones_like(bump), bump) * each(find)
    within = lambda room: (u.abs() <= each(boxes[..., 3]) / 2 + room) & (v.abs() <= each(boxes[..., 4]) / 2 + room)

    heat = torch.stack([(bump * each(own == k)).amax(1) for k in range(3)], 1)
    weight = b.known[:, :, None, None].float().expand(count, 3, nx, ny).clone()
    weight[:, 0] *= 1.0 + (within(0.0) & each(truck)).any(1)  # to call a truck a car is the dearest mistake
    near = within(0.4) & each(hidden)
    for k in range(3):  # a van: not a mistake as a car
        weight[:, k].masked_fill_((near & each(own == k)).any(1) & (heat[:, k] <= OWN), 0.0)

    most, who = bump.max(1)
    regw = torch.where(most > OWN, most, torch.zeros_like(most))
    at = who.flatten(1)
    pick = lambda t: t.gather(1, at).view(count, nx, ny)
    box = torch.stack([pick(boxes[..., k]) for k in range(7)], 1)
    yaw = wrap(box[:, 6])
    reg = torch.stack([(box[:, 0] - cx[:, :, None]) / COARSE, (box[:, 1] - cy[:, None, :]) / COARSE, box[:, 2] + b.height[:, None, None],
                       *box[:, 3:6].clamp(min=1e-3).log().unbind(1), torch.sin(2 * yaw), torch.cos(2 * yaw),
                       ((yaw >= -math.pi / 4) & (yaw < 3 * math.pi / 4)).float()], 1)
    taught = regw > 0
    return (heat, weight, reg * taught[:, None], regw, regw * pick(heading), box * taught[:, None], pick(own) * taught,
            torch.stack([x, y, b.height], 1))
