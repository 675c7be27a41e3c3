"""Whether a learned gate would send regions better than the table does.

    python -m emc2_training.learned_gate --emc2 ../../target/release/emc2 --models runs/fold-models --kitti DATA/data/kitti \
        --drives fold --thinned 1 2 3 --table ../../emc2.yaml --out runs/tune

The gate is ridge regression: from what the router knows of a region (class, confidence, distance, visibility, and their squares, each class
with weights of its own) to what each expert is worth there beyond the mean of all; a region goes to the expert for which that, less the price of its
time, is highest. It is judged on drives left out, as `tune_router`'s table is, and asked the same regions (a run's folder serves both).
"""

import numpy as np

from . import tune_router
from .tune_router import EXPERTS, choose, choose_as, cost_of, judge, learn

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)  # of the pull towards "all experts are alike"


def facts(regions):
    """[regions, 18]: what the router knows, as the gate sees it."""
    distance = np.minimum(regions.distance, 70) / 70
    each = np.stack([np.ones(len(distance)), regions.confidence, regions.confidence ** 2, distance, distance ** 2, regions.visibility], 1)
    return (each[:, None] * (regions.cls[:, None] == np.arange(3))[..., None]).reshape(len(each), -1)


def fit(x, worth, strength):
    """Weights of a ridge regression of what each expert is worth beyond the mean of all."""
    more = worth - worth.mean(1, keepdims=True)
    return np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ more)


def left_out(regions, cost, price, strength):
    """The expert of each region by a gate that did not see its drive."""
    x, worth = facts(regions), np.where(regions.counts[:, None], regions.value(), 0.0)
    cost = np.broadcast_to(cost, worth.shape)
    out = np.full(len(x), -1)
    for drive in sorted(set(regions.drive)):
        test = regions.drive == drive
        learned = ~test & regions.counts
        out[test] = np.argmax(x[test] @ fit(x[learned], worth[learned], strength) - price * cost[test], 1)
    return out


def against(regions, chosen, base):
    """(hits that one choice of experts is worth more than another, standard error)."""
    value, all_of = regions.value(), np.arange(len(regions.cls))
    more = np.where(regions.counts, value[all_of, chosen] - value[all_of, base], 0.0)
    return more.sum(), tune_router.standard_error(more, regions.group, regions.groups)


def main():
    a = tune_router.arguments(__doc__)
    a.add_argument("--price", type=float, default=0.01, help="worth, in hits, of a millisecond of one core")
    a.add_argument("--table", metavar="YAML", help="judge the region table of this configuration as well")
    a = a.parse_args()
    scans, regions = tune_router.ask(a)
    cost, copies = cost_of(a.models, regions.cls, a.off), len(a.thinned)
    value, all_of = regions.value(), np.arange(len(regions.cls))
    print(f"{len(scans)} frames of {len(set(regions.drive))} drives, {len(all_of)} regions, {regions.object.sum()} on labels")

    def show(name, chosen, base):
        more, noise = against(regions, chosen, base)
        shares = ", ".join(f"{e} {np.mean(chosen == k):.0%}" for k, e in enumerate(EXPERTS))
        print(f"{name:<28} value {value[all_of, chosen].sum():8.2f} (against always:vee {more:+.2f}, standard error {noise:.2f})  "
              f"{cost[all_of, chosen].sum() / len(scans):5.2f} ms a frame  {shares}  {judge(regions, chosen, scans)}")

    vee = np.full(len(all_of), EXPERTS.index("vee"))
    for e, name in enumerate(EXPERTS):
        show(f"always:{name}", np.full(len(all_of), e), vee)
    held = np.full(len(all_of), -1)
    for drive in sorted(set(regions.drive)):
        test = regions.drive == drive
        held[test] = choose(regions, learn(regions, ~test, cost, a.price, copies))[test]
    show("table, drive left out", held, vee)
    for strength in STRENGTHS:
        show(f"gate {strength:g}, drive left out", left_out(regions, cost, a.price, strength), vee)
    if a.table:
        show("table of --table", choose_as(regions, a.table), vee)
    best = np.argmax(np.where(regions.counts[:, None], value - a.price * cost, 0.0), 1)
    show("the best expert of each", best, vee)


if __name__ == "__main__":
    main()
