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
returns of made-up people where those of real ones lie against their labels (`emc2_training.people_offsets`; commit bc8fa7e). Last, 46 minutes, 7 366 steps in bfloat16, with people as wide
and as deep as real ones, and (from step 1 200 on) clutter that unseen streets showed to be taken for people: round signs, bins and letter boxes on posts, trunks, boards."""
EXPERT_STAGES = """seven stages: 11 minutes (commit 6af8ddd) and 25 minutes (commit
6f677da), in which VEE and APE saw points alone, 41 minutes, 8883 steps of 96 regions (commit 53f4adf), in which they began as LPE and learned to use their points and pixels
beside its raster. Proposals of `bev` (its third stage, in the last 9 minutes its fourth), jittered labels and chance places; every region half the time mirrored. That
stage was stopped and went on: scores of people have their present target from step 3 150 on, and people in company are there from step 5 100 on. Then 1 560 steps
with the proposals and the made-up people of the fifth `bev` (commit bc8fa7e), and 2 410 with those of the sixth (commit 7080e1e). Last, 25 minutes, {steps} steps, in which the image
branch got the third stage of its backbone and proposals down to a confidence of 0.01 were to be turned down, and {ape_minutes} minutes, {ape_steps} steps, of APE and the image branch alone, with a
picture in 70 % of the scenes and with what the picture alone says of a region supervised as well (`models/training/reproduce.sh`)."""

PROBE = """Why stage 3: means over the tight and
the wide window, read by a linear probe on drives that it did not see, tell objects from weak proposals of the bridge that are none with these areas under the ROC curve
(`python -m emc2_training.image_probe`):

{probe}
"""

ABOUT = {
    "bev": ("proposals from bird's-eye grids", "bridge",
            """A residual pyramid with a centre head (`models/training/emc2_training/bev_net.py`), 0.74 million weights, float. Car, Pedestrian, Cyclist within
x 0..70.4 m, y -40..40 m. Made with `models/training/reproduce.sh` in """ + BEV_STAGES),
    "bev-u8": ("the same network in 8 bits", "bridge",
               """`models/bev` with unsigned 8-bit activations and signed 7-bit weights by channel (QDQ; 7, so that processors without VNNI do not saturate), ranges from 34 of its training
frames (the best of three percentiles of activations, 99.995), no training after rounding; the box branch and the last layers stay float. The golden tolerance is 0.3, since rounding
falls otherwise in other kernels (0.11 with all fusion off). On the 34 frames it loses 0.011 of the area of cars (3D@0.7) and one of twelve pedestrians at 0.5 (0.084: more than the 0.05 that was
allowed before; the limit was loosened to one object where objects are few). On the 68 training frames that set no range: cars 0.019, pedestrians 0.028, cyclists at 0.5 0.014. Not the default: it loses a little everywhere."""),
    "bev-fast": ("half as wide, in 8 bits", "bridge",
                 """The network of `models/bev` with half of its channels, for small processors: {fast_ms} ms on one thread of the machine that exported it (contract). Begun
with those channels of `bev` that the layers after them listen to most (`emc2_training.shrink`), then trained for {fast_minutes} minutes of one core, {fast_steps} steps of 4 windows, and rounded as `bev-u8` is.
Stem and merge stay float as well: with them in 8 bits cars lose 0.06 of the area, more than export allows, and 6 minutes of training with the rounding (`qat`) did not help. Rounding loses 0.018 of the area of
cars (3D@0.7) and one pedestrian of twelve at 0.5 on the 34 frames that set the ranges, nothing on the 68 training frames that did not. With all fusion of ONNX Runtime off its golden output departs by 1.3, with basic fusion by 0.4, with the
usual by nothing: a build that does not fuse is refused at the start (tolerance 0.3). Its scores are not calibrated."""),
    "lpe": ("the latency-prioritised expert", "lpe",
            """A raster of the region seen from above (32 x 16 cells, 8 channels), four convolutions, two outputs: box and overlap. LiDAR only."""),
    "vee": ("the versatile-efficiency expert", "vee",
            """LPE's raster and convolutions, beside them 128 points of the region in the box's frame through two PointNet stages; two outputs: box and overlap.
LiDAR only."""),
    "ape": ("the accuracy-prioritised expert", "ape",
            """LPE's raster and convolutions, beside them 256 points of the region, each with the image features at its projection (`models/image`), through two PointNet
stages, and the mean features of two windows, from which one layer says what the picture alone makes of the region; that is added to the score. Works without a picture as
well (its pixels are then zeros), as most of its training frames had none."""),
    "image": ("features of image windows", None,
              """Stem and stages 2 and 3 of the ShuffleNetV2 of FastestDet, pretrained on ImageNet and then COCO (BSD 3-Clause, copyright 2022 xuehao.ma: see
LICENSE.FastestDet), frozen, and three learned 1 x 1 layers: 16 features and the confidence that a pixel belongs to an object, 16 x 16 places a window. """ + PROBE),
}

NOT_KNOWN = """Other sensors: trained on 64 beams at 1.73 m, in part thinned to 32 beams or fewer. On the one nuScenes key frame at hand (32 beams, 1.84 m; 4 cars and
10 pedestrians ahead that count) car AP is 15 routed (proposals alone 8, LPE for all 10, VEE 16, APE 18; before the last stages of the experts 10, 7, –, –, 9), pedestrian AP 0 routed, 11 by APE for all and 10 by the
proposals: not to be relied on there. Night, rain, snow: never seen."""


# What was once measured with drives held out, by the commands named.
FOLDS = {
    "bev": """**Drives held out.** Trained from nothing for 26 minutes (4 257 steps) without six of the seventeen drives, labels and all
(`python -m emc2_training.train_bev --hold-out fold --minutes 26`), and judged on their 18 frames: Car BEV@0.7 0.889, 3D@0.7 0.763; Pedestrian 3D@0.25 0.485,
@0.5 0.282 (15 people); Cyclist 3D@0.25 0.833, @0.5 0.556 (8 cyclists). Before each class had its own boxes: 0.853, 0.738; 0.320, 0.133; 1.000, 0.667 (so far apart are two
trainings: once 18 minutes gave cars 0.901 and 0.787). Again with the scenes of today (drawn from a pool, sparser and dimmer ones among them; 24 minutes, 3 825 steps): Car 0.901, 0.800; Pedestrian 0.409, 0.151;
Cyclist 1.000, 0.667. **People on unseen streets are still found badly.** The committed model has
seen these drives and was trained longer.

**No real person.** Half the width, without the seven drives in which real pedestrians are (`--hold-out people --width 0.5 --minutes 24`), so that people come of made-up ones alone; judged on
their 8 frames (27 pedestrians, 10 cyclists, 28 cars), from nothing, 6 877 steps: Pedestrian 3D@0.25 0.423, @0.5 0.156; Cyclist 1.000 at both. (Before each class had its own boxes: 0.428, 0.003.) What is wrong with them, seen as pictures: of the eight most confident mistakes five are things of a person's
size (a bin and a letter box on posts, round signs, boards, a trunk with bicycles) and two are people whom nobody labelled; boxes of View-of-Delft, whose labels are smaller and
stand higher, are 0.1 to 0.2 m too far off and too long, those of KITTI are not. Both were trained before clutter of that kind and people as wide as real ones were made up. Seven more minutes with
them (`--init`, `--lr 1e-3 --seed 2`) gave 0.463 and 0.119, seven more minutes without 0.458 and 0.258, one run each, overlap weighing a quarter in both: at 0.5 worse, at 0.25 the same, though the clutter was
made after mistakes on these very frames. They stayed in the committed training without having shown a gain. Tried and left: heat maps of people at 0.2 m, learning in the heads alone.

""",
    **dict.fromkeys(("lpe", "vee", "ape"), """**Drives held out.** Trained from nothing without six of the seventeen drives (`bev` 24 minutes, 3 825 steps; experts 15, 1 637 steps; APE and image branch alone
10, 1 098 steps: `--hold-out fold`), and judged on 17 frames of KITTI of five of these drives (`python -m emc2_training.tune_router --table ../../emc2.yaml`):

| | Car 3D@0.7 (64 cars) | Pedestrian 3D@0.25 | Pedestrian 3D@0.5 (7 people) | Cyclist 3D@0.25 (3) | hits, soft, of 71 | ms of one core a frame |
|---|---|---|---|---|---|---|
| always:bridge | 0.814 | 0.599 | 0.222 | 1.000 | 41.4 | 0 |
| always:lpe | 0.807 | 0.817 | 0.546 | 1.000 | 47.7 | 0.42 |
| always:vee | 0.810 | 0.826 | 0.446 | 1.000 | 47.1 | 0.93 |
| always:ape | 0.842 | 0.875 | 0.510 | 0.867 | 49.2 | 4.60 |
| default table | 0.836 | 0.875 | 0.559 | 0.867 | 49.3 | 1.37 |

APE is worth more than LPE where the proposal is not sure (confidence below 0.7) and 25 m away or more: 2.16 hits over 94 regions, standard error 0.71 (of which 1.66, standard error 0.67, over the 46
that are in doubt, 0.3 to 0.7); elsewhere it is worth less (-0.63). `tune_router` learns that row from all five drives, but from four of them
at a time mostly others: judged on the drive left out its tables are worth no more than LPE for all (47.7), since 203 regions are few. (Its threshold was lowered from 2.5 to 2 standard errors on seeing this; with 2.5 it says
LPE for everything.) The default table is that row without its weak proposals, which bring little and cost half of the time: chosen by hand, on these same drives, so its figures in the
table above are not unseen ones. In two trainings before, the experts were alike among themselves on the same drives; then APE's image branch saw less of its backbone and there was no training of APE alone. Before that last
training its row was 0.788 for cars on the frames of this fold, after it 0.829 (`train_experts` at its end). Looked at as pictures, its eight most confident pedestrians are seven people, and above them all a round sign on a post.

**Scores.** With drives held out (179 regions, 70 finds at 3D overlap 0.5 for cars, 0.25 for people) the log loss of the scores falls when they are calibrated on other drives: proposals 0.351 to
0.257, LPE 0.243 to 0.215, VEE 0.234 to 0.201, APE 0.204 to 0.189 (`python -m emc2_training.calibrate`). The contracts hold the curves, which are those of the models trained without these drives: how well they fit the shipped
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
    prefix = {"bev-u8": "u8-", "bev-fast": "fast-"}.get(name, "")
    wanted = [("proposals alone (`always:bridge`)", "always-bridge")]
    if expert not in (None, "bridge"):
        wanted.append((f"refined by {expert} (`always:{expert}`)", f"always-{expert}"))
    wanted.append(("routed (`region-table`)", "region-table"))
    rows = [(words, read(folder, prefix + policy)) for words, policy in wanted]
    if expert is None or any(cells is None for _, cells in rows):
        return ""
    policy = "always:bridge" if expert == "bridge" else f"always:{expert}"
    config = f" --config FILE   # models: {{bev: models/{name}}}" if prefix else ""
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
    if expert != "bridge":
        text += f"Trained together with the other experts and the image branch by `emc2_training.train_experts` (hierarchical multimodal loss) in {stages}\n"
    text += f"\n## Data\n\n{data_text(counts)}\n"
    if name in ("ape", "image"):
        text += (f"\nPictures: {counts['images']} of these frames have one; {counts['pictures']} more labelled pictures of KITTI object came without their scans "
                 "and got one made up, another frame's street with made-up objects where the labels are.\n")
    text += ("\n## Terms\n\nWeights derived from KITTI (CC BY-NC-SA 3.0) and View-of-Delft (research licence, non-commercial): for non-commercial use.\n\n")
    text += judged(folder, name, expert) + FOLDS.get(name, "")
    return text + f"## Not known\n\n{NOT_KNOWN}\n"


def cost(folder, name):
    """The milliseconds that a contract tells."""
    line = next(t for t in (Path(folder) / name / "contract.yaml").read_text().splitlines() if t.startswith("cost_ms:"))
    return f"{float(line.partition('cpu-1-thread:')[2].strip(' }')):.0f}"


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--runs", default="runs", help="folder of the trainings experts, ape and bev-fast/run, for their steps")
    a.add_argument("--probe", required=True, help="file with what image_probe printed")
    a.add_argument("--judged", required=True)
    a.add_argument("--out", required=True, help="the models folder")
    a = a.parse_args()
    counts = counts_of(a.shared, a.unpacked)
    experts, ape, fast = (last_line(Path(a.runs) / run) for run in ("experts", "ape", "bev-fast/run"))
    stages = EXPERT_STAGES.format(steps=experts["step"], ape_steps=ape["step"], ape_minutes=round(ape["spent"] / 60))
    filled = {"{fast_steps}": fast["step"], "{fast_minutes}": round(fast["spent"] / 60), "{probe}": probe_table(Path(a.probe).read_text()),
              "{fast_ms}": cost(a.out, "bev-fast")}
    for name in ABOUT:
        text = card(name, counts, stages, a.judged)
        for key, value in filled.items():
            text = text.replace(key, str(value))
        (Path(a.out) / name / "CARD.md").write_text(text)
        print(Path(a.out) / name / "CARD.md")


def probe_table(printed):
    """What image_probe printed, as Markdown."""
    first, *rows = [line for line in printed.splitlines() if line.strip()]
    out = ["| stages | Car | Pedestrian | Cyclist |", "|---|---|---|---|"]
    for row in rows:
        words = row.split()
        at = words.index("Car")
        out.append(f"| {' '.join(words[:at])} | {words[at + 1]} | {words[at + 3]} | {words[at + 5]} |")
    return "\n".join([*out, "", first[0].upper() + first[1:] + "."])


if __name__ == "__main__":
    main()
