#!/usr/bin/env python3
"""paper/make_numbers.py on the repository as it is, on one without some results, and on a text that asks for too much."""

import importlib.util
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
specification = importlib.util.spec_from_file_location("make_numbers", ROOT / "paper" / "make_numbers.py")
paper = importlib.util.module_from_spec(specification)
specification.loader.exec_module(paper)


class Numbers(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.out = Path(self.scratch.name) / "out"
        # Figures are not what is tested here, and take a while.
        self.enterContext(mock.patch.object(paper, "draw"))

    def tearDown(self):
        self.scratch.cleanup()

    def copy(self):
        """The files that the paper reads, to be changed."""
        root = Path(self.scratch.name) / "root"
        for folder in ("paper", "docs", "bench/results", "data/checkpoints", "experiments"):
            shutil.copytree(ROOT / folder, root / folder)
        (root / "sim").mkdir()
        shutil.copy(ROOT / "sim" / "parameters.h", root / "sim")
        return root

    def test_every_number_of_the_text_is_defined(self):
        paper.main(ROOT, self.out)
        defined = set(paper.re.findall(r"^\\newcommand\{\\(\w+)\}", (self.out / "numbers.tex").read_text(), paper.re.M))
        used = {name for name, _ in paper.used_commands([ROOT / "paper" / "penumbra.tex"])}
        self.assertGreater(len(used), 40)
        self.assertLessEqual(used, defined)
        self.assertIn(r"\input{sections/ablation}", (self.out / "experiments.tex").read_text())
        self.assertIsNone(paper.re.search(r"\bnan\b", (self.out / "numbers.tex").read_text()))

    def test_an_experiment_without_results_is_left_out(self):
        root = self.copy()
        shutil.rmtree(root / "experiments" / "ablation" / "results")
        paper.main(root, self.out)
        lines = (self.out / "experiments.tex").read_text()
        self.assertIn(r"\missingexperiment{ablation}", lines)
        self.assertNotIn("sections/ablation", lines)

    def test_a_number_that_no_result_gives_is_named(self):
        root = self.copy()
        with (root / "paper" / "penumbra.tex").open("a") as text:
            text.write(r"% \nCommentedOut" + "\n" + r"\nNobodyMeasured")
        with self.assertRaises(SystemExit) as failure:
            paper.main(root, self.out)
        self.assertIn(r"\nNobodyMeasured (penumbra.tex)", str(failure.exception))
        self.assertNotIn("CommentedOut", str(failure.exception))
        self.assertFalse(self.out.exists())

    def test_a_changed_result_changes_the_text(self):
        root = self.copy()
        paper.main(root, self.out)
        before = (self.out / "numbers.tex").read_text()
        draws = root / "docs" / "accuracy_draws.csv"
        draws.write_text(draws.read_text() + "500,wilson,3.21e-03,1.0e-6\n")
        paper.main(root, self.out)
        after = (self.out / "numbers.tex").read_text()
        self.assertNotIn("3.2", before.split("nAccuracyDefaultLargest")[1].split("\n")[0])
        self.assertIn(r"\newcommand{\nAccuracyDefaultLargest}{$3.2\times10^{-3}$", after)
        self.assertIn(r"\newcommand{\nAccuracyDraws}{501", after)

    def test_how_numbers_are_written(self):
        self.assertEqual(paper.significant(2.34e-5), r"$2.3\times10^{-5}$")
        self.assertEqual(paper.significant(0.0219), "0.022")
        self.assertEqual(paper.significant(9.97), "10")
        self.assertEqual(paper.fixed(20534.2, 0), "20{,}534")
        self.assertEqual(paper.fixed(-0.05), "$-0.05$")
        self.assertEqual(paper.command("n", "ablation", "light curves + parallax", "teff1"), "nAblationLightCurvesParallaxTeffOne")
        self.assertEqual(paper.text("a_b & 5%"), r"a\_b \& 5\%")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
