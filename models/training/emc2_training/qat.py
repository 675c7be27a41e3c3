"""A short training of the BEV network with its 8-bit rounding in the loop, so that `bev-u8` loses little.

    python -m emc2_training.qat --shared DATA --unpacked LABELS --bev runs/bev/checkpoint.pt --out runs/bev-u8 --minutes 6

BatchNorm is folded first. Then every convolution that export quantises sees its input rounded to unsigned 8 bits
(range from training frames, held fixed) and its weights to signed 7 bits by channel; gradients pass straight through.
The result is a float network, quantised by `export --quantize` like any other. What it brings: README.md, "Tried".
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from . import curves, data, features, loop, origin, scenes, settings, sources
from .bev_net import BevNet
from .export import KEEP_FLOAT
from .train_bev import Scenes, draw, loss_of, pool

HELD = 99.9999  # per cent of the activations of all scans together, the rest cut off half at each end, wide enough for what export's `ranges` chooses
EVERY = 7  # of a layer's activations one in so many is looked at
WEIGHT_LEVELS = 63  # each side of zero: 7 bits, as export's reduce_range


class Rounded(nn.Conv2d):
    """A convolution with 7-bit weights and an 8-bit input, in float."""

    def __init__(self, conv):
        super().__init__(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
        self.weight, self.bias = conv.weight, conv.bias
        self.low, self.high = 0.0, 0.0

    def forward(self, x):
        scale = max(self.high - self.low, 1e-6) / 255
        zero = int(round(np.clip(-self.low / scale, 0, 255)))
        x = torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, 255)
        step = self.weight.detach().abs().amax((1, 2, 3)).clamp(min=1e-8) / WEIGHT_LEVELS
        zeros = torch.zeros(len(step), dtype=torch.int32)
        w = torch.fake_quantize_per_channel_affine(self.weight, step, zeros, 0, -WEIGHT_LEVELS, WEIGHT_LEVELS)
        return F.conv2d(x, w, self.bias, self.stride, self.padding)


def fold(net):
    """The network with each BatchNorm folded into its convolution."""
    for module in net.modules():
        if isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[1], nn.BatchNorm2d):
            module[0], module[1] = fuse_conv_bn_eval(module[0], module[1]), nn.Identity()
    return net


def round_convolutions(net, scans, keep_float=KEEP_FLOAT):
    """Puts the rounding into a folded network, ranges from the scans; layers of `keep_float` stay as they are."""
    targets = {name: m for name, m in net.named_modules()
               if isinstance(m, nn.Conv2d) and not name.startswith(tuple(keep_float))}
    seen = {name: [] for name in targets}
    hooks = [m.register_forward_pre_hook(lambda _, x, name=name: seen[name].append(x[0].numpy().ravel()[::EVERY].astype(np.float16)))
             for name, m in targets.items()]
    with torch.no_grad():
        for s in scans:
            fine, coarse = features.bev_grids(s.points, s.origin_height)
            net(torch.from_numpy(fine)[None], torch.from_numpy(coarse)[None])
    for h in hooks:
        h.remove()
    for name, conv in targets.items():
        rounded = Rounded(conv)
        low, high = np.percentile(np.concatenate(seen.pop(name)), [(100 - HELD) / 2, (100 + HELD) / 2])
        rounded.low, rounded.high = min(0.0, float(low)), max(0.0, float(high))
        parent, _, leaf = name.rpartition(".")
        setattr(net.get_submodule(parent), leaf, rounded)
    return net


def main():
    a = argparse.ArgumentParser()
    loop.add_arguments(a, "runs/bev-u8", minutes=6, batch=4, lr=1e-4)
    a.add_argument("--bev", required=True, help="checkpoint of train_bev")
    a.add_argument("--keep-float", nargs="*", default=[], metavar="LAYER", help="layers that export will leave float as well (its --keep-float)")
    a = a.parse_args()
    weights = settings.load(a.settings)["bev"]
    device = loop.begin(a)
    out = Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    ckpt = out / "checkpoint.pt"
    state = loop.load(ckpt) if ckpt.exists() else None
    before = origin.check(a, ckpt, state, (a.bev,))
    if state:
        settings.same_as_before(out, state.get("weights"), weights)
    train, _, layouts = sources.of(a).load(data.held_out(a.hold_out))
    start = loop.load(a.bev)
    kept = origin.kept(a, before, train) | {"width": start["width"], "weights": weights}
    net = BevNet(start["width"])
    net.load_state_dict(start["ema"])
    net = fold(net.eval())
    spent, step = 0.0, 0
    net = round_convolutions(net, [s for s in train if s.known == (True,) * 3][::6], (*KEEP_FLOAT, *a.keep_float)).to(device)
    opt = torch.optim.AdamW(net.parameters(), lr=a.lr, weight_decay=0.0)
    if state:
        net.load_state_dict(state["ema"]), opt.load_state_dict(state["opt"])
        spent, step = state["spent"], state["step"]
    source = Scenes(train, scenes.build_bank(train), layouts, a.seed + step)
    source.progress.fill_(1.0)
    at_hand = pool(source, a, device)
    log = open(out / "log.jsonl", "a")
    means, clock, done = loop.Means(), loop.Clock(a.minutes, device, spent), False
    while not clock.over:
        loop.set_rate(opt, a.lr, step, clock.share, 1)
        fine, coarse, *taught = draw(at_hand, a)
        loss, parts = loss_of(*net(fine, coarse), taught, weights)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10)
        opt.step()
        step += 1
        means.add(parts)
        done = clock.over
        if step % 25 == 0 or done:
            print(json.dumps({"step": step, "spent": round(clock.spent), **means.read()}), file=log, flush=True)
        if step % 100 == 0 or done:
            loop.save(ckpt, {"folded": True, "ema": net.state_dict(), "opt": opt.state_dict(), "spent": clock.spent, "step": step,
                             **kept})
    curves.draw(out)


if __name__ == "__main__":
    main()
