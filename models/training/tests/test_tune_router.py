"""The router's table is learned right."""

import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np
import yaml

from emc2_training import evaluate, learned_gate, tune_router, tune_tree
from emc2_training.kitti import Calib, Scan
from emc2_training.tune_router import EXPERTS, as_yaml, choose, choose_as, gains, learn, standard_error, write


def made_up(n=400):
    """Regions of which the far ones are hit by APE alone, and the rest by all."""
    rng = np.random.default_rng(1)
    r = tune_router.Regions.__new__(tune_router.Regions)
    r.cls, r.distance = rng.integers(0, 3, n), rng.uniform(2, 70, n)
    r.visibility, r.confidence = rng.random(n), rng.random(n)
    r.beams = np.where(np.arange(n) % 2, 32, 64)
    r.group, r.groups = np.arange(n) // 4, n // 4
    r.counts = np.ones(n, bool)
    r.scores = np.full((n, len(EXPERTS)), 0.9)
    r.hit = np.ones((n, len(EXPERTS)))
    r.hit[r.distance > 45, :3] = 0
    return r


class Asked(unittest.TestCase):
    def setUp(self):
        self.before = tune_router.frames_of, tune_router.run, tune_router.answers, tune_router.Regions
        tune_router.Regions = lambda scans, said: said

    def tearDown(self):
        tune_router.frames_of, tune_router.run, tune_router.answers, tune_router.Regions = self.before

    def test_each_set_of_drives_is_judged_by_its_own_models(self):
        scan = lambda name: Scan(name, "drive", None, None, None, None)
        tune_router.frames_of = lambda root, drives, _: [(root, [scan(d) for d in drives])]
        tune_router.run = lambda emc2, models, root, frames, out, policy, off: (models, tuple(frames))
        tune_router.answers = lambda folder: {(frame, 0): folder[0] for frame in folder[1]}
        with tempfile.TemporaryDirectory() as out:
            a = tune_router.arguments("").parse_args(["--emc2", "e", "--models", "A", "--kitti", "k", "--drives", "a", "b", "--also", "c,d", "B", "--out", out])
            scans, said = tune_router.ask(a)
            self.assertEqual([s.id for s in scans], [f"{name}, step 1" for name in "abcd"])
            self.assertEqual(said["ape"], {(f"{name}, step 1", 0): models for name, models in zip("abcd", "AABB")})
            a.also = [("b", "B")]
            with self.assertRaisesRegex(SystemExit, "1 frames"):
                tune_router.ask(a)


    def test_view_of_delft_s_frames_are_asked_for_in_their_own_folder(self):
        scan = lambda name, drive: Scan(name, drive, None, None, None, None)
        with unittest.mock.patch.object(tune_router.kitti, "load_object", lambda *_: [scan("000001", "a"), scan("000002", "b")]), \
                unittest.mock.patch.object(tune_router.kitti, "load_delft", lambda root: [scan("vod/00549", "delft-00549")]):
            told = lambda drives, delft: [(root, [s.id for s in scans]) for root, scans in tune_router.frames_of("K", drives, delft)]
            self.assertEqual(told(["b", "delft-00549"], "V"), [("K", ["000002"]), ("V", ["00549"])])
            self.assertEqual(told(["b", "delft-00549"], None), [("K", ["000002"])])
            self.assertEqual(told(["delft-00549"], "V"), [("V", ["00549"])])
            with self.assertRaisesRegex(SystemExit, "no frame"):
                told(["c"], "V")


class Cost(unittest.TestCase):
    def test_a_region_costs_what_the_contracts_say_and_people_their_crop_as_well(self):
        with tempfile.TemporaryDirectory() as models:
            for name, ms, batch in (("lpe", 0.2, 4), ("vee", 0.4, 4), ("ape", 0.6, 2), ("image", 0.8, 4), ("classifier", 0.5, 1)):
                (Path(models) / name).mkdir()
                (Path(models) / name / "contract.yaml").write_text(f"inputs:\n  - {{name: x, shape: [{batch}, 3]}}\ncost_ms: {{cpu-1-thread: {ms}}}\n")
            cost = tune_router.cost_of(models, np.array([0, 1, 2]))
            np.testing.assert_allclose(cost, [[0, 0.05, 0.1, 0.7], [0, 0.05, 0.1, 1.2], [0, 0.05, 0.1, 1.2]])
            (Path(models) / "classifier" / "contract.yaml").unlink()
            np.testing.assert_allclose(tune_router.cost_of(models, np.array([0, 1]), ["classifier"]), [[0, 0.05, 0.1, 0.7]] * 2)

    def test_a_region_that_costs_more_than_the_others_is_weighed_by_its_own_cost(self):
        r = made_up()
        r.drive = np.arange(400) % 4
        r.hit[:, :3] = 0.0
        r.hit[:, 3] = 1.0
        cost = np.zeros((400, 4))
        dear = r.distance > 35
        cost[dear, EXPERTS.index("ape")] = 10.0
        chosen = learned_gate.left_out(r, cost, 1.0, 1.0)
        self.assertTrue((chosen[~dear] == EXPERTS.index("ape")).all())
        self.assertFalse((chosen[dear] == EXPERTS.index("ape")).any())


class Gate(unittest.TestCase):
    def test_a_gate_learns_where_experts_are_worth_their_time_on_drives_that_it_is_not_judged_on(self):
        r = made_up()
        r.drive = np.arange(400) % 4
        r.hit[:, :3] = 1 - r.distance[:, None] / 70
        cost = np.array([0.0, 0.05, 0.1, 0.4])
        chosen = learned_gate.left_out(r, cost, 1.0, 1.0)
        self.assertTrue((chosen[r.distance > 50] == EXPERTS.index("ape")).all())
        self.assertTrue((chosen[r.distance < 10] == EXPERTS.index("bridge")).all())
        # What is right on one drive alone cannot be known from the others.
        r.hit[:, :3] = np.where((r.drive == 3)[:, None], 0.0, 1.0)
        r.hit[:, 3] = 1.0
        chosen = learned_gate.left_out(r, cost, 0.02, 1.0)
        self.assertTrue((chosen[r.drive == 3] == EXPERTS.index("bridge")).all())

    def test_no_drive_is_judged_by_what_it_taught_and_what_does_not_count_teaches_nothing(self):
        r = made_up()
        r.drive = np.arange(400) % 4
        r.counts = r.drive == 0
        cost = np.array([0.0, 0.05, 0.1, 0.4])
        chosen = learned_gate.left_out(r, cost, 0.02, 1.0)
        self.assertTrue((chosen[r.drive == 0] == 0).all())  # nothing learned: the cheapest
        self.assertIn(EXPERTS.index("ape"), chosen[r.drive > 0])


    def test_one_choice_against_another_is_told_with_the_error_of_its_frames(self):
        r = made_up()
        ape, lpe = (np.full(400, EXPERTS.index(name)) for name in ("ape", "lpe"))
        more, error = learned_gate.against(r, ape, lpe)
        far = (r.distance > 45).astype(float)
        one = more / far.sum()
        self.assertGreater(one, 0.5)
        self.assertAlmostEqual(error, one * standard_error(far, r.group, r.groups))
        r.group = np.arange(400) // 40
        self.assertNotAlmostEqual(learned_gate.against(r, ape, lpe)[1], error, places=2)
        self.assertEqual(learned_gate.against(r, ape, ape), (0, 0))


class Tree(unittest.TestCase):
    def test_the_switch_is_the_published_one_a_frame(self):
        r = made_up(6)
        r.frame = np.array(["a", "a", "b", "b", "c", "c"])
        r.distance, r.confidence = np.array([5.0, 30, 10, 40, 40, 10]), np.array([0.6, 0.9, 0.9, 0.6, 0.3, 0.9])
        self.assertEqual([EXPERTS[e] for e in tune_tree.by_tree(r, 30, 0.5)], ["lpe"] * 2 + ["vee"] * 2 + ["ape"] * 2)
        self.assertEqual([EXPERTS[e] for e in tune_tree.by_tree(r, 29, 0.5)][:2], ["vee"] * 2)
        self.assertEqual([EXPERTS[e] for e in tune_tree.by_tree(r, 50, 0.2)], ["lpe"] * 6)
        worth = np.tile([0.0, 1, 2, 3], (6, 1))
        trees = {pair: tune_tree.by_tree(r, *pair) for pair in ((30, 0.5), (50, 0.2))}
        self.assertEqual(tune_tree.best_tree(worth, trees, np.ones(6, bool)), (30, 0.5))
        self.assertEqual(tune_tree.best_tree(-worth, trees, np.ones(6, bool)), (50, 0.2))
        self.assertEqual(tune_tree.best_tree(-worth, trees, np.arange(6) < 2), (30, 0.5))  # equals: the first

    def test_gains_are_of_those_that_are_to_have_the_expert_and_are_written_beside_the_comments(self):
        r = made_up()
        r.hit[:, :] = [0.0, 0.5, 0.5, 1.0]
        r.hit[r.cls == 0, 3] = 0.0
        r.scores[:] = r.hit  # worth is the hit
        r.confidence[:] = 0.5
        everyone = np.full(400, 3)
        found = tune_tree.gains(r, np.where(r.cls == 0, 2, 3))
        for b, (gain, error, count) in enumerate(found["ape"]):
            self.assertAlmostEqual(gain, 4.0)
            self.assertEqual(count, ((np.digitize(r.distance, (25, 45)) == b) & (r.cls > 0)).sum())
        self.assertAlmostEqual(found["lpe"][0][0], 2.0)
        self.assertLess(tune_tree.gains(r, everyone)["ape"][0][0], 4.0)
        with self.assertRaisesRegex(SystemExit, "gain of ape: the table sends no region"):
            tune_tree.gains(r, np.full(400, 2))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "emc2.yaml"
            path.write_text("router:\n  tree:\n    distance_m: 30         # D\n    confidence: 0.5        # C\n  gain:\n    edges_m: [25, 45]\n"
                            "    lpe: [1.0, 0.8, 0.5]   # near\n    vee: [1, 1, 1]\n    ape: [1, 1, 1]\nfusion:\n  min_score: 1\n")
            tune_tree.write(path, (25, 0.4), found | {"vee": [(-1, 0, 1)] * 3})
            self.assertEqual(yaml.safe_load(path.read_text())["router"], {
                "tree": {"distance_m": 25, "confidence": 0.4}, "gain": {"edges_m": [25, 45], "lpe": [2.0] * 3, "vee": [0.0] * 3, "ape": [4.0] * 3}})
            self.assertIn("# D\n", path.read_text())
            path.write_text("router: {}\n")
            with self.assertRaisesRegex(SystemExit, "no distance_m"):
                tune_tree.write(path, (25, 0.4), found)


class Judged(unittest.TestCase):
    def test_intervals_hold_the_area_and_a_frame_s_copies_are_drawn_together(self):
        calib = Calib(np.array([[700.0, 0, 600, 0], [0, 700, 180, 0], [0, 0, 1, 0]]), np.array([[0, -1.0, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]))
        box = np.array([[12.0, 3, -0.9, 3.9, 1.6, 1.5, 0.1]])
        scans = [Scan(str(k), "d", None, box, np.zeros(1, int), calib) for k in range(8)]
        hit, miss = (box, np.zeros(1, int), np.array([0.9])), (box + [[9.0, 0, 0, 0, 0, 0, 0]], np.zeros(1, int), np.array([0.95]))
        found = [hit, miss] * 4
        areas, between = evaluate.average_precision(found, scans), evaluate.bootstrap(found, scans, 200)
        self.assertAlmostEqual(areas["Car 3d70"], 0.25)  # four of eight, behind four mistakes
        low, high = between["Car 3d70"]
        self.assertTrue(low < 0.25 < high)
        # Copies that always come together draw the same area every time.
        low, high = evaluate.bootstrap(found, scans, 200, together=["one"] * 8)["Car 3d70"]
        self.assertEqual((low, high), (0.25, 0.25))


class Table(unittest.TestCase):
    def test_rows_are_learned_where_they_pay(self):
        r, everything = made_up(), np.ones(400, bool)
        table = learn(r, everything, np.array([0.0, 0.05, 0.1, 0.4]), 0.02)
        chosen = choose(r, table)
        self.assertTrue((chosen[r.distance > 45] == EXPERTS.index("ape")).all())
        self.assertTrue((chosen[r.distance <= 45] == EXPERTS.index("bridge")).all())

    def test_a_configuration_s_table_is_followed_and_gains_are_told_by_band(self):
        r = made_up()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "emc2.yaml"
            path.write_text("router:\n  table:\n    - {classes: [Car], distance_m: [25, 45], expert: vee}\n    - {confidence: [0.5, 1], expert: ape}\n    - {expert: lpe}\n")
            chosen = choose_as(r, path)
            path.write_text("router:\n  table:\n    - {beams: [1, 32], expert: vee}\n    - {expert: lpe}\n")
            few = choose_as(r, path)
        self.assertTrue((few == np.where(r.beams == 32, EXPERTS.index("vee"), EXPERTS.index("lpe"))).all())
        self.assertEqual([tune_router.beams(f"000012, step {step}") for step in (1, 2, 3)], [64, 32, 21])
        car = (r.cls == 0) & (r.distance >= 25) & (r.distance < 45)
        self.assertTrue((chosen[car] == EXPERTS.index("vee")).all())
        self.assertTrue((chosen[~car] == np.where(r.confidence[~car] >= 0.5, EXPERTS.index("ape"), EXPERTS.index("lpe"))).all())
        rows = {row[:3]: row[3:] for row in gains(r, "ape", "lpe")}
        self.assertEqual(rows["", "far", ""][0], (r.distance >= 45).sum())
        self.assertGreater(rows["", "far", ""][1], 0.5 * (r.distance > 45).sum())
        self.assertAlmostEqual(rows["", "near", ""][1], 0, places=6)

    def test_regions_of_one_frame_and_its_copies_count_as_one_for_the_standard_error(self):
        rng = np.random.default_rng(0)
        values, frames = rng.normal(0, 1, 2000), np.arange(2000)
        apart = standard_error(values, frames, 2000)
        self.assertAlmostEqual(apart, values.std() * np.sqrt(2000), delta=0.01 * apart)
        # The same said three times over of each frame: three times the sum, and three times its error.
        self.assertAlmostEqual(standard_error(np.tile(values, 3), np.tile(frames, 3), 2000), 3 * apart, delta=1e-6 * apart)
        self.assertAlmostEqual(standard_error(np.full(8, 1.0), np.repeat([3, 5], 4), 100), np.sqrt(100 / 99 * (2 * 4 ** 2 - 8 ** 2 / 100)))
        self.assertEqual(standard_error(values[:3], np.zeros(3, int), 1), float("inf"))
        r = made_up()
        rows = {row[:3]: row[3:] for row in gains(r, "ape", "lpe")}
        r.group = np.arange(400) // 40 * 10  # as if forty regions in a row were of one frame
        once = {row[:3]: row[3:] for row in gains(r, "ape", "lpe")}
        self.assertGreater(once["", "far", ""][2], 2 * rows["", "far", ""][2])

    def test_a_row_that_one_frame_alone_asks_for_is_not_learned(self):
        r = made_up()
        r.hit[:] = 1
        r.hit[:60, :3] = 0  # APE alone hits the regions of the first frame
        r.distance[:60], r.distance[60:] = 60.0, np.minimum(r.distance[60:], 44)
        r.group, cost = np.where(np.arange(400) < 60, 0, np.arange(400)), np.array([0.0, 0.05, 0.1, 0.4])
        everything = np.ones(400, bool)
        r.groups = 400
        self.assertNotIn(EXPERTS.index("ape"), choose(r, learn(r, everything, cost, 0.02)))
        r.group = np.arange(400)
        self.assertIn(EXPERTS.index("ape"), choose(r, learn(r, everything, cost, 0.02)))

    def test_copies_of_a_frame_are_one_group(self):
        scans = [Scan(f"{name}, step {step}", name, np.zeros((0, 4)), np.zeros((0, 7)), np.zeros(0, int), None) for name in "ab" for step in (1, 2)]
        said = {e: {(s.id, 0, 10.0, 0.5): (np.array([10.0, 0, 0, 4, 2, 1.5, 0]), 0.5) for s in scans[1:]} for e in EXPERTS}
        r = tune_router.Regions(scans, said)
        self.assertEqual((r.groups, dict(zip(r.frame, r.group))), (2, {"a, step 2": 0, "b, step 1": 1, "b, step 2": 1}))

    def test_noise_makes_no_rows(self):
        r = made_up()
        r.hit = np.random.default_rng(2).random(r.hit.shape)
        self.assertLessEqual(len(learn(r, np.ones(400, bool), np.array([0.0, 0.05, 0.1, 0.4]), 1.0)), 2)

    def test_the_table_is_put_where_the_old_one_was(self):
        table = [("people", "", "", "in doubt", 3), ("", "near", "well seen", "", 1), ("", "", "", "", 0)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "emc2.yaml"
            path.write_text("router:\n  policy: region-table\n  table:  # rows\n    - {name: few, beams: [1, 40], expert: vee}  # why\n    - {name: old, expert: lpe}\n  tree:\n    distance_m: 30\n")
            write(path, table)
            read = yaml.safe_load(path.read_text())["router"]
        self.assertEqual(read["tree"], {"distance_m": 30})
        self.assertEqual([row["expert"] for row in read["table"]], ["vee", "ape", "lpe", "bridge"])
        self.assertEqual(read["table"][0]["beams"], [1, 40])
        self.assertEqual(read["table"][1]["classes"], ["Pedestrian", "Cyclist"])
        self.assertEqual(read["table"][1]["confidence"], [0.3, 0.7])
        self.assertEqual(read["table"][2]["distance_m"], [0, 25])
        self.assertEqual(as_yaml(table[2:]), '    - {name: "no costlier expert does better", expert: bridge}\n')


if __name__ == "__main__":
    unittest.main()
