"""Reading KITTI-like data: object layout, raw drives, View-of-Delft. Everything in the LiDAR frame."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CLASSES = ["Car", "Pedestrian", "Cyclist"]
# Neighbours of a class: neither a find nor a mistake.
OTHER = -10  # a class code: a thing that is none of the classes; to call it one is a mistake
OTHERS = ("Truck", "Tram", "Misc")
MOST_SIZE, MOST_DISTANCE = 50.0, 250.0  # m: what a label may say
IGNORED = {"Van": 0, "Person_sitting": 1, "rider": 2, "moped_scooter": 2, "motor": 2}


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


def read_calib(path):
    rows = {}
    if not Path(path).exists():
        raise missing(path, "calibration", "Is --shared the folder that holds data/kitti?")
    for line in Path(path).read_text().splitlines():
        key, _, rest = line.partition(":")
        if rest.strip():
            rows[key] = np.array([float(t) for t in rest.split()])
    r0 = np.eye(4)
    r0[:3, :3] = rows["R0_rect"].reshape(3, 3)
    tr = np.eye(4)
    tr[:3] = rows["Tr_velo_to_cam"].reshape(3, 4)
    return Calib(rows["P2"].reshape(3, 4), r0 @ tr)


def read_raw_calib(folder):
    def rows(name):
        out = {}
        for line in (Path(folder) / name).read_text().splitlines():
            key, _, rest = line.partition(":")
            try:
                out[key] = np.array([float(t) for t in rest.split()])
            except ValueError:
                pass
        return out

    cam, velo = rows("calib_cam_to_cam.txt"), rows("calib_velo_to_cam.txt")
    r0, tr = np.eye(4), np.eye(4)
    r0[:3, :3] = cam["R_rect_00"].reshape(3, 3)
    tr[:3, :3], tr[:3, 3] = velo["R"].reshape(3, 3), velo["T"]
    return Calib(cam["P_rect_02"].reshape(3, 4), r0 @ tr)


def check_label(where, size, place, ry):
    """Refuses a box that no KITTI label can hold: sizes in metres, place in the camera frame, ry in radians."""
    if not (np.isfinite([*size, *place, ry]).all() and min(size) > 0 and max(size) <= MOST_SIZE):
        raise ValueError(f"{where}: size l w h = {size}, expected 0 to {MOST_SIZE} m each. Correct the label or take the frame out of the list")
    if max(abs(p) for p in place) > MOST_DISTANCE:
        raise ValueError(f"{where}: place x y z = {place}, expected within {MOST_DISTANCE} m. Correct the label or take the frame out of the list")
    if abs(ry) > 2 * np.pi:  # View-of-Delft's are not wrapped
        raise ValueError(f"{where}: rotation_y = {ry}, expected radians within a turn. Is it in degrees?")


def read_labels(path, calib, scan):
    to_velo = np.linalg.inv(calib.velo_to_rect)
    boxes, classes, occ, trunc, height = [], [], [], [], []
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        t = line.split()
        if not t:
            continue
        if len(t) < 15:
            raise ValueError(f"{path}:{number}: {len(t)} columns, a label has 15")
        v = [float(x) for x in t[1:15]]
        if t[0] == "DontCare":
            scan.dontcare.append(v[3:7])
            continue
        if t[0] in CLASSES:
            c = CLASSES.index(t[0])
        elif t[0] in IGNORED:
            c = -1 - IGNORED[t[0]]
        elif t[0] in OTHERS:
            c = OTHER
        else:
            continue
        h, w, l, x, y, z, ry = v[7:14]
        check_label(f"{path}:{number}", (l, w, h), (x, y, z), ry)
        centre = to_velo @ np.array([x, y - h / 2, z, 1.0])
        ahead = to_velo[:3, :3] @ np.array([np.cos(ry), 0, -np.sin(ry)])
        boxes.append([*centre[:3], l, w, h, np.arctan2(ahead[1], ahead[0])])
        classes.append(c)
        occ.append(int(v[1]))
        trunc.append(v[0])
        height.append(v[6] - v[4])
    scan.boxes = np.array(boxes, float).reshape(-1, 7)
    scan.classes = np.array(classes, int)
    scan.occlusion, scan.truncation = np.array(occ, int), np.array(trunc)
    scan.height_px = np.array(height)
    return scan


def read_points(path, limit=1.0):
    if not Path(path).exists():
        raise missing(path, "scan", "Take the frame out of the list, or fetch its scan")
    p = np.fromfile(path, np.float32)
    if p.size == 0 or Path(path).stat().st_size % 16:
        raise ValueError(f"{path}: {Path(path).stat().st_size} bytes, expected a multiple of 16 (x y z intensity, 4 bytes each) above 0")
    p = p.reshape(-1, 4)
    p = p[np.isfinite(p).all(1)]
    if limit != 1.0:
        p = p * np.array([1, 1, 1, 1 / limit], np.float32)
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


def load_object(root, split):
    names = (Path(root) / "ImageSets" / split).read_text().split()
    drive = drives(root)
    return [object_scan(root, n, drive.get(n, n)) for n in names]


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
        points = read_points(t / "velodyne" / f"{label.stem}.bin", 1.0)
        if points[:, 3].max() > 1.0:
            points[:, 3] /= 255.0
        points = crop_to_view(points, calib, (1936, 1216))
        image = next((p for p in (t / "image_2").glob(label.stem + ".*")), None)
        scan = Scan(f"vod/{label.stem}", "delft-" + label.stem, points, None, None, calib, image=image, view=(1936, 1216))
        out.append(read_labels(label, calib, scan))
    return out
