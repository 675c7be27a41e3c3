"""Training refuses data that would mislead it, and names place, expectation and remedy."""

import argparse
import contextlib
import io
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np

from emc2_training.evaluate import counted
from emc2_training import data, kitti, loop, scenes, shrink, thinned
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


def folder(root, train, drives, val=""):
    """The lists of an object folder: frames to train on, frame and drive pairs, frames to judge on."""
    (Path(root) / "ImageSets").mkdir(parents=True)
    (Path(root) / "ImageSets/lidar_train.txt").write_text(train)
    (Path(root) / "ImageSets/lidar_val.txt").write_text(val)
    (Path(root) / "drives.tsv").write_text("".join(f"{frame}\t{drive}\n" for frame, drive in drives))


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

    def test_what_is_no_number_is_refused_with_its_line_and_column_whichever_it_is(self):
        words = GOOD.split()
        for k, name in enumerate(kitti.COLUMNS, 1):
            for value in ("nan", "inf", "1,5"):
                with tempfile.TemporaryDirectory() as root:
                    frame(root, " ".join(value if i == k else w for i, w in enumerate(words)))
                    self.refuses(ValueError, ["000000.txt:1", name, value, "expected"], kitti.object_scan, root, "000000", "drive")

    def test_a_class_that_is_not_known_is_refused_and_known_ones_are_passed_over(self):
        for name in ("car", "Cars", "Motorbike"):
            with tempfile.TemporaryDirectory() as root:
                frame(root, GOOD + "\n" + GOOD.replace("Car", name))
                self.refuses(ValueError, ["000000.txt:2", repr(name), "Pedestrian"], kitti.object_scan, root, "000000", "drive")
        with tempfile.TemporaryDirectory() as root:
            frame(root, GOOD.replace("Car", "bicycle_rack") + "\n" + GOOD.replace("Car", "Van"))
            self.assertEqual(list(kitti.object_scan(root, "000000", "drive").classes), [-1])

    def test_a_rider_on_a_cyclist_is_the_cyclist_and_another_stays_a_neighbour(self):
        cyclist, rider = GOOD.replace("Car", "Cyclist"), GOOD.replace("Car", "rider")
        with tempfile.TemporaryDirectory() as root:
            frame(root, "\n".join([rider, cyclist, rider.replace("20.0", "30.0"), rider.replace("rider", "moped_scooter")]))
            s = kitti.object_scan(root, "000000", "drive")
        self.assertEqual([list(s.classes), len(s.boxes), len(s.occlusion), len(s.truncation), len(s.height_px)], [[2, -3, -3], 3, 3, 3, 3])
        np.testing.assert_allclose(s.boxes[:, 0], [20, 30, 20])

    def test_the_second_column_of_view_of_delft_hides_nobody(self):
        with tempfile.TemporaryDirectory() as root:
            training = frame(root, GOOD.replace("Car 0.00", "Pedestrian 1"))
            self.assertIn("Pedestrian 1 ", (training / "label_2/000000.txt").read_text())
            kitti_s = kitti.object_scan(root, "000000", "drive")
            (training / "velodyne_reduced").rename(training / "velodyne")
            delft, = kitti.load_delft(root)
        self.assertEqual([kitti_s.truncation[0], counted(kitti_s, 0)], [1.0, False])
        self.assertEqual([delft.truncation[0], counted(delft, 0)], [0.0, True])

    def test_a_calibration_without_a_key_or_with_too_few_numbers_is_refused(self):
        for old, new in (("R0_rect: 1 0 0 0 1 0 0 0 1\n", ""), ("R0_rect: 1 0", "R0_rect: 1"), ("R0_rect: 1", "R0_rect: nan"), ("R0_rect: 1", "R0_rect: x")):
            with tempfile.TemporaryDirectory() as root:
                path = frame(root) / "calib/000000.txt"
                path.write_text(CALIB.replace(old, new))
                self.refuses(ValueError, ["000000.txt", "R0_rect", "9 numbers"], kitti.object_scan, root, "000000", "drive")

    def test_returns_that_no_scan_can_hold_are_refused_with_their_number(self):
        for column, value, words in ((0, np.nan, "not finite"), (1, -np.inf, "not finite"), (2, 2000, "1000 m"), (3, 1.5, "0 to 1"), (3, -0.1, "0 to 1")):
            with tempfile.TemporaryDirectory() as root:
                path = frame(root) / "velodyne_reduced/000000.bin"
                points = np.ones((8, 4), np.float32)
                points[2:5, column] = value
                points.tofile(path)
                self.refuses(ValueError, ["000000.bin", "of 8 returns 3 are", words], kitti.object_scan, root, "000000", "drive")
        with tempfile.TemporaryDirectory() as root:
            path = frame(root) / "velodyne_reduced/000000.bin"
            (np.ones((8, 4), np.float32) * 200).tofile(path)
            self.assertEqual(len(kitti.read_points(path, 255.0)), 8)

    def test_a_listed_frame_of_no_known_drive_is_refused(self):
        with tempfile.TemporaryDirectory() as root:
            folder(root, "000001\n000002\n", [("000001", "one")], "000009\n")
            self.refuses(SystemExit, ["lidar_train.txt", "1 of 2", "000002", "drives.tsv"], kitti.load_object, root, "lidar_train.txt")
            self.refuses(SystemExit, ["lidar_val.txt", "000009"], data.kept_away, root, ())

    def test_a_list_with_a_frame_twice_is_refused(self):
        with tempfile.TemporaryDirectory() as root:
            folder(root, "000001\n000001\n", [("000001", "one")])
            self.refuses(SystemExit, ["twice", "000001"], kitti.load_object, root, "lidar_train.txt")

    def test_a_raw_frame_that_the_object_layout_has_as_well_is_left_out(self):
        raw = [scan(f"0018/{k:010d}", "2011_09_26_drive_0018_sync") for k in (0, 2, 7)]
        with tempfile.TemporaryDirectory() as root:
            (Path(root) / "mapping").mkdir()
            (Path(root) / "mapping/frame_to_raw.tsv").write_text(
                "004204\t2011_09_26_drive_0018_sync\t0000000002\n000005\t2011_09_26_drive_0018_sync\t0000000007\n000006\t2011_09_26_drive_0001_sync\t0000000000\n")
            recorded = scenes.recorded_as(root)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            left = data.without_twins(raw, {"004204", "000006", "unmapped"}, recorded)  # 000005 is not trained on
        self.assertIn("1 of 3 frames", said.getvalue())
        self.assertEqual([s.id for s in left], ["0018/0000000000", "0018/0000000007"])

    def test_what_is_loaded_has_each_recorded_frame_once(self):
        eighteen = "2011_09_26_drive_0018_sync"
        with tempfile.TemporaryDirectory() as place, unittest.mock.patch.multiple(
                kitti, load_object=lambda _, split: [scan("004204", eighteen)] if "train" in split else [], load_delft=lambda _: [],
                load_raw=lambda _, drive, teacher: [scan(f"{drive}/{k:010d}", f"2011_09_26_drive_{drive}_sync") for k in (1, 2)]), \
                unittest.mock.patch.object(data, "LEAST", dict.fromkeys(data.LEAST, 0)), contextlib.redirect_stdout(io.StringIO()):
            folder(Path(place) / "data/kitti", "004204\n", [("004204", eighteen)])
            for part in ("mapping", "label_2"):
                (Path(place) / "kitti_labels" / part).mkdir(parents=True)
            (Path(place) / "kitti_labels/mapping/frame_to_raw.tsv").write_text(f"004204\t{eighteen}\t0000000002\n")
            train, _, _ = data.load(place, place)
        self.assertEqual([s.id for s in train], ["004204", "0001/0000000001", "0001/0000000002", "0018/0000000001", "0027/0000000001", "0027/0000000002"])

    def test_shrinking_looks_at_no_frame_that_is_held_out(self):
        with unittest.mock.patch.object(kitti, "load_object", lambda root, split: [scan(str(k), "one" if k % 2 else "two") for k in range(32)]):
            self.assertEqual({s.drive for s in shrink.frames("root")}, {"two"})
            self.assertEqual([s.drive for s in shrink.frames("root", ("two",))], ["one", "one"])

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
