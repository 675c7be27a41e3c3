"""The experts' networks and the image branch (tensors: ../FEATURES.md).

LPE: a raster of the region from above, 2D convolution. VEE: the region's points, two PointNet
stages (Qi et al., CVPR 2017). APE: twice the points, each with the image features at its projection.
Linear layers over the last axis become MatMul + Add; max over the points becomes ReduceMax.
"""

import torch
from torch import nn

CONTEXT, PIXELS, WINDOW = 12, 17, 32


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


class Lpe(nn.Module):
    inputs = ("raster", "context")

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(8, 24, 1), conv(24, 32, 2), conv(32, 48, 2), conv(48, 64, 2))
        self.head = Head(64 * 4 * 2, 96)

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
    inputs = ("points", "context")

    def __init__(self):
        super().__init__()
        self.stage = PointStage(8, (48, 64), 128)
        self.head = Head(128)

    def forward(self, points, context):
        return self.head(self.stage(points), context)


class Ape(nn.Module):
    inputs = ("points", "pixels", "window", "context")

    def __init__(self):
        super().__init__()
        self.stage = PointStage(8 + PIXELS, (64, 96), 192)
        self.head = Head(192 + WINDOW)

    def forward(self, points, pixels, window, context):
        x = self.stage(torch.cat([points, pixels], 2))
        return self.head(torch.cat([x, window], 1), context)


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


class ImageNet(nn.Module):
    """Windows [2N, 3, 64, 64] to features [2N, 16, 16, 16] and confidence logits [2N, 1, 16, 16].

    The stem and stage 2 of a ShuffleNetV2 pretrained on ImageNet stay frozen; the two 1x1 layers on top are learned.
    """

    def __init__(self, pretrained=None):
        super().__init__()
        self.first_conv = nn.Sequential(nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.stage2 = nn.Sequential(ShuffleUnit(24, 48, 24, 2), *[ShuffleUnit(24, 48, 24, 1) for _ in range(3)])
        self.mix = nn.Sequential(nn.Conv2d(72, 32, 1), nn.ReLU())
        self.features = nn.Sequential(nn.Conv2d(32, 16, 1), nn.ReLU())
        self.confidence = nn.Conv2d(32, 1, 1)
        if pretrained:
            state = torch.load(pretrained, map_location="cpu")
            mine = {k: v for k, v in state.items() if k.startswith(("first_conv", "stage2"))}
            missing = [k for k in self.state_dict() if k.startswith(("first_conv", "stage2")) and k not in mine]
            if missing:
                raise SystemExit(f"{pretrained}: lacks {missing[:3]}")
            self.load_state_dict(mine, strict=False)
        for m in (self.first_conv, self.stage2):
            m.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.first_conv.eval(), self.stage2.eval()
        return self

    def forward(self, windows):
        a = self.pool(self.first_conv(windows))
        b = nn.functional.interpolate(self.stage2(a), scale_factor=2.0, mode="nearest")
        x = self.mix(torch.cat([a, b], 1))
        return self.features(x), self.confidence(x)
