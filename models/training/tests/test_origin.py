"""Drives held out stay unseen: by networks that a run starts from or listens to, and when it is gone on with."""

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

from emc2_training import classifier, data, export, loop, origin, qat, shrink, thinned, train_bev, train_experts
from emc2_training.bev_net import BevNet
from emc2_training.kitti import OTHER, Calib, Scan
from tests.test_bad_input import folder

BEV = ["--minutes", "0.001", "--batch", "2", "--reuse", "1", "--pool", "2", "--width", "0.25", "--threads", "1"]


class Trained(unittest.TestCase):
    """With a tiny data folder: frames of the drives one and two, validation of the drive judged."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        folder(self.root / "data/kitti", "a\nb\n", [("a", "one"), ("b", "two"), ("v", "judged")], "v\n")
        (self.root / "kitti_labels/mapping").mkdir(parents=True)
        (self.root / "kitti_labels/mapping/frame_to_raw.tsv").write_text("x\tone\t0000000001\ny\tthree\t0000000001\nz\tjudged\t0000000001\n")

    def load(self, shared, unpacked, hold_out=()):
        """In the place of data.load: a car a frame."""
        calib = Calib(np.array([[700.0, 0, 600, 0], [0, 700, 180, 0], [0, 0, 1, 0]]), np.array([[0, -1.0, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]))
        box = np.array([[12.0, 3, -0.9, 3.9, 1.6, 1.5, 0.1]])
        scans = [Scan(name, drive, export.toy_points(), box, np.zeros(1, int), calib, occlusion=np.zeros(1, int), truncation=np.zeros(1), height_px=np.full(1, 90.0))
                 for name, drive in (("a", "one"), ("b", "two"))]
        return [s for s in scans if s.drive not in hold_out], [s for s in scans if s.drive in hold_out], [(box, np.array([c])) for c in (0, 1, OTHER)]

    def file(self, name, **state):
        path = self.root / name
        torch.save(state, path)
        return str(path)

    def call(self, module, *words):
        """What a module's main prints, with data.load replaced."""
        where = ["--shared", str(self.root), "--unpacked", str(self.root)] if module is not shrink else ["--shared", str(self.root)]
        out = io.StringIO()
        with unittest.mock.patch.object(data, "load", self.load), unittest.mock.patch.object(sys, "argv", ["x", *where, *map(str, words)]), \
                contextlib.redirect_stdout(out):
            module.main()
        return out.getvalue()

    def refused(self, words, module, *given):
        with self.assertRaisesRegex(SystemExit, words):
            self.call(module, *given)


class Runs(Trained):
    def test_a_run_keeps_what_it_saw_and_goes_on_only_as_it_was_begun(self):
        out = self.root / "bev"
        self.call(train_bev, "--out", out, *BEV, "--hold-out", "two")
        state = loop.load(out / "checkpoint.pt")
        self.assertEqual(state["seen"], ["one", "three"])  # three: of its label files alone
        self.assertEqual((state["begun"]["hold_out"], state["begun"]["lr"]), (["two"], 2e-3))
        self.refused("hold-out: .'two'. then, .. now", train_bev, "--out", out, *BEV)
        self.refused("hold-out", train_bev, "--out", out, *BEV, "--hold-out", "one")
        self.refused("lr: 0.002 then, 0.001 now", train_bev, "--out", out, *BEV, "--hold-out", "two", "--lr", "1e-3")
        self.refused("batch: 2 then, 4 now.*seed: 1 then, 2 now", train_bev, "--out", out, *BEV, "--hold-out", "two", "--seed", "2", "--batch", "4")
        self.refused("start: None then", train_bev, "--out", out, *BEV, "--hold-out", "two", "--start", out / "checkpoint.pt")
        self.assertIn("nothing more to do", self.call(train_bev, "--out", out, *BEV, "--hold-out", "two", "--workers", "2"))
        again = self.root / "again"  # what is begun from it saw its drives as well
        self.call(train_bev, "--out", again, *BEV, "--hold-out", "two", "--start", self.file("more.pt", **state | {"seen": ["four"]}))
        self.assertEqual(loop.load(again / "checkpoint.pt")["seen"], ["four", "one", "three"])

    def test_a_network_that_saw_what_is_held_out_is_refused_wherever_it_is_given(self):
        saw, out = self.file("saw.pt", seen=["one", "two"], ema={}, width=1.0), self.root / "out"
        words = "saw.pt: was trained on 1 of the drives.*'two'"
        self.refused(words, train_bev, "--out", out, "--start", saw, "--hold-out", "two", "--trust-start")
        for given in (["--bev", saw], ["--start", saw]):
            self.refused(words, train_experts, "--out", out, *given, "--hold-out", "two")
        self.refused(words, qat, "--out", out, "--bev", saw, "--hold-out", "two")
        self.refused(words, classifier, "--out", out, "--bev", saw, "--hold-out", "two")
        self.refused(words, shrink, "--out", out / "x.pt", "--model", saw, "--width", "0.5", "--hold-out", "two")
        fine = self.file("fine.pt", seen=["one"])
        for bev, experts in ((saw, fine), (fine, saw)):
            self.refused(words, thinned, "--bev", bev, "--experts", experts, "--hold-out", "two")

    def test_validation_s_drives_are_kept_away_without_being_held_out(self):
        saw = self.file("saw.pt", seen=["judged", "one"])
        self.refused("'judged'", train_bev, "--out", self.root / "out", "--start", saw)

    def test_a_network_that_does_not_say_what_it_saw_wants_somebody_to_vouch(self):
        old, out = self.file("old.pt", ema={}, width=1.0), self.root / "out"
        words = "does not say which drives.*--trust-start"
        self.refused(words, train_bev, "--out", out, "--start", old, "--hold-out", "two")
        self.refused(words, train_bev, "--out", out, "--init", "models/bev/model.onnx", "--hold-out", "two")
        self.refused(words, train_experts, "--out", out, "--init", self.root, "--hold-out", "two")
        self.refused(words, classifier, "--out", out, "--bev", "model.onnx", "--hold-out", "two")
        self.refused(words, shrink, "--out", out / "x.pt", "--model", "model.onnx", "--width", "0.5", "--hold-out", "two")
        self.refused(words, thinned, "--bev", old, "--experts", old, "--hold-out", "two")
        net = BevNet(0.25)
        before = {"ema": net.state_dict(), "net": net.state_dict(), "width": 0.25}
        old = self.file("old.pt", **before)
        self.call(train_bev, "--out", out, *BEV, "--start", old, "--hold-out", "two", "--trust-start")
        self.assertEqual(loop.load(out / "checkpoint.pt")["seen"], ["one", "three"])  # vouched for: known from here on
        self.call(train_bev, "--out", self.root / "all", *BEV, "--start", old)  # with nothing held out it just goes on
        self.assertEqual(loop.load(self.root / "all/checkpoint.pt")["seen"], ["one", "three", "two"])

    def test_an_older_checkpoint_goes_on_but_with_drives_held_out_only_when_vouched_for(self):
        a = argparse.Namespace(shared=str(self.root), unpacked=str(self.root), hold_out=["two"], minutes=1.0, trust_start=False, lr=1.0)
        with self.assertRaisesRegex(SystemExit, "run/checkpoint.pt: does not say"):
            origin.check(a, "run/checkpoint.pt", {"spent": 0.0}, ())
        a.trust_start = True
        self.assertEqual(origin.check(a, "run/checkpoint.pt", {"spent": 0.0}, ()), set())
        a.trust_start, a.hold_out = False, []
        self.assertEqual(origin.check(a, "run/checkpoint.pt", {"spent": 0.0, "begun": {}, "seen": ["one"]}, (None,)), {"one"})

    def test_an_exported_model_says_what_it_saw_and_is_refused_as_a_checkpoint_would_be(self):
        net, where = BevNet(0.25).eval(), self.root / "models"
        for given in ({"seen": ["two", "one"]}, {}):
            path = self.file("bev.pt", ema=net.state_dict(), width=0.25, **given)
            with unittest.mock.patch.object(sys, "argv", ["x", "--bev", path, "--out", str(where)]), contextlib.redirect_stdout(io.StringIO()):
                export.main()
            self.assertEqual(origin.seen_by(where / "bev/model.onnx"), sorted(given["seen"]) if given else None)
            self.assertEqual(origin.seen_by(where), sorted(given["seen"]) if given else None)
            told = "was trained on 1 of the drives.*'two'" if given else "does not say which drives"
            self.refused(told, train_bev, "--out", self.root / "out", "--init", where / "bev/model.onnx", "--hold-out", "two")
            self.refused(told, train_experts, "--out", self.root / "out", "--init", where, "--hold-out", "two")
        other = where / "lpe/model.onnx"  # a folder of which one model says nothing says nothing; of two that do, both count
        other.parent.mkdir()
        other.write_bytes((where / "bev/model.onnx").read_bytes())
        origin.tell(where / "bev/model.onnx", ["one"])
        self.assertIsNone(origin.seen_by(where))
        origin.tell(other, {"three", "two"})
        self.assertEqual(origin.seen_by(where), ["one", "three", "two"])

    def test_a_shrunk_network_says_what_it_saw_where_the_wider_one_does(self):
        net = BevNet(0.5)
        looks = [Scan("a", "one", export.toy_points(), np.zeros((0, 7)), np.zeros(0, int), None)]
        with unittest.mock.patch.object(shrink, "frames", lambda *_: looks):
            for given, expected in (({"seen": ["five"]}, ["five", "one"]), ({}, None)):
                wide = self.file("wide.pt", ema=net.state_dict(), width=0.5, **given)
                self.call(shrink, "--model", wide, "--width", "0.25", "--out", self.root / "small.pt")
                self.assertEqual(loop.load(self.root / "small.pt").get("seen"), expected)


if __name__ == "__main__":
    unittest.main()
