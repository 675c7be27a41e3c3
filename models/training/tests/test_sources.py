"""A folder of one's own in KITTI's object layout is trained on alone, and its sensor reaches the contract."""

import argparse
import contextlib
import io
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image

from emc2_training import export, from_models, loop, sources, train_bev
from tests.test_bad_input import CALIB, GOOD, folder
from tests.test_origin import BEV

DRIVES = [("a", "one"), ("b", "two"), ("v", "judged")]


def own_folder(root, whole=()):
    """Frames a, b and v of three drives, with a car each; `whole`: those whose scan is the whole turn, with a return that no picture shows."""
    folder(root, "a\nb\n", DRIVES, "v\n")
    for kind in ("calib", "label_2", "velodyne", "velodyne_reduced", "image_2"):
        (root / "training" / kind).mkdir(parents=True)
    for name, _ in DRIVES:
        (root / f"training/calib/{name}.txt").write_text(CALIB)
        (root / f"training/label_2/{name}.txt").write_text(GOOD + "\n")
        kind = "velodyne" if name in whole else "velodyne_reduced"
        np.concatenate([export.toy_points(), np.float32([[-20, 0, 0, 0.5], [20, -25, 0, 0.5]])]).tofile(root / f"training/{kind}/{name}.bin")
        Image.new("RGB", (1600, 900)).save(root / f"training/image_2/{name}.png")


class Own(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        own_folder(self.root / "own", whole=("b",))

    def call(self, module, *words):
        with unittest.mock.patch.object(sys, "argv", ["x", *map(str, words)]), contextlib.redirect_stdout(io.StringIO()) as out:
            module.main()
        return out.getvalue()

    def arguments(self, *words):
        parser = argparse.ArgumentParser()
        sources.add_arguments(parser)
        return parser.parse_args(list(map(str, words)))

    def test_its_frames_have_its_height_and_what_its_own_pictures_show(self):
        source = sources.of(self.arguments("--own", self.root / "own", "--lidar-height", "2.1"))
        train, val, layouts = source.load()
        self.assertEqual(([s.id for s in train], [s.id for s in val], len(layouts)), (["a", "b"], ["v"], 2))
        self.assertEqual({(s.origin_height, s.view) for s in train}, {(2.1, (1600, 900))})
        # The whole turn is cut to the picture of 1600 pixels (a return at u = 1475 stays), what is cut already is taken as it is.
        self.assertEqual(train[0].points[-2:, 0].tolist(), [-20, 20])
        self.assertEqual((train[1].points[-1, 1], train[1].points[:, 0].min() > 0), (-25, True))
        self.assertEqual((source.pictures(train), source.seen(train), source.kept_away(("two",))), ([], {"one", "two"}, {"judged", "two"}))
        train, val, _ = source.load(("two",))
        self.assertEqual(([s.id for s in train], [s.id for s in val]), (["a"], ["b"]))

    def test_what_is_trained_on_it_says_its_drives_and_its_sensor(self):
        where = ["--own", self.root / "own", "--lidar-height", "2.1", "--lidar-beams", "32"]
        self.call(train_bev, *where, "--out", self.root / "run", *BEV)
        path = self.root / "run/checkpoint.pt"
        self.assertEqual(loop.load(path)["seen"], ["one", "two"])
        with self.assertRaisesRegex(SystemExit, "lidar-height: 2.1 then, 1.73 now"):
            self.call(train_bev, "--own", self.root / "own", "--out", self.root / "run", *BEV, "--lidar-beams", "32")
        with self.assertRaisesRegex(SystemExit, "was trained on 1 of the drives.*'two'"):
            self.call(train_bev, *where, "--start", path, "--hold-out", "two", "--out", self.root / "other", *BEV)
        self.call(export, "--bev", path, "--out", self.root / "models")
        sensor = lambda: yaml.safe_load((self.root / "models/bev/contract.yaml").read_text())["sensor"]
        self.assertEqual(sensor(), {"beams": 32, "origin_height": 2.1})
        self.assertIn("`lidar_beams 32`", (self.root / "models/bev/CARD.md").read_text())
        self.assertEqual(from_models.sensor_of(self.root / "models/bev"), {"lidar_beams": 32, "lidar_height": 2.1, "intensity_median": None})
        # Back through a checkpoint the bridge's median stays what it was, none of one's own; experts have none.
        def line(begun, **more):
            torch.save({"begun": begun}, self.root / "x.pt")
            return yaml.safe_load(export.sensor_line(self.root / "x.pt", **more))["sensor"].get("intensity_median")

        self.assertEqual([line({}, bridge=True), line({}), line({"own": "x"}, bridge=True)], [export.INTENSITY_MEDIAN, None, None])
        self.assertEqual([line({"intensity_median": None}, bridge=True), line({"intensity_median": 0.1}, bridge=True)], [None, 0.1])

    def test_ranges_of_8_bits_are_set_by_its_frames_as_its_sensor_stands(self):
        path, asked = self.root / "checkpoint.pt", []
        net = train_bev.BevNet(0.25)
        torch.save({"ema": net.state_dict(), "width": 0.25, "begun": {"own": "elsewhere", "lidar_height": 2.1, "lidar_beams": 32}}, path)

        def rounded(name, net, path, scans, keep_float):
            asked.extend(scans)
            return {}

        with unittest.mock.patch.object(export, "rounded", rounded), unittest.mock.patch.object(export, "area_lost", lambda *_: {}):
            self.call(export, "--bev", path, "--out", self.root / "models", "--quantize", self.root / "own")
        self.assertEqual([(s.id, s.origin_height) for s in asked], [("a", 2.1)])

    def test_what_does_not_go_together_is_refused(self):
        for words, given in (("--unpacked is for", ["--own", "x", "--unpacked", "y"]), ("say --own FOLDER", ["--shared", "x", "--unpacked", "y", "--lidar-beams", "32"]),
                             ("--shared DATA and --unpacked LABELS", ["--shared", "x"])):
            with self.assertRaisesRegex(SystemExit, words):
                sources.of(self.arguments(*given))
        with self.assertRaisesRegex(SystemExit, "FastestDet.onnx"):
            sources.backbone(self.arguments("--own", "x"))

    def test_a_folder_without_a_label_that_is_learned_is_refused(self):
        for name in ("a", "b"):
            (self.root / f"own/training/label_2/{name}.txt").write_text(GOOD.replace("Car", "Van") + "\n")
        with self.assertRaisesRegex(SystemExit, "none of 2 frames has a label of Car, Pedestrian, Cyclist"):
            sources.Own(self.root / "own").load()

    def test_validation_s_drives_are_refused_in_training(self):
        (self.root / "own/drives.tsv").write_text("a\tone\nb\tone\nv\tone\n")
        with self.assertRaisesRegex(SystemExit, "share drives: .'one'"):
            sources.Own(self.root / "own").load()


if __name__ == "__main__":
    unittest.main()
