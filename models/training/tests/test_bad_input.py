"""Training refuses data that would mislead it, and names place, expectation and remedy."""

import argparse
import tempfile
import unittest
from pathlib import Path

import numpy as np

from emc2_training import data, kitti, loop, thinned
from emc2_training.kitti import Calib, Scan

GOOD = "Car 0.00 0 -1.5 600 170 640 200 1.5 1.6 3.9 1.0 1.7 20.0 -1.57"
CALIB = "P2: 700 0 600 0 0 700 180 0 0 0 1 0\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n"


def frame(root, label=GOOD, points=8):
    """A tiny object folder with one frame."""
    t = Path(root) / "training"
    for folder in ("calib", "label_2", "velodyne_reduced"):
        (t / folder).mkdir(parents=True)
    (t / "calib/000000.txt").write_text(CALIB)
    (t / "label_2/000000.txt").write_text(label + "\n")
    np.ones((points, 4), np.float32).tofile(t / "velodyne_reduced/000000.bin")
    return t


def scan(name, drive):
    return Scan(name, drive, np.zeros((1, 4)), np.zeros((0, 7)), np.zeros(0, int), Calib(np.eye(3, 4), np.eye(4)))


class BadInput(unittest.TestCase):
    def refuses(self, error, words, call, *args):
        with self.assertRaises(error) as caught:
            call(*args)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_a_good_frame_is_read(self):
        with tempfile.TemporaryDirectory() as root:
            frame(root)
            s = kitti.object_scan(root, "000000", "drive")
            np.testing.assert_allclose(s.boxes[0, :6], [20, -1, -1.7 + 0.75, 3.9, 1.6, 1.5], atol=1e-6)

    def test_a_missing_file_is_named(self):
        for name, what in (("velodyne_reduced/000000.bin", "scan"), ("label_2/000000.txt", "label"), ("calib/000000.txt", "calibration")):
            with tempfile.TemporaryDirectory() as root:
                (frame(root) / name).unlink()
                self.refuses(FileNotFoundError, ["000000", what], kitti.object_scan, root, "000000", "drive")

    def test_a_scan_cut_short_is_refused(self):
        with tempfile.TemporaryDirectory() as root:
            path = frame(root) / "velodyne_reduced/000000.bin"
            path.write_bytes(path.read_bytes()[:-3])
            self.refuses(ValueError, ["000000.bin", "125", "16"], kitti.object_scan, root, "000000", "drive")

    def test_a_label_out_of_range_is_refused_with_its_line(self):
        bad = {"3.9": ("-3.9", "size"), "20.0": ("900.0", "place"), "-1.57": ("-90", "rotation_y"), "1.6": ("nan", "size")}
        for good, (value, word) in bad.items():
            with tempfile.TemporaryDirectory() as root:
                frame(root, GOOD + "\n" + " ".join(value if t == good else t for t in GOOD.split()))
                self.refuses(ValueError, ["000000.txt:2", word], kitti.object_scan, root, "000000", "drive")

    def test_a_label_with_too_few_columns_is_refused(self):
        with tempfile.TemporaryDirectory() as root:
            frame(root, "Car 0 0 0 1")
            self.refuses(ValueError, ["000000.txt:1", "5 columns"], kitti.object_scan, root, "000000", "drive")

    def test_too_few_frames_are_refused(self):
        self.refuses(SystemExit, ["lidar_train.txt", "1 frames", "102"], data.check_count, "lidar_train.txt", [scan("a", "x")])

    def test_a_split_that_shares_a_drive_is_refused(self):
        data.check_split([scan("a", "one")], [scan("b", "two")])
        self.refuses(SystemExit, ["one"], data.check_split, [scan("a", "one")], [scan("b", "one")])
        self.refuses(SystemExit, ["one"], data.check_split, [scan("a", "one")], [], {"one"})

    def test_a_fold_parts_by_drive_and_an_unknown_drive_is_refused(self):
        scans = [scan("a", "one"), scan("b", "two"), scan("c", "one")]
        train, val = data.part(scans, ["one"])
        self.assertEqual(([s.id for s in train], [s.id for s in val]), (["b"], ["a", "c"]))
        self.refuses(SystemExit, ["three", "one"], data.part, scans, ["three"])

    def test_a_frame_listed_twice_is_refused(self):
        self.refuses(SystemExit, ["twice", "a"], data.check_split, [scan("a", "one"), scan("a", "one")], [])


class Words(unittest.TestCase):
    def test_a_checkpoint_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(SystemExit, "nowhere.pt: no such file; expected the checkpoint.pt"):
            loop.load("nowhere.pt")

    def test_a_step_of_rows_is_a_whole_number_from_one(self):
        self.assertEqual(thinned.a_step("2"), 2)
        for word in ("0", "-1", "1.5", "two"):
            with self.assertRaises(argparse.ArgumentTypeError):
                thinned.a_step(word)


if __name__ == "__main__":
    unittest.main()
