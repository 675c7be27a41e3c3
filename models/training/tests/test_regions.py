"""What the experts learn from: a mirrored region is the region of the mirrored box; the router's table is learned right."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import yaml

from emc2_training import features, train_experts, tune_router
from emc2_training.boxes import to_local
from emc2_training.tune_router import EXPERTS, as_yaml, choose, learn, write


class Mirror(unittest.TestCase):
    def test_a_mirrored_region_is_the_region_of_the_mirrored_street(self):
        rng = np.random.default_rng(0)
        box, truth = np.array([15.0, 4.0, -0.9, 4.1, 1.7, 1.5, 0.4]), np.array([15.3, 4.2, -0.8, 4.0, 1.6, 1.6, 0.5])
        points = np.concatenate([box[:3] + rng.normal(0, 0.7, (90, 3)), rng.random((90, 1))], 1).astype(np.float32)
        flip = lambda b: b * np.array([1, -1, 1, 1, 1, 1, -1.0])

        def region(points, box, truth):
            k = features.region(points, box)
            local, intensity = to_local(points[k], box), points[k, 3]
            return {"raster": features.raster(local, intensity, box)[None], "points128": features.point_rows(local, intensity, box, 128)[None],
                    "points256": features.point_rows(local, intensity, box, 256)[None],
                    "context": features.context(box, 0, 0.6, len(k), 1.73)[None],
                    "target": train_experts.encode_targets(box, truth).astype(np.float32)[None],
                    "windows": np.arange(2 * 3 * 64 * 64, dtype=np.float32).reshape(2, 1, 3, 64, 64), "uv": np.full((1, 256, 2), 0.25, np.float32)}

        got, expected = region(points, box, truth), region(points * np.float32([1, -1, 1, 1]), flip(box), flip(truth))
        train_experts.mirror(got, 0)
        for key in ("points128", "points256", "context", "target"):
            np.testing.assert_allclose(got[key], expected[key], atol=1e-5, err_msg=key)
        # A return just on a cell's border may fall to its other side.
        self.assertLessEqual((np.abs(got["raster"] - expected["raster"]).max(1) > 1e-5).sum(), 2)
        self.assertEqual(got["windows"][0, 0, 0, 0, 0], 63)
        self.assertEqual(got["uv"][0, 0, 0], -0.25)


def made_up(n=400):
    """Regions of which the far ones are hit by APE alone, and the rest by all."""
    rng = np.random.default_rng(1)
    r = tune_router.Regions.__new__(tune_router.Regions)
    r.cls, r.distance = rng.integers(0, 3, n), rng.uniform(2, 70, n)
    r.visibility, r.confidence = rng.random(n), rng.random(n)
    r.counts = np.ones(n, bool)
    r.scores = np.full((n, len(EXPERTS)), 0.9)
    r.hit = np.ones((n, len(EXPERTS)))
    r.hit[r.distance > 45, :3] = 0
    return r


class Table(unittest.TestCase):
    def test_rows_are_learned_where_they_pay(self):
        r, everything = made_up(), np.ones(400, bool)
        table = learn(r, everything, np.array([0.0, 0.05, 0.1, 0.4]), 0.02)
        chosen = choose(r, table)
        self.assertTrue((chosen[r.distance > 45] == EXPERTS.index("ape")).all())
        self.assertTrue((chosen[r.distance <= 45] == EXPERTS.index("bridge")).all())

    def test_noise_makes_no_rows(self):
        r = made_up()
        r.hit = np.random.default_rng(2).random(r.hit.shape)
        self.assertLessEqual(len(learn(r, np.ones(400, bool), np.array([0.0, 0.05, 0.1, 0.4]), 1.0)), 2)

    def test_the_table_is_put_where_the_old_one_was(self):
        table = [("people", "", "", "in doubt", 3), ("", "near", "well seen", "", 1), ("", "", "", "", 0)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "emc2.yaml"
            path.write_text("router:\n  policy: region-table\n  table:  # rows\n    - {name: old, expert: lpe}\n  tree:\n    distance_m: 30\n")
            write(path, table)
            read = yaml.safe_load(path.read_text())["router"]
        self.assertEqual(read["tree"], {"distance_m": 30})
        self.assertEqual([row["expert"] for row in read["table"]], ["ape", "lpe", "bridge"])
        self.assertEqual(read["table"][0]["classes"], ["Pedestrian", "Cyclist"])
        self.assertEqual(read["table"][0]["confidence"], [0.3, 0.7])
        self.assertEqual(read["table"][1]["distance_m"], [0, 25])
        self.assertEqual(as_yaml(table[2:]), '    - {name: "no costlier expert does better", expert: bridge}\n')


if __name__ == "__main__":
    unittest.main()
