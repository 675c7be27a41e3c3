"""The cards' tables say what the commands printed."""

import tempfile
import unittest
from pathlib import Path

from emc2_training import figures

HERE = Path(__file__).resolve().parent.parent
ROUTER = """18 frames of 6 drives, 286 regions, 76 on labels; labels that count: Car 65, Pedestrian 13, Cyclist 7; ms a region: bridge 0.000
always:bridge          value    43.03    0.00 ms a frame  Car bev50 0.9, Car 3d70 0.830 [0.699, 0.928], Pedestrian 3d25 0.3, Pedestrian 3d50 0.1, Cyclist 3d25 0.8, Cyclist 3d50 0.5
always:lpe             value    -0.50    0.52 ms a frame  Car 3d70 0.853, Pedestrian 3d25 0.4, Pedestrian 3d50 0.2, Cyclist 3d25 0.8, Cyclist 3d50 0.6
always:vee             value    52.01    1.15 ms a frame  Car 3d70 0.870, Pedestrian 3d25 0.4, Pedestrian 3d50 0.2, Cyclist 3d25 0.8, Cyclist 3d50 0.6
always:ape             value    51.64    9.25 ms a frame  Car 3d70 0.807, Pedestrian 3d25 0.4, Pedestrian 3d50 0.2, Cyclist 3d25 0.8, Cyclist 3d50 0.6
table, all drives      value    52.03    1.44 ms a frame  Car 3d70 0.999
table of --table       value    53.27    1.44 ms a frame  Car 3d70 0.869 [0.752, 0.953], Pedestrian 3d25 0.562, Pedestrian 3d50 0.326, Cyclist 3d25 0.857, Cyclist 3d50 0.857
vee less lpe     car             sure        75 regions  +2.38 hits, standard error 0.95
"""


class Figures(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.file = Path(place.name) / "x.txt"

    def test_what_tune_router_printed_becomes_a_row_a_policy(self):
        self.file.write_text(ROUTER)
        rows = figures.routed_table(self.file).splitlines()
        self.assertEqual(rows[0], "18 frames of 6 drives; labels that count: Car 65, Pedestrian 13, Cyclist 7.")
        self.assertEqual([row.split("|")[1].strip() for row in rows[4:]], ["always:bridge", "always:lpe", "always:vee", "always:ape", "default table"])
        self.assertEqual(rows[4], "| always:bridge | 0.830 [0.70, 0.93] | 0.3 | 0.1 | 0.8 | 0.5 | 43.0 | 0.00 |")
        self.assertIn("| -0.5 | 0.52 |", rows[5])
        self.assertEqual(figures.in_short(self.file, "default table"), "0.869, 0.562, 0.326, 0.857, 0.857")

    def test_what_thinned_printed_becomes_a_row_a_network(self):
        areas = "Car bev50 0.9  Car bev70 0.8  Car 3d70 0.{0}  Pedestrian 3d25 0.3  Pedestrian 3d50 0.1  Cyclist 3d25 0.8  Cyclist 3d50 0.6"
        self.file.write_text("".join(f"every row of step {k}: 9 returns a frame of 18\n    bridge {areas.format(k)}\n    lpe    {areas.format(9)}\n" for k in (1, 2, 3)))
        self.assertEqual(figures.proposals_table({"one": self.file}).splitlines()[-1], "| one | 0.8 | 0.1 | 0.3, 0.1 | 0.8, 0.6 | 0.2, 0.3 | 0.3, 0.3 |")

    def test_a_file_of_something_else_is_refused(self):
        for ask, words in ((figures.routed, "not what `tune_router"), (figures.strong, "no line of"), (figures.proposals, "not what `thinned`"), (figures.calibration, "not what `calibrate`")):
            with self.assertRaisesRegex(SystemExit, "x.txt: no such file"):
                ask(self.file)
            self.file.write_text("nothing of this kind\n")
            with self.assertRaisesRegex(SystemExit, f"x.txt: {words}"):
                ask(self.file)
            self.file.unlink()

    def test_the_cards_hold_the_committed_figures(self):
        for name, file in (("lpe", "all"), ("vee", "all_thinned"), ("ape", "fold_kitti")):
            self.assertIn(figures.routed_table(HERE / f"figures/{file}.txt"), (HERE.parent / name / "CARD.md").read_text())


if __name__ == "__main__":
    unittest.main()
