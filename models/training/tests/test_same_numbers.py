"""The package and the Rust bridge make the same numbers: both are held to the fixtures in tests/fixtures."""

import unittest
from pathlib import Path

import numpy as np

from emc2_training import features, fixtures
from emc2_training.boxes import overlaps, to_local
from emc2_training.evaluate import decode

FIXTURES = Path(__file__).resolve().parents[3] / "tests/fixtures"


class SameNumbers(unittest.TestCase):
    def setUp(self):
        self.fixture = np.load(FIXTURES / "features.npz")

    def close(self, found, expected):
        self.assertEqual(np.shape(found), np.shape(expected))
        self.assertLess(np.max(np.abs(np.asarray(found) - expected)), 1e-4)

    def test_grids_are_those_of_the_fixture(self):
        fine, coarse = features.bev_grids(self.fixture["points"], 1.73)
        self.close(fine, self.fixture["fine"])
        self.close(coarse, self.fixture["coarse"])

    def test_expert_inputs_are_those_of_the_fixture(self):
        points, boxes = self.fixture["points"], self.fixture["boxes"]
        for r, (box, cls, confidence) in enumerate(zip(boxes, self.fixture["classes"].astype(int), self.fixture["confidence"])):
            k = features.region(points, box)
            local, intensity = to_local(points[k], box), points[k, 3]
            self.close(features.raster(local, intensity, box), self.fixture["raster"][r])
            self.close(features.context(box, cls, confidence, len(k), 1.73), self.fixture["context"][r])
            for places in (128, 256):
                self.close(features.point_rows(local, intensity, box, places), self.fixture[f"points{places}"][r])

    def test_overlaps_are_those_of_the_fixture(self):
        boxes = self.fixture["boxes"]
        moved = boxes + np.array([0.4, 0.2, 0.1, 0.3, 0.1, 0, 0.2])
        self.close([overlaps(a, b) for a in boxes for b in moved], self.fixture["overlaps"])

    def test_windows_and_crops_are_those_of_the_fixture(self):
        fixture = np.load(FIXTURES / "windows.npz")
        for rect, expected in zip(fixture["boxes"], fixture["windows"]):
            self.close(fixtures.shown(fixture["picture"], rect), expected)

    def test_proposals_are_those_of_the_fixture(self):
        fixture = np.load(FIXTURES / "decode.npz")
        heat, reg = fixtures.maps(fixture["cells"].astype(int), fixture["logits"], fixture["heads"])
        boxes, classes, scores = decode(heat, reg, **fixtures.DECODER)
        self.close(np.concatenate([boxes, classes[:, None], scores[:, None]], 1), fixture["proposals"])
        few = decode(heat, reg, **fixtures.DECODER, candidates=8)
        self.close(few[2], scores[:len(few[2])])
        self.assertLess(len(few[2]), len(scores))


if __name__ == "__main__":
    unittest.main()
