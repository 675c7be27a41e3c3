"""What a score is worth on drives held out, and a curve for each expert that makes it mean that.

    python -m emc2_training.calibrate --emc2 ../../target/release/emc2 --models runs/fold-models --kitti DATA/data/kitti \\
        --drives fold --out runs/tune [--write ..]

A calibrated score is the chance that such an object is there and the box overlaps it by more than LIMIT. Each expert gets two numbers,
scale and shift of its score's logit, by least log loss, with a prior of PRIOR regions that the score is right as it is. They are judged on
drives that they were not learned on (leave one drive out): a curve is written only where it is better there. `tune_router` in the same
`--out` shares its runs.
"""

from pathlib import Path

import numpy as np

from .tune_router import EXPERTS, arguments, ask

LIMIT = (0.5, 0.25, 0.25)  # 3D overlap: car, pedestrian, cyclist
PRIOR = 20.0
# To the very ends: where a curve is flat, scores become equals and boxes lose their order.
KNOTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


def logit(score):
    score = np.clip(score, 1e-3, 1 - 1e-3)
    return np.log(score / (1 - score))


def chance(logits):
    return 1 / (1 + np.exp(-logits))


def log_loss(chances, hit):
    chances = np.clip(chances, 1e-3, 1 - 1e-3)
    return float(-np.mean(hit * np.log(chances) + (1 - hit) * np.log(1 - chances))) if len(hit) else 0.0


def fit(score, hit):
    """(scale, shift) of the logit; the scale is not negative, so that the order of scores stays."""
    x, (scale, shift) = logit(score), (1.0, 0.0)
    for _ in range(50):  # Newton, with the prior about (1, 0)
        p = chance(scale * x + shift)
        gradient = np.array([np.sum((p - hit) * x) + PRIOR * (scale - 1), np.sum(p - hit) + PRIOR / 10 * shift])
        w = p * (1 - p)
        curvature = np.array([[np.sum(w * x * x) + PRIOR, np.sum(w * x)], [np.sum(w * x), np.sum(w) + PRIOR / 10]])
        step = np.linalg.solve(curvature, gradient)
        scale, shift = max(scale - step[0], 0.05), shift - step[1]
        if np.abs(step).max() < 1e-6:
            break
    return scale, shift


def left_out(score, hit, drive):
    """(log loss as the scores are, log loss of curves that never saw the drive that they are judged on)."""
    after = score.copy()
    for name in sorted(set(drive)):
        test = drive == name
        scale, shift = fit(score[~test], hit[~test])
        after[test] = chance(scale * logit(score[test]) + shift)
    return log_loss(score, hit), log_loss(after, hit)


def reliability(score, hit):
    """[(number, mean score, share of finds)] in five bands of the score."""
    band = np.minimum((score * 5).astype(int), 4)
    return [(int((band == b).sum()), float(score[band == b].mean()), float(hit[band == b].mean())) for b in range(5) if (band == b).any()]


def table(scale, shift):
    return [[0, 0], *([knot, round(float(chance(scale * logit(np.array(knot)) + shift)), 4)] for knot in KNOTS), [1, 1]]


def write(models, curves):
    """Puts each curve into its model's contract.yaml, in the place of the one before; `bridge` into those of `bev` and `bev-u8`."""
    for name, curve in curves.items():
        for folder in ("bev", "bev-u8") if name == "bridge" else (name,):
            path = Path(models) / folder / "contract.yaml"
            if path.exists():
                lines = [line for line in path.read_text().splitlines(True) if not line.startswith("calibration:")]
                at = next(i for i, line in enumerate(lines) if line.startswith("sensor:"))
                path.write_text("".join([*lines[:at], f"calibration: {curve}\n", *lines[at:]]))


def main():
    a = arguments(__doc__)
    a.add_argument("--write", metavar="MODELS", help="put the curves that are better into the contracts of this models folder")
    a = a.parse_args()
    _, regions = ask(a)
    found = regions.overlap > np.array(LIMIT)[regions.cls][:, None]
    curves = {}
    for e, name in enumerate(EXPERTS):
        score, hit, drive = regions.scores[regions.counts, e], found[regions.counts, e].astype(float), regions.drive[regions.counts]
        before, after = left_out(score, hit, drive)
        scale, shift = fit(score, hit)
        print(f"{name}: {len(hit)} regions, {int(hit.sum())} finds; log loss {before:.3f} as it is, {after:.3f} calibrated on other drives; logit x {scale:.2f} {shift:+.2f}")
        print("    score, share of finds: " + ", ".join(f"{s:.2f} {h:.2f} ({n})" for n, s, h in reliability(score, hit)))
        if after < before:
            curves[name] = table(scale, shift)
            print(f"    {name}: {curves[name]}")
    if a.write:
        write(a.write, curves)


if __name__ == "__main__":
    main()
