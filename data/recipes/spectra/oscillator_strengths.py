"""Corrections to oscillator strengths, found by tune_lines.py and kept in data/spectra/."""

import csv
from pathlib import Path

TABLE = Path(__file__).resolve().parents[3] / "data/spectra/oscillator_strengths.csv"


def key(line):
    """(wavelength, species, excitation energy) as the list prints them: what names a line."""
    return tuple(line.text[start : start + 10].strip() for start in (0, 10, 20))


def with_strength(line, change):
    """The line with its log gf changed."""
    if change == 0.0:
        return line
    log_gf = float(line.text[30:40]) + change
    return line._replace(text=f"{line.text[:30]}{log_gf:10.3f}{line.text[40:]}")


def tuned(lines, table=TABLE):
    """The lines with the corrections of the table; None: as they are."""
    if table is None:
        return lines
    with open(table) as file:
        rows = list(csv.DictReader(file))
    changes = {(row["wavelength_air"], row["species"], row["excitation_ev"]): float(row["change"]) for row in rows}
    found = [changes.get(key(line), 0.0) for line in lines]
    return [with_strength(line, change) for line, change in zip(lines, found, strict=True)]
