"""Writes the models' cards (CARD.md): what they are, what they were trained on, how well they do, what is not known.

    python -m emc2_training.cards --shared DATA --unpacked LABELS --out .. --judged out/val --probe FILE

`--judged` holds a run with `--eval` of each policy, named as the policy with `-` for `:` (always-lpe, region-table), and those with
other proposals than the default ones in `float-...` and `fast-...`; FILE is what `image_probe` printed. `--figures` holds what other commands printed of
drives held out (REPRODUCTION.md tells which). What was done once, in the past, stands in this file.
"""

import argparse
import json
from pathlib import Path

from . import data, figures, scenes

STAGES = "stages, each from the weights before it; `models/training/REPRODUCTION.md` has the command, seed, device, minutes and steps of each."
BEV_STAGES = "seven " + STAGES
EXPERT_STAGES = "ten " + STAGES + " {last}"
LAST = {
    "ape": """This model is of the ninth. (The last one, 30 minutes of one core that LPE and VEE had after it, gave APE cars 3D@0.7 0.871 on the 17 KITTI frames of drives held out and pedestrians at 0.25 0.783;
without it, it had 0.808 and 0.946, behind the `bev` of then. The default table sends pedestrians to it, so it stayed as it was.)""",
}
LAST["image"] = "This model is of the ninth."

PROBE = """Why stage 3: means over the tight and
the wide window, read by a linear probe on drives that it did not see, tell objects from weak proposals of the bridge that are none with these areas under the ROC curve
(`python -m emc2_training.image_probe`):

{probe}
"""

ABOUT = {
    "bev": ("proposals from bird's-eye grids", "bridge",
            """A residual pyramid with a centre head (`models/training/emc2_training/bev_net.py`), 0.74 million weights, float: what CUDA and TensorRT take. On a processor the default is the same in 8 bits (`models/bev-u8`). Car, Pedestrian, Cyclist within
x 0..70.4 m, y -40..40 m. Made in """ + BEV_STAGES),
    "bev-u8": ("the same network in 8 bits", "bridge",
               """`models/bev` with unsigned 8-bit activations and signed 7-bit weights by channel (QDQ; 7, so that processors without VNNI do not saturate), no training after rounding;
the box branch and the last layers stay float. The default: as accurate as `bev` in two thirds of the time (whole frame) on a processor with VNNI. Ranges begin with what holds 99.999, 99.9995 or 99.9999 % of the
activations of 34 training frames; then each in turn is made wider and narrower, and what brings heat map and boxes nearest to the float network's on 14 of these frames, whole and thinned, stays
(`emc2_training.ranges`; the best of the three beginnings, here the second: departure 4.2 to 0.16). On the 68 training frames that set no range rounding costs 0.000 of the area of cars (3D@0.7), 0.000 of pedestrians and 0.004 of cyclists (at 0.5); before ranges were
chosen so, and with a second rounding before every ReLU, 0.007, 0 and 0.010, and on drives held out a quarter of the pedestrians' area (proposals, 3D@0.25). The golden tolerance is 0.3, since rounding falls otherwise in other kernels (0.09 with all fusion off).

**Drives held out** (the fold of `models/ape/CARD.md`, 18 frames, whose ranges no held-out frame set; `tune_router`). Areas of Car 3D@0.7, Pedestrian 3D@0.25 and @0.5, Cyclist 3D@0.25 and @0.5:

| | proposals | routed | with every second and third row of returns: proposals | routed |
|---|---|---|---|---|
| `bev` | {float_bridge} | {float_table} | {float_few_bridge} | {float_few_table} |
| this | {u8_bridge} | {u8_table} | {u8_few_bridge} | {u8_few_table} |

No worse on whole scans, a little with few returns; it is the default for its time."""),
    "bev-fast": ("half as wide, in 8 bits", "bridge",
                 """The network of `models/bev` with half of its channels, for small processors: {fast_ms} ms on one thread of the machine that exported it (contract). Begun
with those channels of `bev` that the layers after them listen to most (`emc2_training.shrink`), then trained for 30 minutes of one core and 4 on a GPU (`models/training/REPRODUCTION.md`), and rounded as `bev-u8` is (the third beginning of its ranges: departure 0.96 to 0.12).
Stem and merge stay float as well: with them in 8 bits it departs half as far again from its float network (0.35, 0.21) for a tenth of the time. Rounding loses 0.001 of the area of cars (3D@0.7) on the 34 frames that set the
ranges, nothing on the 68 training frames that did not. Its scores are not calibrated."""),
    "lpe": ("the latency-prioritised expert", "lpe",
            """A raster of the region seen from above (32 x 16 cells, 8 channels), four convolutions, two outputs: box and overlap. LiDAR only."""),
    "vee": ("the versatile-efficiency expert", "vee",
            """LPE's raster and convolutions, beside them 128 points of the region in the box's frame through two PointNet stages; two outputs: box and overlap.
LiDAR only."""),
    "ape": ("the accuracy-prioritised expert", "ape",
            """LPE's raster and convolutions, beside them 256 points of the region, each with the image features at its projection (`models/image`), through two PointNet
stages, and the mean features of two windows, from which one layer says what the picture alone makes of the region; that is added to the score. Works without a picture as
well (its pixels are then zeros), as most of its training frames had none. What `models/classifier` says of people and cyclists is added to its scores by the program."""),
    "image": ("features of image windows", None,
              """Stem and stages 2 and 3 of the ShuffleNetV2 of FastestDet, pretrained on ImageNet and then COCO (BSD 3-Clause, copyright 2022 xuehao.ma: see
LICENSE.FastestDet), frozen, and three learned 1 x 1 layers: 16 features and the confidence that a pixel belongs to an object, 16 x 16 places a window. """ + PROBE),
    "classifier": ("people and cyclists by their picture", None,
                   """FastestDet (ShuffleNetV2, trained on ImageNet and then COCO; BSD 3-Clause, copyright 2022 xuehao.ma: see LICENSE.FastestDet) up to the features from which its three
outputs are made, frozen, and one learned linear layer for Pedestrian and one for Cyclist that read the means of these features about the middle of a crop of 160 x 160 places
(a square of twice the longer side of the projected box). It says how much likelier the picture is that of such an object than of something that a LiDAR takes for one; that is added
to the log-odds of APE's score, less 1.0 (the score is an overlap to be expected: a clear picture raises it little, a picture of something else ends it). Learned by `python -m emc2_training.classifier` in 20 seconds of one core from labelled objects (jittered three times) and from the bridge's proposals
down to a confidence of 0.01 that touch no label, all within 45 m: farther off it is asked as well, and has not been judged. Weight 0.7, limit 2.8 and the shift were chosen on the fold of `models/ape/CARD.md` (weights of 0.4 to 1.0 and shifts
of 0 to 2 do much the same).

With layers learned on three of four groups of drives, on the fourth (same command; the committed layers were learned while one frame counted twice: without it, 708 and 489 others, areas 0.903 and 0.746, 0.970 and 0.857):

| | objects and others | area under the ROC curve | under the precision-recall curve |
|---|---|---|---|
| Pedestrian | 126 and 729 | 0.911 | 0.751 |
| Cyclist | 60 and 509 | 0.979 | 0.869 |

The image branch's best single stage gives 0.84 and 0.93 under the ROC curve on the same (`models/image`). What it brings behind APE stands in `models/ape/CARD.md`: of pedestrians. Cyclists of drives held out it makes no better there
(13 of them), and the default table does not send them to APE. Cars are not looked at."""),
}

NOT_KNOWN = """Other sensors: trained on 64 beams at 1.73 m, in part thinned to 32 beams or fewer. On held-out frames of which every second or third row and half of the returns in it are
left, accuracy falls as told in `models/bev/CARD.md`; that is a stand-in for a sensor of 32 or 21 beams, not one. On the one nuScenes key frame at hand (32 beams, 1.84 m; 4 cars and
10 pedestrians ahead that count) car AP is 26 routed (proposals alone 19, LPE for all 26, VEE 26, APE 34), pedestrian AP 11 routed (10 by the proposals; with the float `bev` car AP 31 routed and 19, pedestrian AP 11 and 10). Its
intensities have a median of 0.04, the models know 0.24: they are multiplied by 5.5 (`sensor.intensity_median` in the contract); as they are (a copy of `bev-u8` whose contract has no such key) the same run gives 15 and 0 routed, 32 and 10 by the proposals. One frame: not to be relied on there. Night, rain, snow: never seen."""


BEV_FOLDS = {"24 minutes of one core": "bev-fold-first", "and 5.2 on a GPU (as committed)": "bev-fold-gpu", "and 20 of one core": "bev-fold-31",
             "20 of one core, another seed": "bev-fold-20", "and 42 more": "bev-fold-62", "`bev-fast`": "bev-fast-fold", "`others`": "bev-others"}
FOLD_WORDS = """**Drives held out.** The same network without six of the seventeen drives (`fold` in `data.py`), labels and all, in the same stages but the oldest: 24 minutes of one core from nothing, 5.2 minutes on
a GPU. Proposals alone, float, on the 18 frames of these drives (65 cars, 13 pedestrians and 7 cyclists that count; six of the pedestrians and four of the cyclists are in one frame of View-of-Delft, most
of them 25 to 51 m off with none to 38 returns); half of the returns of each row taken away where rows are (`python -m emc2_training.thinned`, whole line in `models/training/REPRODUCTION.md`; by Python alone, where View-of-Delft's
intensities are multiplied by 0.4 as in training; the program brings them to a median of 0.24, so `models/bev-u8/CARD.md` differs a little for people):

{bev_folds}

Minutes on one core after the GPU (three trainings) are no better in most cells: chance, so the committed model stayed as it was. The last two rows: other, shorter trainings. `bev-fast` there was shrunk from the fold's `bev` after the first stage and trained for 22 minutes of one core (float, before rounding). Without the nine drives of `others`
nearly all real cars are of two streets, and 22 minutes of one core from nothing are all it had; it is judged on their 15 frames (32 cars, 12 pedestrians, 6 cyclists). **People on unseen streets are found badly by the
proposals alone**; experts and classifier do the rest (`models/ape/CARD.md`). The committed model has seen all of these drives.

Tried and left: longer training (above), the mean of the weights of two or three stages (no better in anything), heat maps of people at 0.2 m, learning in the heads alone, all real people held out (made-up ones alone find people nearly as often, but with worse boxes; things of a
person's size, bins and letter boxes on posts, round signs, boards and trunks, were the surest mistakes, and are made up since).

"""

EXPERT_WORDS = """**Drives held out.** Trained from nothing without six of the seventeen drives (`--hold-out fold`; `bev` as told in `models/bev/CARD.md` and in 8 bits; experts 15 minutes of one core, APE alone 10,
then on a GPU 2.9 and 1, then LPE and VEE 30 of one core), and, without nine others (`--hold-out others`), for 22 minutes of one core a network; each judged on the frames of drives that it did not see, View-of-Delft's three among them, where most of the people are
(`python -m emc2_training.tune_router --table ../../emc2.yaml`, whole lines in `models/training/REPRODUCTION.md`). In brackets the 95 % interval of a bootstrap over frames. Worth: 1 for a box that fits (softly about the
benchmark's overlap), less the squared error of its score over all regions. ms: of one core, by the contracts' times of full batches, so proportions more than times; what frames really take is in `models/REPORT.md`.

{all}

The same with every second and with every third row of returns (each frame twice):

{all_thinned}

The fold alone, with the models that had more training (first its 18 frames, then the 17 of KITTI):

{fold}

{fold_kitti}

Without `models/classifier` (`--off classifier`) the default table has {off} on all {frames} frames (columns as above).

**What that says of routing, and what not.** No policy beats another beyond its interval: frames are too few. The table keeps within {gap} of the best single expert's worth at {share} of APE's time; VEE for everything is cheaper still and as good for cars and cyclists,
and what the table adds is APE and the classifier for pedestrians. It was chosen by hand on these drives, which it therefore flatters; so were the weights of overlap in scores (0.25 of proposals, 0.7 of experts), the confidence from which people are not weak (0.3) and from which they count
(0.1), the classifier's weight and shift, the rounding of the default `bev`, and that APE had no part in the last training stage. `tune_router` itself, which asks for two standard errors, learns VEE for everything.

**Where each is strong**, worth more than another, standard error by frame in brackets, on all {frames} frames three times each (whole, every second, every third row):

{strong}

**Scores.** {calibration} The contracts hold the curves, which are those of the models trained without these drives: how well they fit the shipped weights, trained on all drives, has not been measured. APE's curve is learned
with the classifier behind it and serves without it as well.

**Worst misses** of the default table on these 29 frames, looked at as pictures. Of 93 cars eight are missed at an overlap of 0.5 (the benchmark's 0.7 wants more than to find them): six have no return or two, hidden behind trucks and cars that stand nearer; two have 13 and 31 returns behind others. The surest false cars (0.81 to 0.96) are no mistakes of the eye: parked cars down the street that nobody labelled ("DontCare"), and one front of a lorry. Of 25
pedestrians five are missed at 0.25, all 30 to 51 m off with none to 19 returns, three of them beside bicycles or close to each other; the one missed cyclist has no return. False people that stay (0.66 to 0.3): a post with a box, somebody whom nobody labelled, stands and round signs; false cyclists: parked bicycles and people
beside them (0.62, 0.52 on one square).

Tried and left: a second pass of each expert over its own boxes (LPE 3D@0.7 +0.015, VEE -0.019, APE 0); weights half way between the two last stages (no better in anything). Of what APE took for people on the fold without the classifier, a round keep-right sign was the surest mistake (0.57).

"""

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
    prefix = {"bev": "float-", "bev-fast": "fast-"}.get(name, "")
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
    return f"""{counts['object']} frames of KITTI object (`ImageSets/lidar_train.txt` of the training folder), 26 frames of KITTI raw drives 0001 and 0018 with labels (one of which is an object frame as well, and was seen twice), 42 of
drive 0027 with a teacher's car boxes (Point-GNN T1, heading known modulo pi), 3 frames of View-of-Delft; objects cut from these were pasted, and cars, people, cyclists and
trucks made up (ray-cast shapes, `emc2_training/shapes.py`), where {counts['layouts']} KITTI label files say that objects stand. Kept away: the 12 frames of `lidar_val.txt`,
every drive that they come from, and the drives 2011_09_26_drive_0052 and 0009. In all {counts['bank'][0]} cars, {counts['bank'][1]} pedestrians and {counts['bank'][2]} cyclists
with at least 8 returns: **people are few**, and figures for them on the 12 frames (one pedestrian, and no cyclist that counts) say nothing."""


def shown_text(counts):
    return f"""{counts['images']} labelled frames with a picture (KITTI object, one drive of KITTI raw, View-of-Delft) and {counts['pictures']} labelled pictures of KITTI object without their scans. Kept away: the 12 frames
of `lidar_val.txt`, every drive that they come from, and the drives 2011_09_26_drive_0052 and 0009. **People are few** in them, and their streets fewer."""


def counts_of(shared, unpacked):
    train, _, layouts = data.load(shared, unpacked)
    return {"object": sum("/" not in s.id for s in train), "layouts": len(layouts), "bank": [len(b) for b in scenes.build_bank(train)],
            "images": sum(s.image is not None for s in train), "pictures": len(data.pictures(shared, train))}


def held_out(name, folder):
    """The section on drives held out of one card, from what commands printed into `folder`."""
    at = lambda file: Path(folder) / f"{file}.txt"
    if name == "bev":
        return FOLD_WORDS.replace("{bev_folds}", figures.proposals_table({words: at(file) for words, file in BEV_FOLDS.items()}))
    if name not in ("lpe", "vee", "ape"):
        return ""
    text = EXPERT_WORDS
    for key in ("all", "all_thinned", "fold", "fold_kitti"):
        text = text.replace("{" + key + "}", figures.routed_table(at(key)))
    frames, _, _, rows = figures.routed(at("all"))
    most, table = max(worth for worth, _, _ in rows.values()), rows["default table"]
    filled = {"frames": frames, "off": figures.in_short(at("all_off"), "default table"), "gap": f"{most - table[0]:.1f}", "share": f"{table[1] / rows['always:ape'][1]:.0%}".replace("%", " %"),
              "strong": figures.strong(at("all_three")), "calibration": figures.calibration(at("calibrate"))}
    for key, value in filled.items():
        text = text.replace("{" + key + "}", str(value))
    return text


def of_fold(folder):
    """What the card of `bev-u8` says of the fold: {placeholder: areas} of float and 8-bit proposals, alone and routed, whole and thinned."""
    files = {"float": "fold_float", "u8": "fold", "float_few": "fold_float_thinned", "u8_few": "fold_thinned"}
    return {f"{{{key}_{short}}}": figures.in_short(Path(folder) / f"{file}.txt", policy)
            for key, file in files.items() for short, policy in (("bridge", "always:bridge"), ("table", "default table"))}


def card(name, counts, stages, folder, held):
    """The text of one card."""
    title, expert, about = ABOUT[name]
    text = f"# {name}: {title}\n\n{about}\n"
    if expert != "bridge" and name != "classifier":
        text += f"Trained together with the other experts and the image branch by `emc2_training.train_experts` (hierarchical multimodal loss) in {stages}".strip() + "\n"
    text += f"\n## Data\n\n{shown_text(counts) if name == 'classifier' else data_text(counts)}\n"
    if name in ("ape", "image"):
        text += (f"\nPictures: {counts['images']} of these frames have one; {counts['pictures']} more labelled pictures of KITTI object came without their scans "
                 "and got one made up, another frame's street with made-up objects where the labels are.\n")
    text += ("\n## Terms\n\nWeights derived from KITTI (CC BY-NC-SA 3.0) and View-of-Delft (research licence, non-commercial): for non-commercial use.\n\n")
    text += judged(folder, name, expert) + held_out(name, held)
    return text + f"## Not known\n\n{NOT_KNOWN}\n"


def cost(folder, name):
    """The milliseconds that a contract tells."""
    line = next(t for t in (Path(folder) / name / "contract.yaml").read_text().splitlines() if t.startswith("cost_ms:"))
    return f"{float(line.partition('cpu-1-thread:')[2].strip(' }')):.0f}"


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--shared", required=True)
    a.add_argument("--unpacked", required=True)
    a.add_argument("--probe", required=True, help="file with what image_probe printed")
    a.add_argument("--judged", required=True)
    a.add_argument("--figures", default="figures", help="folder with what commands printed of drives held out")
    a.add_argument("--out", required=True, help="the models folder")
    a = a.parse_args()
    counts = counts_of(a.shared, a.unpacked)
    filled = {"{probe}": probe_table(Path(a.probe).read_text()), "{fast_ms}": cost(a.out, "bev-fast")}
    for name in ABOUT:
        text = card(name, counts, EXPERT_STAGES.replace("{last}", LAST.get(name, "")), a.judged, a.figures)
        for key, value in (filled | of_fold(a.figures)).items():
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
