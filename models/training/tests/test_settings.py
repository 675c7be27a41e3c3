"""Weights come from a file that must be right; logs become curves."""

import json
import tempfile
import unittest
from pathlib import Path

import yaml

from emc2_training import curves, machine, settings


class Settings(unittest.TestCase):
    def refused(self, change):
        """The message for the default settings, changed."""
        found = settings.load()
        change(found)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "mine.yaml"
            path.write_text(yaml.safe_dump(found))
            with self.assertRaises(SystemExit) as caught:
                settings.load(path)
        self.assertIn("mine.yaml", str(caught.exception))
        return str(caught.exception)

    def test_the_default_is_complete(self):
        self.assertEqual(settings.load()["experts"]["pixel"], 0.3)

    def test_what_is_wrong_is_named(self):
        self.assertIn("bev.fit", self.refused(lambda s: s["bev"].pop("fit")))
        self.assertIn("experts.vea", self.refused(lambda s: s["experts"].update(vea=1.0)))
        self.assertIn("-1", self.refused(lambda s: s["experts"].update(lpe=-1)))
        self.assertIn("[1.0]", self.refused(lambda s: s["bev"].update(box=[1.0])))

    def test_a_run_goes_on_only_under_the_settings_it_was_begun_with(self):
        now = settings.load()["bev"]
        settings.same_as_before("runs/a", None, now)
        settings.same_as_before("runs/a", dict(now), now)
        with self.assertRaises(SystemExit) as caught:
            settings.same_as_before("runs/a", now | {"fit": 3.0}, now)
        self.assertIn("fit: 3.0 then, 2.0 now", str(caught.exception))


class Curves(unittest.TestCase):
    def test_a_log_becomes_a_picture(self):
        rows = [{"step": 50 * k, "spent": k, "box": 2.0 / k, "lr": 1e-3} for k in range(1, 6)] + [{"step": 250, "Car 3d70": 0.8}]
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log.jsonl"
            log.write_text("".join(json.dumps(row) + "\n" for row in rows))
            self.assertEqual(curves.read(log)["box"], ([50, 100, 150, 200, 250], [2.0, 1.0, 2 / 3, 0.5, 0.4]))
            self.assertNotIn("Car 3d70", curves.read(log))
            self.assertEqual(curves.draw(folder).read_bytes()[:4], b"\x89PNG")
            log.write_text('{"step": 50, "box"')
            with self.assertRaises(SystemExit) as caught:
                curves.read(log)
            self.assertIn("line 1", str(caught.exception))


class Machine(unittest.TestCase):
    def test_bfloat16_is_used_where_the_processor_has_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cpuinfo"
            for flags, fast in (("fma avx2", False), ("avx2 avx512_bf16", True), ("amx_bf16", True)):
                path.write_text(f"processor : 0\nflags : {flags}\n")
                self.assertEqual(machine.fast_bfloat16(path), fast)
        self.assertFalse(machine.fast_bfloat16("/nowhere"))


if __name__ == "__main__":
    unittest.main()
