"""Draws what a training logged: every part of the loss, the learning rate and the overlaps over the steps.

    python -m emc2_training.curves runs/bev [runs/experts ...]

Writes curves.png beside each log.jsonl; the trainings do so at their ends.
"""

import argparse
import json
from pathlib import Path


def read(log):
    """{name: (steps, values)} of the lines that have a number for it; figures of a judgement, written once, are left out."""
    out = {}
    for number, line in enumerate(Path(log).read_text().splitlines(), 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as problem:
            raise SystemExit(f"{log}, line {number}: {problem}. Take the line out, it was cut off while being written") from None
        for key, value in row.items():
            if key not in ("step", "spent") and isinstance(value, (int, float)):
                out.setdefault(key, ([], []))
                out[key][0].append(row["step"]), out[key][1].append(value)
    return {key: at for key, at in out.items() if len(at[0]) > 1}


def draw(run):
    """Writes RUN/curves.png from RUN/log.jsonl; gives its path, or None where there is nothing to draw."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    run = Path(run)
    if not (run / "log.jsonl").exists():
        raise SystemExit(f"{run}: no log.jsonl. Give the folder that a training wrote (--out)")
    found = read(run / "log.jsonl")
    if not found:
        return None
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(3.2 * columns, 2.4 * rows), squeeze=False, layout="constrained")
    for axis, (name, (steps, values)) in zip(axes.flat, found.items()):
        axis.plot(steps, values, linewidth=1.2)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
        if name in ("focal", "box"):
            axis.set_yscale("log")
    for axis in list(axes.flat)[len(found):]:
        axis.set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("step", fontsize=8)
    path = run / "curves.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("runs", nargs="+", metavar="RUN")
    for run in a.parse_args().runs:
        print(draw(run) or f"{run}: fewer than two lines to draw")


if __name__ == "__main__":
    main()
