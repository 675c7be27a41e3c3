"""Checkpoints become model folders: model.onnx, contract.yaml, golden.npz, and a plain CARD.md where there is none (`plain_card`).

    python -m emc2_training.export --bev runs/bev/checkpoint.pt --experts runs/experts/checkpoint.pt --out runs/models

BatchNorm is folded, shapes are fixed, and only operators of ALLOWED may appear. The golden pair comes
from a made-up scene, so that no recorded data is in the repository.
"""

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime import quantization
from onnxruntime.quantization import shape_inference  # noqa: F401 (quantization.shape_inference)

from . import data, features, kitti, loop, origin, plain_card, ranges, sources, thinned
from .evaluate import OVERLAP_WEIGHT, QUALITY_WEIGHT, average_precision, detect, labels
from .train_experts import load_bev, load_experts

EXPERTS = ("lpe", "vee", "ape", "image")
# Regions in one run of an expert. The places of a run are paid, used or not: the dearer a place, the fewer a run has.
BATCH = {"lpe": 4, "vee": 4, "ape": 2, "image": 2}
ALLOWED = {"Conv", "Relu", "Concat", "Add", "Resize", "MaxPool", "Reshape", "Transpose", "Gather", "Slice", "Split",
           "MatMul", "Gemm", "ReduceMax", "Flatten", "Unsqueeze", "Squeeze", "Constant", "Identity", "Pad", "AveragePool", "Clip",
           "QuantizeLinear", "DequantizeLinear"}
PERCENTILES = (99.999, 99.9995, 99.9999)  # of the activations that 8 bits hold, where `ranges` begins to choose better: how far it gets depends on it
RANGE_FRAMES = 14  # frames by which it does
AREAS, MOST_AREA_LOST = ("Car 3d70", "Pedestrian 3d50", "Cyclist 3d50"), 0.05  # what 8 bits may cost, or one object where that is more
INTENSITY_MEDIAN = 0.24  # of the frames of lidar_train.txt (0.19 to 0.30 by drive); data.load brings View-of-Delft's near it
CLASSES = "[Car, Pedestrian, Cyclist]"
WHAT = {"bev": "Proposals from bird's-eye grids: a residual pyramid with a centre head (emc2_training/bev_net.py)",
        "lpe": "Refines a region by its raster: four convolutions (emc2_training/expert_nets.py)",
        "vee": "Refines a region by its raster and 128 of its points (emc2_training/expert_nets.py)",
        "ape": "Refines a region by its raster, 256 of its points and the picture's features (emc2_training/expert_nets.py)",
        "image": "Features of image windows: layers of FastestDet, frozen, and three learned ones (emc2_training/expert_nets.py)"}
KEEP_FLOAT = ("boxes.0", "boxes.1", "heatmap.1")  # layers that 8 bits would cost too much


def toy_points(seed=0):
    """A made-up scan: ground rings, walls, and some boxes."""
    rng = np.random.default_rng(seed)
    rings = []
    for d in np.geomspace(5, 60, 40):
        a = np.linspace(-0.7, 0.7, 160)
        rings.append(np.stack([d * np.cos(a), d * np.sin(a), np.full_like(a, -1.73), np.full_like(a, 0.3)], 1))
    for x, y, yaw in ((12, 3, 0.1), (20, -4, 1.5), (31, 6, -2.9), (9, -3, 0.0)):
        u = rng.uniform(-1, 1, (300, 3))
        side = rng.integers(2, size=300)
        u[np.arange(300), side] = np.sign(u[np.arange(300), side])
        u *= [1.95, 0.8, 0.75]
        c, s = np.cos(yaw), np.sin(yaw)
        rings.append(np.stack([x + c * u[:, 0] - s * u[:, 1], y + s * u[:, 0] + c * u[:, 1], u[:, 2] - 0.95, rng.random(300)], 1))
    return np.concatenate(rings).astype(np.float32)


def write(out, name, role, net, inputs, outputs, extra, tolerance=2e-3, calibrate=None, keep_float=KEEP_FLOAT, seen=None, keep_calibration=False):
    """Exports one network; inputs: {name: array}; outputs: names; seen: the drives that it was trained on, where they are known. Gives the area that
    8 bits cost on the frames of `calibrate`, None for a float network."""
    folder = Path(out) / name
    folder.mkdir(parents=True, exist_ok=True)
    net = net.eval()
    args = tuple(torch.from_numpy(v) for v in inputs.values())
    with torch.no_grad():
        expected = [t.numpy() for t in net(*args)]
    path = folder / "model.onnx"
    torch.onnx.export(net, args, path, input_names=list(inputs), output_names=outputs, opset_version=17, dynamo=False,
                      do_constant_folding=True)
    model = onnx.load(path)
    check_operators(name, model)
    model.producer_name, model.doc_string = "emc2", ""
    onnx.checker.check_model(model)
    onnx.save(model, path)
    lost = None if calibrate is None else rounded(name, net, path, calibrate, keep_float)
    origin.tell(path, seen)
    session = session_of(path)
    got = session.run(outputs, inputs)
    worst = check_departure(name, got, expected, limit=None if calibrate is not None else 1e-4)
    ms = describe(folder, name, role, session, inputs, outputs, extra, tolerance, keep_calibration)
    print(f"{name}: {path.stat().st_size / 1e6:.2f} MB, departs {worst:.1e}, {ms:.2f} ms on one thread")
    return lost


def describe(folder, name, role, session, inputs, outputs, extra, tolerance=2e-3, keep_calibration=False):
    """Writes golden.npz and contract.yaml beside model.onnx; gives its milliseconds on one thread."""
    got, times = session.run(outputs, inputs), []
    for _ in range(15):
        t = time.perf_counter()
        session.run(outputs, inputs)
        times.append((time.perf_counter() - t) * 1e3)
    np.savez_compressed(folder / "golden.npz", **inputs, **dict(zip(outputs, map(in_part, got))))
    spec = lambda n, v: f"  - {{name: {n}, dtype: f32, shape: {list(v.shape)}}}\n"
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    text = (f"# Made by models/training (emc2_training.export); tensors: models/FEATURES.md\n"
            f"name: {name}\nrole: {role}\nfile: model.onnx\nsha256: {sha256}\n"
            f"golden: golden.npz\ngolden_tolerance: {tolerance}\ninputs:\n" + "".join(spec(n, v) for n, v in inputs.items())
            + "outputs:\n" + "".join(spec(n, v) for n, v in zip(outputs, got)) + extra
            + calibration_before(folder, name, keep_calibration)
            + f"cost_ms: {{cpu-1-thread: {np.median(times):.2f}}}\ntrained_on: CARD.md\n")
    (folder / "contract.yaml").write_text(text)
    return float(np.median(times))


def in_part(output, step=4):
    """An output as golden.npz keeps it: of a large map every fourth cell each way, NaN (not compared) elsewhere, since noise does not compress."""
    if output.ndim != 4 or output.shape[-1] < 64:
        return output
    kept = np.full_like(output, np.nan)
    kept[..., ::step, ::step] = output[..., ::step, ::step]
    return kept


def card(out, name, role, kind, net, checkpoint, more=()):
    """The plain card of an exported network (a key of WHAT), where no other is there."""
    weights = sum(p.numel() for p in net.parameters())
    plain_card.write(Path(out) / name, name, role, f"{WHAT[kind]}, {weights:,} weights.", [*plain_card.facts_of(checkpoint), *more],
                     plain_card.figures(checkpoint), plain_card.TERMS + (plain_card.FASTESTDET if kind == "image" else ""))


def calibration_before(folder, name, keep):
    """The score curve of the contract that was there, if it is to be kept; says what becomes of it. `calibrate` learned it on drives held out, from other
    weights than those that are written now."""
    path = folder / "contract.yaml"
    line = "".join(line for line in path.read_text().splitlines(True) if line.startswith("calibration:")) if path.exists() else ""
    if line and keep:
        print(f"{name}: keeps the score curve of the contract before (--keep-calibration)")
    elif line:
        print(f"{name}: the score curve of the contract before is dropped, since it was learned from other weights. --keep-calibration keeps it; a new one, learned by models "
              f"that did not see them: python -m emc2_training.calibrate --emc2 EMC2 --models FOLD_MODELS --kitti KITTI --drives fold --thinned 1 2 3 --write {folder.parent}")
    return line if keep else ""


def session_of(model):
    """One thread, on a file or on its bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"])


def check_operators(name, model):
    """Refuses a graph with an operator that is not known to map to TensorRT."""
    odd = {n.op_type for n in model.graph.node} - ALLOWED
    if odd:
        raise SystemExit(f"{name}: operators outside the list: {sorted(odd)}; allowed: {sorted(ALLOWED)}. Write the network without them")


def check_departure(name, got, expected, limit):
    """The largest relative departure of ONNX from torch; refused above the limit (None: only told)."""
    worst = max(float(np.max(np.abs(g - e) / (1 + np.abs(e)))) for g, e in zip(got, expected))
    if limit is not None and not worst <= limit:
        raise SystemExit(f"{name}: ONNX departs from torch by {worst:.2e}, expected at most {limit:.0e}")
    return worst


class Rounded(torch.nn.Module):
    """An 8-bit session in the place of the network that it came from."""

    def __init__(self, session):
        super().__init__()
        self.session = session

    def forward(self, fine, coarse):
        out = self.session.run(["heatmap", "boxes"], {"fine": fine.numpy(), "coarse": coarse.numpy()})
        return tuple(torch.from_numpy(t) for t in out)


def rounded(name, net, path, scans, keep_float=KEEP_FLOAT):
    """Puts the network in 8 bits in the place of the float one, and gives what that costs of each class's area; refuses above MOST_AREA_LOST."""
    grids = [features.bev_grids(scan.points, scan.origin_height) for scan in by_turns(scans)]

    def answers(model):
        session = session_of(model)
        return lambda grid: session.run(["heatmap", "boxes"], {"fine": grid[0][None], "coarse": grid[1][None]})

    expected = [answers(path)(grid) for grid in grids]
    found = []
    for percentile in PERCENTILES:
        begun = path.with_suffix(f".{percentile}.u8.onnx")
        quantize(path, begun, scans, percentile, [f"/{layer}/" for layer in keep_float])
        found.append((ranges.choose(begun, answers, grids, expected)[1], begun))
    candidate = min(found)[1]
    for _, begun in found:
        if begun != candidate:
            begun.unlink()
    lost = area_lost(net, session_of(candidate), scans)
    print(f"{name}: area lost by rounding on {len(scans)} frames: {lost}")
    check_lost(name, lost, allowed(scans))
    candidate.rename(path)
    return lost


def check_lost(name, lost, most):
    """Refuses rounding that costs more area of a class than is allowed."""
    if any(lost[k] > most[k] for k in lost):
        raise SystemExit(f"{name}: 8 bits cost {lost} of the area, allowed {most}. Keep more layers float, or train with the rounding (qat)")


def by_turns(scans):
    """Frames with objects, by turns whole and as a LiDAR of 32 or 21 beams would have them."""
    scans = [scan for scan in scans if len(scan.boxes)][:RANGE_FRAMES]
    return [thinned.thinned(scan, 1 + k % 3) for k, scan in enumerate(scans)]


def area_lost(net, session, scans):
    """{class and overlap: area of the float network less that of the 8-bit one} on these scans."""
    float_, eight = (average_precision(detect(n, scans), scans) for n in (net, Rounded(session)))
    return {k: round(float_[k] - eight[k], 3) for k in float_ if k in AREAS}


def allowed(scans):
    """{class and overlap: area that 8 bits may cost}: of few labels a single one is more than MOST_AREA_LOST."""
    return {key: max(MOST_AREA_LOST, 1.02 / max(labels(scans, cls), 1)) for cls, key in enumerate(AREAS)}


class GridReader(quantization.CalibrationDataReader):
    """Grids of training frames, for the ranges of the activations."""

    def __init__(self, scans):
        self.scans = iter(scans)

    def get_next(self):
        scan = next(self.scans, None)
        if scan is None:
            return None
        fine, coarse = features.bev_grids(scan.points, scan.origin_height)
        return {"fine": fine[None], "coarse": coarse[None]}


def quantize(path, out, scans, percentile, keep_float):
    """QDQ with unsigned 8-bit activations and signed weights by channel; the box branch and the last layers stay float."""
    prepared = out.with_suffix(".prepared.onnx")
    quantization.shape_inference.quant_pre_process(str(path), str(prepared))
    model = onnx.load(prepared)
    last = [n.name for n in model.graph.node if n.op_type == "Conv" and any(k in n.name for k in keep_float)]
    if len(last) < len(keep_float):
        raise SystemExit(f"{path}: no layers named {keep_float}, found {last}")
    quantization.quantize_static(
        str(prepared), str(out), GridReader(scans), quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8, per_channel=True,
        # 7-bit weights: the sums of processors without VNNI saturate with 8, and would say something else.
        reduce_range=True, op_types_to_quantize=["Conv", "Concat", "Resize", "Add", "Relu"], nodes_to_exclude=last,
        calibrate_method=quantization.CalibrationMethod.Percentile, extra_options={"CalibPercentile": percentile})
    prepared.unlink()


def begun_with(checkpoint):
    """The arguments that a checkpoint's run was begun with; none where it does not say."""
    return loop.load(checkpoint).get("begun", {})


def sensor_line(checkpoint, bridge=False):
    """The contract's line on the sensor that a run was trained for; for the bridge, which alone scales by it, with the median of its intensities where that is known."""
    begun = begun_with(checkpoint)
    known = begun["intensity_median"] if "intensity_median" in begun else None if begun.get("own") else INTENSITY_MEDIAN
    median = f", intensity_median: {known}" if bridge and known else ""
    return f"sensor: {{beams: {begun.get('lidar_beams', sources.BEAMS)}, origin_height: {begun.get('lidar_height', sources.HEIGHT):g}{median}}}\n"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--bev")
    a.add_argument("--experts")
    a.add_argument("--names", nargs="+", choices=EXPERTS, default=EXPERTS, help="which to write of --experts (default: all)")
    a.add_argument("--out", required=True)
    a.add_argument("--quantize", metavar="KITTI", help="8-bit bev, calibrated on this folder's lidar_train.txt")
    a.add_argument("--hold-out", nargs="+", metavar="DRIVE", default=[], help="drives that set no ranges of the 8-bit bev (`fold`, `others`, `people`, or by name)")
    a.add_argument("--keep-float", nargs="*", default=[], metavar="LAYER", help=f"layers that 8 bits leave alone beside {', '.join(KEEP_FLOAT)} (stem, merge, ...)")
    a.add_argument("--keep-calibration", action="store_true", help="keep the score curves of the contracts that are there (else they go: they were learned from other weights)")
    a.add_argument("--bev-name", help="folder of the bev model (default: bev, 8 bits: bev-u8)")
    a = a.parse_args()
    kept_away = data.held_out(a.hold_out) if a.hold_out else ()
    frames = [s for s in kitti.load_object(a.quantize, "lidar_train.txt") if s.drive not in kept_away] if a.quantize else []
    if frames and a.bev and begun_with(a.bev).get("own"):
        frames = [sources.Own(a.quantize, begun_with(a.bev)["lidar_height"]).frame(s) for s in frames]
    calibrate = frames[::3] or None
    rng = np.random.default_rng(1)
    if a.bev:
        fine, coarse = features.bev_grids(toy_points(), 1.73)
        edges = ", ".join(f"{v:g}" for v in features.SLICES)
        # 8-bit rounding falls otherwise by one step here and there in other kernels (0.13 with all fusion off): a wide tolerance.
        name = a.bev_name or ("bev-u8" if calibrate else "bev")
        net = load_bev(a.bev)
        lost = write(a.out, name, "bridge", net, {"fine": fine[None], "coarse": coarse[None]}, ["heatmap", "boxes"],
              f"classes: {CLASSES}\ngrid:\n  x: [0, 70.4]\n  y: [-40, 40]\n  h: [-1, 3.5]\n  fine_cell: 0.2\n  coarse_cell: 0.4\n"
              f"  slices: [{edges}]\noverlap_weight: {OVERLAP_WEIGHT}\n{sensor_line(a.bev, bridge=True)}",
              tolerance=0.3 if calibrate else 2e-3, calibrate=calibrate, keep_float=(*KEEP_FLOAT, *a.keep_float), seen=origin.seen_by(a.bev), keep_calibration=a.keep_calibration)
        rounding = []
        if calibrate:
            rest = [scan for k, scan in enumerate(frames) if k % 3]
            lost_too = area_lost(net, session_of(Path(a.out) / name / "model.onnx"), rest)
            print(f"{name}: area lost by rounding on the {len(rest)} frames that set no range: {lost_too}")
            rounding = [("area lost by rounding to 8 bits", f"{lost} on the {len(calibrate)} training frames that set the ranges, {lost_too} on the {len(rest)} that did not")]
        card(a.out, name, "bridge", "bev", net, a.bev, rounding)
    if a.experts:
        net, seen = load_experts(a.experts), origin.seen_by(a.experts)
        box = np.array([12, 3, -0.9, 3.9, 1.6, 1.5, 0.1])
        points = toy_points()
        from .boxes import to_local
        rows = {"raster": [], "context": [], "p128": [], "p256": []}
        for i in range(max(BATCH.values())):
            b = box + np.array([*rng.normal(0, 0.3, 3), *rng.normal(0, 0.1, 3), rng.normal(0, 0.2)])
            k = features.region(points, b)
            local, intensity = to_local(points[k], b), points[k, 3]
            rows["raster"].append(features.raster(local, intensity, b))
            rows["context"].append(features.context(b, i % 3, 0.5, len(k), 1.73))
            rows["p128"].append(features.point_rows(local, intensity, b, 128))
            rows["p256"].append(features.point_rows(local, intensity, b, 256))
        rows = {k: np.stack(v) for k, v in rows.items()}
        of = lambda name, **inputs: {k: rows[v][:BATCH[name]] for k, v in inputs.items()}
        tail = f"classes: {CLASSES}\nquality_weight: {QUALITY_WEIGHT}\n{sensor_line(a.experts)}"
        rows["pixels"] = rng.random((BATCH["ape"], 256, 17)).astype(np.float32)
        rows["window"] = rng.random((BATCH["ape"], 32)).astype(np.float32)
        image = rng.normal(0, 1, (2 * BATCH["image"], 3, 64, 64)).astype(np.float32)
        inputs = {"lpe": of("lpe", raster="raster", context="context"), "vee": of("vee", raster="raster", points="p128", context="context"),
                  "ape": of("ape", raster="raster", points="p256", pixels="pixels", window="window", context="context"), "image": {"windows": image}}
        for name in a.names:
            role, outputs = ("image", ["features", "confidence"]) if name == "image" else ("expert", ["boxes", "scores"])
            write(a.out, name, role, getattr(net, name), inputs[name], outputs, "" if name == "image" else tail, seen=seen,
                  keep_calibration=a.keep_calibration)
            card(a.out, name, role, name, getattr(net, name), a.experts)


if __name__ == "__main__":
    main()
