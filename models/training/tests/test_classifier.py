"""The crop classifier's layers learn what they should, and the file says what they say."""

import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx

from emc2_training import classifier, export
from emc2_training.windows import MEAN, STD

SHARED = Path(os.environ.get("EMC2_SHARED", Path(__file__).resolve().parents[4] / "shared"))
BACKBONE = SHARED / "models/fastestdet/FastestDet.onnx"


def made_up(seed=0, count=400):
    """(means, mirrored means, is it an object?): the first number tells, the others are noise; of others there are three times as many."""
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.25
    means = rng.normal(0, 1, (count, 12))
    means[:, 0] = 5 + 10 * (truth + rng.normal(0, 0.1, count))  # neither centred nor of unit spread
    return means, means + rng.normal(0, 0.05, means.shape), truth


class Layers(unittest.TestCase):
    def test_a_layer_tells_objects_from_others_and_takes_both_for_as_frequent(self):
        means, _, truth = made_up()
        weights, bias = classifier.learn(means, truth)
        logits = means @ weights + bias
        self.assertTrue((logits[truth] > 0).all() and (logits[~truth] < 0).all())
        self.assertAlmostEqual(np.median(logits[truth]), -np.median(logits[~truth]), delta=0.1 * np.median(logits[truth]))

    def test_what_is_learned_is_judged_on_drives_that_it_did_not_see(self):
        means, mirrored, truth = made_up()
        drives = np.array([f"drive {k % 8}" for k in range(len(truth))])
        classes = np.ones(len(truth), int)
        roc, area = classifier.left_out((drives, classes, truth, means, mirrored), 1)
        self.assertGreater(roc, 0.99)
        self.assertGreater(area, 0.99)
        # What tells in one drive alone is worth nothing in the others.
        for drive in set(drives):
            means[drives == drive] = means[drives == drive][:, np.random.default_rng(int(drive.split()[1])).permutation(12)]
        self.assertLess(classifier.left_out((drives, classes, truth, means, means), 1)[0], 0.9)


@unittest.skipUnless(BACKBONE.exists(), f"no {BACKBONE}")
class Trunk(unittest.TestCase):
    def test_at_its_own_size_the_trunk_says_what_fastestdet_says(self):
        original = onnx.load(BACKBONE)
        name = original.graph.input[0].name
        original.graph.output.append(onnx.helper.make_tensor_value_info(classifier.LAST, onnx.TensorProto.FLOAT, None))
        bgr = np.random.default_rng(0).random((1, 3, classifier.SEEN, classifier.SEEN)).astype(np.float32)
        bgr[:, :, :8], bgr[:, :, -8:], bgr[:, :, :, :8], bgr[:, :, :, -8:] = 0, 0, 0, 0
        expected = classifier.session_of(original).run([classifier.LAST], {name: bgr})[0]
        white = ((bgr[:, ::-1] - MEAN[None, :, None, None]) / STD[None, :, None, None]).astype(np.float32)
        found = classifier.session_of(classifier.trunk(BACKBONE, classifier.SEEN)).run(None, {"crops": white})[0]
        # Beyond the border the one sees black, the other the mean colour, and so they differ a little; colours in another order would be more.
        inner = (slice(None), slice(None), slice(4, -4), slice(4, -4))
        apart = lambda other: np.abs(other - expected)[inner].mean() / np.abs(expected[inner]).mean()
        self.assertLess(apart(found), 0.06)
        swapped = classifier.session_of(classifier.trunk(BACKBONE, classifier.SEEN)).run(None, {"crops": np.ascontiguousarray(white[:, ::-1])})[0]
        self.assertGreater(apart(swapped), 2 * apart(found))

    def test_the_file_weighs_and_limits_what_the_layers_say(self):
        trunk = classifier.trunk(BACKBONE)
        crops = np.random.default_rng(1).normal(0, 1, (1, 3, classifier.CROP, classifier.CROP)).astype(np.float32)
        means = classifier.middle(classifier.session_of(trunk).run(None, {"crops": crops})[0])
        rng = np.random.default_rng(2)
        weights = rng.normal(0, 1, (3, len(means)))
        layers = [(w, 1.5 - float(w @ means)) for w in weights[:2]] + [(weights[2], 1e3)]
        model = classifier.with_layers(trunk, layers)
        export.check_operators("classifier", model)
        with tempfile.TemporaryDirectory() as folder:
            onnx.save(model, Path(folder) / "model.onnx")
            found = export.session_of(Path(folder) / "model.onnx").run(["logits"], {"crops": crops})[0]
        expected = np.array([1.5, 1.5, classifier.MOST]) * classifier.WEIGHT - classifier.SHIFT
        np.testing.assert_allclose(found, [expected], rtol=1e-3, atol=1e-3)

    def test_another_file_is_refused(self):
        relu = onnx.helper.make_node("Relu", ["x"], ["y"])
        value = lambda name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "other.onnx"
            onnx.save(onnx.helper.make_model(onnx.helper.make_graph([relu], "g", [value("x")], [value("y")])), path)
            with self.assertRaisesRegex(SystemExit, "expected FastestDet.onnx"):
                classifier.trunk(path)


if __name__ == "__main__":
    unittest.main()
