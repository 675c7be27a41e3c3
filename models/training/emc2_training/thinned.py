"""How well proposals and experts do on frames of a drive held out whose rows of returns are thinned, as a sensor with fewer beams sees them.

    python -m emc2_training.thinned --shared DATA --unpacked LABELS --bev runs/bev-fold/checkpoint.pt --experts runs/ape-fold/checkpoint.pt --hold-out fold

A stand-in for a real sensor of 32 or 21 beams: the rows left are where a 64-beam sensor has them, and half of their returns are there, as of one that
turns twice as fast. Labels stay as they are, objects with few returns left among them.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch

from . import batches, data


def a_step(word):
    """For the command line: a whole number from 1."""
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r}: expected 1 (every row of returns stays), 2 (every second), 3 ...")
    return int(word)


def thinned(scan, step, keep=0.5):
    """The scan with every `step`-th row of its returns, and a share `keep` of the returns in these; whole for a step of 1."""
    if step == 1:
        return scan
    row = batches.beam_row(torch.from_numpy(scan.points[None]))[0].numpy()
    stays = (row % step == 0) & (np.random.default_rng(0).random(len(row)) < keep)
    return dataclasses.replace(scan, points=scan.points[stays])


def write(kitti_root, scans, step, out):
    """A folder in KITTI's object layout with these scans thinned (step 1: as they are); all else of it is linked."""
    if step == 1:
        return Path(kitti_root)
    training, source = Path(out) / "training", Path(kitti_root).resolve() / "training"
    (training / "velodyne_reduced").mkdir(parents=True, exist_ok=True)
    for name in ("calib", "label_2", "image_2"):
        if not (training / name).exists():
            (training / name).symlink_to(source / name, target_is_directory=True)
    for scan in scans:
        thinned(scan, step).points.astype(np.float32).tofile(training / "velodyne_reduced" / f"{scan.id}.bin")
    return Path(out)


def main():
    from . import loop, origin
    from .train_experts import judge, load_bev, load_experts

    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--bev", required=True, metavar="CHECKPOINT")
    a.add_argument("--experts", required=True, metavar="CHECKPOINT")
    a.add_argument("--hold-out", nargs="+", required=True, metavar="DRIVE", help="the drives that neither saw (`fold`, `others`, `people`, or by name)")
    a.add_argument("--steps", nargs="+", type=a_step, default=[1, 2, 3], help="every how many-th row is left")
    loop.add_trust(a)
    a = a.parse_args()
    for path in (a.bev, a.experts):
        origin.check_unseen(path, origin.seen_by(path), a)
    _, scans, _ = data.load(a.shared, a.unpacked, data.held_out(a.hold_out))
    bev, net = load_bev(a.bev), load_experts(a.experts)
    for step in a.steps:
        few = [thinned(s, step) for s in scans]
        print(f"every row of step {step}: {np.mean([len(s.points) for s in few]):.0f} returns a frame of {len(few)}")
        for name, areas in judge(net, bev, few).items():
            print(f"    {name:<7}" + "  ".join(f"{key} {value:.3f}" for key, value in areas.items() if value is not None))


if __name__ == "__main__":
    main()
