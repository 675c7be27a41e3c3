"""The experts' networks and the image branch (tensors: ../FEATURES.md).

LPE: a raster of the region from above, 2D convolution. VEE: beside it the region's points, two PointNet
stages (Qi et al., CVPR 2017). APE: twice the points, each with the image features at its projection.
Linear layers over the last axis become MatMul + Add; max over the points becomes ReduceMax.
"""

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from .windows import MEAN, STD

CONTEXT, PIXELS, WINDOW = 12, 17, 32
RASTER = 64 * 4 * 2  # what the convolutions make of a raster


class Head(nn.Module):
    def __init__(self, c, hidden=128):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(c + CONTEXT, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.boxes = nn.Linear(hidden, 7)
        self.scores = nn.Linear(hidden, 3)
        nn.init.normal_(self.boxes.weight, 0, 0.003)
        nn.init.zeros_(self.boxes.bias)

    def forward(self, x, context):
        x = self.body(torch.cat([x, context], 1))
        return self.boxes(x), self.scores(x)


def conv(c_in, c_out, stride):
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU())


def raster_body():
    return nn.Sequential(conv(8, 24, 1), conv(24, 32, 2), conv(32, 48, 2), conv(48, 64, 2))


class Lpe(nn.Module):
    inputs = ("raster", "context")

    def __init__(self):
        super().__init__()
        self.body = raster_body()
        self.head = Head(RASTER, 96)

    def forward(self, raster, context):
        return self.head(self.body(raster).flatten(1), context)


class PointStage(nn.Module):
    """Shared layers, then each point learns of all: concatenation with the maximum, again shared layers, maximum."""

    def __init__(self, c_in, widths, wide):
        super().__init__()
        layers, c = [], c_in
        for w in widths:
            layers += [nn.Linear(c, w), nn.ReLU()]
            c = w
        self.first = nn.Sequential(*layers)
        # Linear over [own, maximum] in two parts: the maximum's share is the same for all points.
        self.own, self.all = nn.Linear(c, wide), nn.Linear(c, wide, bias=False)
        self.last = nn.Sequential(nn.ReLU(), nn.Linear(wide, wide), nn.ReLU())

    def forward(self, x):
        x = self.first(x)
        top = x.amax(1)
        return self.last(self.own(x) + self.all(top).unsqueeze(1)).amax(1)


class Vee(nn.Module):
    inputs = ("raster", "points", "context")

    def __init__(self):
        super().__init__()
        self.body = raster_body()
        self.stage = PointStage(8, (48, 64), 128)
        self.head = Head(RASTER + 128)

    def forward(self, raster, points, context):
        return self.head(torch.cat([self.body(raster).flatten(1), self.stage(points)], 1), context)


class Ape(nn.Module):
    inputs = ("raster", "points", "pixels", "window", "context")

    def __init__(self):
        super().__init__()
        self.body = raster_body()
        self.stage = PointStage(8 + PIXELS, (64, 96), 192)
        self.head = Head(RASTER + 192 + WINDOW)
        # What the picture alone says of each class; nothing where there is no picture.
        self.look = nn.Linear(WINDOW, 3, bias=False)
        nn.init.zeros_(self.look.weight)

    def forward(self, raster, points, pixels, window, context):
        x = self.stage(torch.cat([points, pixels], 2))
        boxes, scores = self.head(torch.cat([self.body(raster).flatten(1), x, window], 1), context)
        return boxes, scores + self.look(window)


@torch.no_grad()
def begin_as_lpe(net, lpe):
    """Makes a VEE or APE answer as this LPE does; what it has beyond an LPE starts without a say, and learns one."""
    net.body.load_state_dict(lpe.body.state_dict())
    small, large = lpe.head, net.head
    k = small.body[0].out_features
    first = large.body[0]
    first.weight[:k, :RASTER].copy_(small.body[0].weight[:, :RASTER])
    first.weight[:k, RASTER:-CONTEXT].zero_()
    first.weight[:k, -CONTEXT:].copy_(small.body[0].weight[:, -CONTEXT:])
    first.bias[:k].copy_(small.body[0].bias)
    second = large.body[2]
    second.weight[:k, :k].copy_(small.body[2].weight)
    second.weight[:k, k:].zero_()
    second.bias[:k].copy_(small.body[2].bias)
    for mine, its in ((large.boxes, small.boxes), (large.scores, small.scores)):
        mine.weight.zero_()
        mine.weight[:, :k].copy_(its.weight)
        mine.bias.copy_(its.bias)


def shuffle(x):
    """ShuffleNetV2's channel split with shuffle: even channels pass, odd channels are worked on."""
    b, c, h, w = x.shape
    x = x.reshape(b, c // 2, 2, h, w)
    return x[:, :, 0], x[:, :, 1]


class ShuffleUnit(nn.Module):
    """One unit of ShuffleNetV2 (Ma et al., ECCV 2018), names as in the pretrained file."""

    def __init__(self, c_in, c_out, mid, stride):
        super().__init__()
        self.stride = stride
        rest = c_out - c_in
        self.branch_main = nn.Sequential(
            nn.Conv2d(c_in, mid, 1, bias=False), nn.BatchNorm2d(mid), nn.ReLU(),
            nn.Conv2d(mid, mid, 3, stride, 1, groups=mid, bias=False), nn.BatchNorm2d(mid),
            nn.Conv2d(mid, rest, 1, bias=False), nn.BatchNorm2d(rest), nn.ReLU())
        if stride == 2:
            self.branch_proj = nn.Sequential(
                nn.Conv2d(c_in, c_in, 3, 2, 1, groups=c_in, bias=False), nn.BatchNorm2d(c_in),
                nn.Conv2d(c_in, c_in, 1, bias=False), nn.BatchNorm2d(c_in), nn.ReLU())

    def forward(self, x):
        if self.stride == 2:
            return torch.cat([self.branch_proj(x), self.branch_main(x)], 1)
        keep, work = shuffle(x)
        return torch.cat([keep, self.branch_main(work)], 1)


def stage(c_in, c_out, units):
    """A stage of ShuffleNetV2: a unit that halves the map, then units that work on half of the channels."""
    return nn.Sequential(ShuffleUnit(c_in, c_out, c_out // 2, 2), *[ShuffleUnit(c_out // 2, c_out, c_out // 2, 1) for _ in range(units - 1)])


class ImageNet(nn.Module):
    """Windows [2N, 3, 64, 64] to features [2N, 16, 16, 16] and confidence logits [2N, 1, 16, 16].

    The stem and stages 2 and 3 of FastestDet's ShuffleNetV2, which learned people and vehicles on COCO, stay frozen; the
    1x1 layers on top are learned. Stage 3 is where people begin to differ from posts: a linear probe on means of tight and wide
    windows, on drives that it did not see, tells people from the bridge's weak proposals that are none with an area under the ROC curve of
    0.83 (without stage 3: 0.75), cyclists 0.94 (0.87), cars 0.88 (0.85): `image_probe.py`.
    """

    def __init__(self, pretrained=None):
        super().__init__()
        self.first_conv = nn.Sequential(nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.stage2 = stage(24, 48, 4)
        self.stage3 = stage(48, 96, 8)
        self.mix = nn.Sequential(nn.Conv2d(24 + 48 + 96, 32, 1), nn.ReLU())
        self.features = nn.Sequential(nn.Conv2d(32, 16, 1), nn.ReLU())
        self.confidence = nn.Conv2d(32, 1, 1)
        if pretrained:
            self.load_backbone(pretrained)
        for m in self.frozen():
            m.requires_grad_(False)

    def frozen(self):
        return self.first_conv, self.stage2, self.stage3

    @torch.no_grad()
    def load_backbone(self, path):
        """The first convolutions of FastestDet.onnx, in order. That network sees BGR in 0..1, ours whitened RGB."""
        graph = onnx.load(path).graph
        values = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
        found = [tuple(values[k] for k in n.input[1:3]) for n in graph.node if n.op_type == "Conv"]
        mine = [m for part in self.frozen() for m in part.modules()]
        pairs = list(zip([m for m in mine if isinstance(m, nn.Conv2d)], [m for m in mine if isinstance(m, nn.BatchNorm2d)]))
        if len(found) < len(pairs):
            raise SystemExit(f"{path}: {len(found)} convolutions, expected {len(pairs)} or more: FastestDet.onnx")
        for k, ((conv, norm), (weight, bias)) in enumerate(zip(pairs, in_our_order(found))):
            if weight.shape != conv.weight.shape:
                raise SystemExit(f"{path}: convolution {k} is {tuple(weight.shape)}, expected {tuple(conv.weight.shape)}: FastestDet.onnx")
            if k == 0:
                weight = weight.flip(1)
                bias = bias + (weight * torch.from_numpy(MEAN)[None, :, None, None]).sum((1, 2, 3))
                weight = weight * torch.from_numpy(STD)[None, :, None, None]
            conv.weight.copy_(weight)
            norm.running_mean.zero_(), norm.running_var.fill_(1 - norm.eps)
            norm.weight.fill_(1), norm.bias.copy_(bias)

    def train(self, mode=True):
        super().train(mode)
        for m in self.frozen():
            m.eval()
        return self

    def forward(self, windows):
        a = self.pool(self.first_conv(windows))
        b = self.stage2(a)
        c = self.stage3(b)
        grown = lambda t, times: nn.functional.interpolate(t, scale_factor=times, mode="nearest")
        x = self.mix(torch.cat([a, grown(b, 2.0), grown(c, 4.0)], 1))
        return self.features(x), self.confidence(x)


def in_our_order(found):
    """FastestDet's file has the projection of the first unit of a stage (two layers) before its main branch (three)."""
    out, rest = found[:1], found[1:]
    for units in (4, 8):
        out += [*rest[2:5], *rest[:2], *rest[5:5 + 3 * (units - 1)]]
        rest = rest[5 + 3 * (units - 1):]
    return out


def with_stage3(tensor):
    """The layer `mix` of an image branch that saw the stem and stage 2 alone, as a start: stage 3 has no say yet."""
    lacking = 24 + 48 + 96 - tensor.shape[1] if tensor.dim() == 4 else 0
    return nn.functional.pad(tensor, (0, 0, 0, 0, 0, lacking)) if lacking else tensor
