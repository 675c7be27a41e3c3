"""Trains LPE, VEE, APE and the image branch together, on regions of the same scenes.

The hierarchical multimodal loss: pixels (does the pixel under a return belong to an object), LiDAR
regions (LPE, VEE) and the fused final boxes (APE) are supervised in one sum; weights in settings.yaml.
Scenes with a camera image are left as taken but for thinned returns and the jitter of their proposals; all others
are pasted and augmented, and APE sees them without pixels, which teaches it to do without a camera. Labelled
images whose scan is not at hand get one: another frame's street, with made-up objects where the labels are.

    python -m emc2_training.train_experts --shared DATA --unpacked LABELS --bev runs/bev/checkpoint.pt --out runs/experts
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

from . import curves, data, features, scenes, settings, shapes, windows
from .bev_net import BevNet
from .boxes import inside, overlaps, to_local, wrap
from .evaluate import average_precision, decode
from .expert_nets import Ape, ImageNet, Lpe, Vee, begin_as_lpe
from .kitti import OTHER
from .train_bev import FAST_BFLOAT16, Scenes, compose
from .warm_start import load_linear, load_onnx, weights

REGIONS = 24
MEAN_SIZE = np.array([[3.9, 1.63, 1.53], [0.8, 0.6, 1.75], [1.76, 0.6, 1.73]])
JITTER = np.array([[0.30, 0.15, 0.12, 0.06, 0.06, 0.06, 0.10], [0.15, 0.15, 0.10, 0.12, 0.12, 0.06, 0.5],
                   [0.20, 0.12, 0.10, 0.08, 0.12, 0.06, 0.25]])


def scene(rng, sampler, image_share):
    """(points, boxes, classes, heading, scan, pyramid or None)."""
    s = sampler
    if s.with_image and rng.random() < image_share:
        scan = s.with_image[rng.choice(len(s.with_image), p=s.image_weight)]
        points, boxes, classes = (scan.points, scan.boxes, scan.classes) if scan.points is not None else made_up(rng, scan, s.base)
        points = points[rng.random(len(points)) >= rng.choice([0, 0, 0.15, 0.4])]
        points = points + rng.normal(0, 0.01, points.shape).astype(np.float32) * np.float32([1, 1, 1, 0])
        points[:, 3] = np.minimum(1, points[:, 3] * np.float32(rng.uniform(0.7, 1.3)))
        return points, boxes, classes, np.full(len(boxes), scan.heading_known), scan, s.pyramid(scan)
    scan = s.scans[rng.choice(len(s.scans), p=s.weight)]
    return *compose(rng, scan, s.base, calm=0.5), scan, None


def made_up(rng, picture, source):
    """(points, boxes, classes) for a labelled image without a scan: an emptied street with made-up objects at the labels."""
    donor = source.scans[rng.choice(len(source.scans), p=source.weight)]
    gone = np.concatenate([np.zeros(0, int), *(inside(donor.points, b, 0.1, 0.1) for b in donor.boxes)])
    points = np.delete(donor.points, np.unique(gone), 0)
    composer = scenes.Composer(picture, points, [], [], [])
    for box, cls in zip(picture.boxes, picture.classes):
        kind = {0: shapes.car, -1: shapes.car, 1: shapes.person, -2: shapes.person, 2: shapes.cyclist}.get(cls, shapes.truck)
        new = shapes.as_labelled(rng, shapes.cast(rng, kind(rng, box[3:6]), box), cls)
        if (len(new) < 4 or not composer.add(box, cls, new, True)) and 0 <= cls < 3:
            composer.boxes.append(box)  # seen in the image, but not by this scan: neither a find nor a mistake
            composer.classes.append(-1 - cls)
    composer.heading = [True] * len(composer.boxes)
    return composer.finish()[:3]


def jitter(rng, box, cls):
    k = rng.choice([0.5, 1.0, 1.6])
    e = rng.normal(0, 1, 7) * JITTER[cls] * k
    c, s = np.cos(box[6]), np.sin(box[6])
    out = box.copy()
    out[0] += c * e[0] - s * e[1]
    out[1] += s * e[0] + c * e[1]
    out[2] += e[2]
    out[3:6] *= np.exp(e[3:6])
    out[6] = wrap(out[6] + e[6] + (np.pi if rng.random() < 0.3 else 0))
    return out


def propose(rng, points, boxes, classes, scan, net):
    """[(box, class, confidence)], jittered truth and chance places, or what the BEV network says."""
    out = []
    if net is not None and rng.random() < 0.6:
        fine, coarse = features.bev_grids(points, scan.origin_height)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=FAST_BFLOAT16):
            heat, reg = net(torch.from_numpy(fine)[None], torch.from_numpy(coarse)[None])
        b, c, s = decode(heat[0].float().numpy(), reg[0].float().numpy(), scan.origin_height, 0.05, 48)
        out = [(x, k, f) for x, k, f in zip(b, c, s)]
        rng.shuffle(out)
        out = out[: REGIONS - 4]
    else:
        for _ in range(2):
            for b, c in zip(boxes, classes):
                k = 0 if c == OTHER else c if c >= 0 else -1 - c
                out.append((jitter(rng, b, k), k, rng.uniform(0.15, 1)))
        rng.shuffle(out)
        out = out[: REGIONS * 2 // 3]
    while len(out) < REGIONS:
        p = points[rng.integers(len(points))]
        c = rng.integers(3)
        box = np.array([p[0], p[1], -scan.origin_height + MEAN_SIZE[c, 2] / 2 + rng.normal(0, 0.15),
                        *MEAN_SIZE[c] * np.exp(rng.normal(0, 0.1, 3)), rng.uniform(-np.pi, np.pi)])
        out.append((box, c, rng.uniform(0.1, 0.6)))
    return out


def encode_targets(box, gt):
    c, s = np.cos(box[6]), np.sin(box[6])
    d = gt[:3] - box[:3]
    diag = np.hypot(box[3], box[4])
    yaw = wrap(gt[6] - box[6])
    yaw = yaw - np.pi * np.round(yaw / np.pi)
    return np.array([(c * d[0] + s * d[1]) / diag, (-s * d[0] + c * d[1]) / diag, d[2] / box[5],
                     *np.log(gt[3:6] / box[3:6]), yaw])


def sample(rng, sampler, net, image_share):
    points, boxes, classes, heading, scan, pyramid = scene(rng, sampler, image_share)
    n = REGIONS
    out = {"raster": np.zeros((n, 8, 32, 16), np.float32), "points128": np.zeros((n, 128, 8), np.float32),
           "points256": np.zeros((n, 256, 8), np.float32), "context": np.zeros((n, 12), np.float32),
           "box": np.zeros((n, 7), np.float32), "cls": np.zeros(n, np.int64), "target": np.zeros((n, 7), np.float32),
           "positive": np.zeros(n, np.float32), "weight": np.ones((n, 3), np.float32), "image": np.zeros(n, np.float32),
           "windows": np.zeros((2, n, 3, 64, 64), np.float32), "uv": np.zeros((n, 256, 2), np.float32),
           "object": np.zeros((n, 256), np.float32)}
    for c in range(3):
        if not scan.known[c]:
            out["weight"][:, c] = 0
    in_object = np.zeros(len(points), bool)
    for b in boxes:
        in_object[inside(points, b, 0.05, 0.05)] = True
    for r, (box, cls, confidence) in enumerate(propose(rng, points, boxes, classes, scan, net)[:n]):
        k = features.region(points, box)
        local, intensity = to_local(points[k], box), points[k, 3]
        out["raster"][r] = features.raster(local, intensity, box)
        out["points128"][r] = features.point_rows(local, intensity, box, 128)
        out["points256"][r] = features.point_rows(local, intensity, box, 256)
        out["context"][r] = features.context(box, cls, confidence, len(k), scan.origin_height)
        out["box"][r], out["cls"][r] = box, cls
        best, at = 0.0, -1
        for g, gt in enumerate(boxes):
            o = overlaps(box, gt)[1]
            if o > best:
                best, at = o, g
        if at >= 0:
            c = classes[at]
            if c == OTHER:
                pass  # a truck called a car: a mistake
            elif c < 0:
                out["weight"][r, -1 - c] = 0  # a van is neither a car nor none
            elif c == cls and best > (0.25 if cls == 0 else 0.1):
                out["target"][r], out["positive"][r] = encode_targets(box, boxes[at]), 1
            elif best > 0.1:
                out["weight"][r] = 0
        if pyramid is not None:
            rect = windows.project_box(box, scan.calib)
            if rect is not None and rect[2] > 0 and rect[3] > 0:
                tight, wide = windows.rectangles(rect)
                out["windows"][0, r], out["windows"][1, r] = pyramid.window(*tight), pyramid.window(*wide)
                pick = features.pick(len(k), 256)
                if len(pick):
                    uvd = scan.calib.project(points[k[pick]])
                    out["uv"][r, :, 0] = 2 * (uvd[:, 0] + 0.5 - tight[0]) / tight[2] - 1
                    out["uv"][r, :, 1] = 2 * (uvd[:, 1] + 0.5 - tight[1]) / tight[3] - 1
                    out["object"][r] = in_object[k[pick]]
                    out["image"][r] = rng.random() > 0.15
        if rng.random() < 0.5:
            mirror(out, r)
    if pyramid is not None:  # another day's light, another camera's colours
        gain, offset = rng.normal(1, 0.15) * rng.normal(1, 0.05, 3), rng.normal(0, 0.2) + rng.normal(0, 0.05, 3)
        out["windows"] = (out["windows"] * gain[:, None, None] + offset[:, None, None]).astype(np.float32)
    return out


def mirror(out, r):
    """Left and right of the box's own frame change places in all inputs and targets of region r."""
    out["raster"][r] = out["raster"][r, :, :, ::-1]
    for points in ("points128", "points256"):
        out[points][r, :, [1, 5]] *= -1
    out["context"][r, 10] *= -1
    out["target"][r, [1, 6]] *= -1
    out["windows"][:, r] = out["windows"][:, r, :, :, ::-1]
    out["uv"][r, :, 0] *= -1


class Regions(torch.utils.data.IterableDataset):
    def __init__(self, base, pictures, bev, image_share, seed):
        self.base, self.scans, self.weight = base, base.scans, base.weight
        self.with_image = [s for s in base.scans if s.image is not None] + pictures
        w = np.array([3.0 if (s.classes > 0).any() else 1.0 for s in self.with_image])  # people and cyclists are few
        self.image_weight = w / w.sum()
        self.bev, self.image_share, self.seed = bev, image_share, seed
        self.pyramids = {}

    def pyramid(self, scan):
        if scan.id not in self.pyramids:
            self.pyramids[scan.id] = windows.load(scan.image)
        return self.pyramids[scan.id]

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng(self.seed * 1000 + (worker.id if worker else 0))
        while True:
            yield sample(rng, self, self.bev, self.image_share)


def pixel_features(image_net, batch):
    """`pixels` [R, 256, 17], `window` [R, 32] and the pixel loss."""
    r = batch["image"].shape[0]
    pixels, window = torch.zeros(r, 256, 17), torch.zeros(r, 32)
    has = batch["image"] > 0
    if not has.any():
        return pixels, window, torch.zeros(())
    w = batch["windows"][:, has]
    m = w.shape[1]
    feat, conf = image_net(w.reshape(2 * m, 3, 64, 64))
    maps = torch.cat([feat[:m], conf[:m]], 1)
    at = F.grid_sample(maps, batch["uv"][has][:, :, None], padding_mode="border", align_corners=False)[..., 0].transpose(1, 2)
    valid = batch["points256"][has][:, :, 7]
    loss = (F.binary_cross_entropy_with_logits(at[:, :, 16], batch["object"][has], reduction="none") * valid).sum() / valid.sum().clamp(min=1)
    at = torch.cat([at[:, :, :16], torch.sigmoid(at[:, :, 16:])], 2) * valid[..., None]
    pixels = pixels.index_put((has.nonzero()[:, 0],), at)
    window = window.index_put((has.nonzero()[:, 0],), torch.cat([feat[:m].mean((2, 3)), feat[m:].mean((2, 3))], 1))
    return pixels, window, loss


def refined(box, delta):
    """Refined boxes in the frame of the proposal, [R, 7]: dx dy dz (m) l w h dyaw."""
    diag = torch.hypot(box[:, 3], box[:, 4])
    return torch.stack([delta[:, 0] * diag, delta[:, 1] * diag, delta[:, 2] * box[:, 5],
                        *(box[:, 3 + k] * delta[:, 3 + k].clamp(-1, 1).exp() for k in range(3)), delta[:, 6]], 1)


def row_overlap(p, t):
    from .train_bev import aligned_overlap
    return aligned_overlap(p.T[None, :, :, None], t.T[None, :, :, None])[0, :, 0]


def expert_loss(boxes, scores, batch, weights):
    """(loss of one expert, mean overlap of its refined boxes); weights: settings.yaml, section experts."""
    pos, cls = batch["positive"], batch["cls"]
    n = pos.sum().clamp(min=1)
    scale = torch.tensor([4.0, 4.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    box = (F.smooth_l1_loss(boxes, batch["target"], reduction="none", beta=0.1) * scale).sum(1)
    p, t = refined(batch["box"], boxes), refined(batch["box"], batch["target"])
    iou = row_overlap(p, t)
    target = torch.zeros_like(scores)
    # A person whose box fits badly is still a person: their score begins to count at an overlap of 0.1.
    quality = torch.where(cls == 0, 2 * iou.detach() - 0.5, (iou.detach() - 0.1) / 0.6)
    target[torch.arange(len(cls)), cls] = quality.clamp(0, 1) * pos
    score = (F.binary_cross_entropy_with_logits(scores, target, reduction="none") * batch["weight"]).sum() / batch["weight"].sum()
    fit = ((weights["box"] * box + weights["fit"] * (1 - iou)) * pos).sum() / n
    return fit + weights["score"] * score, ((iou * pos).sum() / n).item()


def collate(items):
    out = {}
    for k in items[0]:
        a = [torch.from_numpy(i[k]) for i in items]
        out[k] = torch.cat(a, 1 if k == "windows" else 0)
    return out


class Experts(torch.nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.image, self.lpe, self.vee, self.ape = ImageNet(backbone), Lpe(), Vee(), Ape()

    def forward(self, b):
        pixels, window, pixel = pixel_features(self.image, b)
        return (self.lpe(b["raster"], b["context"]), self.vee(b["raster"], b["points128"], b["context"]),
                self.ape(b["raster"], b["points256"], pixels, window, b["context"]), pixel)


@torch.no_grad()
def begin_as(net, models, batches):
    """Starts from the weights of model folders; a VEE or APE of before they saw LPE's raster lends its point layers alone."""
    onnx = lambda name: models / name / "model.onnx"
    whole = [name for name in ("vee", "ape") if "body.0.0" in weights(onnx(name))]
    if whole:
        load_onnx(net.image, onnx("image"), [])
    for b in batches:
        b["pixels"], b["window"], _ = pixel_features(net.image.eval(), b)
    load_onnx(net.lpe, onnx("lpe"), [[b[k] for k in Lpe.inputs] for b in batches])
    for name, make, points in (("vee", Vee, "points128"), ("ape", Ape, "points256")):
        mine = getattr(net, name)
        if name in whole:
            load_onnx(mine, onnx(name), [[b[points if k == "points" else k] for k in make.inputs] for b in batches])
        else:
            begin_as_lpe(mine, net.lpe)
            load_linear(mine.stage, onnx(name), "stage")


@torch.no_grad()
def judge(net, bev, scans):
    """Refines the BEV network's proposals with each expert; area under the curve for each."""
    net.eval()
    found = {"bridge": [], "lpe": [], "vee": [], "ape": []}
    for s in scans:
        fine, coarse = features.bev_grids(s.points, s.origin_height)
        heat, reg = bev(torch.from_numpy(fine)[None], torch.from_numpy(coarse)[None])
        boxes, cls, conf = decode(heat[0].float().numpy(), reg[0].float().numpy(), s.origin_height, 0.1, 64)
        found["bridge"].append((boxes, cls, conf))
        if len(boxes) == 0:
            for k in ("lpe", "vee", "ape"):
                found[k].append((boxes, cls, conf))
            continue
        batch = collate([encode(s, boxes, cls, conf)])
        results = net(batch)[:3]
        for name, (delta, score) in zip(("lpe", "vee", "ape"), results):
            d = refined(torch.from_numpy(boxes).float(), delta).numpy()
            c, si = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
            new = np.stack([boxes[:, 0] + c * d[:, 0] - si * d[:, 1], boxes[:, 1] + si * d[:, 0] + c * d[:, 1],
                            boxes[:, 2] + d[:, 2], d[:, 3], d[:, 4], d[:, 5], wrap(boxes[:, 6] + d[:, 6])], 1)
            q = torch.sigmoid(score).numpy()[np.arange(len(cls)), cls]
            found[name].append((new, cls, np.sqrt(conf * q)))
    return {k: average_precision(v, scans) for k, v in found.items()}


def encode(scan, boxes, cls, conf):
    """The experts' inputs for given proposals of one frame."""
    n = len(boxes)
    out = {"raster": np.zeros((n, 8, 32, 16), np.float32), "points128": np.zeros((n, 128, 8), np.float32),
           "points256": np.zeros((n, 256, 8), np.float32), "context": np.zeros((n, 12), np.float32),
           "image": np.zeros(n, np.float32), "windows": np.zeros((2, n, 3, 64, 64), np.float32),
           "uv": np.zeros((n, 256, 2), np.float32), "object": np.zeros((n, 256), np.float32)}
    pyramid = windows.load(scan.image) if scan.image is not None else None
    for r, (box, c, f) in enumerate(zip(boxes, cls, conf)):
        k = features.region(scan.points, box)
        local, intensity = to_local(scan.points[k], box), scan.points[k, 3]
        out["raster"][r] = features.raster(local, intensity, box)
        out["points128"][r] = features.point_rows(local, intensity, box, 128)
        out["points256"][r] = features.point_rows(local, intensity, box, 256)
        out["context"][r] = features.context(box, c, f, len(k), scan.origin_height)
        rect = windows.project_box(box, scan.calib) if pyramid is not None else None
        pick = features.pick(len(k), 256)
        if rect is not None and len(pick):
            tight, wide = windows.rectangles(rect)
            out["windows"][0, r], out["windows"][1, r] = pyramid.window(*tight), pyramid.window(*wide)
            uvd = scan.calib.project(scan.points[k[pick]])
            out["uv"][r, :, 0] = 2 * (uvd[:, 0] + 0.5 - tight[0]) / tight[2] - 1
            out["uv"][r, :, 1] = 2 * (uvd[:, 1] + 0.5 - tight[1]) / tight[3] - 1
            out["image"][r] = 1
    return out


def load_bev(path):
    s = torch.load(path, weights_only=False)
    net = BevNet(s.get("width", 1.0)).eval()
    if s.get("folded"):
        from .qat import fold
        net = fold(net)
    net.load_state_dict(s["ema"])
    return net.eval()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--bev", help="checkpoint of the BEV network, whose proposals join the jittered ones")
    a.add_argument("--init", metavar="MODELS", help="folder with lpe, vee, ape and image to start from")
    a.add_argument("--out", default="runs/experts")
    a.add_argument("--minutes", type=float, default=30)
    a.add_argument("--batch", type=int, default=4, help="scenes a step")
    a.add_argument("--lr", type=float, default=2e-3)
    a.add_argument("--image-share", type=float, default=0.35)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--settings", default=settings.DEFAULT, metavar="FILE", help="weights of the losses (default: settings.yaml)")
    a.add_argument("--hold-out", nargs="*", default=[], metavar="DRIVE", help="drives to keep away and to judge on, or `fold` or `people` (data.NAMED)")
    a = a.parse_args()
    shares = settings.load(a.settings)["experts"]
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    out = Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    hold_out = data.held_out(a.hold_out)
    train, val, layouts = data.load(a.shared, a.unpacked, hold_out)
    pictures = data.pictures(a.shared, train, hold_out)
    bank = scenes.build_bank(train)
    print(f"{len(train)} frames, {len(pictures)} labelled images without a scan, {len(layouts)} layouts", flush=True)
    net = Experts(Path(a.shared) / "models/fastestdet/FastestDet.onnx")
    bev = load_bev(a.bev) if a.bev else None
    ckpt = out / "checkpoint.pt"
    state = torch.load(ckpt, weights_only=False) if ckpt.exists() else None
    spent, step = (state["spent"], state["step"]) if state else (0.0, 0)
    if state:
        settings.same_as_before(out, state.get("weights"), shares)
    regions = Regions(Scenes(train, bank, layouts, a.seed), pictures, bev, a.image_share, a.seed + step)
    loader = iter(torch.utils.data.DataLoader(regions, a.batch, num_workers=1, prefetch_factor=4, collate_fn=collate))
    if a.init and not state:
        begin_as(net, Path(a.init), [next(loader) for _ in range(4)])
    ema = copy.deepcopy(net).eval()
    opt = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=a.lr, weight_decay=0.01)
    if state:
        net.load_state_dict(state["net"]), ema.load_state_dict(state["ema"]), opt.load_state_dict(state["opt"])
    log = open(out / "log.jsonl", "a")
    mean, since = {}, time.process_time()
    while spent < a.minutes * 60:
        lr = a.lr * min(1.0, (step + 1) / 100) * (0.5 * (1 + math.cos(math.pi * spent / (a.minutes * 60))) * 0.99 + 0.01)
        for g in opt.param_groups:
            g["lr"] = lr
        b = next(loader)
        net.train()
        lpe, vee, ape, pixel = net(b)
        parts, loss = {"pixel": pixel.item()}, shares["pixel"] * pixel
        for name, (boxes, scores) in (("lpe", lpe), ("vee", vee), ("ape", ape)):
            one, iou = expert_loss(boxes, scores, b, shares)
            loss = loss + shares[name] * one
            parts[name], parts[name + " iou"] = one.item(), iou
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
            mean[k] = mean.get(k, v) * 0.98 + v * 0.02
        now = time.process_time()
        spent, since = spent + now - since, now
        done = spent >= a.minutes * 60
        if step % 50 == 0 or done:
            print(json.dumps({"step": step, "spent": round(spent), **{k: round(v, 4) for k, v in mean.items()}}), file=log, flush=True)
        if step % 50 == 0 or done:
            torch.save({"net": net.state_dict(), "ema": ema.state_dict(), "opt": opt.state_dict(), "spent": spent, "step": step,
                        "weights": shares},
                       ckpt.with_suffix(".tmp"))
            ckpt.with_suffix(".tmp").rename(ckpt)
        if bev is not None and done:
            print(json.dumps({"step": step, **judge(ema, bev, val)}), file=log, flush=True)
            since = time.process_time()
    curves.draw(out)


if __name__ == "__main__":
    main()
