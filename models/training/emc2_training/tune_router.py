"""Learns the router's region table from frames of drives that the models were not trained on.

    python -m emc2_training.tune_router --emc2 ../../target/release/emc2 --models runs/fold-models --kitti DATA/data/kitti \
        --drives fold --out runs/tune [--write ../../emc2.yaml]

Every region goes to every expert once (`emc2 run --policy always:X`, nothing fused or dropped). What an answer is
worth: 1 for a hit (soft about the benchmark's overlap), less the squared error of its score, less the price of its time.
Everything goes to the cheapest expert that is as good as the best within its noise; a row is put before that where it
brings most, if it brings far more than its standard error (from sums by frame). The table is judged on drives that it
was not learned on: leave one drive out.
"""

import argparse
import dataclasses
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import yaml

from . import data, kitti, thinned
from .boxes import nms, overlaps
from .evaluate import average_precision, bootstrap, counted, labels
from .kitti import CLASSES

EXPERTS = ("bridge", "lpe", "vee", "ape")
LIMIT = (0.7, 0.5, 0.5)
GROUPS = {"": (0, 1, 2), "car": (0,), "people": (1, 2)}
DISTANCE = {"near": (0, 25), "middle": (25, 45), "far": (45, 1000), "to 45 m": (0, 45), "from 25 m": (25, 1000), "": (0, 1000)}
VISIBILITY = {"hidden": (0, 0.5), "well seen": (0.5, 1), "": (0, 1)}
CONFIDENCE = {"weak": (0, 0.3), "in doubt": (0.3, 0.7), "not sure": (0, 0.7), "not weak": (0.3, 1), "sure": (0.7, 1), "": (0, 1)}
ROWS = 6
# By how many standard errors a row must pay, by the number of bands that it names: the more bands, the more rows are tried, and the
# better the best of them is by chance.
STANDARD_ERRORS = (2.0, 2.0, 2.5, 3.0)


def run(emc2, models, root, frames, out, policy, off=()):
    """The folder of a run in which every region keeps its own answer; not run again where it is complete."""
    folder = Path(out) / policy.replace(":", "-")
    config = Path(out) / "every-region.yaml"
    names = ("bev", "lpe", "vee", "ape", "image", "classifier")
    config.write_text(yaml.safe_dump({"models": {n: None if n in off else str((Path(models) / n).resolve()) for n in names},
                                      "router": {"table": [{"name": "not asked", "expert": "lpe"}]},  # whatever the default is
                                      "fusion": {"overlap": 1.0, "across_classes": 1.0, "min_score": 0.0,
                                                 "calibration": {e: [[0, 0], [1, 1]] for e in EXPERTS}}}))
    listed = Path(out) / "frames.txt"
    listed.write_text("".join(f"{f}\n" for f in frames))
    words = [emc2, "run", "--dataset", "kitti", "--root", root, "--split", listed, "--out", folder, "--config", config, "--policy", policy]
    if (folder / "frames.jsonl").exists():
        words.append("--resume")
    if not Path(emc2).is_file():
        raise SystemExit(f"--emc2: {emc2} is not a file; expected the program (cargo build --release makes target/release/emc2)")
    if subprocess.run(words, stdout=subprocess.DEVNULL).returncode != 0:
        raise SystemExit(f"emc2 run --policy {policy} failed, see above. {folder} may be of other models: take another --out, or remove it")
    return folder


def answers(folder):
    """{(frame, class, distance, visibility): (box, score)} of a run; distance and visibility are the proposal's, as the reason tells them."""
    out, twice = {}, set()
    for line in (Path(folder) / "frames.jsonl").read_text().splitlines():
        d = json.loads(line)
        for x in d.get("detections", []):
            b = x["box3"]
            key = d["frame"], CLASSES.index(x["class"]), float(re.search(r"([\d.]+) m,", x["reason"])[1]), round(x["visibility"], 6)
            if key in out:
                twice.add(key)
            out[key] = np.array([*b["center"], *b["size"], b["yaw"]]), x["score"]
    return {k: v for k, v in out.items() if k not in twice}


def standard_error(values, group, groups):
    """Standard error of the sum of `values`, from its sums by frame: `group` is the frame of each, a number below `groups`. What is said of one frame,
    and of its copies thinned, is not independent; frames without a value count with a sum of 0."""
    sums = np.bincount(group, values, groups)
    return float(np.sqrt(groups) * sums.std(ddof=1)) if groups > 1 else float("inf")


def beams(frame):
    """Beams of the LiDAR that the rows left of a thinned frame are like: "000012, step 2" gives 32."""
    return 64 // int(frame.split(", step ")[1])


class Regions:
    """What each expert says of each region, and what that is worth."""

    def __init__(self, scans, said):
        keys = sorted(set.intersection(*(set(s) for s in said.values())), key=lambda k: (k[0], -said["bridge"][k][1]))
        by_frame = {s.id: s for s in scans}
        self.frame = np.array([k[0] for k in keys])
        # Copies of a frame (--thinned) are one group; frames without a region are groups as well.
        names = sorted({name.split(", step ")[0] for name in by_frame})
        self.groups, self.group = len(names), np.searchsorted(names, np.array([name.split(", step ")[0] for name in self.frame], str))
        self.drive = np.array([by_frame[k[0]].drive for k in keys])
        self.cls, self.distance, self.visibility = (np.array([k[i] for k in keys]) for i in (1, 2, 3))
        self.beams = np.array([beams(k[0]) for k in keys])
        self.confidence = np.array([said["bridge"][k][1] for k in keys])
        self.boxes = np.array([[said[e][k][0] for e in EXPERTS] for k in keys])
        self.scores = np.array([[said[e][k][1] for e in EXPERTS] for k in keys])
        self.boxes, self.scores = self.boxes.reshape(-1, len(EXPERTS), 7), self.scores.reshape(-1, len(EXPERTS))
        self.overlap, self.hit = np.zeros((2, len(keys), len(EXPERTS)))
        self.counts = np.ones(len(keys), bool)
        self.object = np.zeros(len(keys), bool)
        for frame, scan in by_frame.items():
            self.match(scan, np.flatnonzero(self.frame == frame))

    def match(self, scan, rows):
        """Hits of one frame. A label goes to the most confident region about it; the others there do not count."""
        taken = set()
        for r in rows:
            c = self.cls[r]
            mine = [g for g in range(len(scan.boxes)) if scan.classes[g] in (c, -1 - c)]
            best = [max(((overlaps(self.boxes[r, e], scan.boxes[g])[1], g) for g in mine), default=(0, -1)) for e in range(len(EXPERTS))]
            overlap, g = max(best)
            if overlap < 0.1:
                continue
            valid = scan.classes[g] == c and counted(scan, g)
            if not valid or g in taken:
                self.counts[r] = False
                continue
            taken.add(g)
            self.object[r] = True
            self.overlap[r] = [overlaps(self.boxes[r, e], scan.boxes[g])[1] for e in range(len(EXPERTS))]
            self.hit[r] = np.clip((self.overlap[r] - LIMIT[c] + 0.1) / 0.2, 0, 1)

    def value(self):
        return np.where(self.counts[:, None], self.hit - (self.scores - self.hit) ** 2, 0.0)

    def where(self, row):
        inside = lambda v, band, last: (v >= band[0]) & ((v < band[1]) | ((band[1] >= last) & (v <= band[1])))
        return (np.isin(self.cls, GROUPS[row[0]]) & inside(self.distance, DISTANCE[row[1]], 1000) &
                inside(self.visibility, VISIBILITY[row[2]], 1) & inside(self.confidence, CONFIDENCE[row[3]], 1))


def learn(regions, of, cost, price, copies=1):
    """Rows [(group, distance, visibility, confidence, expert)], first match wins, learned on the regions `of`, each of which is there in several
    `copies` (--thinned)."""
    worth = regions.value() - price * cost
    less = worth[of].sum(0).max() - worth[of].sum(0)
    best = worth[of][:, [int(np.argmin(less))]]
    noise = np.array([standard_error(one, regions.group[of], regions.groups) for one in (best - worth[of]).T])
    everywhere = int(np.flatnonzero(less <= noise)[0])  # the cheapest that is as good as the best
    table, now = [("", "", "", "", everywhere)], np.full(len(of), everywhere)
    places = [(g, d, v, c) for g in GROUPS for d in DISTANCE for v in VISIBILITY for c in CONFIDENCE]
    masks = {p: regions.where(p) & of for p in places}
    while len(table) < ROWS:
        best, pick = 0.0, None
        for place, mask in masks.items():
            if mask.sum() < 8 * copies:
                continue
            before = worth[mask, now[mask]]
            for e in range(len(EXPERTS)):
                gain, other = worth[mask, e] - before, now[mask] != e
                if other.sum() < 8 * copies:
                    continue
                error = standard_error(gain[other], regions.group[mask][other], regions.groups)
                sure = gain[other].sum() - STANDARD_ERRORS[sum(word != "" for word in place[1:])] * error
                if sure > best:
                    best, pick = sure, (place, e)
        if pick is None:
            break
        place, e = pick
        table.insert(0, (*place, e))
        now[masks[place]] = e
    return table


def choose(regions, table):
    """The expert of each region."""
    out = np.full(len(regions.cls), -1)
    for row in table:
        out[(out < 0) & regions.where(row)] = row[4]
    return out


def choose_as(regions, config):
    """The expert of each region by the region table of a configuration file; bands hold their lower end, those of beams both."""
    out = np.full(len(regions.cls), -1)
    for row in yaml.safe_load(Path(config).read_text())["router"]["table"]:
        here = np.isin(regions.cls, [CLASSES.index(name) for name in row.get("classes", CLASSES)])
        low, high = row.get("beams", (0, np.inf))
        here &= (regions.beams >= low) & (regions.beams <= high)
        for key, values in (("distance_m", regions.distance), ("visibility", regions.visibility), ("confidence", regions.confidence)):
            low, high = row.get(key, (-np.inf, np.inf))
            here &= (values >= low) & (values < high)
        out[(out < 0) & here] = EXPERTS.index(row["expert"])
    return out


def gains(regions, expert, over):
    """[(classes, distance, confidence, regions, hits that one expert is worth more than the other, standard error)]."""
    value, out = regions.value(), []
    more = value[:, EXPERTS.index(expert)] - value[:, EXPERTS.index(over)]
    for group in ("car", "people", ""):
        for distance in ("near", "middle", "far", ""):
            for confidence in ("weak", "in doubt", "sure", ""):
                here = regions.where((group, distance, "", confidence))
                out.append((group, distance, confidence, here.sum(), more[here].sum(), standard_error(more[here], regions.group[here], regions.groups)))
    return out


def found_by(regions, chosen, scans):
    """(boxes, classes, scores) of each frame when each region has that expert's answer, after suppression."""
    found = []
    for s in scans:
        k = np.flatnonzero(regions.frame == s.id)
        boxes, scores, cls = regions.boxes[k, chosen[k]], regions.scores[k, chosen[k]], regions.cls[k]
        keep = [j for c in range(3) for j in np.flatnonzero(cls == c)[nms(boxes[cls == c], scores[cls == c], 0.1)]] if len(k) else []
        found.append((boxes[keep], cls[keep], scores[keep]))
    return found


def judge(regions, chosen, scans):
    """Area under the curve by class when each region has that expert's answer."""
    return average_precision(found_by(regions, chosen, scans), scans)


def told(regions, chosen, scans, draws):
    """The areas in words, each with its 95 % interval of a bootstrap over `draws` draws of frames (a frame and its thinned copies together)."""
    found = found_by(regions, chosen, scans)
    between = bootstrap(found, scans, draws, together=[s.id.split(", step ")[0] for s in scans]) if draws else {}
    return ", ".join(f"{key} {area:.3f}" + (" [{:.3f}, {:.3f}]".format(*between[key]) if key in between else "")
                     for key, area in average_precision(found, scans).items())


def quality_weights(regions, scans, now):
    """Areas of each expert with other contract weights of its overlap against the proposal's confidence."""
    confidence = regions.confidence[:, None]
    quality = (regions.scores / confidence ** (1 - now)) ** (1 / now)
    before = regions.scores
    for weight in (0.3, 0.5, 0.7, 0.9):
        regions.scores = np.where(np.arange(len(EXPERTS)) == 0, before, confidence ** (1 - weight) * quality ** weight)
        for e, name in enumerate(EXPERTS[1:], 1):
            print(f"quality_weight {weight:.1f} {name}  {judge(regions, np.full(len(regions.cls), e), scans)}")
    regions.scores = before


def cost_of(models, classes, off=()):
    """Milliseconds of one core for each region [R, experts], from the contracts; APE's with both image windows, and for people and cyclists with the
    classifier's crop."""
    each = {}
    for name in {"lpe", "vee", "ape", "image", "classifier"} - set(off):
        contract = yaml.safe_load((Path(models) / name / "contract.yaml").read_text())
        each[name] = contract["cost_ms"]["cpu-1-thread"] / contract["inputs"][-1]["shape"][0] * (2 if name == "image" else 1)
    cost = np.tile([0.0, each["lpe"], each["vee"], each["ape"] + each["image"]], (len(classes), 1))
    if "classifier" not in off:
        cost[classes > 0, EXPERTS.index("ape")] += each["classifier"]
    return cost


def as_yaml(table):
    lines = []
    for group, distance, visibility, confidence, expert in table:
        name = ", ".join(w for w in ({"people": "pedestrian or cyclist"}.get(group, group), distance, visibility, confidence) if w) or "no costlier expert does better"
        keys = [f'name: "{name}"']
        if group:
            keys.append("classes: [" + ", ".join(CLASSES[c] for c in GROUPS[group]) + "]")
        for key, word, bands in (("distance_m", distance, DISTANCE), ("visibility", visibility, VISIBILITY), ("confidence", confidence, CONFIDENCE)):
            if word:
                keys.append(f"{key}: [{bands[word][0]:g}, {bands[word][1]:g}]")
        lines.append("    - {" + ", ".join(keys) + f", expert: {EXPERTS[expert]}}}\n")
    return "".join(lines)


def write(path, table):
    """Puts the rows between `table:` and `tree:` of a configuration, after those that are for LiDARs of few beams alone."""
    lines = Path(path).read_text().splitlines(True)
    a = next(i for i, line in enumerate(lines) if line.strip().startswith("table:"))
    b = next(i for i, line in enumerate(lines) if i > a and line.strip().startswith("tree:"))
    note = "    # Learned on drives held out (models/training, tune_router). Where there is no picture, VEE does what APE would.\n"
    kept = "".join(line for line in lines[a + 1:b] if "beams: [" in line)
    Path(path).write_text("".join(lines[:a + 1]) + note + kept + as_yaml(table) + "".join(lines[b:]))


def frames_of(kitti_root, drives, delft_root=None):
    """[(root, frames)] of these drives: those of lidar_train.txt, and View-of-Delft's where its folder is given; refuses where there is none."""
    delft = kitti.load_delft(delft_root) if delft_root else []
    found = [(kitti_root, kitti.load_object(kitti_root, "lidar_train.txt")), (delft_root, [dataclasses.replace(s, id=Path(s.id).name) for s in delft])]
    found = [(root, [s for s in scans if s.drive in drives]) for root, scans in found]
    found = [(root, scans) for root, scans in found if scans]
    if not found:
        raise SystemExit(f"{kitti_root}: no frame of lidar_train.txt is of {list(drives)}")
    return found


def ask(a):
    """(frames, what every expert says of every region of them): of --drives by --models, and of each --also by its own models; each frame once
    for every step of --thinned."""
    scans, said = [], {e: {} for e in EXPERTS}
    for drives, models, out in [(a.drives, a.models, Path(a.out)), *((word.split(","), models, Path(a.out) / word.replace(",", "-")) for word, models in a.also)]:
        for place, frames in frames_of(a.kitti, data.held_out(drives), a.delft):
            for step in a.thinned:
                folder = (out if place == a.kitti else out / "delft") / f"step-{step}"
                folder.mkdir(parents=True, exist_ok=True)
                root = thinned.write(place, frames, step, folder / "kitti")
                for e in EXPERTS:
                    found = answers(run(a.emc2, models, root, [s.id for s in frames], folder, f"always:{e}", a.off))
                    said[e] |= {(f"{key[0]}, step {step}", *key[1:]): value for key, value in found.items()}
                scans += [dataclasses.replace(s, id=f"{s.id}, step {step}") for s in frames]
    twice = len(scans) - len({s.id for s in scans})
    if twice:
        raise SystemExit(f"--also: {twice} frames are of --drives as well; every frame may be judged by one set of models only")
    return scans, Regions(scans, said)


def arguments(doc):
    """What is asked of whom: for all commands that judge models on drives held out."""
    a = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--emc2", required=True)
    a.add_argument("--models", required=True, help="folder with bev, lpe, vee, ape, image, classifier that did not see these drives")
    a.add_argument("--kitti", required=True)
    a.add_argument("--delft", metavar="FOLDER", help="View-of-Delft's frames of these drives as well: most of the people")
    a.add_argument("--drives", nargs="+", default=["fold"], help="drives, or `fold` or `people` (data.NAMED)")
    a.add_argument("--also", nargs=2, action="append", default=[], metavar=("DRIVES", "MODELS"),
                   help="other drives (`others`, or names with commas) and the models that did not see those")
    a.add_argument("--thinned", nargs="+", type=thinned.a_step, default=[1], metavar="STEP",
                   help="every how many-th row of returns is left; several: each frame counts several times (1 2 3: as with 64, 32, 21 beams)")
    a.add_argument("--off", nargs="+", choices=["classifier"], default=[], help="models to do without (give another --out)")
    a.add_argument("--out", default="runs/tune")
    return a


def main():
    a = arguments(__doc__)
    a.add_argument("--price", type=float, default=0.01, help="worth, in hits, of a millisecond of one core")
    a.add_argument("--write", metavar="YAML", help="put the table into this configuration")
    a.add_argument("--table", metavar="YAML", help="judge the region table of this configuration as well")
    a.add_argument("--draws", type=int, default=300, help="bootstrap draws behind each interval (0: none)")
    a = a.parse_args()
    scans, regions = ask(a)
    cost = cost_of(a.models, regions.cls, a.off)
    everything = np.ones(len(regions.cls), bool)
    print(f"{len(scans)} frames of {len(set(regions.drive))} drives, {len(regions.cls)} regions, {regions.object.sum()} on labels; labels that count: "
          f"{', '.join(f'{name} {labels(scans, c)}' for c, name in enumerate(CLASSES))}; "
          f"ms a region: " + ", ".join(f"{e} {c:.3f}" for e, c in zip(EXPERTS, cost.mean(0))))
    copies = len(a.thinned)
    table = learn(regions, everything, cost, a.price, copies)
    held = np.full(len(regions.cls), -1)
    for drive in sorted(set(regions.drive)):
        test = regions.drive == drive
        held[test] = choose(regions, learn(regions, ~test, cost, a.price, copies))[test]
    show = lambda name, chosen: print(f"{name:<22} value {regions.value()[everything, chosen].sum():8.2f}  "
                                      f"{cost[everything, chosen].sum() / len(scans):6.2f} ms a frame  {told(regions, chosen, scans, a.draws)}")
    for e, name in enumerate(EXPERTS):
        show(f"always:{name}", np.full(len(regions.cls), e))
    show("table, drive left out", held)
    show("table, all drives", choose(regions, table))
    if a.table:
        show("table of --table", choose_as(regions, a.table))
    print(as_yaml(table), end="")
    for expert, over in (("lpe", "bridge"), ("vee", "lpe"), ("ape", "lpe"), ("ape", "vee")):
        for group, distance, confidence, count, more, error in gains(regions, expert, over):
            print(f"{expert} less {over:<7} {group:<7} {distance:<7} {confidence:<9} {count:4d} regions  {more:+.2f} hits, standard error {error:.2f}")
    contract = yaml.safe_load((Path(a.models) / "lpe" / "contract.yaml").read_text())
    quality_weights(regions, scans, contract["quality_weight"])
    if a.write:
        write(a.write, table)


if __name__ == "__main__":
    main()
