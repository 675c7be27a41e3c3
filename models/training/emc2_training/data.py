"""What is trained on and what is kept away: one place, checked before every run."""

from pathlib import Path

import numpy as np

from . import kitti, scenes


# A fold for judging, above all people and cyclists: six of the seventeen drives.
FOLD = ("2011_09_26_drive_0015_sync", "2011_09_26_drive_0048_sync", "2011_09_26_drive_0056_sync", "2011_09_26_drive_0104_sync",
        "2011_09_26_drive_0106_sync", "delft-01047")


# All drives with real pedestrians: what is learned without them comes of made-up people alone, and 27 real ones judge it.
PEOPLE = ("2011_09_26_drive_0036_sync", "2011_09_26_drive_0104_sync", "2011_09_26_drive_0106_sync", "2011_09_28_drive_0106_sync",
          "delft-00549", "delft-01047", "delft-01201")

# A second fold: all other drives but the two long ones (0001, 0027), so that the router hears of other streets as well.
OTHERS = ("2011_09_26_drive_0018_sync", "2011_09_26_drive_0020_sync", "2011_09_26_drive_0028_sync", "2011_09_26_drive_0036_sync",
          "2011_09_26_drive_0046_sync", "2011_09_26_drive_0059_sync", "2011_09_28_drive_0106_sync", "delft-00549", "delft-01201")
NAMED = {"fold": FOLD, "people": PEOPLE, "others": OTHERS}


def held_out(words):
    """The drives that `--hold-out` names: themselves, or one of NAMED."""
    return NAMED[words[0]] if len(words) == 1 and words[0] in NAMED else tuple(words)


def load(shared, unpacked, hold_out=()):
    """Returns (train scans, validation scans, layouts). Refuses a split whose drives overlap.

    With drives held out, these are kept away as well, labels and all, and are what is validated on.
    """
    shared = Path(shared)
    k, raw = shared / "data/kitti", shared / "data/kitti_raw/2011_09_26"
    train = check_count("lidar_train.txt", kitti.load_object(k, "lidar_train.txt"))
    recorded = scenes.recorded_as(labels_folder(unpacked))
    for drive in ("0001", "0018", "0027"):
        train += without_twins(check_count(drive, kitti.load_raw(raw, drive, teacher=drive == "0027")), {s.id for s in train}, recorded)
    delft = check_count("view_of_delft", kitti.load_delft(shared / "data/view_of_delft"))
    for s in delft:
        s.points[:, 3] *= 0.4  # its reflectance reads about 2.5 times KITTI's mean
    train += delft
    val = kitti.load_object(k, "lidar_val.txt")
    forbidden = kept_away(k, hold_out)
    if hold_out:
        train, val = part(train, hold_out)
    for s in train:
        drop_dontcare(s)
    check_split(train, val, forbidden)
    layouts = scenes.load_layouts(labels_folder(unpacked), forbidden, kitti.read_calib,
                                  kitti.read_labels, kitti.Scan)
    return train, val, layouts


def labels_folder(unpacked):
    return Path(unpacked) / "kitti_labels"


def without_twins(raw, known, recorded):
    """The raw frames less those that are a `known` frame of the object layout as well; recorded: {frame: (drive, raw frame)}."""
    twins = {recorded[n] for n in known if n in recorded}
    out = [s for s in raw if (s.drive, s.id.rpartition("/")[2]) not in twins]
    if len(out) < len(raw):
        print(f"{raw[0].drive}: {len(raw) - len(out)} of {len(raw)} frames are in lidar_train.txt as well; these copies are left out", flush=True)
    return out


def seen(shared, unpacked, scans, hold_out=()):
    """Drives that something is learned from: those of the scans, and those of the label files that say where objects stand."""
    told = {drive for drive, _ in scenes.recorded_as(labels_folder(unpacked)).values()}
    return {s.drive for s in scans} | told - kept_away(Path(shared) / "data/kitti", hold_out)


def pictures(shared, train, hold_out=()):
    """Labelled images of the object layout whose scan is not trained on, of drives that are not kept away."""
    root = Path(shared) / "data/kitti"
    away, known, drive = kept_away(root, hold_out), {s.id for s in train}, kitti.drives(root)
    names = sorted(p.stem for p in (root / "training/image_2").iterdir())
    found = [kitti.object_picture(root, n, drive[n]) for n in names if n not in known and n in drive and drive[n] not in away]
    return found if hold_out else check_count("pictures", found)


def kept_away(root, hold_out):
    """Drives that nothing is trained on: those of lidar_val.txt, two for show, and those held out."""
    return set(kitti.listed(root, "lidar_val.txt").values()) | {f"2011_09_26_drive_{d}_sync" for d in ("0052", "0009")} | set(hold_out)


def part(scans, hold_out):
    """(scans of the other drives, scans of these drives); refuses a drive that no frame is of."""
    drives = {s.drive for s in scans}
    unknown = set(hold_out) - drives
    if unknown:
        raise SystemExit(f"--hold-out: no frame is of {sorted(unknown)}; the drives are {sorted(drives)}")
    return [s for s in scans if s.drive not in hold_out], [s for s in scans if s.drive in hold_out]


# Fewest frames of a source as fetched (before `without_twins`): with fewer, something was not fetched.
LEAST = {"lidar_train.txt": 102, "0001": 21, "0018": 5, "0027": 42, "view_of_delft": 3, "pictures": 12}


def check_count(source, scans):
    """The scans, or a complaint that there are fewer than the source has."""
    if len(scans) < LEAST[source]:
        raise SystemExit(f"{source}: {len(scans)} frames, expected {LEAST[source]}. Fetch the rest, or say the new number in data.LEAST")
    return scans


def check_split(train, val, forbidden=()):
    """Refuses frames listed twice, and training frames of validation's drives."""
    names = [s.id for s in train]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise SystemExit(f"training lists frames twice: {twice[:5]}. Each frame may be listed once")
    both = {s.drive for s in train} & ({s.drive for s in val} | set(forbidden))
    if both:
        raise SystemExit(f"training and validation share drives: {sorted(both)}. Neighbours of one drive are almost the same frame: "
                         "take these drives out of one list")


def drop_dontcare(scan, beyond_m=25.0):
    """Takes out the returns of far unlabelled objects (DontCare areas), which would teach that cars are none."""
    if not scan.dontcare:
        return
    u, v, _ = scan.calib.project(scan.points).T
    far = np.hypot(scan.points[:, 0], scan.points[:, 1]) > beyond_m
    inside = np.zeros(len(u), bool)
    for x0, y0, x1, y1 in scan.dontcare:
        inside |= (u >= x0) & (u <= x1) & (v >= y0) & (v <= y1)
    scan.points = scan.points[~(inside & far)]
