"""Batches on the device say the same as the pages that the runtime is held to, and augmentation keeps boxes on their returns."""

import math
import unittest
from pathlib import Path

import numpy as np
import torch

from emc2_training import batches, bev_batch, boxes as one_by_one, features, fixtures, region_batch, windows
from emc2_training.evaluate import decode
from emc2_training.kitti import OTHER, Calib, Scan
from emc2_training.thinned import thinned

FIXTURES = Path(__file__).resolve().parents[3] / "tests/fixtures"


def batch(points, boxes, classes, image=-1, known=(True, True, True)):
    scan = Scan("a", "d", points, boxes, classes, None, known=known)
    rng = np.random.default_rng(0)
    return batches.collate([batches.pack(rng, scan, points, boxes, classes, np.ones(len(boxes), bool), image)] * 2)


def some_boxes(rng, n):
    return np.concatenate([rng.uniform([5, -15, -1.2], [40, 15, -0.6], (n, 3)), rng.uniform([0.6, 0.5, 1.2], [5, 2, 2], (n, 3)),
                           rng.uniform(-3, 3, (n, 1))], 1)


class Thinned(unittest.TestCase):
    def test_every_other_row_and_half_of_its_returns_stay(self):
        elevation, azimuth = np.meshgrid(np.deg2rad(np.arange(-10, 2, 0.42) + 0.1), np.linspace(-0.5, 0.5, 400), indexing="ij")
        points = np.stack([20 * np.cos(azimuth), 20 * np.sin(azimuth), 20 * np.tan(elevation), 0 * azimuth], -1).reshape(-1, 4).astype(np.float32)
        scan = Scan("a", "d", points, np.zeros((0, 7)), np.zeros(0, int), None)
        self.assertIs(thinned(scan, 1), scan)
        few = thinned(scan, 2)
        rows = np.unique(batches.beam_row(torch.from_numpy(few.points[None]))[0])
        self.assertTrue((rows % 2 == 0).all())
        self.assertAlmostEqual(len(few.points) / len(points), 0.25, delta=0.03)
        self.assertEqual(len(scan.points), len(points))


class SameNumbers(unittest.TestCase):
    def setUp(self):
        self.fixture = np.load(FIXTURES / "features.npz")

    def close(self, found, expected, most=1e-4):
        self.assertEqual(tuple(found.shape), tuple(np.shape(expected)))
        self.assertLess(np.abs(found.numpy() - expected).max(), most)

    def test_grids_are_those_of_the_fixture(self):
        b = batch(self.fixture["points"], self.fixture["boxes"][:0], np.zeros(0, int))
        fine, coarse = bev_batch.grids(b, *bev_batch.whole(b), bev_batch.WHOLE)
        for k in range(2):
            self.close(fine[k], self.fixture["fine"])
            self.close(coarse[k], self.fixture["coarse"])

    def test_grids_of_a_window_are_those_of_the_page(self):
        b = batch(self.fixture["points"], self.fixture["boxes"][:0], np.zeros(0, int))
        x, y = torch.tensor([8.0, 0.0]), torch.tensor([-28.8, -40.0])
        fine, coarse = bev_batch.grids(b, x, y, bev_batch.CROP)
        for k in range(2):
            ends = [(float(v[k]), float(v[k]) + bev_batch.CROP[i]) for i, v in enumerate((x, y))]
            for found, expected in zip((fine[k], coarse[k]), features.bev_grids(self.fixture["points"], 1.73, *ends)):
                # A return just on a border may fall to its other side.
                self.assertLess((np.abs(found.numpy() - expected) > 1e-4).mean(), 1e-4)

    def test_expert_inputs_are_those_of_the_fixture(self):
        f = self.fixture
        b = batch(f["points"], f["boxes"][:0], np.zeros(0, int))
        twice = lambda v, kind: torch.from_numpy(np.stack([v, v])).to(kind)
        out = region_batch.encode(b, twice(f["boxes"], torch.float32), twice(f["classes"], torch.int64), twice(f["confidence"], torch.float32))
        for key in ("raster", "context", "points128", "points256"):
            for half in out[key].chunk(2):
                self.close(half, f[key])

    def test_overlaps_are_those_of_the_fixture(self):
        boxes = torch.from_numpy(self.fixture["boxes"]).float()
        moved = boxes + torch.tensor([0.4, 0.2, 0.1, 0.3, 0.1, 0, 0.2])
        found = torch.stack(batches.overlaps(boxes[:, None], moved[None]), -1).flatten(0, 1)
        self.close(found, self.fixture["overlaps"], 1e-3)
        same = batches.overlaps(boxes, boxes)
        self.assertTrue(all((o > 0.999).all() and (o < 1.001).all() for o in same))

    def test_proposals_are_those_of_the_page(self):
        f = np.load(FIXTURES / "decode.npz")
        heat, reg = fixtures.maps(f["cells"].astype(int), f["logits"], f["heads"])
        expected = decode(heat, reg, 1.73, 0.05, 48)
        boxes, cls, score, valid = region_batch.proposals(torch.from_numpy(heat)[None].float(), torch.from_numpy(reg)[None].float(), torch.tensor([1.73]))
        keep = valid[0]
        self.assertEqual(keep.sum().item(), len(expected[0]))
        self.close(torch.cat([boxes[0][keep], cls[0][keep, None], score[0][keep, None]], 1), np.concatenate([expected[0], expected[1][:, None], expected[2][:, None]], 1), 1e-3)

    def test_windows_are_those_of_the_page(self):
        rng = np.random.default_rng(4)
        calib = Calib(np.array([[700.0, 0, 320, 10], [0, 700, 120, 0], [0, 0, 1, 0.01]]), np.array([[0, -1.0, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]))
        pictures = region_batch.Pictures.__new__(region_batch.Pictures)
        pyramid = windows.Pyramid(rng.integers(0, 255, (240, 640, 3)))
        original = windows.load
        windows.load = lambda path: pyramid
        try:
            pictures.__init__([Scan("a", "d", None, None, None, calib)] * 2, "cpu")
        finally:
            windows.load = original
        boxes = np.concatenate([some_boxes(rng, 12), [[1.0, 0.3, -0.8, 4, 1.7, 1.5, 0.1], [-9, 0, 0, 2, 2, 2, 0]]])
        rect, ahead = region_batch.project(torch.from_numpy(boxes).float(), pictures.matrix[torch.ones(len(boxes), dtype=torch.long)])
        for k, box in enumerate(boxes):
            expected = windows.project_box(box, calib)
            self.assertEqual(bool(ahead[k]), expected is not None)
            if expected is None:
                continue
            self.assertLess(np.abs(rect[k].numpy() - expected).max(), 0.02 + 1e-5 * np.abs(expected).max())
            for mine, its in zip(region_batch.rectangles(torch.from_numpy(expected)[None].float()), windows.rectangles(expected)):
                self.assertLess(np.abs(mine[0].numpy() - np.array(its)).max(), 1e-2)
                found = pictures.window(torch.ones(1, dtype=torch.long), torch.tensor([its]).float())[0]
                self.assertLess(np.abs(found.numpy() - pyramid.window(*its)).max(), 0.02)  # pixels are kept in 16 bits


class Scenes(unittest.TestCase):
    def test_boxes_keep_their_returns_when_a_scene_is_augmented(self):
        rng = np.random.default_rng(1)
        boxes = np.array([[15.0, 4.0, -0.9, 4.1, 1.7, 1.5, 0.4], [25.0, -6.0, -0.8, 4.0, 1.6, 1.5, -2.0]])
        points = np.concatenate([one_by_one.from_local(rng.uniform(-0.45, 0.45, (300, 3)) * b[3:6], b) for b in boxes])
        points = np.column_stack([points, rng.random(len(points))]).astype(np.float32)
        torch.manual_seed(0)
        for _ in range(10):
            b = batch(points, boxes, np.zeros(2, int))
            before = b.points.clone()
            batches.augment(b)
            within = batches.inside(b, b.boxes[:, :2], 0.1, 0.15).any(1)
            self.assertTrue(within[b.valid].all())
            self.assertGreater((b.points - before).abs().max(), 0.2)
            self.assertTrue((b.valid.sum(1) > 50).all())

    def test_a_scene_with_a_picture_stays_where_it_is(self):
        rng = np.random.default_rng(1)
        points = rng.uniform(5, 20, (200, 4)).astype(np.float32)
        b = batch(points, some_boxes(rng, 3), np.zeros(3, int), image=0)
        before = b.map(torch.clone)
        batches.augment(b)
        self.assertTrue(torch.allclose(b.boxes, before.boxes))
        self.assertLess((b.points[..., :3] - before.points[..., :3]).abs().max(), 0.1)

    def test_fewer_beams_are_whole_rows(self):
        elevation = np.deg2rad(np.arange(-20, 2, 0.42))
        e, a = (g.reshape(-1) for g in np.meshgrid(elevation, np.linspace(-0.5, 0.5, 50)))
        points = 15 * np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e), 0 * e], 1).astype(np.float32)
        torch.manual_seed(2)
        shares = set()
        for _ in range(60):
            b = batch(points, np.zeros((0, 7)), np.zeros(0, int))
            batches.thin(b)
            row = batches.beam_row(b.points)
            full = torch.zeros(2, batches.ROWS).scatter_add_(1, row, torch.ones_like(row).float() * (torch.arange(row.shape[1]) < len(points)))
            left = torch.zeros(2, batches.ROWS).scatter_add_(1, row, b.valid.float())
            share = (left / full)[full > 0]
            for part in share.view(2, -1):
                kept = part[part > 0]
                self.assertLess(kept.max() - kept.min(), 0.6)  # a row goes whole, but for returns that chance takes
                shares.add(round((part > 0).float().mean().item(), 1))
        self.assertTrue({0.3, 0.5, 1.0} <= shares, shares)

    def test_the_pool_gives_each_of_its_scenes_once_in_a_batch_and_forgets_the_oldest(self):
        rng = np.random.default_rng(0)
        points = rng.uniform(1, 9, (5, 4)).astype(np.float32)
        def loader():
            k = 0
            while True:
                scans = [Scan("a", "d", None, None, None, None, origin_height=float(k + i)) for i in range(2)]
                yield batches.collate([batches.pack(rng, s, points, np.zeros((0, 7)), np.zeros(0, int), np.zeros(0, bool)) for s in scans])
                k += 2
        pool = batches.Pool(loader(), 6, torch.device("cpu"))
        self.assertEqual(len(set(pool.draw(3).height.tolist())), 3)
        pool.take()
        self.assertEqual(sorted(pool.draw(6).height.tolist()), [2, 3, 4, 5, 6, 7])


class Regions(unittest.TestCase):
    def test_what_is_taught_leads_from_the_proposal_to_the_truth(self):
        rng = np.random.default_rng(2)
        truth = np.array([[15.0, 4.0, -0.9, 4.1, 1.7, 1.5, 0.4], [25.0, -6.0, -0.8, 0.8, 0.6, 1.75, -2.0], [30.0, 6.0, -0.8, 4.0, 1.7, 2.0, 0.0], [35, -3, 0, 9, 2.5, 3, 0]])
        b = batch(rng.uniform(1, 9, (50, 4)).astype(np.float32), truth, np.array([0, 1, -1, OTHER]))
        moved = truth + np.array([0.2, 0.1, 0.05, 0, 0, 0, 0.1])
        moved[0, 6] += math.pi
        cls = torch.tensor([[0, 1, 0, 0]] * 2)
        boxes = torch.from_numpy(np.stack([moved, moved])).float()
        out = region_batch.taught(b, boxes, cls)
        self.assertEqual(out["positive"][:4].tolist(), [1, 1, 0, 0])
        self.assertEqual(out["weight"][:4].tolist(), [[1, 1, 1], [1, 1, 1], [0, 1, 1], [1, 1, 1]])
        for k in range(2):
            t, box = out["target"][k].numpy(), moved[k]
            c, s = np.cos(box[6]), np.sin(box[6])
            d = t[:2] * np.hypot(box[3], box[4])
            np.testing.assert_allclose(box[:2] + [c * d[0] - s * d[1], s * d[0] + c * d[1]], truth[k, :2], atol=1e-4)
            np.testing.assert_allclose(box[3:6] * np.exp(t[3:6]), truth[k, 3:6], atol=1e-4)
            self.assertAlmostEqual(abs(math.sin(box[6] + t[6] - truth[k, 6])), 0, places=4)

    def test_proposals_of_a_scene_are_truth_or_chance_or_what_the_network_said(self):
        rng = np.random.default_rng(3)
        b = batch(rng.uniform(5, 30, (500, 4)).astype(np.float32), some_boxes(rng, 5), np.array([0, 1, 2, -1, OTHER]))
        torch.manual_seed(1)
        boxes, cls, confidence = region_batch.propose(b)
        self.assertEqual(tuple(boxes.shape), (2, region_batch.REGIONS, 7))
        near = batches.overlaps(boxes[:, :, None], b.boxes[:, None, :5])[0].amax((1, 2))
        self.assertTrue((near > 0.2).all())
        said = (torch.full((2, 48, 7), 3.0), torch.full((2, 48), 2), torch.full((2, 48), 0.5), torch.arange(48).expand(2, 48) < 3)
        boxes, cls, confidence = region_batch.propose(b, [t[:1] for t in said], torch.tensor([False, True]))
        self.assertEqual(((boxes == 3).all(-1)).sum(1).tolist(), [0, 3])

    def test_a_mirrored_region_is_the_region_of_the_mirrored_street(self):
        rng = np.random.default_rng(0)
        box, truth = np.array([[15.0, 4.0, -0.9, 4.1, 1.7, 1.5, 0.4]]), np.array([[15.3, 4.2, -0.8, 4.0, 1.6, 1.6, 0.5]])
        points = np.concatenate([box[0, :3] + rng.normal(0, 0.7, (90, 3)), rng.random((90, 1))], 1).astype(np.float32)
        flip = lambda v: v * np.array([1, -1, 1, 1, 1, 1, -1.0])

        def region(points, box, truth):
            b = batch(points, truth, np.zeros(1, int))
            boxes = torch.from_numpy(np.stack([box, box])).float()
            cls = torch.zeros(2, 1, dtype=torch.long)
            out = region_batch.encode(b, boxes, cls, torch.full((2, 1), 0.6)) | region_batch.taught(b, boxes, cls)
            out["image"] = torch.tensor([0.0, 1.0])
            out["uv"] = torch.full((2, 256, 2), 0.25)
            out["windows"] = torch.arange(2 * 3 * 64 * 64.0).reshape(2, 1, 3, 64, 64)
            return out

        got, expected = region(points, box, truth), region(points * np.float32([1, -1, 1, 1]), flip(box), flip(truth))
        region_batch.mirror(got, torch.tensor([False, True]))
        for key in ("points128", "points256", "context", "target"):
            np.testing.assert_allclose(got[key][1], expected[key][1], atol=1e-5, err_msg=key)
        # A return just on a cell's border may fall to its other side.
        self.assertLessEqual(((got["raster"][1] - expected["raster"][1]).abs().amax(0) > 1e-5).sum(), 2)
        self.assertEqual(got["windows"][0, 0, 0, 0, 0], 63)
        self.assertEqual((got["uv"][0, 0, 0], got["uv"][1, 0, 0]), (0.25, -0.25))


if __name__ == "__main__":
    unittest.main()
