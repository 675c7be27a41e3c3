"""The shell scripts run every step with the right folders, drives held out and minutes; a stub in Python's place notes what it is asked."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


class Scripts(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        self.stub = self.root / "python"
        self.stub.write_text('#!/usr/bin/env bash\necho "$@" >> "$(dirname "$0")/asked"\n')
        self.stub.chmod(0o755)

    def run_script(self, name, **variables):
        """(exit status, what it prints, [(module, {option: values})] that it asks for)."""
        (self.root / "asked").unlink(missing_ok=True)
        inherited = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME")}
        done = subprocess.run([HERE / name, "DATA", "LABELS"], env=inherited | {"PYTHON": str(self.stub), "RUNS": str(self.root / "runs")} | variables,
                              capture_output=True, text=True)
        lines = (self.root / "asked").read_text().splitlines() if (self.root / "asked").exists() else []
        return done.returncode, done.stdout + done.stderr, [self.parsed(line) for line in lines]

    @staticmethod
    def parsed(line):
        words, options = line.split(), {}
        for word in words[2:]:
            if word.startswith("--"):
                options[last := word] = []
            else:
                options[last].append(word)
        return words[1].rpartition(".")[2], options

    def test_reproduce_gives_the_stages_of_the_gpu_fifty_times_the_minutes_on_a_processor_and_says_so(self):
        code, said, asked = self.run_script("reproduce.sh", FROM_NOTHING="1")
        self.assertEqual(code, 0, said)
        minutes = {options["--out"][0].replace(str(self.root), ""): options["--minutes"][0] for module, options in asked if module.startswith("train")}
        self.assertEqual(minutes, {"/runs/bev": "260", "/runs/experts": "145", "/runs/ape": "50", "/runs/last": "30", "/runs/bev-fast/first": "30",
                                   "/runs/bev-fast/run": "200"})
        self.assertIn("BEV_MINUTES: the committed model had 5.2 minutes of a GPU here; on a processor 260 minutes", said)
        _, said, asked = self.run_script("reproduce.sh", FROM_NOTHING="1", CPU_TIMES="2", APE_MINUTES="7")
        self.assertEqual([options["--minutes"] for module, options in asked if "--minutes" in options][:3], [["10.4"], ["5.8"], ["7"]])
        _, said, asked = self.run_script("reproduce.sh", FROM_NOTHING="1", DEVICE="cuda")
        self.assertEqual([options["--minutes"] for module, options in asked if "--minutes" in options][:3], [["5.2"], ["2.9"], ["1"]])

    def test_reproduce_leaves_the_committed_models_and_each_other_s_runs_alone(self):
        for out, where in (({}, str(self.root / "runs/models")), ({"OUT": ".."}, "..")):
            code, said, asked = self.run_script("reproduce.sh", FROM_NOTHING="1", **out)
            self.assertEqual(code, 0, said)
            self.assertIn(f"models into {where}", said)
            self.assertEqual({options["--out"][0] for module, options in asked if module in ("export", "classifier")}, {where})
        text = (HERE / "reproduce.sh").read_text()
        self.assertIn("runs=${RUNS:-runs/reproduce-$mode}", text)
        self.assertNotIn("--out runs/", text)

    def test_reproduce_keeps_the_calibration_of_the_committed_models_alone(self):
        _, said, asked = self.run_script("reproduce.sh", FROM_NOTHING="1", QAT_MINUTES="1")
        self.assertNotIn("--keep-calibration", {key for _, options in asked for key in options})
        if subprocess.run(["git", "cat-file", "-e", "069eb92:models/bev/model.onnx"], cwd=HERE, capture_output=True).returncode:
            self.skipTest("the history is not there")
        code, said, asked = self.run_script("reproduce.sh", QAT_MINUTES="1")
        self.assertEqual(code, 0, said)
        exports = [options for module, options in asked if module == "export"]
        self.assertEqual((len(exports), [options for options in exports if "--keep-calibration" not in options]), (6, []))
        self.assertIn("calibration:", (self.root / "runs/models/vee/contract.yaml").read_text())

    def test_reproduce_says_so_where_the_history_is_not_there(self):
        code, said, asked = self.run_script("reproduce.sh", GIT_DIR=str(self.root))
        self.assertEqual((code, asked), (1, []), said)
        for words in ("commit 069eb92", "git fetch --unshallow", "FROM_NOTHING=1"):
            self.assertIn(words, said)

    def test_folds_holds_its_drives_out_in_every_step_that_learns(self):
        code, said, asked = self.run_script("folds.sh", MINUTES="0.1")
        self.assertEqual(code, 0, said)
        each = ["train_bev", "train_experts", "train_experts", "export", "export", "classifier", "export"]
        self.assertEqual([module for module, _ in asked], each * 2)
        for k, (module, options) in enumerate(asked):
            fold = "fold" if k < len(each) else "others"
            self.assertTrue(all(f"/folds/{fold}/" in value for key, values in options.items() if key in ("--bev", "--start", "--experts") for value in values))
            if module.startswith("train") or module == "classifier" or "--quantize" in options:
                self.assertEqual(options["--hold-out"], [fold])
            if module.startswith("train"):
                self.assertEqual(options["--minutes"], ["0.1"])
            else:
                folder = f"runs/{fold}-models" + ("-float" if k % len(each) == 6 else "")
                self.assertEqual(options["--out"], [str(self.root / folder)])

    def test_folds_has_the_network_in_8_bits_in_the_place_of_bev_and_the_float_one_beside(self):
        code, said, asked = self.run_script("folds.sh", FOLDS="fold")
        self.assertEqual(code, 0, said)
        experts, eight, float_ = (options for module, options in asked if module == "export")
        self.assertNotIn("--bev", experts)
        self.assertEqual((eight["--bev-name"], eight["--quantize"]), (["bev"], ["DATA/data/kitti"]))
        self.assertEqual((eight["--bev"], "--quantize" in float_, "--bev-name" in float_), (float_["--bev"], False, False))
        for name in ("lpe", "vee", "ape", "image", "classifier"):
            self.assertEqual((self.root / "runs/fold-models-float" / name).readlink(), Path(f"../fold-models/{name}"))


if __name__ == "__main__":
    unittest.main()
