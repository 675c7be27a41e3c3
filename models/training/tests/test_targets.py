"""What the proposal network is taught decodes to the boxes it was made from, each class from its own channels."""

import unittest

import numpy as np
import torch

from emc2_training import batches, bev_batch
from emc2_training.evaluate import decode
from emc2_training.features import X, Y
from emc2_training.kitti import OTHER, Calib, Scan

X0, Y0 = 0.0, -28.8


def taught(boxes, classes, per_box=20):
    """(heat, weight, reg ...) of the window at X0, Y0 for boxes that hold so many returns each."""
    rng = np.random.default_rng(0)
    points = np.concatenate([b[:3] + rng.uniform(-0.1, 0.1, (per_box, 3)) for b in boxes])
    points = np.column_stack([points, np.full(len(points), 0.3)]).astype(np.float32)
    scan = Scan("a", "d", points, boxes, classes, Calib(np.eye(3, 4), np.eye(4)))
    b = batches.collate([batches.pack(rng, scan, points, boxes, classes, np.ones(len(boxes), bool))])
    return [t[0].numpy() for t in bev_batch.targets(b, torch.tensor([X0]), torch.tensor([Y0]))]


def answered(heat, reg, whose):
    """The network's two outputs over the whole range if it says what it was taught."""
    i, j = round((X0 - X[0]) / 0.4), round((Y0 - Y[0]) / 0.4)
    nx, ny = heat.shape[1:]
    logits, boxes = np.full((3, 176, 200), -9.0, np.float32), np.zeros((3, 10, 176, 200), np.float32)
    logits[:, i:i + nx, j:j + ny] = np.log(np.clip(heat, 1e-4, 0.98) / (1 - np.clip(heat, 1e-4, 0.98)))
    for c in range(3):
        boxes[c, :9, i:i + nx, j:j + ny] = np.where(whose == c, reg, 0)
    boxes[:, 8] = np.where(boxes[:, 8] > 0.5, 5, -5)
    boxes[:, 9] = 5
    return logits, boxes.reshape(30, 176, 200)


class Targets(unittest.TestCase):
    def test_they_decode_to_the_boxes_that_they_were_made_from(self):
        boxes = np.array([[20.3, 4.1, -0.9, 4.1, 1.7, 1.5, 0.4], [12.0, -3.0, -0.8, 0.8, 0.6, 1.75, 1.0], [12.9, -3.9, -0.8, 0.7, 0.6, 1.7, 1.1],
                          [30.0, -10.0, -0.8, 1.8, 0.6, 1.7, -2.8]])
        classes = np.array([0, 1, 1, 2])
        heat, _, reg, _, _, _, whose, _ = taught(boxes, classes)
        found, names, _ = decode(*answered(heat, reg, whose), 1.73, threshold=0.3)
        self.assertEqual(sorted(names), [0, 1, 1, 2])
        for box, cls in zip(boxes, classes):
            away = [np.abs(f - box).max() for f, n in zip(found, names) if n == cls]
            self.assertLess(min(away), 1e-4, f"class {cls} at {box[:2]}: {found}")

    def test_objects_outside_the_window_leave_no_trace(self):
        heat, _, reg, regw, *_ = taught(np.array([[75.0, 0, -0.8, 0.8, 0.6, 1.75, 0], [20.0, 70.0, -0.8, 4, 1.6, 1.5, 0]]), np.array([1, 0]))
        self.assertEqual((heat.max(), np.abs(reg).max(), regw.max()), (0, 0, 0))

    def test_what_is_neither_a_find_nor_a_mistake_weighs_nothing(self):
        _, weight, *_ = taught(np.array([[20.0, 4.0, -0.9, 4.1, 1.7, 1.5, 0.0], [12.0, -3.0, -0.8, 0.8, 0.6, 1.75, 0.0]]), np.array([-1, -2]))
        at = lambda channel, x, y: weight[channel, int((x - X0) / 0.4), int((y - Y0) / 0.4)]
        self.assertEqual((at(0, 20.0, 4.0), at(1, 20.0, 4.0)), (0, 1))
        self.assertEqual([at(c, 12.0, -3.0) for c in range(3)], [1, 0, 1])

    def test_a_find_is_taught_where_a_neighbour_of_its_class_covers_it(self):
        boxes = np.array([[20.2, 4.2, -0.9, 2.0, 0.7, 1.7, 0.3], [20.2, 4.2, -0.7, 0.9, 0.7, 1.6, 0.3], [20.2, 7.2, -0.9, 2.0, 0.7, 1.7, 0.3]])
        heat, weight, *_ = taught(boxes, np.array([2, -3, -3]))  # a cyclist, the rider on it, and a moped beside it
        at = lambda maps, x, y: maps[2, int((x - X0) / 0.4), int((y - Y0) / 0.4)]
        self.assertEqual((at(heat, 20.2, 4.2), at(weight, 20.2, 4.2), at(weight, 20.2, 7.2)), (1, 1, 0))
        self.assertTrue((weight[2][heat[2] > bev_batch.OWN] == 1).all())

    def test_a_truck_weighs_double_as_a_car(self):
        _, weight, *_ = taught(np.array([[20.0, 4.0, -0.3, 8.0, 2.5, 3.0, 0.0]]), np.array([OTHER]))
        self.assertEqual(weight[0, int(20.0 / 0.4), int((4.0 - Y0) / 0.4)], 2)


if __name__ == "__main__":
    unittest.main()
