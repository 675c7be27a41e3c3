"""Where a network comes from: the arguments that its run was begun with, and the drives that it and those before it were trained on.

A checkpoint keeps both (`begun`, `seen`), so that drives held out stay unseen through `--start`, `--bev` and a run that is gone on with; an exported
model keeps the second in its metadata, under DRIVES.
"""

from pathlib import Path

import onnx

from . import data, loop, sources

DRIVES = "trained_on_drives"
# Arguments that say where and how long a run goes, not what it is: these may change while it goes on (settings.py looks at the weights itself).
FREE = ("shared", "unpacked", "out", "minutes", "device", "workers", "threads", "pool", "settings", "trust_start")


def begun(a):
    """The arguments that make a run what it is."""
    return {name: value for name, value in vars(a).items() if name not in FREE} | {"hold_out": sorted(data.held_out(a.hold_out))}


def same_as_before(checkpoint, before, now):
    """Refuses to go on with a run under other arguments; arguments that it was begun without count as the same."""
    other = [f"--{name.replace('_', '-')}: {before[name]} then, {now[name]} now" for name in now if name in before and before[name] != now[name]]
    if other:
        raise SystemExit(f"{checkpoint}: this run was begun with other arguments ({'; '.join(other)}). Go on with the same, or choose another --out")


def seen_by(path):
    """The drives that a network and those before it were trained on; None where its file does not say (what was made before files said it). Of a folder
    of models: all drives that one of them saw, None where one does not say."""
    if Path(path).is_dir():
        each = [told_by(model) for model in sorted(Path(path).glob("*/model.onnx"))]
        return None if None in each or not each else sorted(set().union(*each))
    return told_by(path) if Path(path).suffix == ".onnx" else loop.load(path).get("seen")


def told_by(model):
    """The drives in a model's metadata; None where it has none, or where there is no such file (whoever reads its weights says so)."""
    if not Path(model).exists():
        return None
    told = [p.value for p in onnx.load(model).metadata_props if p.key == DRIVES]
    return told[0].split() if told else None


def tell(model, drives):
    """Writes the drives into an exported model's metadata; nothing where nobody knows them (None)."""
    if drives is not None:
        loaded = onnx.load(model)
        onnx.helper.set_model_props(loaded, {p.key: p.value for p in loaded.metadata_props} | {DRIVES: " ".join(sorted(drives))})
        onnx.save(loaded, model)


def check_unseen(what, drives, a):
    """Refuses a network that saw a drive which is kept away, or of which nobody can tell while drives are held out."""
    hold_out = data.held_out(a.hold_out)
    if drives is None and hold_out and not a.trust_start:
        raise SystemExit(f"{what}: does not say which drives it was trained on (what was made before files said it does not), and {len(hold_out)} "
                         "drives are held out. Take one that was trained with the same --hold-out, or vouch with --trust-start that it never saw them")
    both = sorted(set(drives or ()) & sources.of(a).kept_away(hold_out))
    if both:
        raise SystemExit(f"{what}: was trained on {len(both)} of the drives that are to be kept away: {both[:5]}. What is judged on these would be too good: "
                         "take one that was trained with the same --hold-out, or begin from nothing")


def check(a, checkpoint, state, before):
    """The drives that were seen before this run goes on: by its own checkpoint (`state`; None: there is none), and by the networks whose paths are in
    `before` (None: not given). Refuses what `same_as_before` and `check_unseen` refuse."""
    found = {path: seen_by(path) for path in before if path}
    if state:
        same_as_before(checkpoint, state.get("begun", {}), begun(a))
        found[checkpoint] = state.get("seen")
        if state["spent"] >= a.minutes * 60:
            print(f"{checkpoint}: trained for {state['spent'] / 60:.1f} of {a.minutes:g} minutes: nothing more to do", flush=True)
    for path, drives in found.items():
        check_unseen(path, drives, a)
    return set().union(*(drives or () for drives in found.values()))


def kept(a, seen, scans):
    """What a checkpoint keeps of all this: of the drives those `seen` before, and those of its own scans and layouts."""
    return {"begun": begun(a), "seen": sorted(seen | sources.of(a).seen(scans, data.held_out(a.hold_out)))}
