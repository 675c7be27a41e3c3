"""Export refuses what the runtime could not trust; weights go to ONNX and back; made-up objects are where their boxes are."""

import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np
import torch
import onnx
from onnx import TensorProto, helper, numpy_helper

from emc2_training import baseline_size, export, from_models, people_offsets, qat, scenes, shapes, shrink
from emc2_training.bev_net import BevNet, for_each_class
from emc2_training.boxes import bev_intersection, to_local
from emc2_training.expert_nets import Ape, Lpe, Vee, begin_as_lpe
from emc2_training.kitti import OTHER, Calib, Scan
from emc2_training.train_bev import learning
from emc2_training.warm_start import load_onnx


def graph(operator):
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])
    return helper.make_model(helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "g", [value("x")], [value("y")]))


def shaken(width=0.25):
    """A small network whose BatchNorms have seen something."""
    torch.manual_seed(0)
    net = BevNet(width)
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.normal_(0, 0.2), m.running_var.uniform_(0.5, 2)
            m.weight.data.uniform_(0.5, 1.5), m.bias.data.normal_(0, 0.2)
    return net.eval()


class Export(unittest.TestCase):
    def test_an_operator_outside_the_list_is_refused(self):
        export.check_operators("net", graph("Relu"))
        with self.assertRaises(SystemExit) as caught:
            export.check_operators("net", graph("Erf"))
        self.assertIn("Erf", str(caught.exception))

    def test_a_departure_from_torch_is_refused(self):
        one = [np.ones(3, np.float32)]
        self.assertEqual(export.check_departure("net", one, one, 1e-4), 0)
        for wrong in (1.001, np.nan):
            with self.assertRaises(SystemExit):
                export.check_departure("net", [one[0] * np.float32(wrong)], one, 1e-4)


    def test_rounding_that_costs_too_much_is_refused(self):
        scan = Scan("a", "d", np.zeros((0, 4), np.float32), np.array([[20.0, 0, -1, 4, 1.7, 1.5, 0]]), np.zeros(1, int),
                    Calib(np.array([[700.0, 0, 600, 0], [0, 700, 180, 0], [0, 0, 1, 0]]), np.array([[0, -1.0, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])))

        class Net(torch.nn.Module):
            def __init__(self, logit):
                super().__init__()
                self.logit = logit

            def forward(self, fine, coarse):
                heat, boxes = torch.full((1, 3, 176, 200), -9.0), torch.zeros(1, 30, 176, 200)
                heat[0, 0, 50, 100] = self.logit
                boxes[0, :10, 50, 100] = torch.tensor([-0.5, -0.5, 0.73, np.log(4), np.log(1.7), np.log(1.5), 0, 1, 1, 5.0])
                return heat, boxes

            def run(self, names, inputs):
                return [t.numpy() for t in self(None, None)]

        good, bad = (export.area_lost(Net(4.0), Net(logit), [scan]) for logit in (3.5, -9.0))
        self.assertEqual((good["Car 3d70"], bad["Car 3d70"]), (0.0, 1.0))
        most = export.allowed([scan] * 40)
        self.assertEqual((most["Car 3d70"], most["Cyclist 3d50"]), (0.05, 1.02))  # 40 cars; of no cyclist any may be lost
        export.check_lost("net", good, most)
        with self.assertRaises(SystemExit) as caught:
            export.check_lost("net", bad, most)
        self.assertIn("1.0", str(caught.exception))


class Weights(unittest.TestCase):
    def test_an_exported_network_comes_back_and_says_the_same(self):
        net, again = shaken(), BevNet(0.25)
        fine, coarse = torch.rand(2, 12, 32, 32), torch.rand(2, 8, 16, 16)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "model.onnx")
            torch.onnx.export(net, (fine, coarse), path, opset_version=17, dynamo=False, do_constant_folding=True)
            load_onnx(again, path, [(fine, coarse)])
            with self.assertRaises(SystemExit):
                load_onnx(BevNet(0.5), path, [(fine, coarse)])
        with torch.no_grad():
            for a, b in zip(net(fine, coarse), again.eval()(fine, coarse)):
                self.assertLess((a - b).abs().max().item(), 1e-3)
            # Trained on the same statistics, it still says nearly the same.
            for a, b in zip(net(fine, coarse), again.train()(fine, coarse)):
                self.assertLess((a - b).abs().max().item(), 1e-2)

    def test_a_model_folder_becomes_a_checkpoint_that_says_the_same(self):
        net = shaken()
        with tempfile.TemporaryDirectory() as folder:
            fine, coarse = torch.rand(1, 12, 32, 32), torch.rand(1, 8, 16, 16)
            path = str(Path(folder) / "model.onnx")
            torch.onnx.export(net, (fine, coarse), path, opset_version=17, dynamo=False, do_constant_folding=True)
            again = from_models.bev(path)
        with torch.no_grad():
            for a, b in zip(net(fine, coarse), again(fine, coarse)):
                self.assertLess((a - b).abs().max().item(), 1e-3)

    def test_a_network_shrunk_by_channels_that_say_nothing_says_the_same(self):
        net = shaken()
        fine, coarse = torch.rand(1, 12, 32, 32), torch.rand(1, 8, 16, 16)
        wide = BevNet(0.5).eval()
        with torch.no_grad():  # the small one's weights in the first channels of each group, all others silent
            for p in wide.parameters():
                p.zero_()
            small = dict(net.named_parameters()) | dict(net.named_buffers())
            for key, value in list(wide.named_parameters()) + list(wide.named_buffers()):
                if key in ("merge.0.weight", "neck1.0.weight", "neck2.0.weight"):
                    half = value.shape[1] // 2
                    first, rest = (8, 8) if key.startswith("merge") else (small[key].shape[1] // 2,) * 2
                    value[:small[key].shape[0], :first] = small[key][:, :first]
                    at = 16 if key.startswith("merge") else half
                    value[:small[key].shape[0], at:at + rest] = small[key][:, first:]
                else:
                    value[tuple(slice(n) for n in small[key].shape)] = small[key]
            again = shrink.shrink(wide, 0.25, [(fine, coarse)]).eval()
            for a, b in zip(net(fine, coarse), again(fine, coarse)):
                self.assertLess((a - b).abs().max().item(), 1e-4)

    def test_a_folder_without_a_model_is_named(self):
        with self.assertRaises(SystemExit) as caught:
            from_models.bev("/nowhere/bev/model.onnx")
        self.assertIn("/nowhere/bev/model.onnx", str(caught.exception))

    def test_boxes_that_classes_shared_become_each_class_s_own(self):
        shared = torch.arange(20.0).reshape(10, 2)
        own = for_each_class(shared)
        self.assertEqual(own.shape, (30, 2))
        self.assertTrue(all(torch.equal(part, shared) for part in own.split(10)))
        self.assertIs(for_each_class(own), own)

    def test_only_the_heads_learn_where_asked(self):
        net = shaken()
        with self.assertRaises(SystemExit):
            learning(net, "heads", None)
        self.assertEqual(learning(net, None, None), [net])
        learning(net, "boxes", "model.onnx")
        self.assertEqual({n.split(".")[0] for n, p in net.named_parameters() if p.requires_grad}, {"boxes"})

    def test_an_exported_expert_comes_back_and_says_the_same(self):
        raster, context = torch.rand(4, 8, 32, 16), torch.rand(4, 12)
        for make, inputs in ((Lpe, (raster, context)), (Vee, (raster, torch.rand(4, 128, 8), context))):
            torch.manual_seed(1)
            net, again = make().eval(), make()
            with tempfile.TemporaryDirectory() as folder:
                path = str(Path(folder) / "model.onnx")
                torch.onnx.export(net, inputs, path, opset_version=17, dynamo=False, do_constant_folding=True)
                load_onnx(again, path, [inputs])
            with torch.no_grad():
                for a, b in zip(net(*inputs), again.eval()(*inputs)):
                    self.assertLess((a - b).abs().max().item(), 1e-4)

    def test_the_larger_experts_begin_as_lpe(self):
        torch.manual_seed(2)
        lpe, raster, context = Lpe().eval(), torch.rand(3, 8, 32, 16), torch.rand(3, 12)
        points = torch.rand(3, 256, 8)
        more = {Vee: (points[:, :128],), Ape: (points, torch.rand(3, 256, 17), torch.rand(3, 32))}
        for make, extra in more.items():
            net = make().eval()
            begin_as_lpe(net, lpe)
            with torch.no_grad():
                for a, b in zip(lpe(raster, context), net(raster, *extra, context)):
                    self.assertLess((a - b).abs().max().item(), 1e-5)
                self.assertGreater((net.stage(torch.cat(extra[:2], 2) if len(extra) > 1 else extra[0])).abs().sum().item(), 0)

    def test_folding_changes_nothing(self):
        net = shaken()
        fine, coarse = torch.rand(1, 12, 32, 32), torch.rand(1, 8, 16, 16)
        with torch.no_grad():
            before = net(fine, coarse)
            after = qat.fold(net)(fine, coarse)
        for a, b in zip(before, after):
            self.assertLess((a - b).abs().max().item(), 1e-3)


    def test_rounding_in_the_loop_has_the_ranges_that_export_takes(self):
        scan = Scan("a", "d", export.toy_points(), np.zeros((0, 7)), np.zeros(0, int), None)
        net = qat.fold(shaken())
        grids = tuple(torch.from_numpy(g)[None] for g in export.features.bev_grids(scan.points, scan.origin_height))
        with tempfile.TemporaryDirectory() as folder:
            plain, rounded = Path(folder) / "net.onnx", Path(folder) / "rounded.onnx"
            torch.onnx.export(net, grids, plain, input_names=["fine", "coarse"], output_names=["heatmap", "boxes"], opset_version=17, dynamo=False)
            export.quantize(plain, rounded, [scan], qat.HELD, [f"/{layer}/" for layer in export.KEEP_FLOAT])
            model = onnx.load(rounded)
        made = {output: node for node in model.graph.node for output in node.output}
        value = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
        taken = {}
        for node in model.graph.node:
            if node.op_type == "Conv" and node.input[0] in made and made[node.input[0]].op_type == "DequantizeLinear":
                taken[node.name] = float(value[made[node.input[0]].input[1]])
        with unittest.mock.patch.object(qat, "EVERY", 1):  # one scan alone: its far tail needs every activation
            net = qat.round_convolutions(net, [scan])
        looped = {name: m for name, m in net.named_modules() if isinstance(m, qat.Rounded)}
        self.assertGreater(len(looped), 15)
        for name, layer in looped.items():
            at = []
            for word in name.split("."):  # stage2.0.a.0 is /stage2/stage2.0/a/a.0/Conv
                at.append(f"{at[-1]}.{word}" if word.isdigit() else word)
            found = (layer.high - layer.low) / 255
            self.assertLess(abs(found / taken["/" + "/".join(at) + "/Conv"] - 1), 0.03, name)


class BaselineSize(unittest.TestCase):
    def test_it_has_the_published_number_of_weights_and_maps(self):
        net = baseline_size.PillarNet(50)
        self.assertAlmostEqual(sum(p.numel() for p in net.parameters()) / 1e6, 4.8, delta=0.05)
        with torch.no_grad():
            maps = baseline_size.PillarNet(50, grid=(32, 24)).eval()(torch.rand(1, 50, 4, 9))
        self.assertEqual([tuple(m.shape) for m in maps], [(1, 2, 16, 12), (1, 14, 16, 12), (1, 4, 16, 12)])


class MadeUp(unittest.TestCase):
    def test_returns_lie_on_the_object_and_face_the_sensor(self):
        rng = np.random.default_rng(0)
        for shape, size in ((shapes.car, (4.1, 1.7, 1.5)), (shapes.person, (0.9, 0.6, 1.75)), (shapes.cyclist, (1.76, 0.6, 1.73)), (shapes.truck, (9.0, 2.5, 3.2))):
            box = np.array([14.0, 3.0, -1.73 + size[2] / 2, *size, 0.4])
            points = shapes.cast(rng, shape(rng, size), box)
            self.assertGreater(len(points), 40)
            local = to_local(points, box)
            self.assertTrue((np.abs(local) <= np.array(size) / 2 + 0.35).all())
            self.assertTrue(((points[:, 3] >= 0) & (points[:, 3] <= 1)).all())
            # A side towards the sensor: half of the returns at least are nearer than the box's centre.
            self.assertGreater(np.mean(np.hypot(points[:, 0], points[:, 1]) < np.hypot(box[0], box[1])), 0.5)

    def test_returns_of_made_up_people_lie_about_the_centre_of_their_label(self):
        rng, box = np.random.default_rng(1), np.array([3.0, -14.0, -0.85, 0.8, 0.6, 1.75, 0.4])
        bare, moved = (np.array([row for row in rows if row]) for rows in zip(*(
            (people_offsets.offsets(points, box), people_offsets.offsets(shapes.as_labelled(rng, points, 1), box))
            for points in (shapes.cast(rng, shapes.person(rng, box[3:6]), box) for _ in range(60)))))
        self.assertAlmostEqual(np.median(moved[:, 0] - bare[:, 0]), 0.12, delta=0.04)  # away from the sensor
        self.assertGreater(moved[:, 0].std(), 2 * bare[:, 0].std())
        self.assertGreater(np.median(moved[:, 1]), np.median(bare[:, 1]))
        cars = np.ones((3, 4), np.float32)
        self.assertIs(shapes.as_labelled(rng, cars, 0), cars)

    def test_a_ray_enters_a_convex_body_where_a_block_begins(self):
        hull = shapes.profile([[-1, 0], [1, 0], [1, 2], [-1, 2]], 0.5, 0.3)
        rays = np.array([[1.0, 0, 0], [0.8, 0.6, 0], [0, 0, 1]])
        t, facing = shapes._enter(hull, np.array([-5.0, 0, 1]), rays)
        self.assertAlmostEqual(t[0], 4.0)
        self.assertAlmostEqual(facing[0], 1.0)
        self.assertTrue(np.isinf(t[1:]).all())

    def test_halves_of_two_scans_keep_whole_objects_on_their_own_side(self):
        rng = np.random.default_rng(3)
        calib = Calib(np.eye(3, 4), np.eye(4))
        angle = np.linspace(-0.7, 0.7, 400)
        ring = np.stack([20 * np.cos(angle), 20 * np.sin(angle), 0 * angle, 0 * angle], 1).astype(np.float32)
        boxes = np.array([[20 * np.cos(a), 20 * np.sin(a), 0, 4, 1.7, 1.5, 0] for a in (-0.6, 0.0, 0.6)])
        scans = [Scan(name, name, ring + np.float32([0, 0, 0, mark]), boxes, np.zeros(3, int), calib) for name, mark in (("a", 0), ("b", 1))]
        for _ in range(20):
            points, kept, classes, _ = scenes.mix(rng, *scans)
            self.assertLessEqual(len(points), len(ring))
            self.assertTrue(2 <= len(kept) <= 3 and len(classes) == len(kept))
            left, right = points[points[:, 1] > 11], points[points[:, 1] < -11]
            self.assertNotEqual(left[0, 3], right[0, 3])
            self.assertEqual((len(set(left[:, 3])), len(set(right[:, 3]))), (1, 1))

    def test_company_stands_close_but_apart(self):
        rng = np.random.default_rng(5)
        for _ in range(50):
            boxes = scenes.company(rng, np.array([12.0, 3.0, 0, 0.8, 0.6, 1.75, rng.uniform(-3, 3)]))
            self.assertTrue(2 <= len(boxes) <= 4)
            for a, b in zip(boxes, boxes[1:]):
                self.assertLess(bev_intersection(a, b), 0.08)
                self.assertLess(np.hypot(*(a - b)[:2]), 2.5)

    def test_what_stands_behind_a_made_up_truck_is_hidden(self):
        rng = np.random.default_rng(0)
        calib = Calib(np.array([[700.0, 0, 600, 0], [0, 700, 180, 0], [0, 0, 1, 0]]),
                      np.array([[0, -1.0, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]))
        y, z = (g.reshape(-1) for g in np.meshgrid(np.linspace(-8, 8, 200), np.linspace(-1.2, 0.5, 30)))
        x, floor = (g.reshape(-1) for g in np.meshgrid(np.linspace(5, 29, 60), np.linspace(-5, 5, 40)))
        wall = np.stack([np.full_like(y, 30), y, z, 0 * y], 1)
        ground = np.stack([x, floor, np.full_like(x, -1.73), 0 * x], 1)
        scan = Scan("s", "d", np.concatenate([wall, ground]).astype(np.float32), np.zeros((0, 7)), np.zeros(0, int), calib)
        composer = scenes.Composer(scan, scan.points, scan.boxes, scan.classes, np.zeros(0, bool))
        self.assertTrue(scenes.make(rng, composer, OTHER, np.array([15, 0, 0, 8, 2.5, 3.0, 0.0])))
        points, boxes, classes, _ = composer.finish()
        behind = points[(points[:, 0] > 29.5) & (np.abs(points[:, 1]) < 1.5)]
        beside = points[(points[:, 0] > 29.5) & (np.abs(points[:, 1]) > 6)]
        self.assertLess(len(behind), 100)
        self.assertGreater(len(beside), 1000)
        self.assertEqual(list(classes), [OTHER])


if __name__ == "__main__":
    unittest.main()
