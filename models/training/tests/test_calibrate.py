"""Calibration finds what was done to scores, judges itself on other drives, and writes only its own lines."""

import tempfile
import unittest
from pathlib import Path

import numpy as np

from emc2_training import calibrate


class Calibration(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(1)
        self.chance = rng.uniform(0.02, 0.98, 4000)
        self.hit = (rng.random(4000) < self.chance).astype(float)
        self.drive = np.repeat(["a", "b", "c", "d"], 1000)

    def test_right_scores_stay_as_they_are(self):
        scale, shift = calibrate.fit(self.chance, self.hit)
        self.assertAlmostEqual(scale, 1, delta=0.1)
        self.assertAlmostEqual(shift, 0, delta=0.1)

    def test_what_was_done_to_the_scores_is_undone(self):
        bent = calibrate.chance((calibrate.logit(self.chance) - 1.0) / 2)  # timid, and too low
        scale, shift = calibrate.fit(bent, self.hit)
        self.assertAlmostEqual(scale, 2, delta=0.15)
        self.assertAlmostEqual(shift, 1, delta=0.15)
        before, after = calibrate.left_out(bent, self.hit, self.drive)
        self.assertGreater(before, after + 0.05)
        for n, score, share in calibrate.reliability(calibrate.chance(scale * calibrate.logit(bent) + shift), self.hit):
            self.assertGreater(n, 300)
            self.assertAlmostEqual(score, share, delta=0.05)

    def test_a_curve_rises_and_only_contracts_of_its_experts_change(self):
        curve = calibrate.table(1.7, -0.4)
        self.assertTrue(all(a[0] < b[0] and a[1] <= b[1] for a, b in zip(curve, curve[1:])))
        with tempfile.TemporaryDirectory() as folder:
            before = "name: x\noverlap_weight: 0.25\nsensor: {beams: 64}\ntrained_on: CARD.md\n"
            for name in ("bev", "lpe"):
                (Path(folder) / name).mkdir()
                (Path(folder) / name / "contract.yaml").write_text(before)
            for high in (0.7, 0.8):  # the second takes the place of the first
                calibrate.write(folder, {"lpe": [[0.1, 0.2], [0.9, high]]})
            after = before.replace("sensor", "calibration: [[0.1, 0.2], [0.9, 0.8]]\nsensor")
            self.assertEqual([(Path(folder) / name / "contract.yaml").read_text() for name in ("bev", "lpe")], [before, after])


if __name__ == "__main__":
    unittest.main()
