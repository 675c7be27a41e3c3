"""Reading KITTI-like data: object layout, raw drives, View-of-Delft. Everything in the LiDAR frame."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .boxes import inside

CLASSES = ["Car", "Pedestrian", "Cyclist"]
# Neighbours of a class: neither a find nor a mistake.
OTHER = -10  # a class code: a thing that is none of the classes; to call it one is a mistake
OTHERS = ("Truck", "Tram", "Misc")
MOST_SIZE, MOST_DISTANCE = 50.0, 250.0  # m: what a label may say
FARTHEST = 1000.0  # m: what a return may say
IGNORED = {"Van": 0, "Person_sitting": 1, "rider": 2, "moped_scooter": 2, "motor": 2}
# View-of-Delft's other names: such a thing is background, and to call it something is a mistake.
PASSED_OVER = ("bicycle", "bicycle_rack", "human_depiction", "ride_other", "ride_uncertain", "truck", "vehicle_other")
COLUMNS = ("truncation", "occlusion", "alpha", "left", "top", "right", "bottom", "size h", "size w", "size l", "place x", "place y", "place z", "rotation_y")


@dataclass
class Calib:
    p2: np.ndarray  # 3 x 4
    velo_to_rect: np.ndarray  # 4 x 4

    def project(self, points):
        """LiDAR points to pixels and depth, [N, 3]."""
        h = np.concatenate([points[:, :3], np.ones((len(points), 1))], 1)
        q = h @ self.velo_to_rect.T @ self.p2.T
        return np.stack([q[:, 0] / q[:, 2], q[:, 1] / q[:, 2], q[:, 2]], 1)


@dataclass
class Scan:
    """One frame ready for training."""

    id: str
    drive: str
    points: np.ndarray  # [N, 4] float32, intensity 0..1
    boxes: np.ndarray  # [K, 7]
    classes: np.ndarray  # [K] int: 0 Car, 1 Pedestrian, 2 Cyclist; -1-k: neighbour of class k; OTHER
    calib: Calib
    known: tuple = (True, True, True)  # classes that are labelled at all
    heading_known: bool = True
    occlusion: np.ndarray = None
    truncation: np.ndarray = None
    height_px: np.ndarray = None
    dontcare: list = field(default_factory=list)
    image: Path = None
    origin_height: float = 1.73
    view: tuple = (1242, 375)  # pixels; returns outside are cut off


def missing(path, what, remedy):
    """The complaint about a file that is not there."""
    return FileNotFoundError(f"{path}: no {what}; expected one a listed frame. {remedy}")


def calib_rows(path):
    """{key: text of its numbers} of a calibration file."""
    if not Path(path).exists():
        raise missing(path, "calibration", "Is --shared the folder that holds data/kitti?")
    return {key: rest for key, _, rest in (line.partition(":") for line in Path(path).read_text().splitlines())}


def matrix(path, rows, key, *shape):
    """The numbers of one key of a calibration file; refuses a key that is not there or does not hold just these."""
    try:
        found = np.array([float(word) for word in rows.get(key, "").split()])
    except ValueError:
        found = np.zeros(0)
    if len(found) != np.prod(shape) or not np.isfinite(found).all():
        raise ValueError(f"{path}: {key}: expected {np.prod(shape)} numbers, found {rows[key].strip() if key in rows else 'no such key'!r}. "
                         "Fetch the calibration again, or take the frame out of the list")
    return found.reshape(shape)


def read_calib(path):
    rows, r0, tr = calib_rows(path), np.eye(4), np.eye(4)
    r0[:3, :3] = matrix(path, rows, "R0_rect", 3, 3)
    tr[:3] = matrix(path, rows, "Tr_velo_to_cam", 3, 4)
    return Calib(matrix(path, rows, "P2", 3, 4), r0 @ tr)


def read_raw_calib(folder):
    cam, velo = (Path(folder) / f"calib_{name}_to_cam.txt" for name in ("cam", "velo"))
    of_cam, of_velo, r0, tr = calib_rows(cam), calib_rows(velo), np.eye(4), np.eye(4)
    r0[:3, :3] = matrix(cam, of_cam, "R_rect_00", 3, 3)
    tr[:3, :3], tr[:3, 3] = matrix(velo, of_velo, "R", 3, 3), matrix(velo, of_velo, "T", 3)
    return Calib(matrix(cam, of_cam, "P_rect_02", 3, 4), r0 @ tr)


def check_label(where, size, place, ry):
    """Refuses a box that no KITTI label can hold: sizes in metres, place in the camera frame, ry in radians."""
    if not (np.isfinite([*size, *place, ry]).all() and min(size) > 0 and max(size) <= MOST_SIZE):
        raise ValueError(f"{where}: size l w h = {size}, expected 0 to {MOST_SIZE} m each. Correct the label or take the frame out of the list")
    if max(abs(p) for p in place) > MOST_DISTANCE:
        raise ValueError(f"{where}: place x y z = {place}, expected within {MOST_DISTANCE} m. Correct the label or take the frame out of the list")
    if abs(ry) > 2 * np.pi:  # View-of-Delft's are not wrapped
        raise ValueError(f"{where}: rotation_y = {ry}, expected radians within a turn. Is it in degrees?")


def numbers(where, words):
    """The 14 numbers of a label after its class; refuses what is none."""
    out = []
    for name, word in zip(COLUMNS, words):
        try:
            out.append(float(word))
        except ValueError:
            out.append(np.nan)
        if not np.isfinite(out[-1]):
            raise ValueError(f"{where}: {name} is {word!r}, expected a finite number. Correct the label or take the frame out of the list")
    return out


def class_code(where, name):
    """The code of a label's class, None for one that is passed over; refuses a name that is not known."""
    if name in CLASSES:
        return CLASSES.index(name)
    if name in IGNORED:
        return -1 - IGNORED[name]
    if name in OTHERS:
        return OTHER
    if name in PASSED_OVER:
        return None
    raise ValueError(f"{where}: class {name!r}, expected one of {', '.join((*CLASSES, *IGNORED, *OTHERS, 'DontCare'))}, or of those that are passed over: "
                     f"{', '.join(PASSED_OVER)}. Correct the label, or say in kitti.py what such a thing is")


def read_labels(path, calib, scan):
    to_velo = np.linalg.inv(calib.velo_to_rect)
    boxes, classes, names, occ, trunc, height = [], [], [], [], [], []
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        t = line.split()
        if not t:
            continue
        if len(t) < 15:
            raise ValueError(f"{path}:{number}: {len(t)} columns, a label has 15")
        where = f"{path}:{number}"
        v = numbers(where, t[1:15])
        if t[0] == "DontCare":
            scan.dontcare.append(v[3:7])
            continue
        c = class_code(where, t[0])
        if c is None:
            continue
        h, w, l, x, y, z, ry = v[7:14]
        check_label(where, (l, w, h), (x, y, z), ry)
        centre = to_velo @ np.array([x, y - h / 2, z, 1.0])
        ahead = to_velo[:3, :3] @ np.array([np.cos(ry), 0, -np.sin(ry)])
        boxes.append([*centre[:3], l, w, h, np.arctan2(ahead[1], ahead[0])])
        classes.append(c)
        names.append(t[0])
        occ.append(int(v[1]))
        trunc.append(v[0])
        height.append(v[6] - v[4])
    boxes, classes = np.array(boxes, float).reshape(-1, 7), np.array(classes, int)
    keep = ~on_a_cyclist(boxes, classes, np.array(names, str) == "rider")
    scan.boxes, scan.classes = boxes[keep], classes[keep]
    scan.occlusion, scan.truncation, scan.height_px = np.array(occ, int)[keep], np.array(trunc)[keep], np.array(height)[keep]
    return scan


def on_a_cyclist(boxes, classes, rider):
    """[K] bool: which riders sit within a Cyclist's box. View-of-Delft labels both: one thing, which is a find."""
    out, cyclists = np.zeros(len(boxes), bool), boxes[classes == CLASSES.index("Cyclist")]
    for k in np.flatnonzero(rider):
        out[k] = any(len(inside(boxes[k:k + 1, :3], cyclist)) for cyclist in cyclists)
    return out


def read_points(path, brightest=1.0):
    """Returns [N, 4] of a file; refuses those that no scan can hold. brightest: the end of its scale of intensities."""
    if not Path(path).exists():
        raise missing(path, "scan", "Take the frame out of the list, or fetch its scan")
    p = np.fromfile(path, np.float32)
    if p.size == 0 or Path(path).stat().st_size % 16:
        raise ValueError(f"{path}: {Path(path).stat().st_size} bytes, expected a multiple of 16 (x y z intensity, 4 bytes each) above 0")
    p = p.reshape(-1, 4)
    finite = np.isfinite(p).all(1)
    with np.errstate(invalid="ignore"):
        far, light = np.abs(p[:, :3]).max(1) > FARTHEST, (p[:, 3] < 0) | (p[:, 3] > brightest)
    wrong = {"not finite": ~finite, f"farther than {FARTHEST:g} m": finite & far, f"of an intensity outside 0 to {brightest:g}": finite & light}
    if any(which.any() for which in wrong.values()):
        raise ValueError(f"{path}: of {len(p)} returns " + ", ".join(f"{which.sum()} are {what}" for what, which in wrong.items() if which.any())
                         + "; expected none. Is it x y z intensity, float32, in metres? Fetch the scan again, or take the frame out of the list")
    return p


def crop_to_view(points, calib, size=(1242, 375)):
    points = points[points[:, 0] > 0]
    uvd = calib.project(points)
    ok = (uvd[:, 2] > 0) & (uvd[:, 0] >= 0) & (uvd[:, 0] < size[0]) & (uvd[:, 1] >= 0) & (uvd[:, 1] < size[1])
    return points[ok]


def object_scan(root, frame, drive):
    """One frame of the object layout."""
    t = Path(root) / "training"
    calib = read_calib(t / "calib" / f"{frame}.txt")
    reduced, full = t / "velodyne_reduced" / f"{frame}.bin", t / "velodyne" / f"{frame}.bin"
    points = read_points(reduced) if reduced.exists() else crop_to_view(read_points(full), calib)
    image = next((p for e in ("png", "jpg") if (p := t / "image_2" / f"{frame}.{e}").exists()), None)
    scan = Scan(frame, drive, points, None, None, calib, image=image)
    label = t / "label_2" / f"{frame}.txt"
    if not label.exists():
        raise missing(label, "label file", "Take the frame out of the list, or fetch its label")
    return read_labels(label, calib, scan)


def object_picture(root, frame, drive):
    """One frame of the object layout without its scan: image, calibration, labels."""
    t = Path(root) / "training"
    calib = read_calib(t / "calib" / f"{frame}.txt")
    image = next(p for e in ("png", "jpg") if (p := t / "image_2" / f"{frame}.{e}").exists())
    return read_labels(t / "label_2" / f"{frame}.txt", calib, Scan(frame, drive, None, None, None, calib, image=image))


def drives(root):
    return dict(line.split("\t") for line in (Path(root) / "drives.tsv").read_text().splitlines() if "\t" in line)


def listed(root, split):
    """{frame: its drive} of a list of frames; refuses frames of which drives.tsv does not say the drive, and frames listed twice."""
    path, of = Path(root) / "ImageSets" / split, drives(root)
    names = path.read_text().split()
    unknown, twice = [n for n in names if n not in of], sorted({n for n in names if names.count(n) > 1})
    if unknown:
        raise SystemExit(f"{path}: {len(unknown)} of {len(names)} frames are of no known drive: {unknown[:5]}; expected a line 'frame, tab, drive' for each "
                         f"in {Path(root) / 'drives.tsv'}. Without it a drive may be trained and judged on: add the line, or take the frame out of the list")
    if twice:
        raise SystemExit(f"{path}: lists frames twice: {twice[:5]}. Each frame may be listed once")
    return {n: of[n] for n in names}


def load_object(root, split):
    return [object_scan(root, n, drive) for n, drive in listed(root, split).items()]


def load_raw(date_folder, drive, teacher=False):
    """Frames of a raw drive that have labels (or a teacher's detections)."""
    folder = Path(date_folder) / f"{Path(date_folder).name}_drive_{drive}_sync"
    calib = read_raw_calib(date_folder)
    out = []
    for label in sorted((folder / ("label_2_teacher" if teacher else "label_2")).glob("*.txt")):
        points = crop_to_view(read_points(folder / "velodyne_points" / "data" / f"{label.stem}.bin"), calib)
        image = next((p for p in (folder / "image_02" / "data").glob(label.stem + ".*")), None)
        scan = Scan(f"{drive}/{label.stem}", folder.name, points, None, None, calib, image=image)
        if teacher:
            scan.known, scan.heading_known = (True, False, False), False
        out.append(read_labels(label, calib, scan))
    return out


def load_delft(root):
    """View-of-Delft: KITTI layout, intensity to 255, its own mounting height (measured: see below)."""
    t = Path(root) / "training"
    out = []
    for label in sorted((t / "label_2").glob("*.txt")):
        calib = read_calib(t / "calib" / label.name)
        points = read_points(t / "velodyne" / f"{label.stem}.bin", 255.0)
        if points[:, 3].max() > 1.0:
            points[:, 3] /= 255.0
        points = crop_to_view(points, calib, (1936, 1216))
        image = next((p for p in (t / "image_2").glob(label.stem + ".*")), None)
        scan = Scan(f"vod/{label.stem}", "delft-" + label.stem, points, None, None, calib, image=image, view=(1936, 1216))
        out.append(read_labels(label, calib, scan))
        # Their second column is no share: it is 1 for people who are wholly in the picture, and 0 for cars that its edge cuts.
        out[-1].truncation = np.zeros(len(out[-1].boxes))
    return out
