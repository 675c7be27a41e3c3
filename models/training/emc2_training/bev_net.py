"""The BEV proposal network: two grids in, centre heat map and boxes out (tensors: ../FEATURES.md).

A small residual pyramid in the manner of PointPillars' backbone (Lang et al., CVPR 2019) with the
anchor-free head of CenterPoint (Yin et al., CVPR 2021) and an overlap output (CIA-SSD, AAAI 2021).
Only Conv, BatchNorm (folded on export), ReLU, nearest upsampling, Concat, Add: all of it maps to
TensorRT, and all activations are non-negative, so that unsigned 8-bit quantisation fits.
"""

import torch
from torch import nn

FINE_CHANNELS, COARSE_CHANNELS, CLASSES, BOX_CHANNELS = 12, 8, 3, 10


def conv(c_in, c_out, stride=1, k=3):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, k, stride, k // 2, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(True)
    )


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a = conv(c, c)
        self.b = nn.Sequential(nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return torch.relu(x + self.b(self.a(x)))


class BevNet(nn.Module):
    """`width` multiplies all channels but those of inputs and outputs.

    Each class has its own box channels: where it is open whether something is a person or a cyclist, the box of neither is half one, half the other.
    """

    def __init__(self, width=1.0):
        super().__init__()
        c1, c2, c3 = (int(8 * round(c * width / 8)) for c in (32, 64, 96))
        self.stem = conv(FINE_CHANNELS, c1, 2)
        self.merge = conv(c1 + COARSE_CHANNELS, c1)
        self.stage1 = Residual(c1)
        self.down2 = conv(c1, c2, 2)
        self.stage2 = nn.Sequential(Residual(c2), Residual(c2))
        self.down3 = conv(c2, c3, 2)
        self.stage3 = nn.Sequential(Residual(c3), Residual(c3))
        self.up3 = conv(c3, c2, 1, 1)
        self.neck2 = conv(2 * c2, c2)
        self.up2 = conv(c2, c1, 1, 1)
        self.neck1 = conv(2 * c1, c2)
        self.heatmap = nn.Sequential(conv(c2, c1), nn.Conv2d(c1, CLASSES, 1))
        self.boxes = nn.Sequential(conv(c2, c1), nn.Conv2d(c1, CLASSES * BOX_CHANNELS, 1))
        nn.init.constant_(self.heatmap[-1].bias, -4.0)

    def forward(self, fine, coarse):
        a = self.stage1(self.merge(torch.cat([self.stem(fine), coarse], 1)))
        b = self.stage2(self.down2(a))
        c = self.stage3(self.down3(b))
        b = self.neck2(torch.cat([b, up(self.up3(c))], 1))
        a = self.neck1(torch.cat([a, up(self.up2(b))], 1))
        return self.heatmap(a), self.boxes(a)


def up(x):
    """Doubles a map; the grid's sides are multiples of 8 fine cells, so nothing is cropped."""
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def for_each_class(tensor):
    """The last layer of boxes that all classes shared (ten channels), as a start for each class's own."""
    return torch.cat([tensor] * CLASSES) if len(tensor) == BOX_CHANNELS else tensor
