"""Model folders back into checkpoints: what is shipped can be exported with other batches, rounded to 8 bits, or judged anew.

    python -m emc2_training.from_models --models .. --backbone DATA/models/fastestdet/FastestDet.onnx --out runs/shipped

The checkpoints say what the files say. Their BatchNorms have the statistics of a made-up scan: to train on, give the
folders to `train_bev --init` and `train_experts --init`, which take real ones.
"""

import argparse
from pathlib import Path

import torch
import yaml

from . import features, origin
from .bev_net import BevNet, for_each_class
from .expert_nets import PIXELS, WINDOW, with_stage3
from .export import toy_points
from .train_experts import Experts
from .warm_start import load_onnx, weights


def bev(path):
    """A BevNet as in model.onnx; its width is that of the file."""
    net = BevNet(len(weights(path)["stem.0"][0]) / 32)
    fine, coarse = features.bev_grids(toy_points(), 1.73)
    load_onnx(net, path, [(torch.from_numpy(fine)[None], torch.from_numpy(coarse)[None])], {"boxes.1": for_each_class})
    return net.eval()


def experts(models, backbone):
    """LPE, VEE, APE and the image branch as in their folders; the image branch's frozen layers are the backbone's."""
    torch.manual_seed(0)
    net, n = Experts(backbone), 8
    raster, context = torch.rand(n, 8, 32, 16), torch.rand(n, 12)
    inputs = {"lpe": (raster, context), "vee": (raster, torch.rand(n, 128, 8), context),
              "ape": (raster, torch.rand(n, 256, 8), torch.rand(n, 256, PIXELS), torch.rand(n, WINDOW), context),
              "image": (torch.rand(2 * n, 3, 64, 64),)}
    for name, given in inputs.items():
        load_onnx(getattr(net, name), Path(models) / name / "model.onnx", [given], {"mix.0": with_stage3}, ("look",))
    return net.eval()


def sensor_of(model):
    """The sensor of a model's contract, as a run's arguments have it."""
    sensor = yaml.safe_load((model / "contract.yaml").read_text())["sensor"]
    return {"lidar_beams": sensor["beams"], "lidar_height": sensor["origin_height"], "intensity_median": sensor.get("intensity_median")}


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--models", required=True, help="folder with bev, lpe, vee, ape and image")
    a.add_argument("--backbone", required=True, metavar="ONNX", help="FastestDet.onnx, whose first layers the image branch keeps")
    a.add_argument("--out", required=True, help="gets bev/checkpoint.pt and experts/checkpoint.pt")
    a = a.parse_args()
    first = bev(Path(a.models) / "bev" / "model.onnx")
    found = {"bev": {"ema": first.state_dict(), "width": len(first.stem[0].weight) / 32},
             "experts": {"ema": experts(a.models, a.backbone).state_dict()}}
    for name, state in found.items():
        drives = origin.seen_by(Path(a.models) / "bev/model.onnx" if name == "bev" else Path(a.models))
        state.update({} if drives is None else {"seen": drives})
        state["begun"] = sensor_of(Path(a.models) / ("bev" if name == "bev" else "lpe"))
        path = Path(a.out) / name / "checkpoint.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, path)
        print(path)


if __name__ == "__main__":
    main()
