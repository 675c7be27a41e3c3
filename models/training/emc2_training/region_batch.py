"""What the experts see of a batch of scenes: proposals, the tensors of ../FEATURES.md for each, and what each should say."""

import math

import numpy as np
import torch

from . import windows
from .batches import overlaps, to_local, wrap
from .bev_batch import COARSE, log_share
from .bev_net import BOX_CHANNELS, CLASSES
from .evaluate import OVERLAP_WEIGHT
from .features import MARGIN_XY, MARGIN_Z, RASTER, X, Y
from .kitti import OTHER

REGIONS = 24
MEAN_SIZE = ((3.9, 1.63, 1.53), (0.8, 0.6, 1.75), (1.76, 0.6, 1.73))
JITTER = ((0.30, 0.15, 0.12, 0.06, 0.06, 0.06, 0.10), (0.15, 0.15, 0.10, 0.12, 0.12, 0.06, 0.5), (0.20, 0.12, 0.10, 0.08, 0.12, 0.06, 0.25))


def proposals(heat, reg, height, threshold=0.05, limit=48, overlap_weight=OVERLAP_WEIGHT, nms_overlap=0.2, candidates=96):
    """(boxes [B, limit, 7], classes, scores, valid [B, limit]) of heat maps [B, 3, NX, NY], best first: evaluate.decode for batches."""
    count, _, nx, ny = heat.shape
    sets = reg.view(count, CLASSES, BOX_CHANNELS, nx, ny)
    around = torch.nn.functional.max_pool2d(heat, 3, 1, 1)
    own = (sets[:, :, :2].abs() <= 0.5).all(2)
    ok = ((heat >= around) | own) & (heat > math.log(threshold / (1 - threshold)))
    score = torch.sigmoid(heat) ** (1 - overlap_weight) * torch.sigmoid(sets[:, :, 9]) ** overlap_weight
    score, at = torch.where(ok, score, torch.zeros_like(score)).flatten(1).topk(candidates, 1)
    cls, i, j = at // (nx * ny), at // ny % nx, at % ny
    v = sets.permute(0, 1, 3, 4, 2).reshape(count, -1, BOX_CHANNELS).gather(1, at[..., None].expand(-1, -1, BOX_CHANNELS)).unbind(-1)
    axis = torch.atan2(v[6], v[7]) / 2
    axis = torch.where(axis < -math.pi / 4, axis + math.pi, axis)
    size = [t.clamp(-3, 4).exp() for t in v[3:6]]
    boxes = torch.stack([X[0] + (i + 0.5 + v[0]) * COARSE, Y[0] + (j + 0.5 + v[1]) * COARSE, v[2] - height[:, None], *size,
                         wrap(torch.where(v[8] > 0, axis, axis - math.pi))], -1)
    valid = suppress(boxes, cls, score > 0, nms_overlap)
    order = torch.argsort((~valid).to(torch.uint8), dim=1, stable=True)[:, :limit]
    pick = lambda t: t.gather(1, order)
    return boxes.gather(1, order[..., None].expand(-1, -1, 7)), pick(cls), pick(score), pick(valid)


def suppress(boxes, cls, valid, limit):
    """[B, M] bool: what greedy suppression within a class keeps of boxes that are sorted by score."""
    over = (overlaps(boxes[:, :, None], boxes[:, None])[0] > limit) & (cls[:, :, None] == cls[:, None])
    over = over.triu(1)
    keep = valid.clone()
    for k in range(boxes.shape[1]):
        keep &= ~(keep[:, k:k + 1] & over[:, k])
    return keep


def propose(b, said=None, where=None):
    """(boxes [B, REGIONS, 7], classes, confidence): jittered truth and chance places, or in the scenes `where` [B] bool what the
    proposal network `said` of them (proposals) and chance places."""
    device = b.points.device
    jittered = [jitter(b) for _ in range(2)]
    boxes, cls, confidence, valid = (torch.cat(t, 1) for t in zip(*jittered))
    most = torch.full((len(b),), REGIONS * 2 // 3, device=device)
    if said is not None:
        pad = boxes.shape[1] - said[0].shape[1]
        if pad < 0:
            raise ValueError(f"{said[0].shape[1]} proposals, room for {boxes.shape[1]}")
        for mine, its in zip((boxes, cls, confidence, valid), said):
            mine[where] = torch.cat([its, its.new_zeros(len(its), pad, *its.shape[2:])], 1).to(mine.dtype)
        most[where] = REGIONS - 4
    order = torch.argsort(torch.rand(valid.shape, device=device) + 2 * ~valid, 1)[:, :REGIONS]
    pick = lambda t: t.gather(1, order)
    boxes, cls, confidence, valid = boxes.gather(1, order[..., None].expand(-1, -1, 7)), pick(cls), pick(confidence), pick(valid)
    used = valid & (torch.arange(REGIONS, device=device) < most[:, None])
    by_chance = anywhere(b)
    mix = lambda mine, its: torch.where(used[..., None] if mine.dim() == 3 else used, mine, its)
    return tuple(mix(*t) for t in zip((boxes, cls, confidence), by_chance))


def jitter(b):
    """Boxes of the truth moved, scaled and turned, a third of them back to front."""
    shape, device = b.classes.shape, b.points.device
    cls = torch.where(b.classes == OTHER, 0, torch.where(b.classes < 0, -1 - b.classes, b.classes)).clamp(0, 2)
    strength = torch.tensor([0.5, 1.0, 1.6], device=device)[torch.randint(3, shape, device=device)]
    e = torch.randn(*shape, 7, device=device) * torch.tensor(JITTER, device=device)[cls] * strength[..., None]
    c, s = torch.cos(b.boxes[..., 6]), torch.sin(b.boxes[..., 6])
    out = b.boxes.clone()
    out[..., 0] += c * e[..., 0] - s * e[..., 1]
    out[..., 1] += s * e[..., 0] + c * e[..., 1]
    out[..., 2] += e[..., 2]
    out[..., 3:6] *= e[..., 3:6].exp()
    out[..., 6] = wrap(out[..., 6] + e[..., 6] + math.pi * (torch.rand(shape, device=device) < 0.3))
    return out, cls, torch.rand(shape, device=device) * 0.85 + 0.15, b.classes >= OTHER


def anywhere(b):
    """Boxes of any class about returns taken by chance."""
    shape, device = (len(b), REGIONS), b.points.device
    at = torch.multinomial(b.valid.float() + 1e-9, REGIONS, replacement=True)
    place = b.points[..., :2].gather(1, at[..., None].expand(-1, -1, 2))
    cls = torch.randint(3, shape, device=device)
    size = torch.tensor(MEAN_SIZE, device=device)[cls] * (torch.randn(*shape, 3, device=device) * 0.1).exp()
    z = size[..., 2] / 2 - b.height[:, None] + torch.randn(shape, device=device) * 0.15
    yaw = (torch.rand(shape, device=device) * 2 - 1) * math.pi
    return torch.cat([place, z[..., None], size, yaw[..., None]], -1), cls, torch.rand(shape, device=device) * 0.5 + 0.1


def encode(b, boxes, cls, confidence, pictures=None):
    """The experts' inputs {name: [R, ...]} for boxes [B, M, 7] of the scenes, R = B * M, rows scene by scene.

    Beside them: `box`, `cls`, and for regions with a picture (`image` [R], 1: it has one) `windows` [2, those, 3, 64, 64], `uv` [R, 256, 2]
    (places of the 256 points in the tight window, -1..1) and `object` [R, 256] (does the point belong to an object?).
    """
    count, m, n = *boxes.shape[:2], b.points.shape[1]
    within, lists = [], []
    room = boxes[..., 3:6] / 2 + boxes.new_tensor([MARGIN_XY, MARGIN_XY, MARGIN_Z])
    for i in range(count):  # scene by scene: all at once is gigabytes
        local = to_local(b.points[i:i + 1], boxes[i:i + 1])[0]
        ok = (local.abs() <= room[i][:, None]).all(-1) & b.valid[i]
        within.append(ok.cumsum(1, dtype=torch.int32))
        region, point = ok.nonzero(as_tuple=True)
        lists.append((region + i * m, local[region, point], b.points[i, point, 3]))
    rank = torch.stack(within).view(count * m, n)
    returns = rank[:, -1].long()
    region, local, light = (torch.cat(t) for t in zip(*lists))
    flat, name = boxes.reshape(-1, 7), cls.reshape(-1)
    out = {"box": flat, "cls": name, "raster": raster(region, local, light, flat),
           "context": context(flat, name, confidence.reshape(-1), returns, b.height.repeat_interleave(m))}
    scene = torch.arange(count, device=flat.device).repeat_interleave(m)
    for places in (128, 256):
        at, has = picked(rank, returns, places)
        rows = b.points[scene[:, None], at]
        out[f"points{places}"] = point_rows(rows, flat, has)
    return out | seen(b, scene, flat, rows, has, pictures)


def picked(rank, returns, places):
    """([R, places], [R]): numbers of the returns that fill a region's places (features.pick), and whether it has any."""
    k = torch.arange(places, device=rank.device)
    n = returns[:, None]
    which = torch.where(n > places, k * n // places, k % n.clamp(min=1))
    at = torch.searchsorted(rank, (which + 1).to(rank.dtype).contiguous())
    return at.clamp(max=rank.shape[1] - 1), returns > 0


def point_rows(points, boxes, has):
    """[R, M, 8] from points [R, M, 4]."""
    d = points[..., :3] - boxes[:, None, :3]
    c, s = torch.cos(boxes[:, 6])[:, None], torch.sin(boxes[:, 6])[:, None]
    local = torch.stack([c * d[..., 0] + s * d[..., 1], -s * d[..., 0] + c * d[..., 1], d[..., 2]], -1)
    out = torch.cat([local, points[..., 3:], local / (boxes[:, None, 3:6] / 2), torch.ones_like(points[..., :1])], -1)
    return out * has[:, None, None]


def raster(region, local, light, boxes):
    """[R, 8, 32, 16] from all regions' returns, one row each: whose it is, its place in the box's frame, its intensity."""
    rows, columns = RASTER
    room = boxes[:, 3:6] + 2 * boxes.new_tensor([MARGIN_XY, MARGIN_XY, MARGIN_Z])
    place = local / room[region] + 0.5
    r, c = ((place[:, k] * size).long().clamp(0, size - 1) for k, size in ((0, rows), (1, columns)))
    z = place[:, 2].clamp(0, 1)
    key, cells = (region * rows + r) * columns + c, len(boxes) * rows * columns
    counts = z.new_zeros(cells * 5).index_add_(0, key * 5 + (z * 5).long().clamp(0, 4), torch.ones_like(z)).view(cells, 5)
    top = z.new_zeros(cells).scatter_reduce_(0, key, z, "amax")
    n = counts.sum(1)
    bright = z.new_zeros(cells).index_add_(0, key, light) / n.clamp(min=1)
    out = torch.cat([log_share(counts, 9.0), top[:, None], bright[:, None], log_share(n, 33.0)[:, None]], 1)
    return out.view(len(boxes), rows, columns, 8).permute(0, 3, 1, 2).contiguous()


def context(boxes, cls, confidence, returns, height):
    off = boxes[:, 6] - torch.atan2(boxes[:, 1], boxes[:, 0])
    return torch.cat([boxes[:, 3:6], torch.stack([boxes[:, 2] + height, torch.hypot(boxes[:, 0], boxes[:, 1]) / 70, torch.log1p(returns.float()) / 8], 1),
                      torch.nn.functional.one_hot(cls, 3).float(), torch.stack([confidence, torch.sin(off), torch.cos(off)], 1)], 1)


def seen(b, scene, boxes, rows, has, pictures):
    """Windows of the regions that a picture shows, and where their points lie in them."""
    image = b.image[scene] if pictures is not None else torch.full_like(scene, -1)
    rect, ahead = project(boxes, pictures.matrix[image.clamp(min=0)]) if pictures is not None else (None, None)
    out = {"uv": boxes.new_zeros(len(boxes), 256, 2), "object": boxes.new_zeros(len(boxes), 256), "windows": boxes.new_zeros(2, 0, 3, 64, 64)}
    if rect is None:
        return out | {"image": boxes.new_zeros(len(boxes))}
    shown = (image >= 0) & ahead & (rect[:, 2] > 0) & (rect[:, 3] > 0) & has
    out["image"] = shown.float()
    if not shown.any():
        return out
    image, rect, rows = image[shown], rect[shown], rows[shown]
    tight, wide = rectangles(rect)
    out["windows"] = torch.stack([pictures.window(image, tight), pictures.window(image, wide)])
    q = rows[..., :3] @ pictures.matrix[image][:, :, :3].transpose(1, 2) + pictures.matrix[image][:, None, :, 3]
    uv = q[..., :2] / q[..., 2:]
    out["uv"][shown] = 2 * (uv + 0.5 - tight[:, None, :2]) / tight[:, None, 2:] - 1
    in_object = b.boxes[scene[shown]]  # [S, K, 7]
    of = b.classes[scene[shown]] >= OTHER
    d = to_local(rows, in_object).abs() <= (in_object[..., None, 3:6] / 2 + 0.05)
    out["object"][shown] = (d.all(-1) & of[..., None]).any(1).float()
    return out


def project(boxes, matrix):
    """([R, 4] left top right bottom in pixels, [R] bool: is any of it ahead?) of boxes under matrices [R, 3, 4]."""
    signs = boxes.new_tensor([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 2
    local = boxes[:, None, 3:6] * signs
    c, s = torch.cos(boxes[:, 6])[:, None], torch.sin(boxes[:, 6])[:, None]
    corner = torch.stack([c * local[..., 0] - s * local[..., 1], s * local[..., 0] + c * local[..., 1], local[..., 2]], -1) + boxes[:, None, :3]
    q = corner @ matrix[:, :, :3].transpose(1, 2) + matrix[:, None, :, 3]
    ends = [(i, i ^ bit) for i in range(8) for bit in (1, 2, 4) if i < i ^ bit]
    a, e = q[:, [i for i, _ in ends]], q[:, [j for _, j in ends]]
    cut = (a[..., 2] < windows.NEAR) != (e[..., 2] < windows.NEAR)
    t = (windows.NEAR - a[..., 2]) / torch.where(cut, e[..., 2] - a[..., 2], torch.ones_like(a[..., 2]))
    points, ok = torch.cat([q, a + t[..., None] * (e - a)], 1), torch.cat([q[..., 2] >= windows.NEAR, cut], 1)
    uv = points[..., :2] / torch.where(ok, points[..., 2], torch.ones_like(points[..., 2]))[..., None]
    low = torch.where(ok[..., None], uv, torch.full_like(uv, math.inf)).amin(1)
    high = torch.where(ok[..., None], uv, torch.full_like(uv, -math.inf)).amax(1)
    return torch.cat([low, high], 1), ok.any(1)


def rectangles(rect):
    """Tight and wide windows [R, 4] (left, top, width, height) of 2D boxes (windows.rectangles)."""
    middle, size = (rect[:, :2] + rect[:, 2:]) / 2, rect[:, 2:] - rect[:, :2]
    wide = [(k * size).clamp(min=16.0) for k in (1.2, 2.4)]
    return tuple(torch.cat([middle - w / 2, w], 1) for w in wide)


class Pictures:
    """Pictures with all their mip levels in one list of pixels on the device, whitened: what lies outside of one is 0."""

    def __init__(self, scans, device):
        pixels, self.offset, self.size, self.levels, start = [], [], [], [], 0
        for s in scans:
            levels = windows.load(s.image).levels
            self.levels.append(len(levels))
            rows = []
            for a in levels:
                rows.append((start, *a.shape[:2]))
                start += a.shape[0] * a.shape[1]
                pixels.append(((a - windows.MEAN) / windows.STD).astype(np.float16).reshape(-1, 3))
            rows += [rows[-1]] * (6 - len(rows))
            self.offset.append([r[0] for r in rows])
            self.size.append([r[1:] for r in rows])
        tensor = lambda v: torch.tensor(v, device=device)
        self.pixels = torch.from_numpy(np.concatenate(pixels)).to(device)
        self.offset, self.size, self.levels = tensor(self.offset), tensor(self.size), tensor(self.levels)
        self.matrix = torch.from_numpy(np.stack([s.calib.p2 @ s.calib.velo_to_rect for s in scans])).float().to(device)

    def window(self, image, rect):
        """[R, 3, 64, 64]: windows (left, top, width, height) [R, 4] of the pictures `image` [R] (windows.Pyramid.window)."""
        step = rect[:, 2:].amax(1) / windows.SIZE
        level = torch.ceil(torch.log2((step / 2).clamp(min=1e-6))).long().clamp(min=0).minimum(self.levels[image] - 1)
        k = torch.exp2(level.float())[:, None]
        place = (torch.arange(windows.SIZE, device=rect.device) + 0.5) / windows.SIZE
        u, v = ((rect[:, a, None] + place * rect[:, a + 2, None] - 0.5 - (k - 1) / 2) / k for a in (0, 1))
        start, (height, width) = self.offset[image, level], self.size[image, level].unbind(-1)
        u0, v0 = torch.floor(u), torch.floor(v)
        out = 0
        for dv in (0, 1):
            for du in (0, 1):
                uu, vv = (u0 + du).long(), (v0 + dv).long()
                share = (1 - (v - v0 - dv).abs())[:, :, None] * (1 - (u - u0 - du).abs())[:, None, :]
                share = share * ((vv >= 0) & (vv < height[:, None]))[:, :, None] * ((uu >= 0) & (uu < width[:, None]))[:, None, :]
                row = vv.clamp(min=0).minimum(height[:, None] - 1) * width[:, None]
                at = start[:, None, None] + row[:, :, None] + uu.clamp(min=0).minimum(width[:, None] - 1)[:, None, :]
                out = out + self.pixels[at].float() * share[..., None]
        return out.permute(0, 3, 1, 2).contiguous()


def taught(b, boxes, cls):
    """{`target` [R, 7], `positive` [R], `weight` [R, 3]}: what the experts should say of boxes [B, M, 7]."""
    count, m = cls.shape
    real = b.classes >= OTHER
    best, at = torch.where(real[:, None], overlaps(boxes[:, :, None], b.boxes[:, None])[1], torch.zeros((), device=boxes.device)).max(-1)
    of, truth = b.classes.gather(1, at), b.boxes.gather(1, at[..., None].expand(-1, -1, 7))
    touched = best > 0
    mine = touched & (of == cls) & (best > torch.where(cls == 0, 0.25, 0.1))
    weight = b.known[:, None].float().expand(count, m, 3).clone()
    # A van is neither a car nor none; an object of another class, or found too badly, is neither a find nor a mistake.
    neighbour = (touched & (of < 0) & (of > OTHER))[..., None] & (torch.arange(3, device=cls.device) == (-1 - of)[..., None])
    weight[neighbour] = 0
    weight[touched & (of >= 0) & ~mine & (best > 0.1)] = 0
    target = encode_targets(boxes, truth) * mine[..., None]
    return {"target": target.view(-1, 7), "positive": mine.float().view(-1), "weight": weight.view(-1, 3)}


def encode_targets(boxes, truth):
    """The refinement [..., 7] that makes `truth` of `boxes`; headings differ by half a turn at most a quarter."""
    c, s = torch.cos(boxes[..., 6]), torch.sin(boxes[..., 6])
    d = truth[..., :3] - boxes[..., :3]
    diagonal = torch.hypot(boxes[..., 3], boxes[..., 4])
    yaw = wrap(truth[..., 6] - boxes[..., 6])
    yaw = yaw - math.pi * torch.round(yaw / math.pi)
    return torch.stack([(c * d[..., 0] + s * d[..., 1]) / diagonal, (-s * d[..., 0] + c * d[..., 1]) / diagonal, d[..., 2] / boxes[..., 5],
                        *(truth[..., 3:6] / boxes[..., 3:6]).log().unbind(-1), yaw], -1)


def mirror(out, which):
    """Left and right of the box's own frame change places in all inputs and targets of the regions `which` [R] bool."""
    out["raster"] = torch.where(which[:, None, None, None], out["raster"].flip(3), out["raster"])
    side = torch.where(which, -1.0, 1.0)[:, None]
    for points in ("points128", "points256"):
        out[points][..., 1] *= side
        out[points][..., 5] *= side
    out["context"][:, 10] *= side[:, 0]
    out["target"][:, [1, 6]] *= side
    out["uv"][..., 0] *= side
    shown = which[out["image"] > 0]
    out["windows"][:, shown] = out["windows"][:, shown].flip(-1)


def another_light(out):
    """Another day's light, another camera's colours: each region's windows for itself."""
    w = out["windows"]
    r = lambda mean, sigma, channels: torch.randn(1, w.shape[1], channels, 1, 1, device=w.device) * sigma + mean
    out["windows"] = w * r(1, 0.15, 1) * r(1, 0.05, 3) + r(0, 0.2, 1) + r(0, 0.05, 3)


def sample(b, said=None, where=None, pictures=None):
    """A batch of regions to learn from."""
    boxes, cls, confidence = propose(b, said, where)
    out = encode(b, boxes, cls, confidence, pictures) | taught(b, boxes, cls)
    mirror(out, torch.rand(len(out["cls"]), device=cls.device) < 0.5)
    another_light(out)
    dark = torch.rand(len(out["cls"]), device=cls.device) < 0.15  # sometimes a picture is not there
    keep = ~dark[out["image"] > 0]
    out["image"] = out["image"] * ~dark
    out["windows"] = out["windows"][:, keep]
    return out
