"""Trains the BEV proposal network. Resumes from its checkpoint; writes log.jsonl beside it.

    python -m emc2_training.train_bev --shared DATA --unpacked LABELS --out runs/bev
    python -m emc2_training.train_bev --shared DATA --unpacked LABELS --out runs/bev --device cuda --workers 15 --batch 32 --pool 2048
"""

import argparse
import copy
import json
import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from . import batches, bev_batch, curves, data, loop, origin, scenes, settings, sources
from .bev_batch import COARSE
from .bev_net import BOX_CHANNELS, CLASSES, BevNet, for_each_class
from .boxes import inside
from .evaluate import average_precision, detect
from .kitti import OTHER
from .warm_start import load_onnx


class Scenes(torch.utils.data.IterableDataset):
    """Endless composed scenes (batches.pack). `progress` (0..1) is shared with the workers: towards the end scenes grow calmer."""

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
            scene = compose(rng, scan, self, calm=max(0.0, 2 * float(self.progress) - 1))
            if len(scene[1]) <= batches.BOXES:
                yield batches.pack(rng, scan, *scene)

    def layout(self, rng):
        """A label file's boxes and classes; those with people, cyclists or trucks more often than chance would have it."""
        kind = rng.random()
        pick = (self.rare if kind < 0.5 else self.trucks if kind < 0.65 else ()) or range(len(self.layouts))
        return self.layouts[pick[rng.integers(len(pick))]]


def compose(rng, scan, source, calm=0.0):
    """(points, boxes, classes, heading): a frame with things set into it. calm = 1: half as many."""
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
    return composer.finish()


def pool(source, a, device):
    """A pool of scenes that `a.workers` processes compose."""
    loader = torch.utils.data.DataLoader(source, a.batch // a.reuse, num_workers=a.workers, prefetch_factor=4, collate_fn=batches.collate,
                                         pin_memory=device.type == "cuda")
    return batches.Pool(loader, max(a.pool, 2 * a.batch), device)


def draw(scenes_at_hand, a):
    """(fine, coarse, *targets) of a batch; `a.batch / a.reuse` new scenes are taken for each."""
    scenes_at_hand.take()
    b = scenes_at_hand.draw(a.batch)
    batches.augment(b)
    x, y = bev_batch.windows(b)
    return *bev_batch.grids(b, x, y, bev_batch.CROP), *bev_batch.targets(b, x, y)


def decode_maps(out, origin):
    """Box maps [B, 7, NX, NY] in metres from the raw outputs."""
    b, _, nx, ny = out.shape
    gx = (torch.arange(nx, device=out.device) + 0.5)[None, :, None] * COARSE + origin[:, 0, None, None]
    gy = (torch.arange(ny, device=out.device) + 0.5)[None, None, :] * COARSE + origin[:, 1, None, None]
    yaw = torch.atan2(out[:, 6], out[:, 7]) / 2
    return torch.stack([gx + out[:, 0] * COARSE, gy + out[:, 1] * COARSE, out[:, 2] - origin[:, 2, None, None],
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
    scale = out.new_tensor([0.5, 0.5, 2.0, 1.0, 1.0, 1.5, 1.0, 1.0])[None, :, None, None]
    box = (F.smooth_l1_loss(out[:, :8], reg[:, :8], reduction="none", beta=0.1) * scale * regw[:, None]).sum() / n
    head = (F.binary_cross_entropy_with_logits(out[:, 8], reg[:, 8], reduction="none") * headw).sum() / n
    boxes = decode_maps(out, origin)
    iou = aligned_overlap(boxes, torch.where(regw[:, None] > 0, real, torch.ones_like(real)))
    fit = ((1 - iou) * regw).sum() / n
    quality = (F.binary_cross_entropy_with_logits(out[:, 9], iou.detach(), reduction="none") * regw).sum() / n
    parts = {"centre": focal, "box": box, "heading": head, "fit": fit, "overlap": quality}
    return sum(weights[k] * v for k, v in parts.items()), parts


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
    loop.add_arguments(a, "runs/bev", minutes=60, batch=4, lr=2e-3)
    a.add_argument("--init", metavar="ONNX", help="start from the weights of an exported model")
    a.add_argument("--start", metavar="CHECKPOINT", help="start from the averaged weights of a checkpoint (train_bev, shrink)")
    a.add_argument("--width", type=float, default=1.0)
    a.add_argument("--only", choices=["heads", "boxes"], help="train the heads, or that of the boxes, and keep all else as --init has it")
    a = a.parse_args()
    weights = settings.load(a.settings)["bev"]
    device = loop.begin(a)
    out = Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    ckpt = out / "checkpoint.pt"
    state = loop.load(ckpt) if ckpt.exists() else None
    before = origin.check(a, ckpt, state, () if state else (a.init, a.start))
    train, val, layouts = sources.of(a).load(data.held_out(a.hold_out))
    kept = origin.kept(a, before, train) | {"width": a.width, "weights": weights}
    bank = scenes.build_bank(train)
    print(f"{len(train)} frames, {len(layouts)} layouts, bank {[len(b) for b in bank]}", flush=True)
    net = BevNet(a.width)
    spent, step = (state["spent"], state["step"]) if state else (0.0, 0)
    if state:
        settings.same_as_before(out, state.get("weights"), weights)
    source = Scenes(train, bank, layouts, a.seed + step)
    source.progress.fill_(spent / (a.minutes * 60))
    at_hand = pool(source, a, device)
    if a.init and not state:
        load_onnx(net, a.init, [[t.cpu() for t in draw(at_hand, a)[:2]] for _ in range(8)], {"boxes.1": for_each_class})
    if a.start and not state:
        net.load_state_dict(loop.load(a.start)["ema"])
    learns = learning(net, a.only, a.init or a.start)
    net = net.to(device, memory_format=torch.channels_last)
    ema = copy.deepcopy(net).eval()
    opt = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=a.lr, weight_decay=0.01)
    if state:
        net.load_state_dict(state["net"]), ema.load_state_dict(state["ema"]), opt.load_state_dict(state["opt"])
    log = open(out / "log.jsonl", "a")
    means, clock, done = loop.Means(), loop.Clock(a.minutes, device, spent), False
    while not clock.over:
        source.progress.fill_(clock.share)
        lr = loop.set_rate(opt, a.lr, step, clock.share, 200)
        fine, coarse, *taught = draw(at_hand, a)
        net.eval()
        for part in learns:
            part.train()
        with loop.mixed(device):
            heat, boxes = net(fine, coarse)
        loss, parts = loss_of(heat.float(), boxes.float(), taught, weights)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10)
        opt.step()
        step += 1
        loop.follow(ema, net, step)
        means.add(parts)
        done = clock.over
        if step % 50 == 0 or done:
            print(json.dumps({"step": step, "spent": round(clock.spent), "lr": round(lr, 6), **means.read()}), file=log, flush=True)
        if step % 200 == 0 or done:
            loop.save(ckpt, {"net": net.state_dict(), "ema": ema.state_dict(), "opt": opt.state_dict(), "spent": clock.spent,
                             "step": step, **kept})
    # Once, when all is decided: a figure seen while training would steer it.
    print(json.dumps({"step": step, "spent": round(clock.spent), **average_precision(detect(ema.cpu(), val), val)}), file=log, flush=True)
    curves.draw(out)


if __name__ == "__main__":
    main()
