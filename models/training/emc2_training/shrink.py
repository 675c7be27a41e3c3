"""A narrower BevNet that starts from a wider one: of each group of channels those stay that the layers after them listen to most.

    python -m emc2_training.shrink --model ../bev/model.onnx --width 0.5 --shared DATA --out runs/bev-fast/start.pt
    python -m emc2_training.shrink --model runs/bev-fold/checkpoint.pt --hold-out fold --width 0.5 --shared DATA --out runs/bev-fast-fold-start.pt

A channel's weight is its spread on training frames times the length of the weights that read it (in the manner of Li et al.,
"Pruning filters for efficient ConvNets", ICLR 2017). The result wants training: `train_bev --width 0.5 --start runs/bev-fast/start.pt`.
"""

import argparse
from pathlib import Path

import torch

from . import data, features, from_models, kitti, loop, origin, train_experts
from .bev_net import COARSE_CHANNELS, BevNet


def groups(net):
    """[(name, producers, readers)]: channels that must stay or go together. Producers are Sequentials of convolution and
    BatchNorm, the last of which makes the group's values; readers are (convolution, first input channel of the group)."""
    c1, c2 = net.stem[0].out_channels, net.down2[0].out_channels
    blocks = lambda stage: list(stage) if isinstance(stage, torch.nn.Sequential) else [stage]
    inner = [(f"{name}.{k}.a", [r.a], [(r.b[0], 0)]) for name in ("stage1", "stage2", "stage3") for k, r in enumerate(blocks(getattr(net, name)))]
    along = lambda stage: [(r.a[0], 0) for r in blocks(stage)]
    ends = lambda stage: [r.b for r in blocks(stage)]
    return inner + [
        ("stem", [net.stem], [(net.merge[0], 0)]),
        ("fine", [net.merge, *ends(net.stage1)], [*along(net.stage1), (net.down2[0], 0), (net.neck1[0], 0)]),
        ("middle", [net.down2, *ends(net.stage2)], [*along(net.stage2), (net.down3[0], 0), (net.neck2[0], 0)]),
        ("far", [net.down3, *ends(net.stage3)], [*along(net.stage3), (net.up3[0], 0)]),
        ("up3", [net.up3], [(net.neck2[0], c2)]),
        ("neck2", [net.neck2], [(net.up2[0], 0)]),
        ("up2", [net.up2], [(net.neck1[0], c1)]),
        ("neck1", [net.neck1], [(net.heatmap[0][0], 0), (net.boxes[0][0], 0)]),
        ("heatmap", [net.heatmap[0]], [(net.heatmap[1], 0)]),
        ("boxes", [net.boxes[0]], [(net.boxes[1], 0)]),
    ]


@torch.no_grad()
def spreads(net, inputs):
    """{id of a producer: standard deviation of each of its channels} over the inputs."""
    sums, hooks = {}, []
    for _, producers, _ in groups(net):
        for part in producers:
            def watch(_, __, y, part=part):
                s = sums.setdefault(id(part), torch.zeros(3, y.shape[1]))
                s += torch.stack([torch.full((y.shape[1],), y[:, 0].numel()).float(), y.sum((0, 2, 3)), (y * y).sum((0, 2, 3))])
            hooks.append(part.register_forward_hook(watch))
    net.eval()
    for given in inputs:
        net(*given)
    for h in hooks:
        h.remove()
    return {k: (s[2] / s[0] - (s[1] / s[0]) ** 2).clamp(min=0).sqrt() for k, s in sums.items()}


@torch.no_grad()
def shrink(net, width, inputs):
    """A BevNet of `width` with the channels of `net` that matter most on `inputs` ([(fine, coarse)])."""
    small, spread = BevNet(width), spreads(net, inputs)
    outs, ins = {}, {}  # of convolutions: which output channels stay; [(first, which input channels of this group stay)]
    for (name, producers, readers), (_, their, _) in zip(groups(net), groups(small)):
        count = their[0][0].out_channels
        heard = torch.stack([conv.weight[:, at:at + producers[0][0].out_channels].pow(2).sum((0, 2, 3)) for conv, at in readers]).sum(0).sqrt()
        loud = torch.stack([spread[id(p)] for p in producers]).max(0).values
        keep = (heard * loud).topk(count).indices.sort().values
        for part in producers:
            outs[part[0]] = keep
        for conv, at in readers:
            ins.setdefault(conv, []).append((at, keep))
    mine, its = dict(net.named_modules()), dict(small.named_modules())
    for name, conv in mine.items():
        if isinstance(conv, torch.nn.Conv2d):
            extra = COARSE_CHANNELS if conv is net.merge[0] else 0
            its[name].weight.copy_(sliced(conv.weight, outs.get(conv), ins.get(conv), extra))
            if conv.bias is not None:
                its[name].bias.copy_(conv.bias)
        parent, _, leaf = name.rpartition(".")
        if isinstance(conv, torch.nn.BatchNorm2d):
            keep = outs[mine[f"{parent}.{int(leaf) - 1}"]]
            for key, value in conv.state_dict().items():
                its[name].state_dict()[key].copy_(value[keep] if value.dim() else value)
    return small


def sliced(weight, outs, ins, extra=0):
    """A convolution's weight with the output and input channels that stay; the last `extra` inputs are of no group and stay."""
    if ins is not None:
        parts = [keep + first for first, keep in sorted(ins, key=lambda t: t[0])]
        weight = weight[:, torch.cat([*parts, torch.arange(weight.shape[1] - extra, weight.shape[1])])]
    return weight if outs is None else weight[outs]


def frames(kitti_root, hold_out=(), every=8):
    """Training frames that say which channels speak, none of a drive that is held out."""
    return [s for s in kitti.load_object(kitti_root, "lidar_train.txt") if s.drive not in hold_out][::every]


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--model", required=True, help="model.onnx or checkpoint of the wider network")
    a.add_argument("--width", type=float, required=True)
    a.add_argument("--shared", required=True, help="its training frames say which channels speak")
    a.add_argument("--out", required=True)
    a.add_argument("--hold-out", nargs="+", default=[], metavar="DRIVE", help="drives that it does not look at (`fold`, `others`, `people`, or by name)")
    loop.add_trust(a)
    a = a.parse_args()
    seen = origin.seen_by(a.model)
    origin.check_unseen(a.model, seen, a)
    scans = frames(Path(a.shared) / "data/kitti", data.held_out(a.hold_out))
    inputs = [[torch.from_numpy(t)[None] for t in features.bev_grids(s.points, s.origin_height)] for s in scans]
    net = from_models.bev(a.model) if a.model.endswith(".onnx") else train_experts.load_bev(a.model)
    small = shrink(net, a.width, inputs)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    # Of a network that does not say what it saw, and that nobody vouches for, the narrower one does not say it either.
    known = {"seen": sorted({s.drive for s in scans}.union(seen or ()))} if seen is not None or a.hold_out else {}
    torch.save({"ema": small.state_dict(), "width": a.width, **known}, a.out)
    weights = [sum(p.numel() for p in n.parameters()) for n in (net, small)]
    print(f"{a.out}: {weights[1]} of {weights[0]} weights")


if __name__ == "__main__":
    main()
