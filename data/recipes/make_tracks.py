"""MIST v2.5 isochrones -> data/tables/tracks.h5, the stellar-evolution table that sim/tracks.h reads.

    python data/recipes/make_tracks.py [--source FOLDER] [--out data/tables/tracks.h5]

Kept: pre-main sequence to the end of the early asymptotic giant branch (EEP 1-807). Thermally pulsing giants, post-AGB
stars and Wolf-Rayet stars are dropped: none is a component of a detached binary that this model describes.
The mass is the initial mass, which grows monotonically with EEP along every isochrone.
Radii follow from L and Teff. The source's log g is not used: it is off by up to .16 dex.
"""

import argparse
from pathlib import Path

import h5py
import numpy as np

from provenance import atomic_hdf5, checked_source, write_dataset, write_provenance

PACKAGE = "lachesis-grids"
VERSION = "0.0.9"
RELATIVE_PATH = "lachesis_grids/grids/mist_v2.5_vvcrit0.4.h5"
SHA256 = "357461d7cbe3df41ff86c76508c0eb1487cb6b823594c459cf6cc49a6f150d4b"
CITATION = [
    "Dotter 2016, ApJS 222, 8",
    "Choi et al. 2016, ApJ 823, 102",
    "Paxton et al. 2011, 2013, 2015, 2018, ApJS 192, 3; 208, 4; 220, 15; 234, 34",
]

TEFF_SUN_K = 5772.0  # IAU 2015 Resolution B3
LAST_EEP = 807  # the last point before the first thermal pulse
LAST_PHASE = 4  # early AGB; 5 is TP-AGB, 6 post-AGB, 9 Wolf-Rayet

# The source drops models where the raw mass-EEP relation is not monotonic, mostly near .35 Msun, where stars become
# fully convective. A gap inside an isochrone is bridged where the star hardly changes across it: then a straight line
# between its two ends is as good as between ordinary neighbours. Wider gaps stay missing.
BRIDGE_MAX_DLOG_MASS = 0.05
BRIDGE_MAX_DLOG_TEFF = 0.01
BRIDGE_MAX_DLOG_RADIUS = 0.05


def read_isochrone(columns, rows, first_row_eep):
    """(eep, mass, log Teff, log R) of the kept models of one isochrone."""
    eep = first_row_eep + np.arange(len(rows))
    mass, log_teff, log_l, phase = (rows[:, columns[name]] for name in ("initial_mass", "log_Teff", "log_L", "phase"))
    log_radius = 0.5 * log_l - 2.0 * (log_teff - np.log10(TEFF_SUN_K))
    kept = np.isfinite(mass) & np.isfinite(log_radius) & (eep <= LAST_EEP) & (phase <= LAST_PHASE)
    return eep[kept], mass[kept], log_teff[kept], log_radius[kept]


def regular_in_eep(eep, mass, log_teff, log_radius):
    """One row for each EEP from the first to the last: (mass, log Teff, log R, bridged, missing).

    Mass is continued straight across every gap, so that it can be searched by bisection; Teff and R are NaN in the gaps
    that are not bridged, and that is what marks a row as missing.
    """
    every = np.arange(eep[0], eep[-1] + 1)
    full = [np.interp(every, eep, values) for values in (mass, log_teff, log_radius)]
    bridged = missing = 0
    for i in np.flatnonzero(np.diff(eep) > 1):
        gap = slice(eep[i] + 1 - eep[0], eep[i + 1] - eep[0])
        if (
            abs(np.log10(mass[i + 1] / mass[i])) <= BRIDGE_MAX_DLOG_MASS
            and abs(log_teff[i + 1] - log_teff[i]) <= BRIDGE_MAX_DLOG_TEFF
            and abs(log_radius[i + 1] - log_radius[i]) <= BRIDGE_MAX_DLOG_RADIUS
        ):
            bridged += gap.stop - gap.start
        else:
            full[1][gap] = full[2][gap] = np.nan
            missing += gap.stop - gap.start
    return full, bridged, missing


def make_tracks(source, out):
    with h5py.File(source) as grid:
        if grid.attrs["storage"] != "sparse_v1":
            raise SystemExit(f"{source}: storage is {grid.attrs['storage']!r}, this recipe reads 'sparse_v1'")
        columns = {name: i for i, name in enumerate(grid.attrs["columns"])}
        feh_axis = grid["feh_values"][:].astype(np.float64)
        log_age_axis = np.round(grid["age_values"][:].astype(np.float64), 6)
        cells = (len(feh_axis), len(log_age_axis))
        lengths = grid["lengths"][:].reshape(cells)
        leading_empty_eeps = grid["offsets"][:].reshape(cells)
        values = grid["values"][:].astype(np.float64)

    first_eep = np.zeros(cells, np.int64)
    eep_count = np.zeros(cells, np.int64)
    row_offset = np.zeros(cells, np.int64)
    blocks = []
    rows_read = rows_written = bridged_rows = missing_rows = 0
    for cell in np.ndindex(cells):
        rows = values[rows_read : rows_read + lengths[cell]]
        rows_read += lengths[cell]
        eep, *star = read_isochrone(columns, rows, leading_empty_eeps[cell])
        row_offset[cell] = rows_written
        if len(eep) < 2:
            continue
        if (np.diff(star[0]) < 0).any():
            raise SystemExit(f"{source}: the mass decreases with EEP in cell {cell}")
        block, bridged, missing = regular_in_eep(eep, *star)
        first_eep[cell] = eep[0]
        eep_count[cell] = len(block[0])
        rows_written += len(block[0])
        bridged_rows += bridged
        missing_rows += missing
        blocks.append(np.asarray(block, np.float32))
    if rows_read != len(values):
        raise SystemExit(f"{source}: 'lengths' add up to {rows_read} rows, 'values' has {len(values)}")
    mass, log_teff, log_radius = np.concatenate(blocks, axis=1)

    with atomic_hdf5(out) as file:
        write_provenance(
            file,
            recipe=__file__,
            title="MIST v2.5 isochrones (v/vcrit = 0.4), pre-main sequence to early AGB",
            sources=[(PACKAGE, VERSION, RELATIVE_PATH, SHA256)],
            citation=CITATION,
        )
        file.attrs["bridged_rows"] = bridged_rows
        file.attrs["missing_rows"] = missing_rows
        write_dataset(file, "feh_axis", feh_axis, "[Fe/H] of the isochrones", "dex")
        write_dataset(file, "log_age_axis", log_age_axis, "log10 of the age in years", "dex(yr)")
        write_dataset(file, "first_eep", first_eep, "equivalent evolutionary phase of a cell's first row [feh, age]")
        write_dataset(file, "eep_count", eep_count, "rows of a cell, one for each EEP [feh, age]")
        write_dataset(file, "row_offset", row_offset, "a cell's first row [feh, age]")
        write_dataset(file, "mass_msun", mass, "initial mass, continued straight across gaps", "Msun", compress=True)
        write_dataset(file, "log_teff", log_teff, "log10 Teff; NaN where no model is", "dex(K)", compress=True)
        write_dataset(file, "log_radius", log_radius, "log10 R; NaN where no model is", "dex(Rsun)", compress=True)
    print(
        f"{out}: {len(feh_axis)} x {len(log_age_axis)} isochrones, {rows_written} rows "
        f"({bridged_rows} bridged, {missing_rows} missing)"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--source", help=f"folder that holds {RELATIVE_PATH} (default: where {PACKAGE}=={VERSION} is installed)"
    )
    parser.add_argument("--out", default=Path(__file__).parent.parent / "tables" / "tracks.h5", type=Path)
    arguments = parser.parse_args()
    make_tracks(checked_source(PACKAGE, VERSION, RELATIVE_PATH, SHA256, root=arguments.source), arguments.out)


if __name__ == "__main__":
    main()
