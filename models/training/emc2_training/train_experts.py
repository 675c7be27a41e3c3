"""Trains LPE, VEE, APE and the image branch together, on regions of the same scenes.

The hierarchical multimodal loss: pixels (does the pixel under a return belong to an object), image regions (what the picture
alone says of a class), LiDAR regions (LPE, VEE) and the fused final boxes (APE) are supervised in one sum; weights in settings.yaml.
Scenes with a camera image are left as taken but for thinned returns and the jitter of their proposals; all others
are pasted and augmented, and APE sees them without pixels, which teaches it to do without a camera. Labelled
images whose scan is not at hand get one: another frame's street, with made-up objects where the labels are.

    python -m emc2_training.train_experts --shared DATA --unpacked LABELS --bev runs/bev/checkpoint.pt --out runs/experts
"""

import argparse
import copy
import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from . import batches, bev_batch, curves, data, features, loop, origin, region_batch, scenes, settings, shapes, sources
from .bev_net import BevNet
from .boxes import inside, wrap
from .evaluate import average_precision, decode, expert_score
from .expert_nets import Ape, ImageNet, Lpe, Vee, begin_as_lpe, with_stage3
from .train_bev import Scenes, aligned_overlap, compose, pool
from .warm_start import load_linear, load_onnx, weights


class WithPictures(torch.utils.data.IterableDataset):
    """Endless scenes (batches.pack): a share of them as a picture shows them, the others composed."""

    def __init__(self, base, pictures, share, seed):
        self.base, self.share, self.seed = base, share, seed
        self.shown = [s for s in base.scans if s.image is not None] + pictures
        w = np.array([3.0 if (s.classes > 0).any() else 1.0 for s in self.shown])  # people and cyclists are few
        self.weight = w / w.sum()

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng(self.seed * 1000 + (worker.id if worker else 0))
        while True:
            if self.shown and rng.random() < self.share:
                k = rng.choice(len(self.shown), p=self.weight)
                scan = self.shown[k]
                points, boxes, classes = (scan.points, scan.boxes, scan.classes) if scan.points is not None else made_up(rng, scan, self.base)
                scene = points, boxes, classes, np.full(len(boxes), scan.heading_known)
            else:
                k, scan = -1, self.base.scans[rng.choice(len(self.base.scans), p=self.base.weight)]
                scene = compose(rng, scan, self.base, calm=0.5)
            if len(scene[1]) <= batches.BOXES:
                yield batches.pack(rng, scan, *scene, k)


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


def pixel_features(image_net, batch):
    """`pixels` [R, 256, 17], `window` [R, 32] and the pixel loss."""
    r, w = len(batch["image"]), batch["windows"]
    pixels, window = w.new_zeros(r, 256, 17), w.new_zeros(r, 32)
    has, m = batch["image"] > 0, w.shape[1]
    if m == 0:
        return pixels, window, w.new_zeros(())
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
    return aligned_overlap(p.T[None, :, :, None], t.T[None, :, :, None])[0, :, 0]


def wanted_scores(batch, iou):
    """[R, 3]: the quality that each class's score should tell."""
    cls = batch["cls"]
    target = iou.new_zeros(len(cls), 3)
    # A person whose box fits badly is still a person: their score begins to count at an overlap of 0.1.
    quality = torch.where(cls == 0, 2 * iou - 0.5, (iou - 0.1) / 0.6)
    target[torch.arange(len(cls), device=cls.device), cls] = quality.clamp(0, 1) * batch["positive"]
    return target


def region_loss(look, batch):
    """What the picture alone should say of its regions: is it an object of this class?"""
    shown = batch["image"][:, None] * batch["weight"]
    target = wanted_scores(batch, torch.ones_like(batch["positive"]))
    return (F.binary_cross_entropy_with_logits(look, target, reduction="none") * shown).sum() / shown.sum().clamp(min=1)


def expert_loss(boxes, scores, batch, weights):
    """(loss of one expert, mean overlap of its refined boxes); weights: settings.yaml, section experts."""
    pos = batch["positive"]
    n = pos.sum().clamp(min=1)
    scale = boxes.new_tensor([4.0, 4.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    box = (F.smooth_l1_loss(boxes, batch["target"], reduction="none", beta=0.1) * scale).sum(1)
    p, t = refined(batch["box"], boxes), refined(batch["box"], batch["target"])
    iou = row_overlap(p, t)
    target = wanted_scores(batch, iou.detach())
    score = (F.binary_cross_entropy_with_logits(scores, target, reduction="none") * batch["weight"]).sum() / batch["weight"].sum()
    fit = ((weights["box"] * box + weights["fit"] * (1 - iou)) * pos).sum() / n
    return fit + weights["score"] * score, (iou * pos).sum() / n


NAMES = ("lpe", "vee", "ape")
FROM_BRIDGE = 0.6  # share of scenes whose regions are the bridge's proposals; those of others are jittered labels


class Experts(torch.nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.image, self.lpe, self.vee, self.ape = ImageNet(backbone), Lpe(), Vee(), Ape()

    def forward(self, b, wanted=NAMES):
        """({expert: (boxes, scores)} of those wanted, what the picture alone says [R, 3], pixel loss)."""
        pixels, window, pixel = pixel_features(self.image, b)
        inputs = b | {"pixels": pixels, "window": window}
        points = {"vee": "points128", "ape": "points256"}
        answers = {name: (net := getattr(self, name))(*(inputs[points[name] if key == "points" else key] for key in net.inputs)) for name in wanted}
        return answers, self.ape.look(window), pixel


@torch.no_grad()
def begin_as(net, models, batches):
    """Starts from the weights of model folders; a VEE or APE of before they saw LPE's raster lends its point layers alone."""
    onnx = lambda name: models / name / "model.onnx"
    whole = [name for name in ("vee", "ape") if "body.0.0" in weights(onnx(name))]
    if whole:
        load_onnx(net.image, onnx("image"), [], {"mix.0": with_stage3})
    for b in batches:
        b["pixels"], b["window"], _ = pixel_features(net.image.eval(), b)
    load_onnx(net.lpe, onnx("lpe"), [[b[k] for k in Lpe.inputs] for b in batches])
    for name, make, points in (("vee", Vee, "points128"), ("ape", Ape, "points256")):
        mine = getattr(net, name)
        if name in whole:
            load_onnx(mine, onnx(name), [[b[points if k == "points" else k] for k in make.inputs] for b in batches], newer=("look",))
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
        for name, (delta, score) in net(inputs(s, boxes, cls, conf))[0].items():
            d = refined(torch.from_numpy(boxes).float(), delta).numpy()
            c, si = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
            new = np.stack([boxes[:, 0] + c * d[:, 0] - si * d[:, 1], boxes[:, 1] + si * d[:, 0] + c * d[:, 1],
                            boxes[:, 2] + d[:, 2], d[:, 3], d[:, 4], d[:, 5], wrap(boxes[:, 6] + d[:, 6])], 1)
            q = torch.sigmoid(score).numpy()[np.arange(len(cls)), cls]
            found[name].append((new, cls, expert_score(conf, q)))
    return {k: average_precision(v, scans) for k, v in found.items()}


def inputs(scan, boxes, cls, conf):
    """The experts' inputs for given proposals of one frame."""
    packed = batches.pack(np.random.default_rng(0), scan, scan.points, scan.boxes, scan.classes, np.ones(len(scan.boxes), bool),
                          -1 if scan.image is None else 0)
    pictures = region_batch.Pictures([scan], "cpu") if scan.image is not None else None
    given = (torch.from_numpy(np.asarray(t))[None] for t in (boxes.astype(np.float32), cls, conf.astype(np.float32)))
    return region_batch.encode(batches.collate([packed]), *given, pictures)


def load_bev(path):
    s = loop.load(path)
    net = BevNet(s.get("width", 1.0)).eval()
    if s.get("folded"):
        from .qat import fold
        net = fold(net)
    net.load_state_dict(s["ema"])
    return net.eval()


def load_experts(path):
    net = Experts(None)
    net.load_state_dict(loop.load(path)["ema"])
    return net.eval()


def draw(at_hand, a, bev, pictures):
    """A batch of regions; `a.batch / a.reuse` new scenes are taken for each."""
    at_hand.take()
    b = at_hand.draw(a.batch)
    batches.augment(b)
    said, where = None, torch.rand(len(b), device=at_hand.device) < FROM_BRIDGE
    if bev is not None and where.any():
        asked = b.map(lambda t: t[where])
        with torch.no_grad(), loop.mixed(at_hand.device):
            heat, reg = bev(*bev_batch.grids(asked, *bev_batch.whole(asked), bev_batch.WHOLE))
        said = region_batch.proposals(heat.float(), reg.float(), asked.height, threshold=0.01)  # weak ones, too: what experts should turn down
    return region_batch.sample(b, said, where, pictures)


def main():
    a = argparse.ArgumentParser()
    loop.add_arguments(a, "runs/experts", minutes=30, batch=4, lr=2e-3)
    a.add_argument("--bev", help="checkpoint of the BEV network, whose proposals join the jittered ones")
    a.add_argument("--init", metavar="MODELS", help="folder with lpe, vee, ape and image to start from")
    a.add_argument("--start", metavar="CHECKPOINT", help="start from the averaged weights of a checkpoint of experts")
    a.add_argument("--only", choices=["ape"], help="train APE and the image branch, and keep LPE and VEE as they are")
    a.add_argument("--image-share", type=float, default=0.35, help="of scenes that a picture shows")
    a = a.parse_args()
    wanted = (a.only,) if a.only else NAMES
    shares = settings.load(a.settings)["experts"]
    device = loop.begin(a)
    torch.backends.cudnn.benchmark = False  # how many regions have a picture changes from batch to batch
    out = Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    ckpt = out / "checkpoint.pt"
    state = loop.load(ckpt) if ckpt.exists() else None
    before = origin.check(a, ckpt, state, (a.bev,) if state else (a.bev, a.init, a.start))
    hold_out = data.held_out(a.hold_out)
    train, val, layouts = sources.of(a).load(hold_out)
    labelled = sources.of(a).pictures(train, hold_out)
    kept = origin.kept(a, before, [*train, *labelled]) | {"weights": shares}
    bank = scenes.build_bank(train)
    print(f"{len(train)} frames, {len(labelled)} labelled images without a scan, {len(layouts)} layouts", flush=True)
    net = Experts(sources.backbone(a))
    bev = load_bev(a.bev).to(device, memory_format=torch.channels_last) if a.bev else None
    spent, step = (state["spent"], state["step"]) if state else (0.0, 0)
    if state:
        settings.same_as_before(out, state.get("weights"), shares)
    source = WithPictures(Scenes(train, bank, layouts, a.seed), labelled, a.image_share, a.seed + step)
    at_hand, pictures = pool(source, a, device), region_batch.Pictures(source.shown, device)
    if a.init and not state:
        begin_as(net, Path(a.init), [{k: v.cpu() for k, v in draw(at_hand, a, bev, pictures).items()} for _ in range(4)])
    if a.start and not state:
        lacking, unknown = net.load_state_dict(loop.load(a.start)["ema"], strict=False)
        if unknown or set(lacking) - {"ape.look.weight"}:
            raise SystemExit(f"{a.start}: not a checkpoint of experts: lacks {lacking[:3]}, has {unknown[:3]}")
    for name in set(NAMES) - set(wanted):
        getattr(net, name).requires_grad_(False)
    net = net.to(device)
    ema = copy.deepcopy(net).eval()
    opt = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=a.lr, weight_decay=0.01)
    if state:
        net.load_state_dict(state["net"]), ema.load_state_dict(state["ema"]), opt.load_state_dict(state["opt"])
    log = open(out / "log.jsonl", "a")
    means, clock, done = loop.Means(), loop.Clock(a.minutes, device, spent), False
    while not clock.over:
        loop.set_rate(opt, a.lr, step, clock.share, 100)
        b = draw(at_hand, a, bev, pictures)
        net.train()
        answers, look, pixel = net(b, wanted)
        parts = {"pixel": pixel, "region": region_loss(look, b)}
        loss = sum(shares[name] * part for name, part in parts.items())
        for name, (boxes, scores) in answers.items():
            one, iou = expert_loss(boxes, scores, b, shares)
            loss = loss + shares[name] * one
            parts[name], parts[name + " iou"] = one, iou
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10)
        opt.step()
        step += 1
        loop.follow(ema, net, step)
        means.add(parts)
        done = clock.over
        if step % 50 == 0 or done:
            print(json.dumps({"step": step, "spent": round(clock.spent), **means.read()}), file=log, flush=True)
        if step % 100 == 0 or done:
            loop.save(ckpt, {"net": net.state_dict(), "ema": ema.state_dict(), "opt": opt.state_dict(), "spent": clock.spent, "step": step,
                             **kept})
    if bev is not None:
        print(json.dumps({"step": step, **judge(ema.cpu(), bev.cpu(), val)}), file=log, flush=True)
    curves.draw(out)


if __name__ == "__main__":
    main()
