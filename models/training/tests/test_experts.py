"""What the experts' losses ask for, what APE adds to a score, and how the image network's stages are judged."""

import unittest
import unittest.mock

import numpy as np
import torch

from emc2_training import evaluate, export, image_probe, train_experts
from emc2_training.expert_nets import Ape, in_our_order, with_stage3
from emc2_training.kitti import Scan


def regions():
    return {"cls": torch.tensor([0, 1, 1]), "positive": torch.tensor([1.0, 1.0, 0.0]), "image": torch.tensor([1.0, 0.0, 1.0]),
            "weight": torch.tensor([[1.0, 1, 1], [1, 1, 1], [1, 0, 1]])}


class Losses(unittest.TestCase):
    def test_people_count_from_a_small_overlap_and_cars_from_a_larger_one(self):
        wanted = train_experts.wanted_scores(regions(), torch.tensor([0.5, 0.4, 0.9]))
        np.testing.assert_allclose(wanted, [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0]], atol=1e-6)

    def test_only_regions_that_a_picture_shows_and_classes_that_are_labelled_are_asked_of_the_picture(self):
        look = torch.zeros(3, 3)
        alone = train_experts.region_loss(look, regions())
        look[1], look[2, 1] = 50, 50  # no picture; not labelled
        self.assertAlmostEqual(float(train_experts.region_loss(look, regions())), float(alone), places=6)
        look[0, 1] = 50
        self.assertGreater(float(train_experts.region_loss(look, regions())), float(alone) + 1)
        self.assertEqual(float(train_experts.region_loss(look, regions() | {"image": torch.zeros(3)})), 0)


class Scores(unittest.TestCase):
    def test_the_log_scores_as_the_contract_says(self):
        self.assertIs(export.QUALITY_WEIGHT, evaluate.QUALITY_WEIGHT)
        found, scan = {}, Scan("a", "d", np.ones((9, 4), np.float32), np.zeros((0, 7)), np.zeros(0, int), None)
        heat, reg = torch.full((1, 3, 176, 200), -9.0), torch.zeros(1, 30, 176, 200)
        heat[0, 0, 50, 100], reg[0, 9, 50, 100] = 0.0, 50.0  # confident of 0.5 ** 0.75
        net = unittest.mock.Mock(return_value=({name: (torch.zeros(1, 7), torch.full((1, 3), np.log(0.2 / 0.8))) for name in train_experts.NAMES},))
        with unittest.mock.patch.object(train_experts, "inputs", lambda *_: {}), \
                unittest.mock.patch.object(train_experts, "average_precision", lambda found, scans: found[0][2]):
            found = train_experts.judge(net, lambda *_: (heat, reg), [scan])
        confidence = 0.5 ** (1 - evaluate.OVERLAP_WEIGHT)
        np.testing.assert_allclose(found["bridge"], [confidence], rtol=1e-5)
        for name in train_experts.NAMES:
            np.testing.assert_allclose(found[name], [confidence ** 0.3 * 0.2 ** 0.7], rtol=1e-5)


class Picture(unittest.TestCase):
    def test_what_the_picture_says_is_added_and_is_nothing_without_one(self):
        torch.manual_seed(0)
        net, r = Ape().eval(), 2
        given = [torch.rand(r, 8, 32, 16), torch.rand(r, 256, 8), torch.zeros(r, 256, 17), torch.zeros(r, 32), torch.rand(r, 12)]
        with torch.no_grad():
            before = net(*given)[1]
            net.look.weight.fill_(1.0)
            self.assertTrue(torch.equal(net(*given)[1], before))
            given[3] = torch.full((r, 32), 0.5)
            lit = net(*given)[1]
            net.look.weight.zero_()
            self.assertTrue(torch.allclose(lit - net(*given)[1], torch.full((r, 3), 16.0), atol=1e-4))

    def test_older_image_branches_start_without_a_say_of_stage_3(self):
        old = torch.rand(32, 72, 1, 1)
        new = with_stage3(old)
        self.assertEqual(tuple(new.shape), (32, 168, 1, 1))
        self.assertTrue(torch.equal(new[:, :72], old) and new[:, 72:].abs().max() == 0)
        self.assertIs(with_stage3(new), new)
        self.assertEqual(tuple(with_stage3(torch.rand(32)).shape), (32,))

    def test_the_backbone_s_layers_come_main_branch_first_in_each_stage(self):
        order = in_our_order(list(range(1 + 5 + 9 + 5 + 21 + 7)))
        self.assertEqual(order[:9], [0, 3, 4, 5, 1, 2, 6, 7, 8])
        self.assertEqual(order[15:21], [17, 18, 19, 15, 16, 20])
        self.assertEqual(len(order), 41)


class Probe(unittest.TestCase):
    def test_whole_drives_are_left_out_and_what_tells_objects_is_found(self):
        rng = np.random.default_rng(0)
        drives, truth = np.array([f"d{k % 12}" for k in range(600)]), rng.random(600) < 0.3
        group = image_probe.groups_of(drives, truth)
        self.assertEqual({len(set(group[drives == d])) for d in set(drives)}, {1})
        self.assertEqual(set(group), set(range(image_probe.GROUPS)))
        noise = rng.normal(size=(600, 5))
        self.assertLess(abs(image_probe.probe(noise, truth, group) - 0.5), 0.15)
        self.assertGreater(image_probe.probe(np.column_stack([noise, truth + rng.normal(0, 0.3, 600)]), truth, group), 0.95)

    def test_the_roc_area_counts_pairs_in_order(self):
        self.assertEqual(image_probe.roc_area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])), 0.75)


if __name__ == "__main__":
    unittest.main()
