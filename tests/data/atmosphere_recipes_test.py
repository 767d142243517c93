"""make_passbands.py and make_atmospheres.py: the same bytes each time, and a clear word about a changed source.

    python tests/data/atmosphere_recipes_test.py

Skipped where the pinned packages (tools/requirements.txt) are not installed.
"""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data/recipes"))

try:
    import h5py
    import numpy as np

    import make_atmospheres
    import make_passbands
    from provenance import SourceError, checked_source

    SOURCES = [make_passbands.curve_source(name) for name in make_passbands.CURVES] + [make_passbands.VEGA]
    SOURCES += [make_atmospheres.CORRECTIONS, make_atmospheres.CLARET_2011, make_atmospheres.CLARET_2017]
    PATHS = [(checked_source(*source), source[2]) for source in SOURCES]
    MISSING = ""
except ImportError as error:
    MISSING = str(error)
except SystemExit as error:  # SourceError: another version of a package is a failure, not a reason to skip
    MISSING = str(error)
    if "is not installed" not in MISSING:
        raise


@unittest.skipIf(MISSING, MISSING)
class Recipes(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def copy_sources(self):
        root = self.folder / "packages"
        for path, relative in PATHS:
            (root / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, root / relative)
        return root

    def test_passbands_repeat_bit_for_bit(self):
        outputs = [self.folder / name for name in ("a.h5", "b.h5")]
        for output in outputs:
            make_passbands.make_passbands(output)
        self.assertEqual(outputs[0].read_bytes(), outputs[1].read_bytes())

    def test_atmospheres_repeat_bit_for_bit_from_another_folder(self):
        outputs = [self.folder / name for name in ("a.h5", "b.h5")]
        make_atmospheres.make_atmospheres(outputs[0])
        make_atmospheres.make_atmospheres(outputs[1], self.copy_sources())
        self.assertEqual(outputs[0].read_bytes(), outputs[1].read_bytes())

    def test_a_changed_source_is_refused_and_the_old_table_stays(self):
        root = self.copy_sources()
        for make, source in (
            (make_passbands.make_passbands, make_passbands.curve_source("Johnson:V")),
            (make_atmospheres.make_atmospheres, make_atmospheres.CLARET_2017),
        ):
            with self.subTest(source=source[2]):
                original = (root / source[2]).read_bytes()
                (root / source[2]).write_bytes(original + b"\n")
                output = self.folder / "table.h5"
                output.write_bytes(b"old")
                with self.assertRaisesRegex(SourceError, f"{source[2]} has changed.*{source[3]}"):
                    make(output, root)
                self.assertEqual(output.read_bytes(), b"old")
                self.assertEqual(list(self.folder.glob("*.partial.*")), [])
                (root / source[2]).write_bytes(original)

    def test_a_missing_source_is_named(self):
        root = self.copy_sources()
        (root / make_passbands.VEGA[2]).unlink()
        with self.assertRaisesRegex(SourceError, "pyphot==2.1.1: no file .*vega.hd5"):
            make_passbands.make_passbands(self.folder / "table.h5", root)

    def test_every_passband_of_the_header_is_written_once(self):
        names = make_passbands.passband_systems()
        self.assertEqual(len(names), 27)
        output = self.folder / "passbands.h5"
        make_passbands.make_passbands(output)
        with h5py.File(output) as file:
            self.assertEqual(set(file), set(names))
            for name, group in file.items():
                wavelength = group["wavelength_um"][:]
                self.assertTrue((np.diff(wavelength) > 0).all(), name)
                self.assertTrue(0.1 < wavelength[0] < wavelength[-1] < 5.0, name)
                self.assertEqual(group["transmission"][:].max(), 1.0, name)


@unittest.skipIf(MISSING, MISSING)
class Curves(unittest.TestCase):
    def test_cleaning(self):
        wavelength = np.array([0.7, 0.5, 0.4, 0.5, 0.6, 0.3])
        response = np.array([-0.1, 2.0, 0.0, 4.0, 6.0, 0.0])
        cleaned = make_passbands.clean_curve(wavelength, response)
        np.testing.assert_allclose(cleaned[0], [0.4, 0.5, 0.6, 0.7])
        np.testing.assert_allclose(cleaned[1], [0.0, 0.5, 1.0, 0.0])

    def test_cleaning_closes_an_open_end_and_cuts_a_leak(self):
        wavelength, transmission = make_passbands.clean_curve(
            np.array([0.3, 0.31, 0.32, 0.7]), np.array([1.0, 2.0, 1.0, 0.1]), red_end_um=0.5
        )
        np.testing.assert_allclose(wavelength, [0.29, 0.3, 0.31, 0.32, 0.33])
        np.testing.assert_allclose(transmission, [0.0, 0.5, 1.0, 0.5, 0.0])

    def test_flat_spectrum_has_its_own_flux(self):
        """f_nu = 1 Jy is seen as 1 Jy through any filter, by either detector."""
        wavelength = np.linspace(0.3, 0.9, 20001)
        flam = 1e-23 * make_passbands.LIGHT_SPEED_UM_S / wavelength**2 * 1e-4
        curve = np.array([0.4, 0.5, 0.65, 0.8]), np.array([0.0, 1.0, 0.4, 0.0])
        for detector in ("photon", "energy"):
            self.assertAlmostEqual(make_passbands.band_flux_jy(wavelength, flam, *curve, detector), 1.0, places=6)

    def test_extinction_law_is_cardellis(self):
        """ccm89 of the Python package extinction 0.4.9 for A_V = 1, R_V = 3.1."""
        wavelength = [0.135, 0.2175, 0.35, 0.44, 0.55, 0.8, 1.25, 2.2]
        expected = [2.964810773359546, 3.185101275314405, 1.5916296832168098, 1.3245212536961641]
        expected += [0.9988500031135108, 0.5974890117144327, 0.28206957499417296, 0.1135222130852181]
        np.testing.assert_allclose(make_atmospheres.ccm89(wavelength), expected, rtol=1e-12)

    def test_slope_of_a_power_law_is_its_exponent(self):
        """For either detector; an extinction that no slope gives takes the end of the range."""
        curve = np.array([0.4, 0.45, 0.65, 0.8]), np.array([0.0, 1.0, 0.4, 0.0])
        law = make_atmospheres.ccm89
        for detector in ("photon", "energy"):
            given = np.array([-3.97, 0.0, 2.5, 17.3])
            extinction = [make_atmospheres.weighted_extinction(*curve, detector, slope, law) for slope in given]
            found = make_atmospheres.spectral_slope(np.array([*extinction, 0.1, np.nan]), *curve, detector)
            np.testing.assert_allclose(found, [*given, 40.0, np.nan], atol=0.01)

    def test_limb_darkening_gaps_take_the_nearest_gravity(self):
        cube = np.full((1, 4, 2, 1), np.nan)
        cube[0, 1, 0], cube[0, 3, 0] = 1.0, 3.0
        filled = make_atmospheres.fill_missing(cube)
        np.testing.assert_array_equal(filled[0, :, 0, 0], [1.0, 1.0, 3.0, 3.0])
        np.testing.assert_array_equal(filled[0, :, 1, 0], [1.0, 1.0, 3.0, 3.0])


if __name__ == "__main__":
    unittest.main()
