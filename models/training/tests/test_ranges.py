"""Ranges of 8-bit activations are chosen by the answers, and runtimes can join what comes out."""

import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np
import onnx
import torch
from emc2_training import export, features, ranges
from emc2_training.bev_net import BevNet
from onnx import numpy_helper


class Chosen(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.manual_seed(3)
        net = BevNet(0.25).eval()
        cls.folder = tempfile.TemporaryDirectory()
        cls.plain, cls.rounded = (Path(cls.folder.name) / name for name in ("net.onnx", "rounded.onnx"))
        grid = features.bev_grids(export.toy_points(), 1.73)
        cls.grids = [tuple(g[None] for g in grid)]
        torch.onnx.export(net, tuple(torch.from_numpy(g) for g in cls.grids[0]), cls.plain, input_names=["fine", "coarse"], output_names=["heatmap", "boxes"],
                          opset_version=17, dynamo=False)
        scan = type("Scan", (), {"points": export.toy_points(), "origin_height": 1.73})()
        export.quantize(cls.plain, cls.rounded, [scan], export.PERCENTILES[1], [f"/{layer}/" for layer in export.KEEP_FLOAT])

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def answers(self, model):
        session = export.session_of(model)
        return lambda grid: session.run(["heatmap", "boxes"], {"fine": grid[0], "coarse": grid[1]})

    def test_a_spoilt_range_is_mended(self):
        model = onnx.load(self.rounded)
        spoilt = list(ranges.scales(model).values())[5]
        spoilt.CopyFrom(numpy_helper.from_array(np.asarray(numpy_helper.to_array(spoilt) / 3), spoilt.name))
        path = Path(self.folder.name) / "spoilt.onnx"
        onnx.save(model, path)
        with unittest.mock.patch.multiple(ranges, LIKELY=0.0, SURE=0.0, FIRST=(1.0, 3.0), THEN=()):
            expected = [self.answers(self.plain)(grid) for grid in self.grids]
            before, after = ranges.choose(path, self.answers, self.grids, expected, say=lambda _: None)
        self.assertLess(after, 0.9 * before)

    def test_biases_follow_the_scales_and_mean_what_they_meant(self):
        model = onnx.load(self.rounded)
        for tensor in ranges.scales(model).values():
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(numpy_helper.to_array(tensor) * np.float32(1.25)), tensor.name))
        value = lambda model, name: numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == name))
        third = lambda model: {n.input[2] for n in model.graph.node if n.op_type == "Conv"}
        biases = lambda model: {n.name: value(model, n.input[0]) * value(model, n.input[1]).astype(float) for n in model.graph.node
                                if n.op_type == "DequantizeLinear" and n.output[0] in third(model)}
        before = biases(model)
        self.assertGreater(len(before), 10)
        ranges.fit_biases(model)
        for name, bias in biases(model).items():
            self.assertLess(np.abs(bias - before[name]).max(), 1e-3, name)
        joined = Path(self.folder.name) / "joined.onnx"
        options = export.onnxruntime.SessionOptions()
        options.optimized_model_filepath, options.log_severity_level = str(joined), 4
        export.onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        kinds = [n.op_type for n in onnx.load(joined).graph.node]
        convolutions = sum(n.op_type == "Conv" for n in model.graph.node)
        self.assertEqual(kinds.count("QLinearConv"), convolutions - len(export.KEEP_FLOAT))


if __name__ == "__main__":
    unittest.main()
