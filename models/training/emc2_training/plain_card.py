"""The card of a model that has none: what its checkpoint and its log say, and nothing else (`export`, `classifier`).

A card that this wrote begins with MARK, and is written anew with the model. One that `cards` or a hand wrote stays as it is. The fuller cards
of the committed models are written by `cards`.
"""

import json
from pathlib import Path

from . import loop

MARK = "<!-- written by export -->"
TERMS = "Weights carry the terms of the data that they were trained on (KITTI: CC BY-NC-SA 3.0; View-of-Delft: research licence, non-commercial). Check those of your own data before you pass them on."
FASTESTDET = "\n\nLayers of FastestDet are in it (BSD 3-Clause, copyright 2022 xuehao.ma): the licence text, `models/image/LICENSE.FastestDet` of emc2, goes along with the model."


def write(folder, name, role, what, facts, judged="", terms=TERMS):
    """Writes CARD.md of a model; `facts` is [(what it is called, its value)], `judged` what the training itself said of its accuracy. Prints what was done."""
    path = Path(folder) / "CARD.md"
    before = path.read_text() if path.exists() else None
    if before is not None and not before.startswith(MARK):
        print(f"{name}: {path} stays as it is, and may speak of the weights before these: it was not written by export. Remove it to get a plain one")
        return
    rows = "".join(f"- {key}: {value}\n" for key, value in facts)
    path.write_text(f"{MARK}\n# {name}\n\nRole: {role}. {what}\n\n## Training\n\n{rows}\n## Terms\n\n{terms}\n\n## Judged\n\n{judged}"
                    "The exported file: not judged on frames kept away. `emc2 run --dataset kitti --root KITTI --split FILE --out DIR --eval` does that.\n")
    print(f"{name}: {path} written{' anew' if before is not None else ''}")


def facts_of(checkpoint):
    """[(name, value)] of a checkpoint: the drives seen, how the run was begun, how long it was."""
    state = loop.load(checkpoint)
    begun = {key: value for key, value in state.get("begun", {}).items() if value not in (None, [], False)}
    known = lambda key, form: form(state[key]) if key in state else "not known"
    return [("drives seen", drives(state.get("seen"))),
            ("arguments", ", ".join(f"`{key} {in_words(value)}`" for key, value in sorted(begun.items()) if key != "seed") or "not known"),
            ("seed", begun.get("seed", "not known")),
            ("minutes of this run", known("spent", lambda spent: f"{spent / 60:.1f} (of processor time; on a GPU by the clock)")),
            ("steps of this run", known("step", str))]


def drives(seen):
    return "not known" if seen is None else f"{len(seen)}: {', '.join(sorted(seen))}" if seen else "none"


def in_words(value):
    return " ".join(map(str, value)) if isinstance(value, list) else value


def figures(checkpoint):
    """What the log beside a checkpoint says last of its accuracy, with the frames that it is of; nothing where it says none."""
    log = Path(checkpoint).with_name("log.jsonl")
    if not log.exists():
        return ""
    said = [json.loads(line) for line in log.read_text().splitlines()[-1:]]
    areas = [{key: value for key, value in line.items() if key not in ("step", "spent", "lr")} for line in said]
    if not areas or not any(key.startswith("Car ") or isinstance(value, dict) for key, value in areas[0].items()):
        return ""
    held = loop.load(checkpoint).get("begun", {}).get("hold_out")
    frames = "frames not known" if held is None else f"frames of the drives held out ({', '.join(held)})" if held else "frames of `lidar_val.txt`"
    return f"At the end of the training, float weights, area under the precision-recall curve ({frames}):\n\n```\n{json.dumps(areas[0])}\n```\n\n"
