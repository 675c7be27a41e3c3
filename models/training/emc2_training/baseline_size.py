"""A network of PointPillars' published size with random weights, as ONNX: what a single network costs on the same runtime.

    python -m emc2_training.baseline_size out/pointpillars-size.onnx
    emc2 compare ... --baseline out/pointpillars-size.onnx

The car network of Lang et al., PointPillars, CVPR 2019, section 3: a pillar feature net (9 -> 64, maximum over the points of a
pillar), its 432 x 496 pseudo image (0.16 m cells, 0..69.12 m ahead, 39.68 m to each side), three blocks of 4, 6 and 6
convolutions with 64, 128 and 256 channels and strides 2, 2, 2, each brought to 128 channels at the first block's scale, and heads for two
anchors a cell. Batch normalisation is not there, since at inference it is folded into the convolutions. Only the time of it means
anything: the weights are random, and where the pillars lie is drawn once and fixed in the file.

The paper fills its tensor up to 12 000 pillars of 100 points; here are 6000 of 32 by default, so that the figure is a lower bound.
"""

import argparse
from pathlib import Path

import torch
from torch import nn

WIDTH, LENGTH = 496, 432
ANCHORS = 2


class PillarNet(nn.Module):
    """Points of pillars `[1, P, N, 9]` become class, box and heading maps at half scale."""

    def __init__(self, pillars, grid=(WIDTH, LENGTH)):
        super().__init__()
        self.grid = grid
        self.points = nn.Linear(9, 64)
        cells = torch.randperm(grid[0] * grid[1])[:pillars].sort().values
        self.register_buffer("cells", cells.reshape(1, 1, -1).expand(1, 64, -1).contiguous())
        self.blocks, self.up = nn.ModuleList(), nn.ModuleList()
        before = 64
        for stage, (layers, channels) in enumerate(((4, 64), (6, 128), (6, 256))):
            convs = []
            for layer in range(layers):
                convs += [nn.Conv2d(before, channels, 3, stride=2 if layer == 0 else 1, padding=1), nn.ReLU()]
                before = channels
            self.blocks.append(nn.Sequential(*convs))
            scale = 2**stage
            self.up.append(nn.Sequential(nn.ConvTranspose2d(channels, 128, scale, stride=scale), nn.ReLU()))
        self.heads = nn.ModuleList(nn.Conv2d(384, ANCHORS * n, 1) for n in (1, 7, 2))

    def forward(self, pillars):
        features = torch.relu(self.points(pillars)).amax(2).transpose(1, 2)
        image = torch.zeros(1, 64, self.grid[0] * self.grid[1]).scatter(2, self.cells, features)
        x, maps = image.reshape(1, 64, *self.grid), []
        for block, up in zip(self.blocks, self.up):
            x = block(x)
            maps.append(up(x))
        x = torch.cat(maps, 1)
        return tuple(head(x) for head in self.heads)


def write(path, pillars, points):
    """Exports the network; gives its number of weights."""
    torch.manual_seed(0)
    net = PillarNet(pillars).eval()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(net, (torch.zeros(1, pillars, points, 9),), path, input_names=["pillars"],
                      output_names=["classes", "boxes", "headings"], opset_version=17, dynamo=False, do_constant_folding=False)
    return sum(p.numel() for p in net.parameters())


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("out", help="the ONNX file")
    a.add_argument("--pillars", type=int, default=6000)
    a.add_argument("--points", type=int, default=32, help="of a pillar")
    a = a.parse_args()
    if not (0 < a.pillars <= WIDTH * LENGTH and a.points > 0):
        raise SystemExit(f"--pillars {a.pillars} --points {a.points}: expected 1..{WIDTH * LENGTH} pillars of at least one point")
    weights = write(a.out, a.pillars, a.points)
    print(f"{a.out}: {weights / 1e6:.2f} million weights, {Path(a.out).stat().st_size / 1e6:.1f} MB, {a.pillars} pillars of {a.points} points")


if __name__ == "__main__":
    main()
