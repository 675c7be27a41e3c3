"""What commands printed of drives held out, as the tables of the cards; the files are in `figures/`, and REPRODUCTION.md tells the command of each."""

import re
from pathlib import Path

KEYS = ("Car 3d70", "Pedestrian 3d25", "Pedestrian 3d50", "Cyclist 3d25", "Cyclist 3d50")
ROW = re.compile(r"(?P<name>always:\w+|table of --table)\s+value\s+(?P<worth>-?[\d.]+)\s+(?P<ms>[\d.]+) ms a frame\s+(?P<areas>.*)")
AREA = re.compile(r"(\w+ \w+) ([\d.]+)(?: \[([\d.]+), ([\d.]+)\])?")
HEAD = re.compile(r"(\d+) frames of (\d+) drives, (\d+) regions, (\d+) on labels; labels that count: (.*?);")


def lines_of(path):
    if not Path(path).exists():
        raise SystemExit(f"{path}: no such file; expected what the command of REPRODUCTION.md printed")
    return Path(path).read_text().splitlines()


def routed(path):
    """(frames, drives, labels in words, {policy: (worth, ms, {key: (area, low, high)})}) of what tune_router printed."""
    lines = lines_of(path)
    head = next((m for line in lines if (m := HEAD.match(line))), None)
    rows = {m["name"].replace("table of --table", "default table"): (float(m["worth"]), float(m["ms"]), {k: (a, low, high) for k, a, low, high in AREA.findall(m["areas"])})
            for line in lines if (m := ROW.match(line))}
    if head is None or len(rows) < 5:
        raise SystemExit(f"{path}: not what `tune_router --table` prints; expected a line that begins with `18 frames of ...`, and one for each policy")
    return int(head[1]), int(head[2]), head[5], rows


def routed_table(path):
    """Markdown of one such file: a row a policy, 95 % intervals in brackets."""
    frames, drives, labels, rows = routed(path)
    out = [f"{frames} frames of {drives} drives; labels that count: {labels}.", "",
           "| | Car 3D@0.7 | Pedestrian 3D@0.25 | Pedestrian 3D@0.5 | Cyclist 3D@0.25 | Cyclist 3D@0.5 | worth | ms a frame |", "|---|---|---|---|---|---|---|---|"]
    for name, (worth, ms, areas) in rows.items():
        cells = [f"{areas[key][0]} [{float(areas[key][1]):.2f}, {float(areas[key][2]):.2f}]" if areas[key][1] else areas[key][0] for key in KEYS]
        out.append(f"| {name} | {' | '.join(cells)} | {worth:.1f} | {ms:.2f} |")
    return "\n".join(out)


def in_short(path, policy):
    """The areas of one policy in a line."""
    areas = routed(path)[3][policy][2]
    return ", ".join(areas[key][0] for key in KEYS)


def proposals(path):
    """{step of rows: {key: area}} of what `thinned` printed of the proposals."""
    out, step = {}, None
    for line in lines_of(path):
        if m := re.match(r"every row of step (\d+)", line):
            step = int(m[1])
        elif step and line.split()[:1] == ["bridge"]:
            out[step] = {key: area for key, area, *_ in AREA.findall(line)}
    if not out:
        raise SystemExit(f"{path}: not what `thinned` prints; expected lines `every row of step ...` and `bridge ...`")
    return out


def proposals_table(named):
    """Markdown of several such files, {words: path}: whole frames, and Car and Pedestrian with every second and third row."""
    out = ["| | Car BEV@0.7 | Car 3D@0.7 | Pedestrian 3D@0.25, @0.5 | Cyclist 3D@0.25, @0.5 | every second row: Car 3D@0.7, Pedestrian 3D@0.25 | every third |",
           "|---|---|---|---|---|---|---|"]
    for words, path in named.items():
        by = proposals(path)
        few = [f"{by[k]['Car 3d70']}, {by[k]['Pedestrian 3d25']}" if k in by else "" for k in (2, 3)]
        one = by[1]
        out.append(f"| {words} | {one['Car bev70']} | {one['Car 3d70']} | {one['Pedestrian 3d25']}, {one['Pedestrian 3d50']} | {one['Cyclist 3d25']}, {one['Cyclist 3d50']} | {few[0]} | {few[1]} |")
    return "\n".join(out)


STRONG = (("vee less lpe", "car", "sure", "VEE than LPE on cars that the bridge is sure of (confidence from 0.7)"), ("vee less lpe", "car", "in doubt", "VEE than LPE on cars that it doubts (0.3 to 0.7)"),
          ("ape less vee", "car", "sure", "APE than VEE on sure cars"), ("ape less lpe", "people", "in doubt", "APE than LPE on people and cyclists in doubt"),
          ("ape less lpe", "people", "weak", "APE than LPE on weak ones"), ("ape less vee", "people", "", "APE than VEE on all people and cyclists"))
GAIN = re.compile(r"(\w+ less \w+)\s+(car|people)?\s*(near|middle|far)?\s*(weak|in doubt|sure)?\s+(\d+) regions\s+([+-][\d.]+) hits, standard error ([\d.]+)")


def strong(path):
    """Where one expert's answers are worth more than another's, as tune_router printed it, in words."""
    found = {(m[1], m[2] or "", m[4] or ""): (m[6], m[7], m[5]) for line in lines_of(path) if (m := GAIN.match(line)) and not m[3]}
    missing = [key for *key, _ in STRONG if tuple(key) not in found]
    if missing:
        raise SystemExit(f"{path}: no line of {missing}; expected what tune_router prints")
    return "\n".join(f"- {words}: {found[expert, group, band][0]} ({found[expert, group, band][1]}; {found[expert, group, band][2]} regions)" for expert, group, band, words in STRONG)


def calibration(path):
    """What `calibrate` printed, in a sentence."""
    rows = [m for line in lines_of(path) if (m := re.match(r"(\w+): (\d+) regions, (\d+) finds; log loss ([\d.]+) as it is, ([\d.]+) calibrated", line))]
    if not rows:
        raise SystemExit(f"{path}: not what `calibrate` prints")
    finds = ", ".join(f"{m[1]} {m[3]}" for m in rows)
    return (f"On {rows[0][2]} regions of drives held out, whole and thinned (finds at 3D overlap 0.5 for cars, 0.25 for people: {finds}), the log loss of the scores as the networks give them, and calibrated on other drives: "
            + ", ".join(f"{m[1]} {m[4]} and {m[5]}" for m in rows) + " (`emc2_training.calibrate`).")
