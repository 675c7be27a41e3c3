"""Trains the BEV proposal network. Resumes from its checkpoint; writes log.jsonl beside it.

    python -m emc2_training.train_bev --shared DATA --unpacked LABELS --out runs/bev
"""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from . import curves, data, features, scenes, settings
from .bev_net import BOX_CHANNELS, CLASSES, BevNet, for_each_class
from .boxes import inside, wrap
from .evaluate import average_precision, detect
from .kitti import OTHER
from .machine import fast_bfloat16
from .warm_start import load_onnx

CROP = (56.0, 57.6)  # training window, metres along x and y
SIGMA = (1.1, 0.65, 0.75)  # of the heat map's bumps, in cells across the width; along the length it grows
FAST_BFLOAT16 = fast_bfloat16()


class Scenes(torch.utils.data.IterableDataset):
    """Endless augmented training windows. `progress` (0..1) is shared with the worker: towards the end scenes grow calmer."""

    def __init__(self, scans, bank, layouts, seed):
        self.scans, self.bank, self.layouts, self.seed = scans, bank, layouts, seed
        # A drive with many frames must not drown the others.
        count = {}
        for s in scans:
            count[s.drive] = count.get(s.drive, 0) + 1
        w = np.array([1 / math.sqrt(count[s.drive]) for s in scans])
        self.weight = w / w.sum()
        self.rare = [i for i, (_, c) in enumerate(layouts) if (c > 0).any()]
        self.trucks = [i for i, (_, c) in enumerate(layouts) if (c == OTHER).any()]
        self.alike = {}
        for i, s in enumerate(scans):
            self.alike.setdefault((s.known, s.view), []).append(i)
        self.progress = torch.zeros(()).share_memory_()

    def partner(self, rng, scan):
        """Another scan of the same kind of sensor, of which the same classes are labelled."""
        alike = self.alike[scan.known, scan.view]
        w = self.weight[alike]
        return self.scans[alike[rng.choice(len(alike), p=w / w.sum())]]

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng(self.seed * 1000 + (worker.id if worker else 0))
        while True:
            scan = self.scans[rng.choice(len(self.scans), p=self.weight)]
            yield window(rng, scan, *compose(rng, scan, self, calm=max(0.0, 2 * float(self.progress) - 1)))

    def layout(self, rng):
        """A label file's boxes and classes; those with people, cyclists or trucks more often than chance would have it."""
        kind = rng.random()
        pick = self.rare if kind < 0.5 else self.trucks if kind < 0.65 else range(len(self.layouts))
        return self.layouts[pick[rng.integers(len(pick))]]


def compose(rng, scan, source, calm=0.0):
    """(points, boxes, classes, heading): a frame with things set into it, augmented. calm = 1: half as many."""
    points, boxes, classes = scan.points, scan.boxes, scan.classes
    heading = np.full(len(boxes), scan.heading_known)
    if rng.random() < 0.4:
        points, boxes, classes, heading = scenes.mix(rng, scan, source.partner(rng, scan))
    if rng.random() < 0.3 - 0.15 * calm and len(boxes):  # sometimes an emptied background
        gone = np.unique(np.concatenate([inside(points, b, 0.1, 0.1) for b in boxes]))
        points = np.delete(points, gone, 0)
        boxes, classes, heading = boxes[:0], classes[:0], heading[:0]
    composer = scenes.Composer(scan, points, boxes, classes, heading)
    for _ in range(2 if rng.random() > 0.6 * calm else 1):
        scenes.paste(rng, composer, source.bank, source.layout(rng), 10)
    if rng.random() < 0.6 - 0.3 * calm:  # people and cyclists are rare: set some anywhere, and things that are neither
        scenes.scatter(rng, composer, source.bank, rng.integers(1, 5), rng.integers(0, 7))
    return scenes.augment(rng, *composer.finish())


def window(rng, scan, points, boxes, classes, heading):
    """The grids of a piece of the range, and what the network should say there."""
    x0 = 0.0 if rng.random() < 0.7 else 0.4 * rng.integers(0, 36)
    y0 = 0.4 * rng.integers(-100, -100 + round((80 - CROP[1]) / 0.4) + 1)
    if rng.random() < 0.6:
        y0 = -28.8
    x, y = (x0, x0 + CROP[0]), (y0, y0 + CROP[1])
    fine, coarse = features.bev_grids(points, scan.origin_height, x, y)
    return fine, coarse, *targets(points, boxes, classes, heading, scan, x, y)


def targets(points, boxes, classes, heading, scan, x, y):
    """Heat map, its loss weight, box targets, their weight, whose box it is, ...: all at the coarse cell."""
    nx, ny = round(CROP[0] / 0.4), round(CROP[1] / 0.4)
    heat = np.zeros((3, nx, ny), np.float32)
    weight = np.ones((3, nx, ny), np.float32)
    for c in range(3):
        if not scan.known[c]:
            weight[c] = 0.0
    reg = np.zeros((9, nx, ny), np.float32)
    regw = np.zeros((nx, ny), np.float32)
    headw = np.zeros((nx, ny), np.float32)
    real = np.zeros((7, nx, ny), np.float32)
    whose = np.zeros((nx, ny), np.int64)
    gx, gy = np.meshgrid(x[0] + (np.arange(nx) + 0.5) * 0.4, y[0] + (np.arange(ny) + 0.5) * 0.4, indexing="ij")
    for b, c, known in zip(boxes, classes, heading):
        cx, cy = (b[0] - x[0]) / 0.4, (b[1] - y[0]) / 0.4
        if not (-8 < cx < nx + 8 and -8 < cy < ny + 8):
            continue
        i0, i1 = max(0, int(cx) - 10), min(nx, int(cx) + 11)
        j0, j1 = max(0, int(cy) - 10), min(ny, int(cy) + 11)
        if i0 >= i1 or j0 >= j1:
            continue
        dx, dy = gx[i0:i1, j0:j1] - b[0], gy[i0:i1, j0:j1] - b[1]
        co, si = np.cos(b[6]), np.sin(b[6])
        u, v = co * dx + si * dy, -si * dx + co * dy
        if c == OTHER:  # to call a truck a car is the dearest mistake
            if b[3] > 3.0:
                weight[0, i0:i1, j0:j1][(np.abs(u) <= b[3] / 2) & (np.abs(v) <= b[4] / 2)] *= 2
            continue
        few = len(inside(points, b)) < (5 if c == 0 else 4)
        if c < 0 or few:
            k = c if c >= 0 else -1 - c
            hide = (np.abs(u) <= b[3] / 2 + 0.4) & (np.abs(v) <= b[4] / 2 + 0.4)
            weight[k, i0:i1, j0:j1][hide] = 0  # a van: not a mistake as a car
            continue
        s = SIGMA[c] * 0.4
        along = s * (1.6 if c == 0 else 1.3 if c == 2 else 1.0)
        g = np.exp(-0.5 * ((u / along) ** 2 + (v / s) ** 2)).astype(np.float32)
        ci, cj = int(np.floor(cx)), int(np.floor(cy))
        if i0 <= ci < i1 and j0 <= cj < j1:
            g[ci - i0, cj - j0] = 1.0
        part = heat[c, i0:i1, j0:j1]
        np.maximum(part, g, out=part)
        near = g > np.maximum(0.25, regw[i0:i1, j0:j1])
        a = wrap(b[6])
        t = [-dx / 0.4, -dy / 0.4, b[2] + scan.origin_height + 0 * dx, *(np.log(b[3 + k]) + 0 * dx for k in range(3)),
             np.sin(2 * a) + 0 * dx, np.cos(2 * a) + 0 * dx, float(-np.pi / 4 <= a < 3 * np.pi / 4) + 0 * dx]
        for k in range(9):
            reg[k, i0:i1, j0:j1][near] = t[k][near]
        for k in range(7):
            real[k, i0:i1, j0:j1][near] = b[k]
        regw[i0:i1, j0:j1][near] = g[near]
        headw[i0:i1, j0:j1][near] = g[near] * known
        whose[i0:i1, j0:j1][near] = c
    return heat, weight, reg, regw, headw, real, whose, np.array([x[0], y[0], scan.origin_height], np.float32)


def decode_maps(out, origin):
    """Box maps [B, 7, NX, NY] in metres from the raw outputs."""
    b, _, nx, ny = out.shape
    gx = (torch.arange(nx) + 0.5)[None, :, None] * 0.4 + origin[:, 0, None, None]
    gy = (torch.arange(ny) + 0.5)[None, None, :] * 0.4 + origin[:, 1, None, None]
    yaw = torch.atan2(out[:, 6], out[:, 7]) / 2
    return torch.stack([gx + out[:, 0] * 0.4, gy + out[:, 1] * 0.4, out[:, 2] - origin[:, 2, None, None],
                        out[:, 3].clamp(-3, 4).exp(), out[:, 4].clamp(-3, 4).exp(), out[:, 5].clamp(-3, 4).exp(), yaw], 1)


def aligned_overlap(p, t):
    """3D IoU as if the predicted box had the target's yaw, less the yaw's error; [B, NX, NY]."""
    c, s = torch.cos(t[:, 6]), torch.sin(t[:, 6])
    dx, dy = p[:, 0] - t[:, 0], p[:, 1] - t[:, 1]
    d = [c * dx + s * dy, -s * dx + c * dy, p[:, 2] - t[:, 2]]
    inter = 1.0
    for k in range(3):
        lo = torch.maximum(d[k] - p[:, 3 + k] / 2, -t[:, 3 + k] / 2)
        hi = torch.minimum(d[k] + p[:, 3 + k] / 2, t[:, 3 + k] / 2)
        inter = inter * (hi - lo).clamp(min=0)
    vp, vt = p[:, 3] * p[:, 4] * p[:, 5], t[:, 3] * t[:, 4] * t[:, 5]
    off = torch.sin(p[:, 6] - t[:, 6]).abs()
    return inter / (vp + vt - inter + 1e-6) * (1 - 0.8 * off).clamp(min=0)


def boxes_of(out, whose):
    """[B, 10, NX, NY]: at each cell the box channels of the class that `whose` [B, NX, NY] names."""
    sets = out.unflatten(1, (CLASSES, BOX_CHANNELS))
    return sets.gather(1, whose[:, None, None].expand(-1, 1, BOX_CHANNELS, -1, -1)).squeeze(1)


def loss_of(heat_logit, out, batch, weights):
    """The weighted sum (settings.yaml, section bev) and its parts."""
    heat, weight, reg, regw, headw, real, whose, origin = batch
    out = boxes_of(out, whose)
    p = torch.sigmoid(heat_logit).clamp(1e-5, 1 - 1e-5)
    pos = (heat >= 0.999).float()
    focal = -(pos * (1 - p) ** 2 * p.log() + (1 - pos) * (1 - heat) ** 4 * p ** 2 * (1 - p).log())
    focal = (focal * weight).sum() / (pos * weight).sum().clamp(min=4)
    n = regw.sum().clamp(min=4)
    scale = torch.tensor([0.5, 0.5, 2.0, 1.0, 1.0, 1.5, 1.0, 1.0])[None, :, None, None]
    box = (F.smooth_l1_loss(out[:, :8], reg[:, :8], reduction="none", beta=0.1) * scale * regw[:, None]).sum() / n
    head = (F.binary_cross_entropy_with_logits(out[:, 8], reg[:, 8], reduction="none") * headw).sum() / n
    boxes = decode_maps(out, origin)
    iou = aligned_overlap(boxes, torch.where(regw[:, None] > 0, real, torch.ones_like(real)))
    fit = ((1 - iou) * regw).sum() / n
    quality = (F.binary_cross_entropy_with_logits(out[:, 9], iou.detach(), reduction="none") * regw).sum() / n
    parts = {"centre": focal, "box": box, "heading": head, "fit": fit, "overlap": quality}
    return sum(weights[k] * v for k, v in parts.items()), {k: v.item() for k, v in parts.items()}


def learning(net, only, init):
    """The parts that learn: all, or the heads alone; what is kept keeps its BatchNorms' statistics too."""
    if not only:
        return [net]
    if not init:
        raise SystemExit("--only keeps the rest of the network as it is: --init must say what that is")
    net.requires_grad_(False)
    parts = [net.heatmap, net.boxes] if only == "heads" else [net.boxes]
    for part in parts:
        part.requires_grad_(True)
    return parts


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--out", default="runs/bev")
    a.add_argument("--init", metavar="ONNX", help="start from the weights of an exported model")
    a.add_argument("--minutes", type=float, default=60, help="of processor time, so that a busy machine changes nothing")
    a.add_argument("--batch", type=int, default=4)
    a.add_argument("--lr", type=float, default=2e-3)
    a.add_argument("--width", type=float, default=1.0)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--only", choices=["heads", "boxes"], help="train the heads, or that of the boxes, and keep all else as --init has it")
    a.add_argument("--settings", default=settings.DEFAULT, metavar="FILE", help="weights of the losses (default: settings.yaml)")
    a.add_argument("--hold-out", nargs="*", default=[], metavar="DRIVE", help="drives to keep away and to judge on, or `fold` or `people` (data.NAMED)")
    a = a.parse_args()
    weights = settings.load(a.settings)["bev"]
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    out = Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    train, val, layouts = data.load(a.shared, a.unpacked, data.held_out(a.hold_out))
    bank = scenes.build_bank(train)
    print(f"{len(train)} frames, {len(layouts)} layouts, bank {[len(b) for b in bank]}", flush=True)
    net = BevNet(a.width)
    ckpt = out / "checkpoint.pt"
    state = torch.load(ckpt, weights_only=False) if ckpt.exists() else None
    spent, step = (state["spent"], state["step"]) if state else (0.0, 0)
    if state:
        settings.same_as_before(out, state.get("weights"), weights)
    source = Scenes(train, bank, layouts, a.seed + step)
    source.progress.fill_(spent / (a.minutes * 60))
    loader = iter(torch.utils.data.DataLoader(source, a.batch, num_workers=1, prefetch_factor=6))
    if a.init and not state:
        load_onnx(net, a.init, [next(loader)[:2] for _ in range(8)], {"boxes.1": for_each_class})
    learns = learning(net, a.only, a.init)
    net = net.to(memory_format=torch.channels_last)
    ema = copy.deepcopy(net).eval()
    opt = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=a.lr, weight_decay=0.01)
    if state:
        net.load_state_dict(state["net"]), ema.load_state_dict(state["ema"]), opt.load_state_dict(state["opt"])
    log = open(out / "log.jsonl", "a")
    mean, since = {}, time.process_time()
    while spent < a.minutes * 60:
        share = spent / (a.minutes * 60)
        source.progress.fill_(share)
        lr = a.lr * min(1.0, (step + 1) / 200) * (0.5 * (1 + math.cos(math.pi * share)) * 0.99 + 0.01)
        for g in opt.param_groups:
            g["lr"] = lr
        batch = next(loader)
        fine, coarse = (t.to(memory_format=torch.channels_last) for t in batch[:2])
        net.eval()
        for part in learns:
            part.train()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=FAST_BFLOAT16):
            heat, boxes = net(fine, coarse)
        loss, parts = loss_of(heat.float(), boxes.float(), batch[2:], weights)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10)
        opt.step()
        step += 1
        keep = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for e, v in zip(ema.state_dict().values(), net.state_dict().values()):
                e.lerp_(v, 1 - keep) if e.dtype.is_floating_point else e.copy_(v)
        for k, v in parts.items():
            mean[k] = mean.get(k, 0) * 0.98 + v * 0.02 if k in mean else v
        now = time.process_time()
        spent, since = spent + now - since, now
        done = spent >= a.minutes * 60
        if step % 50 == 0:
            line = {"step": step, "spent": round(spent), "lr": round(lr, 6), **{k: round(v, 4) for k, v in mean.items()}}
            print(json.dumps(line), file=log, flush=True)
        if step % 100 == 0 or done:
            torch.save({"net": net.state_dict(), "ema": ema.state_dict(), "opt": opt.state_dict(), "spent": spent,
                        "step": step, "width": a.width, "weights": weights}, ckpt.with_suffix(".tmp"))
            ckpt.with_suffix(".tmp").rename(ckpt)
    # Once, when all is decided: a figure seen while training would steer it.
    print(json.dumps({"step": step, "spent": round(spent), **average_precision(detect(ema, val), val)}), file=log, flush=True)
    curves.draw(out)


if __name__ == "__main__":
    main()
