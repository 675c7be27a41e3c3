"""The scene tree's D and C, and the gains that a budget weighs, from frames of drives that the models were not trained on.

    python -m emc2_training.tune_tree --emc2 ../../target/release/emc2 --models runs/fold-models --kitti DATA/data/kitti \\
        --drives fold --out runs/tune --table ../../emc2.yaml [--write ../../emc2.yaml]

Takes what `tune_router` takes, and shares its runs where `--out` is the same. D and C are the pair that is worth most (a hit counts 1, soft about the
benchmark's overlap; less the squared error of the score, less the price of the time), and are judged on drives that they were not chosen on. A gain is what an
expert's answers are worth more than the proposals' in a band of distance, for each unit of the proposals' doubt c (1 - c), which is how a budget counts
it (src/router/budget.rs); what is less than nothing counts as nothing. A budget cuts what the table wants and gives no region more than that, so a gain is taken from the regions that
the table sends to that expert or a costlier one.
"""

from pathlib import Path

import numpy as np

from .tune_router import EXPERTS, arguments, ask, choose_as, cost_of, standard_error, told

D = (10, 15, 20, 25, 30, 35, 40, 50)
C = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
EDGES_M = (25, 45)  # bands of the gains, as in the configuration
LEAST_DOUBT = 0.01  # as in src/router/budget.rs


def by_tree(regions, d, c):
    """The expert of each region by the published switch: one a frame."""
    out = np.zeros(len(regions.cls), int)
    near, trusted = regions.distance <= d, regions.confidence > c
    for frame in np.unique(regions.frame):
        here = regions.frame == frame
        name = "lpe" if np.all(near[here] & trusted[here]) else "vee" if np.any(~near[here] & trusted[here]) else "ape"
        out[here] = EXPERTS.index(name)
    return out


def best_tree(worth, trees, of):
    """The pair (D, C) that is worth most on the regions `of`; of equals the first."""
    return max(trees, key=lambda pair: worth[of, trees[pair][of]].sum())


def gains(regions, wanted):
    """{expert: [(gain, its standard error, regions) in each band]} over the proposal, from the regions that are to have it or a costlier one (`wanted`: the expert of each)."""
    value, band = regions.value(), np.digitize(regions.distance, EDGES_M)
    doubt = np.maximum(regions.confidence * (1 - regions.confidence), LEAST_DOUBT)
    out = {}
    for e, name in enumerate(EXPERTS[1:], 1):
        more = value[:, e] - value[:, 0]
        out[name] = []
        for b in range(3):
            k = np.flatnonzero((band == b) & regions.counts & (wanted >= e))
            if len(k) == 0:
                raise SystemExit(f"gain of {name}: the table sends no region of band {b + 1} of {EDGES_M} m to it or a costlier one; give more frames (--also, --thinned)")
            out[name].append((more[k].sum() / doubt[k].sum(), standard_error(more[k], regions.group[k], regions.groups) / doubt[k].sum(), len(k)))
    return out


def write(path, pair, found):
    """Puts D, C and the gains into a configuration, comments left as they are."""
    new = {"distance_m": f"{pair[0]:g}", "confidence": f"{pair[1]:g}"} if pair else {}
    new |= {name: "[" + ", ".join(f"{max(gain, 0):.2f}" for gain, *_ in row) + "]" for name, row in found.items()}
    lines, inside = Path(path).read_text().splitlines(True), False
    for k, line in enumerate(lines):
        key = line.strip().partition(":")[0]
        if key in ("tree", "gain"):
            inside = True
        elif inside and key in new:
            _, mark, comment = line.partition("#")
            text = f"{line[:len(line) - len(line.lstrip())]}{key}: {new.pop(key)}"
            lines[k] = f"{text:<28} {mark}{comment}" if mark else text + "\n"
    if new:
        raise SystemExit(f"{path}: no {', '.join(new)} below `tree:` and `gain:`; expected a configuration as `emc2 config` prints it")
    Path(path).write_text("".join(lines))


def main():
    a = arguments(__doc__)
    a.add_argument("--price", type=float, default=0.01, help="worth, in hits, of a millisecond of one core")
    a.add_argument("--draws", type=int, default=300, help="bootstrap draws behind each interval (0: none)")
    a.add_argument("--table", metavar="YAML", required=True, help="the configuration whose region table says who is to have which expert")
    a.add_argument("--write", metavar="YAML", help="put D, C and the gains into this configuration")
    a = a.parse_args()
    scans, regions = ask(a)
    cost = cost_of(a.models, regions.cls, a.off)
    worth, every = regions.value() - a.price * cost, np.arange(len(regions.cls))
    trees = {(d, c): by_tree(regions, d, c) for d in D for c in C}

    def show(name, chosen, draws):
        ms = cost[every, chosen].sum() / len(scans)
        print(f"{name:<26} worth {worth[every, chosen].sum():7.2f}  {ms:6.2f} ms a frame  {told(regions, chosen, scans, draws)}", flush=True)

    for (d, c), chosen in trees.items():
        show(f"D {d:g} m, C {c:g}", chosen, 0)
    pair = best_tree(worth, trees, np.ones(len(every), bool))
    held = np.zeros(len(every), int)
    for drive in sorted(set(regions.drive)):
        test = regions.drive == drive
        held[test] = trees[best_tree(worth, trees, ~test)][test]
    show(f"best: D {pair[0]:g} m, C {pair[1]:g}", trees[pair], a.draws)
    show("chosen on other drives", held, a.draws)
    found = gains(regions, choose_as(regions, a.table))
    for name, row in found.items():
        print(f"gain {name}: " + ", ".join(f"{words} {gain:.2f} (standard error {error:.2f}, {count} regions)" for words, (gain, error, count) in zip(("near", "middle", "far"), row)))
    if a.write:
        write(a.write, pair, found)


if __name__ == "__main__":
    main()
