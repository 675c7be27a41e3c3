"""Where a training's frames come from: the data of the committed models (`data`), or one folder of your own in KITTI's object layout (`--own`).

    python -m emc2_training.train_bev --own FOLDER --lidar-height 1.9 --lidar-beams 32 --out runs/bev

REPRODUCTION.md, "Your own data", says what the folder holds. Height and beams reach the contract of the exported model.
"""

from pathlib import Path

from PIL import Image

from . import data, kitti, scenes

HEIGHT, BEAMS = 1.73, 64  # of KITTI's LiDAR: above the ground, m; and its beams


def add_arguments(parser):
    parser.add_argument("--shared", help="the folder DATA of the README (with --own only for the image network in models/fastestdet)")
    parser.add_argument("--unpacked", help="the folder LABELS of the README; not with --own")
    parser.add_argument("--own", metavar="FOLDER", help="train on this folder in KITTI's object layout alone")
    parser.add_argument("--lidar-height", type=float, default=HEIGHT, metavar="M", help="of --own: the LiDAR above the ground")
    parser.add_argument("--lidar-beams", type=int, default=BEAMS, metavar="N", help="of --own: beams of the LiDAR")


def of(a):
    """What a command's arguments name; refuses what does not go together."""
    if not hasattr(a, "own"):  # a command that takes the data of the committed models alone
        return Committed(a.shared, getattr(a, "unpacked", None))
    if a.own:
        if a.unpacked:
            raise SystemExit("--own: objects are set where the labels of this folder have them; --unpacked is for the data of the committed models")
        return Own(a.own, a.lidar_height)
    if (a.lidar_height, a.lidar_beams) != (HEIGHT, BEAMS):
        raise SystemExit(f"--lidar-height, --lidar-beams: the data of the committed models are of {BEAMS} beams at {HEIGHT} m; say --own FOLDER for other data")
    if not (a.shared and a.unpacked):
        raise SystemExit("--shared DATA and --unpacked LABELS say where the data are (README.md); --own FOLDER takes your own")
    return Committed(a.shared, a.unpacked)


def backbone(a):
    """The image network whose first layers the image branch keeps."""
    if not a.shared:
        raise SystemExit("--shared: the image branch begins with models/fastestdet/FastestDet.onnx of this folder (README.md)")
    return Path(a.shared) / "models/fastestdet/FastestDet.onnx"


class Committed:
    """The data of the committed models; all methods as in `data`."""

    def __init__(self, shared, unpacked):
        self.shared, self.unpacked = shared, unpacked

    def load(self, hold_out=()):
        return data.load(self.shared, self.unpacked, hold_out)

    def pictures(self, train, hold_out=()):
        return data.pictures(self.shared, train, hold_out)

    def seen(self, scans, hold_out=()):
        return data.seen(self.shared, self.unpacked, scans, hold_out)

    def kept_away(self, hold_out=()):
        return data.kept_away(Path(self.shared) / "data/kitti", hold_out)


class Own:
    """One folder in KITTI's object layout, with lists of frames and their drives."""

    def __init__(self, root, height=HEIGHT):
        self.root, self.height = Path(root), height

    def load(self, hold_out=()):
        """(train scans, validation scans, layouts), as `data.load` gives them."""
        train, val = ([self.frame(s) for s in kitti.load_object(self.root, f"lidar_{split}.txt")] for split in ("train", "val"))
        if hold_out:
            train, val = data.part(train, hold_out)
        for s in train:
            data.drop_dontcare(s)
        data.check_split(train, val, self.kept_away(hold_out))
        layouts = [found for s in train if (found := scenes.layout(s))]
        if not layouts:
            raise SystemExit(f"{self.root / 'ImageSets/lidar_train.txt'}: none of {len(train)} frames has a label of {', '.join(kitti.CLASSES)}; nothing to learn from")
        return train, val, layouts

    def frame(self, scan):
        """The scan as this folder's sensors have it: its height, and what its own picture shows."""
        scan.origin_height = self.height
        if scan.image is not None:
            with Image.open(scan.image) as picture:
                scan.view = picture.size
        if not (self.root / "training/velodyne_reduced" / f"{scan.id}.bin").exists():
            scan.points = kitti.crop_to_view(kitti.read_points(self.root / "training/velodyne" / f"{scan.id}.bin"), scan.calib, scan.view)
        return scan

    def pictures(self, train, hold_out=()):
        """Pictures without a scan are not taken."""
        return []

    def seen(self, scans, hold_out=()):
        return {s.drive for s in scans}

    def kept_away(self, hold_out=()):
        return set(kitti.listed(self.root, "lidar_val.txt").values()) | set(hold_out)
