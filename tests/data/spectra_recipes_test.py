"""Recipes of the APOGEE spectra, those parts that need no MOOG.

    python tests/data/spectra_recipes_test.py
"""

import math
import os
import sys
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "data/recipes/spectra"))

try:
    import h5py
    import numpy as np
    from scipy.special import eval_genlaguerre

    import gaussian_process
    import instrument
    import labels
    import limits
    import moog
    import oscillator_strengths
    import sampling
    import train_emulator
    import tune_lines
    from store import Store

    MISSING = ""
except ImportError as error:
    MISSING = str(error)
SHARED = os.environ.get("PENUMBRA_SHARED")
TRACKS = REPOSITORY / "data/tables/tracks.h5"


@unittest.skipIf(MISSING, MISSING)
class Labels(unittest.TestCase):
    def test_they_are_the_paynes(self):
        self.assertEqual(len(labels.LABELS), 25)
        self.assertEqual(labels.LABELS[:4], ("teff", "logg", "vmicro", "c_h"))
        self.assertEqual(labels.LABELS[18], "fe_h")
        self.assertEqual(labels.LABELS[22:], ("ge_h", "c12_c13", "vmacro"))

    def test_inside_watches_labels_and_ratios(self):
        middle = np.array([np.mean(labels.RANGE[name]) for name in labels.LABELS])
        middle[3:23] = -1.0
        for name, value, expected in (
            ("teff", 5000.0, True),
            ("teff", 3499.0, False),
            ("vmacro", 30.1, False),
            ("n_h", -0.1, True),  # [N/Fe] = .9
            ("mg_h", -0.1, False),  # [Mg/Fe] = .9, though [Mg/H] itself is within its range
        ):
            changed = middle.copy()
            changed[labels.column(name)] = value
            self.assertEqual(bool(labels.inside(changed)), expected, f"{name} = {value}")


@unittest.skipIf(MISSING or not TRACKS.exists(), MISSING or f"no {TRACKS}")
class Sampling(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.isochrones = sampling.Isochrones(TRACKS)
        cls.labels = sampling.sample_labels(512, cls.isochrones)

    def test_every_star_is_within_the_ranges(self):
        self.assertTrue(labels.inside(self.labels).all())

    def test_a_larger_grid_begins_with_the_smaller_one(self):
        np.testing.assert_array_equal(sampling.sample_labels(40, self.isochrones), self.labels[:40])

    def test_metallicities_are_uniform(self):
        fe_h = np.sort(self.labels[:, labels.column("fe_h")])
        low, high = labels.RANGE["fe_h"]
        uniform = low + (np.arange(512) + 0.5) / 512 * (high - low)
        self.assertLess(np.abs(fe_h - uniform).max(), 2.0 * (high - low) / 512)  # one point of Sobol's in each 512th

    def test_stars_are_possible_ones(self):
        teff, logg = self.labels[:, 0], self.labels[:, 1]
        self.assertFalse(((teff > 6500.0) & (logg < 1.5)).any())  # no isochrone beyond 1 Gyr comes near
        self.assertFalse(((teff < 4000.0) & (logg > 2.8) & (logg < 3.8)).any())
        self.assertTrue(((teff < 4500.0) & (logg < 1.5)).any() and ((teff < 4500.0) & (logg > 4.5)).any())


@unittest.skipIf(MISSING, MISSING)
class Instrument(unittest.TestCase):
    def test_pixels_are_those_of_apstar_files(self):
        # An apStar file's 8575 pixels reach from 15100.80 to 16999.81 A (APOGEE's data model).
        ends = 10.0 ** (instrument.LOG_FIRST + instrument.LOG_STEP * np.array([0, 8574]))
        np.testing.assert_allclose(ends, [15100.80, 16999.81], atol=0.01)
        self.assertEqual(len(instrument.pixel_wavelengths()), 7214)

    @unittest.skipUnless(SHARED, "PENUMBRA_SHARED is not set")
    def test_pixels_are_those_of_a_published_model(self):
        with np.load(Path(SHARED) / "spectra/binspec_apogee_wavelength.npz") as file:
            np.testing.assert_allclose(instrument.pixel_wavelengths(), file[file.files[0]], atol=1e-8)

    def test_every_fourth_synthesis_point_is_a_pixel(self):
        fine, start, pixels = instrument.fine_wavelengths(), 0, []
        for points in instrument.detector_points():
            margin = instrument.MARGIN * instrument.STEPS
            pixels.append(fine[start + margin : start + points - margin : instrument.STEPS])
            start += points
        np.testing.assert_allclose(np.concatenate(pixels), instrument.pixel_wavelengths(), rtol=1e-14)

    def test_air_wavelengths(self):
        # Fe I 15294.56 A in air is 15298.74 A in vacuum.
        self.assertAlmostEqual(float(instrument.air(np.array(15298.74))), 15294.56, delta=0.01)

    def test_blur_keeps_equivalent_widths_and_has_the_right_width(self):
        fine = instrument.fine_wavelengths()
        velocity = instrument.LIGHT_KM_S * np.log(fine / 16200.0)
        line = (1.0 - 0.8 * np.exp(-0.5 * (velocity / 2.0) ** 2))[None]
        pixel_velocity = instrument.LIGHT_KM_S * np.log(instrument.pixel_wavelengths() / 16200.0)
        width = 0.8 * 2.0 * np.sqrt(2.0 * np.pi)
        for vmacro in (0.0, 5.0, 30.0):
            depth = 1.0 - instrument.blurred(line, np.array([vmacro]))[0]
            self.assertAlmostEqual(depth.sum() * instrument.PIXEL_KM_S / width, 1.0, delta=1e-3)
            sigma = np.sqrt((depth * pixel_velocity**2).sum() / depth.sum())
            expected = np.sqrt(4.0 + (13.3241**2 + vmacro**2) / (8.0 * np.log(2.0)))
            self.assertAlmostEqual(sigma / expected, 1.0, delta=0.01)


@unittest.skipIf(MISSING, MISSING)
class Lines(unittest.TestCase):
    def test_isotopologues_add_up(self):
        divisors = moog.isotope_divisors(15.0)
        self.assertAlmostEqual(1.0 / divisors["607.01214"] + 1.0 / divisors["607.01314"], 1.0)
        self.assertAlmostEqual(divisors["607.01314"] / divisors["607.01214"], 15.0)

    def test_bracketts_strengths_are_those_of_hydrogens_wave_functions(self):
        # f = (E' - E) / (3 n^2) sum of max(l, l') <n l | r | n' l'>^2, in Rydberg and Bohr radii (Bethe & Salpeter 1957).
        radius = np.linspace(0.0, 800.0, 400_001)

        def wave(n, l):  # r R(r)
            norm = np.sqrt((2.0 / n) ** 3 * math.factorial(n - l - 1) / (2.0 * n * math.factorial(n + l)))
            x = 2.0 * radius / n
            return norm * np.exp(-x / 2.0) * x**l * eval_genlaguerre(n - l - 1, 2 * l + 1, x) * radius

        found = {m: 10.0 ** float(line.text[30:40]) for m, line in enumerate(moog.brackett_lines(), 10)}
        for m in (10, 11, 14):
            moments = [
                max(low, high) * np.trapezoid(wave(4, low) * wave(m, high) * radius, radius) ** 2
                for low in range(4)
                for high in (low - 1, low + 1)
                if high >= 0
            ]
            expected = (1.0 / 16.0 - 1.0 / m**2) / (3.0 * 16.0) * sum(moments)
            self.assertAlmostEqual(found[m] / 32.0 / expected, 1.0, delta=0.004, msg=f"4 - {m}")

    def test_corrections_reach_their_line_alone(self):
        texts = [" 15294.560      26.0     5.308     0.628", " 15294.560      26.0     5.410     0.100"]
        lines = [moog.Line(15294.56, 26.0, text) for text in texts]
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "table.csv"
            table.write_text("wavelength_air,species,excitation_ev,change\n15294.560,26.0,5.308,-0.250\n")
            tuned = oscillator_strengths.tuned(lines, table)
        self.assertEqual(float(tuned[0].text[30:40]), 0.378)
        self.assertEqual(tuned[1], lines[1])


@unittest.skipIf(MISSING, MISSING)
class Resumption(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_a_run_goes_on_where_it_stopped(self):
        store = Store(self.folder, {"seed": 1})
        depth = np.linspace(0.0, 1.0, 100)
        store.write(0, depth)
        store.write_failure(2, "no reason")
        (self.folder / "000001.npy.partial.7").write_bytes(b"a run died here")
        again = Store(self.folder, {"seed": 1})
        self.assertEqual(again.missing(4), [1, 3])
        self.assertEqual(again.failures(), {2: "no reason"})
        np.testing.assert_allclose(again.read(0), 1.0 - depth, atol=1.0 / 65535.0)

    def test_another_recipe_is_refused(self):
        Store(self.folder, {"seed": 1, "points": 3})
        with self.assertRaisesRegex(SystemExit, r"another recipe \(seed differ\)"):
            Store(self.folder, {"seed": 2, "points": 3})


def slope(function, array, index, step):
    """Central difference of function() by array[index]."""
    values = []
    for sign in (1.0, -1.0):
        array[index] += sign * step
        values.append(function())
        array[index] -= sign * step
    return (values[0] - values[1]) / (2.0 * step)


@unittest.skipIf(MISSING, MISSING)
class Teaching(unittest.TestCase):
    def test_gradient_of_the_likelihood(self):
        generator = np.random.default_rng(1)
        x, parameters = generator.uniform(-1.0, 1.0, (30, 3)), np.log([0.7, 2.0, 5.0, 0.05])
        y = np.stack([np.sin(2.0 * x[:, 0]), x[:, 0] * x[:, 1]], axis=1)
        likelihood = gaussian_process.negative_log_likelihood
        _, gradient = likelihood(parameters, x, y)
        for index in range(4):
            value = slope(lambda: likelihood(parameters, x, y)[0], parameters, index, 1e-5)
            self.assertAlmostEqual(gradient[index], value, delta=1e-5 * max(1.0, abs(value)))

    def test_the_process_finds_what_matters(self):
        generator = np.random.default_rng(2)
        x, new = generator.uniform(-1.0, 1.0, (2, 80, 4))
        truth = lambda x: np.stack([np.exp(x[:, 0] + 0.3 * x[:, 2]), x[:, 2] ** 2], axis=1)  # noqa: E731
        process = gaussian_process.GaussianProcess(x, truth(x), 80, 2)
        self.assertLess(np.abs(process(new) - truth(new)).max(), 5e-3)
        self.assertGreater(process.scale[[1, 3]].min(), 10.0 * process.scale[[0, 2]].max())

    def test_gradient_of_the_network(self):
        generator = np.random.default_rng(3)
        network = train_emulator.Network(25, 6, generator)
        network.parameters = [p.astype(float) for p in network.parameters]
        x, target = generator.standard_normal((5, 25)), generator.standard_normal((5, 6))
        _, gradient = network.gradient(x, target)
        for number, index in ((0, (3, 40)), (1, (7,)), (2, (11, 200)), (3, (250,)), (4, (33, 2)), (5, (4,))):
            value = slope(lambda: network.gradient(x, target)[0], network.parameters[number], index, 1e-6)
            self.assertAlmostEqual(gradient[number][index], value, delta=1e-3 * max(1.0, abs(value)))

    def test_the_files_arrays_are_the_network(self):
        generator = np.random.default_rng(4)
        network = train_emulator.Network(25, 9, generator)
        components, mean = generator.standard_normal((9, 7214)) / 85.0, np.full(7214, 0.9)
        arrays = [p.astype(float) for p in network.parameters]
        layers = [(w.T, b) for w, b in zip(arrays[::2], arrays[1::2], strict=True)]
        low, high = np.array([labels.RANGE[name] for name in labels.LABELS]).T
        some = low + generator.random((4, 25)) * (high - low)
        matrix, offset = train_emulator.physical_inputs()
        inputs = train_emulator.scaled_labels(some) @ matrix.T + offset
        expected = network(inputs.astype(np.float32))[0] @ components + mean
        found = train_emulator.evaluate(train_emulator.folded(layers, mean, components), some)
        np.testing.assert_allclose(found, expected, atol=5e-3 * np.abs(expected - mean).max())  # half precision

    def test_inputs_reach_from_minus_1_to_1(self):
        sampled = train_emulator.spread_vmacro(sampling_labels(), np.random.default_rng(5))
        matrix, offset = train_emulator.physical_inputs()
        inputs = train_emulator.scaled_labels(sampled) @ matrix.T + offset
        self.assertLessEqual(np.abs(inputs).max(), 1.0 + 1e-9)
        self.assertGreater(np.ptp(inputs, axis=0).min(), 1.5)


def sampling_labels():
    """200 labels within the ranges, [X/Fe] uniform."""
    generator = np.random.default_rng(6)
    low, high = np.array([labels.RANGE[name] for name in labels.LABELS]).T
    some = low + generator.random((200, 25)) * (high - low)
    for element, (least, most) in labels.RATIO_RANGE.items():
        if most > least:
            ratio = least + generator.random(200) * (most - least)
            some[:, labels.column(f"{element.lower()}_h")] = some[:, labels.column("fe_h")] + ratio
    return some


@unittest.skipIf(MISSING, MISSING)
class Tuning(unittest.TestCase):
    def test_another_continuum_is_matched(self):
        wavelength = instrument.pixel_wavelengths()
        flux = 1.0 - 0.3 * (np.arange(7214) % 40 == 0)
        continuum = 1.0 + 0.03 * np.sin((wavelength - 16000.0) / 400.0)
        factor = tune_lines.with_continuum(flux, flux * continuum)
        np.testing.assert_allclose(factor, continuum, atol=5e-4)


@unittest.skipIf(MISSING, MISSING)
class ShippedEmulator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.path = REPOSITORY / "data/spectra/emulator.h5"
        with h5py.File(cls.path) as file:
            cls.arrays = {name: dataset[()] for name, dataset in file.items()}

    def test_it_is_small_and_has_the_recipes_labels(self):
        self.assertLess(self.path.stat().st_size, 6e6)
        self.assertEqual([name.decode() for name in self.arrays["labels"]], list(labels.LABELS))
        for index, name in enumerate(labels.LABELS):
            found = float(self.arrays["x_min"][index]), float(self.arrays["x_max"][index])
            self.assertEqual(found, labels.RANGE[name], name)
        np.testing.assert_array_equal(self.arrays["wavelength_angstrom"], instrument.pixel_wavelengths())

    def test_a_fit_finds_the_labels_of_its_own_spectrum(self):
        weights = {name: array.astype(float) for name, array in self.arrays.items() if name[:2] in ("w_", "b_", "x_")}
        truth = tune_lines.star(5777.0, 4.44, 0.0, 0.0, 4.0)
        start = truth.copy()
        start[[labels.column(name) for name in ("teff", "fe_h", "mg_h")]] += (150.0, -0.1, 0.1)
        continuum = 1.0 + 0.02 * np.sin((instrument.pixel_wavelengths() - 16000.0) / 500.0)
        found, residual = limits.fitted(weights, train_emulator.evaluate(weights, truth[None])[0] * continuum, start)
        self.assertLess(residual, 5e-4)
        self.assertAlmostEqual(found[labels.column("teff")], 5777.0, delta=15.0)
        self.assertAlmostEqual(found[labels.column("fe_h")], 0.0, delta=0.02)

    @unittest.skipUnless(SHARED, "PENUMBRA_SHARED is not set")
    def test_its_sun_is_that_of_a_published_model(self):
        # 5777 K, log g 4.44, binspec's v_macro of 4 km/s. The syntheses themselves correlate by .98.
        published = tune_lines.read_dwarfs(Path(SHARED) / "spectra/binspec_NN_normalized_spectra.npz")
        target = published((5777.0, 4.44, 0.0, 0.0, 4.0))
        sun = tune_lines.star(5777.0, 4.44, 0.0, 0.0, 4.0)
        flux = train_emulator.evaluate(self.arrays, sun[None])[0]
        flux *= tune_lines.with_continuum(flux, target)
        self.assertGreater(np.corrcoef(flux, target)[0, 1], 0.97)


if __name__ == "__main__":
    unittest.main()
