"""An exported model gets a plain card where there is none, and a score curve of other weights stays only where that is asked for."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np
import torch
import yaml

from emc2_training import export, plain_card
from emc2_training.bev_net import BevNet
from emc2_training.kitti import Scan
from emc2_training.train_experts import Experts

CURVE = "calibration: [[0, 0], [0.5, 0.4], [1, 1]]\n"
BEGUN = {"seed": 7, "lr": 2e-3, "batch": 4, "start": None, "hold_out": ["two"]}


class Exported(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        torch.manual_seed(0)
        self.net = BevNet(0.25).eval()

    def run_of(self, name, net, log=(), **state):
        """The checkpoint of a run."""
        (self.root / name).mkdir()
        torch.save({"ema": net.state_dict(), **state}, self.root / name / "checkpoint.pt")
        if log:
            (self.root / name / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
        return str(self.root / name / "checkpoint.pt")

    def bev(self, **state):
        return self.run_of("run", self.net, width=0.25, **state)

    def export(self, *words):
        """What export prints."""
        out = io.StringIO()
        with unittest.mock.patch.object(sys, "argv", ["x", "--out", str(self.root / "models"), *words]), contextlib.redirect_stdout(out):
            export.main()
        return out.getvalue()

    def card(self, name="bev"):
        return (self.root / "models" / name / "CARD.md").read_text()

    def test_a_card_says_what_checkpoint_and_log_say(self):
        log = [{"step": 50, "spent": 90, "centre": 1.0}, {"step": 100, "spent": 150, "Car 3d70": 0.5, "Pedestrian 3d50": 0.25}]
        said = self.export("--bev", self.bev(log=log, begun=BEGUN, seen=["two", "one"], spent=150.0, step=100))
        self.assertIn("CARD.md written\n", said)
        card = self.card()
        for words in ("# bev\n", "Role: bridge.", "drives seen: 2: one, two\n", "`batch 4`, `hold_out two`, `lr 0.002`\n", "seed: 7\n", "minutes of this run: 2.5 ", "steps of this run: 100\n",
                      '{"Car 3d70": 0.5, "Pedestrian 3d50": 0.25}', "frames of the drives held out (two)", "not judged on frames kept away", "Terms"):
            self.assertIn(words, card)
        self.assertNotIn("rounding", card)
        self.assertEqual(yaml.safe_load((self.root / "models/bev/contract.yaml").read_text())["trained_on"], "CARD.md")

    def test_what_is_not_known_is_called_so(self):
        self.export("--bev", self.bev())
        for words in ("drives seen: not known\n", "arguments: not known\n", "seed: not known\n", "minutes of this run: not known\n", "steps of this run: not known\n"):
            self.assertIn(words, self.card())
        self.assertNotIn("```", self.card())

    def test_a_log_that_breaks_off_before_the_end_gives_no_figures(self):
        self.export("--bev", self.bev(log=[{"step": 50, "spent": 90, "lr": 0.1, "centre": 1.0}]))
        self.assertNotIn('"centre"', self.card())

    def test_only_a_card_of_its_own_is_written_over(self):
        bev = self.bev()
        self.export("--bev", bev)
        path = self.root / "models/bev/CARD.md"
        path.write_text(plain_card.MARK + "\nof other weights\n")
        self.assertIn("CARD.md written anew\n", self.export("--bev", bev))
        self.assertNotIn("other weights", self.card())
        path.write_text("# By hand\n")
        self.assertIn("CARD.md stays as it is", self.export("--bev", bev))
        self.assertEqual(self.card(), "# By hand\n")

    def test_experts_and_the_image_branch_get_one_each(self):
        torch.manual_seed(0)
        log = [{"step": 9, "bridge": {"Car 3d70": 0.5}, "ape": {"Car 3d70": 0.6}}]
        self.export("--experts", self.run_of("experts", Experts(None), log=log, begun=BEGUN | {"hold_out": []}, seen=["one"], spent=60.0, step=9))
        for name in export.EXPERTS:
            self.assertIn(f"# {name}\n", self.card(name))
            self.assertIn('"ape": {"Car 3d70": 0.6}', self.card(name))
            self.assertIn("frames of `lidar_val.txt`", self.card(name))
            self.assertEqual("LICENSE.FastestDet" in self.card(name), name == "image")

    def test_the_card_of_an_8_bit_model_says_what_rounding_cost(self):
        scan = Scan("a", "one", export.toy_points(), np.zeros((0, 7)), np.zeros(0, int), None)
        with unittest.mock.patch.object(export.kitti, "load_object", lambda *_: [scan] * 3), unittest.mock.patch.object(export, "area_lost", lambda *_: {"Car 3d70": 0.03}), \
                unittest.mock.patch.object(export, "rounded", lambda *_: {"Car 3d70": 0.01}):
            self.export("--bev", self.bev(), "--quantize", "KITTI")
        self.assertIn("{'Car 3d70': 0.01} on the 1 training frames that set the ranges, {'Car 3d70': 0.03} on the 2 that did not", self.card("bev-u8"))

    def test_a_score_curve_of_other_weights_stays_only_where_that_is_asked_for(self):
        bev, path = self.bev(), self.root / "models/bev/contract.yaml"
        said = self.export("--bev", bev)
        self.assertNotIn("curve", said)
        plain = path.read_text()
        path.write_text(plain.replace("sensor:", CURVE + "sensor:"))
        self.assertIn("keeps the score curve", self.export("--bev", bev, "--keep-calibration"))
        self.assertEqual(path.read_text().count(CURVE), 1)
        said = self.export("--bev", bev)
        for words in ("score curve of the contract before is dropped", "--keep-calibration", f"emc2_training.calibrate --emc2 EMC2 --models FOLD_MODELS --kitti KITTI --drives fold --thinned 1 2 3 --write {self.root}/models"):
            self.assertIn(words, said)
        self.assertNotIn("calibration", path.read_text())


if __name__ == "__main__":
    unittest.main()
