"""Writes the models' cards (CARD.md): what they are, what they were trained on, how well they do, what is not known.

    python -m emc2_training.cards --shared DATA --unpacked LABELS --out .. --judged out/val

`--judged` holds a run with `--eval` of each policy, named as the policy with `-` for `:` (always-lpe, region-table), and those of
the 8-bit proposals in `u8-...`. What was done once, by hand or in the past, stands in this file.
"""

import argparse
import json
from pathlib import Path

from . import data, scenes

BEV_STAGES = """six stages, each from the weights before it: 58 minutes of one core with pasted crops (commit 6af8ddd); 25.5 minutes with made-up people,
cyclists and trucks (commit 6ab8f52); 50 minutes, 9 846 steps of 4 windows, with made-up cars, walls, hedges and fences, halves of two streets put together, and scenes
thinned to every second or third beam. After step 2 900 of that stage the made-up people became stouter (the run was stopped and went on), so a rerun will not be
the same to the digit. Then 25 minutes, 4728 steps, with people in company (commit 53f4adf). Then 1 309 steps in float32 with boxes of each class's own, and with the
returns of made-up people where those of real ones lie against their labels (`emc2_training.people_offsets`; commit bc8fa7e). Last, 46 minutes, {bev_steps} steps in bfloat16, with people as wide
and as deep as real ones, and (from step 1 200 on) clutter that unseen streets showed to be taken for people: round signs, bins and letter boxes on posts, trunks, boards."""
EXPERT_STAGES = """five stages: 11 minutes (commit 6af8ddd) and 25 minutes (commit
6f677da), in which VEE and APE saw points alone, 41 minutes, 8883 steps of 96 regions (commit 53f4adf), in which they began as LPE and learned to use their points and pixels
beside its raster. Proposals of `bev` (its third stage, in the last 9 minutes its fourth), jittered labels and chance places; every region half the time mirrored. That
stage was stopped and went on: scores of people have their present target from step 3 150 on, and people in company are there from step 5 100 on. Then 1 560 steps
with the proposals and the made-up people of the fifth `bev` (commit bc8fa7e), and last {steps} steps with those of the sixth."""

ABOUT = {
    "bev": ("proposals from bird's-eye grids", "bridge",
            """A residual pyramid with a centre head (`models/training/emc2_training/bev_net.py`), 0.74 million weights, float. Car, Pedestrian, Cyclist within
x 0..70.4 m, y -40..40 m. Made with `models/training/reproduce.sh` in """ + BEV_STAGES),
    "bev-u8": ("the same network in 8 bits", "bridge",
               """`models/bev` with unsigned 8-bit activations and signed 7-bit weights by channel (QDQ; 7, so that processors without VNNI do not saturate), ranges from 34 of its training
frames (the best of three percentiles of activations, 99.995), no training after rounding; the box branch and the last layers stay float. The golden tolerance is 0.3, since rounding
falls otherwise in other kernels (0.11 with all fusion off). On the 34 frames it loses 0.011 of the area of cars (3D@0.7) and one of twelve pedestrians at 0.5 (0.084: more than the 0.05 that was
allowed before; the limit was loosened to one object where objects are few). On the 68 training frames that set no range: cars 0.019, pedestrians 0.028, cyclists at 0.5 0.014. Not the default: it loses a little everywhere."""),
    "lpe": ("the latency-prioritised expert", "lpe",
            """A raster of the region seen from above (32 x 16 cells, 8 channels), four convolutions, two outputs: box and overlap. LiDAR only."""),
    "vee": ("the versatile-efficiency expert", "vee",
            """LPE's raster and convolutions, beside them 128 points of the region in the box's frame through two PointNet stages; two outputs: box and overlap.
LiDAR only."""),
    "ape": ("the accuracy-prioritised expert", "ape",
            """LPE's raster and convolutions, beside them 256 points of the region, each with the image features at its projection (`models/image`), through two PointNet
stages, and the mean features of two windows. Works without a picture as well (its pixels are then zeros), as most of its training frames had none."""),
    "image": ("features of image windows", None,
              """Stem and second stage of the ShuffleNetV2 of FastestDet, pretrained on ImageNet and then COCO (BSD 3-Clause, copyright 2022 xuehao.ma: see
LICENSE.FastestDet), frozen, and two learned 1 x 1 layers: 16 features and the confidence that a pixel belongs to an object, 16 x 16 places a window."""),
}

NOT_KNOWN = """Other sensors: trained on 64 beams at 1.73 m, in part thinned to 32 beams or fewer. On the one nuScenes key frame at hand (32 beams, 1.84 m; 4 cars and
10 pedestrians ahead that count) car AP is 10 routed (proposals alone 7, APE for all 9; the weights of before had 10, 18 and 20) and pedestrian AP 0: not to be relied on there. Night, rain, snow: never seen."""


# What was once measured with drives held out, by the commands named.
FOLDS = {
    "bev": """**Drives held out.** Trained from nothing for 26 minutes (4 257 steps) without six of the seventeen drives, labels and all
(`python -m emc2_training.train_bev --hold-out fold --minutes 26`), and judged on their 18 frames: Car BEV@0.7 0.889, 3D@0.7 0.763; Pedestrian 3D@0.25 0.485,
@0.5 0.282 (15 people); Cyclist 3D@0.25 0.833, @0.5 0.556 (8 cyclists). Before each class had its own boxes: 0.853, 0.738; 0.320, 0.133; 1.000, 0.667 (so far apart are two
trainings: once 18 minutes gave cars 0.901 and 0.787). **People on unseen streets are still found badly.** The committed model has
seen these drives and was trained longer.

**No real person.** Half the width, without the seven drives in which real pedestrians are (`--hold-out people --width 0.5 --minutes 24`), so that people come of made-up ones alone; judged on
their 8 frames (27 pedestrians, 10 cyclists, 28 cars), from nothing, 6 877 steps: Pedestrian 3D@0.25 0.423, @0.5 0.156; Cyclist 1.000 at both. (Before each class had its own boxes: 0.428, 0.003.) What is wrong with them, seen as pictures: of the eight most confident mistakes five are things of a person's
size (a bin and a letter box on posts, round signs, boards, a trunk with bicycles) and two are people whom nobody labelled; boxes of View-of-Delft, whose labels are smaller and
stand higher, are 0.1 to 0.2 m too far off and too long, those of KITTI are not. Both were trained before clutter of that kind and people as wide as real ones were made up. Seven more minutes with
them (`--init`, `--lr 1e-3 --seed 2`) gave 0.463 and 0.119, seven more minutes without 0.458 and 0.258, one run each, overlap weighing a quarter in both: at 0.5 worse, at 0.25 the same, though the clutter was
made after mistakes on these very frames. They stayed in the committed training without having shown a gain. Tried and left: heat maps of people at 0.2 m, learning in the heads alone.

""",
    **dict.fromkeys(("lpe", "vee", "ape"), """**Drives held out.** Trained from nothing for 13 minutes (1 970 steps) without six of the seventeen drives, on the proposals of a `bev` that did not see
them either, and judged on 17 frames of KITTI of five of these drives (`python -m emc2_training.tune_router`); in brackets what a training with the design of before gave:

| | Car 3D@0.7 (64 cars) | Pedestrian 3D@0.25 | Pedestrian 3D@0.5 (7 people) | Cyclist 3D@0.25 (3) | ms of one core a frame |
|---|---|---|---|---|---|
| always:bridge | 0.768 (0.793) | 0.699 (0.514) | 0.419 (0.286) | 0.833 (0.917) | 0 |
| always:lpe | 0.817 (0.831) | 0.875 (0.437) | 0.510 (0.286) | 1.000 (1.000) | 0.59 |
| always:vee | 0.820 (0.822) | 0.875 (0.476) | 0.510 (0.286) | 1.000 (1.000) | 1.40 |
| always:ape | 0.803 (0.805) | 0.826 (0.571) | 0.510 (0.286) | 0.917 (1.000) | 5.71 |

Each expert is better than the proposals; among themselves they are alike on unseen streets. The two trainings do not agree on who is worth more where: for people and cyclists of which
the proposal is in doubt APE was worth 0.95 hits more than LPE over 40 regions (standard error 0.33) in the first, 0.06 less (0.32) in the second; VEE on cars 1.5 more (0.8) in the
second, in the first LPE had the larger area. `tune_router` alone says VEE for everything now. The default table was not changed: it is what the first training gave (APE for people and cyclists in
doubt, LPE for all else), a choice by hand. In the second, the weight of the overlap in a proposal's confidence (0.25), and the limit of weak boxes (0.02), were chosen on these same drives: with the weight of
before LPE had Pedestrian 3D@0.25 0.846, VEE 0.875, APE 0.826, proposals 0.693. Seven people are too few to tell one training from another.

**Scores.** With drives held out (187 regions, 69 finds at 3D overlap 0.5 for cars, 0.25 for people) the log loss of the scores falls when they are calibrated on other drives: proposals 0.348 to
0.244, LPE 0.208 to 0.190, VEE 0.201 to 0.183, APE 0.194 to 0.190 (`python -m emc2_training.calibrate`). The contracts hold the curves, which are those of the models trained without these drives: how well they fit the shipped
weights, trained longer and on all drives, has not been measured.

"""),
}

COLUMNS = (("BEV@0.5", "bev", 0.5), ("BEV@0.7", "bev", 0.7), ("3D@0.7", "3d", 0.7))


def read(folder, policy):
    """Cells of COLUMNS for cars from a run's eval.json, or None where there is none."""
    path = Path(folder) / policy / "eval.json"
    if not path.exists():
        return None
    rows = json.loads(path.read_text())["emc2"]["areas"]["car"]
    cells = []
    for _, metric, overlap in COLUMNS:
        row = next(r for r in rows if r["metric"] == metric and r["band"] == "all" and abs(r["overlap"] - overlap) < 1e-6)
        cells.append(f"{row['area']:.3f} [{row['interval'][0]:.3f}, {row['interval'][1]:.3f}]")
    return cells


def judged(folder, name, expert):
    """The section on the 12 held-out frames."""
    prefix = "u8-" if name == "bev-u8" else ""
    wanted = [("proposals alone (`always:bridge`)", "always-bridge")]
    if expert not in (None, "bridge"):
        wanted.append((f"refined by {expert} (`always:{expert}`)", f"always-{expert}"))
    wanted.append(("routed (`region-table`)", "region-table"))
    rows = [(words, read(folder, prefix + policy)) for words, policy in wanted]
    if expert is None or any(cells is None for _, cells in rows):
        return ""
    policy = "always:bridge" if expert == "bridge" else f"always:{expert}"
    config = " --config FILE   # models: {bev: models/bev-u8}" if prefix else ""
    table = "".join(f"| Car, {words} | {' | '.join(cells)} |\n" for words, cells in rows)
    return f"""## Judged

12 frames that no drive of training is in (30 cars of KITTI's filter "hard"; area under the whole precision-recall curve, in brackets the 95 %
interval of a bootstrap over frames):

```
emc2 run --dataset kitti --root KITTI --split KITTI/ImageSets/lidar_val.txt --out out/val --eval --policy {policy}{config}
```

| | {" | ".join(c for c, *_ in COLUMNS)} |
|---|{"---|" * len(COLUMNS)}
{table}
Twelve frames are few: differences of a few points between rows are noise.

"""


def data_text(counts):
    return f"""{counts['object']} frames of KITTI object (`ImageSets/lidar_train.txt` of the training folder), 26 frames of KITTI raw drives 0001 and 0018 with labels, 42 of
drive 0027 with a teacher's car boxes (Point-GNN T1, heading known modulo pi), 3 frames of View-of-Delft; objects cut from these were pasted, and cars, people, cyclists and
trucks made up (ray-cast shapes, `emc2_training/shapes.py`), where {counts['layouts']} KITTI label files say that objects stand. Kept away: the 12 frames of `lidar_val.txt`,
every drive that they come from, and the drives 2011_09_26_drive_0052 and 0009. In all {counts['bank'][0]} cars, {counts['bank'][1]} pedestrians and {counts['bank'][2]} cyclists
with at least 8 returns: **people are few**, and figures for them on the 12 frames (one pedestrian, one cyclist) say nothing."""


def counts_of(shared, unpacked):
    train, _, layouts = data.load(shared, unpacked)
    return {"object": sum("/" not in s.id for s in train), "layouts": len(layouts), "bank": [len(b) for b in scenes.build_bank(train)],
            "images": sum(s.image is not None for s in train), "pictures": len(data.pictures(shared, train))}


def last_line(run):
    """The last line of a training log that tells the step."""
    log = Path(run) / "log.jsonl"
    if not log.exists():
        raise SystemExit(f"{log}: no log; expected the folder that training wrote (--out)")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return next(line for line in reversed(lines) if "spent" in line)


def card(name, counts, stages, folder):
    """The text of one card."""
    title, expert, about = ABOUT[name]
    text = f"# {name}: {title}\n\n{about}\n"
    if name not in ("bev", "bev-u8"):
        text += f"Trained together with the other experts and the image branch by `emc2_training.train_experts` (hierarchical multimodal loss) in {stages}\n"
    text += f"\n## Data\n\n{data_text(counts)}\n"
    if name in ("ape", "image"):
        text += (f"\nPictures: {counts['images']} of these frames have one; {counts['pictures']} more labelled pictures of KITTI object came without their scans "
                 "and got one made up, another frame's street with made-up objects where the labels are.\n")
    text += ("\n## Terms\n\nWeights derived from KITTI (CC BY-NC-SA 3.0) and View-of-Delft (research licence, non-commercial): for non-commercial use.\n\n")
    text += judged(folder, name, expert) + FOLDS.get(name, "")
    return text + f"## Not known\n\n{NOT_KNOWN}\n"


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--bev", required=True, help="folder of the last training run of bev, for its steps")
    a.add_argument("--experts", required=True, help="folder of the experts' training run, for its steps")
    a.add_argument("--judged", required=True)
    a.add_argument("--out", required=True, help="the models folder")
    a = a.parse_args()
    counts, last = counts_of(a.shared, a.unpacked), last_line(a.experts)
    stages = EXPERT_STAGES.format(steps=last["step"])
    bev_steps = last_line(a.bev)["step"]
    for name in ABOUT:
        (Path(a.out) / name / "CARD.md").write_text(card(name, counts, stages, a.judged).replace("{bev_steps}", str(bev_steps)))
        print(Path(a.out) / name / "CARD.md")


if __name__ == "__main__":
    main()
