"""make_hd23642.py: repeatable bytes, the rows that it drops, and a source that is not the pinned one."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "data/recipes/make_hd23642.py"
ARCHIVE = ROOT / "data/downloads/ellc-1.8.15.tar.gz"


def run(*arguments):
    return subprocess.run([sys.executable, RECIPE, *map(str, arguments)], capture_output=True, text=True)


class Hd23642(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.out = Path(self.folder.name) / "curve.csv"

    def test_repeatable_and_as_expected(self):
        if not ARCHIVE.is_file():
            self.skipTest(f"{ARCHIVE} is downloaded by tools/setup.sh")
        self.assertEqual(run("--source", ARCHIVE, "--out", self.out).returncode, 0)
        first = self.out.read_bytes()
        self.out.unlink()
        self.assertEqual(run("--source", ARCHIVE, "--out", self.out).returncode, 0)
        self.assertEqual(self.out.read_bytes(), first)
        rows = [line.split(",") for line in first.decode().splitlines() if not line.startswith("#")]
        self.assertEqual(rows[0], ["time", "mag", "error"])
        self.assertEqual(len(rows) - 1, 2804)  # 2814 less the 10 that are flagged -1
        times = [float(row[0]) for row in rows[1:]]
        self.assertEqual(times, sorted(set(times)))
        self.assertAlmostEqual(times[0], 2457064.068193, places=6)

    def test_up_to_date_table_is_left_alone(self):
        if not ARCHIVE.is_file():
            self.skipTest(f"{ARCHIVE} is downloaded by tools/setup.sh")
        run("--source", ARCHIVE, "--out", self.out)
        before = self.out.stat().st_mtime_ns
        self.assertEqual(run("--source", "nowhere", "--out", self.out, "--if-needed").returncode, 0)
        self.assertEqual(self.out.stat().st_mtime_ns, before)

    def test_missing_and_changed_sources_are_named(self):
        missing = run("--source", Path(self.folder.name) / "none.tar.gz", "--out", self.out)
        self.assertNotEqual(missing.returncode, 0)
        self.assertIn("none.tar.gz: no such file", missing.stderr)
        other = Path(self.folder.name) / "other.tar.gz"
        other.write_bytes(b"not the package")
        changed = run("--source", other, "--out", self.out)
        self.assertNotEqual(changed.returncode, 0)
        self.assertIn("has changed: sha256 is", changed.stderr)
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    unittest.main()
