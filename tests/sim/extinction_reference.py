"""What tests/sim/extinction_test.cpp compares spectrum-weighted extinction with.

    python tests/sim/extinction_reference.py OUT.h5 [ck04_compact.npz]

OUT.h5: the extinction of the bolometric corrections, mag [node][passband][a_v], at nodes (Teff, log g, [Fe/H]); and,
where the file of Castelli-Kurucz spectra is given, ln f_lambda [node][wavelength_um] (NaN where there is no model).
"""

import sys
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data/recipes"))

import make_atmospheres as atmospheres
import make_passbands as passbands
from provenance import checked_source

TEFF_K = (3500, 3750, 4000, 4500, 5000, 6000, 7000, 8500, 10000, 13000, 16000, 20000)
LOGG = (3.0, 4.0, 5.0)
FEH = (-2.0, -1.0, 0.0, 0.5)
A_V = (0.05, 0.2, 0.6, 1.0)
NODES = np.array([(t, g, m) for t in TEFF_K for g in LOGG for m in FEH])


def table_extinction():
    names = list(passbands.passband_systems())
    found = np.empty((len(NODES), len(names), len(A_V)))
    with h5py.File(checked_source(*atmospheres.CORRECTIONS), "r") as file:
        for system in {atmospheres.CORRECTION_BAND[name][0] for name in names}:
            bands = [band.decode() for band in file[system]["band_names"][:]]
            wanted = [(k, *atmospheres.CORRECTION_BAND[name]) for k, name in enumerate(names)]
            columns = [(k, bands.index(band)) for k, of_system, band in wanted if of_system == system]
            for feh in FEH:
                rows = file[system]["data"][np.flatnonzero(file[system]["feh_values"][:] == feh)[0]].astype(float)
                row_of = {tuple(key): i for i, key in enumerate(np.round(rows[:, [0, 1, 3]], 6).tolist())}
                for n in np.flatnonzero(NODES[:, 2] == feh):
                    teff, logg, _ = NODES[n]
                    at = [row_of[teff, logg, a_v] for a_v in (0.0, *A_V)]
                    for k, column in columns:
                        corrections = rows[at, 5 + column]
                        found[n, k] = corrections[0] - corrections[1:]
    return found


def spectra(path):
    """(wavelength in um, ln f_lambda [node][wavelength]). The file holds differences of log10 f + 10 in steps of 4e-4."""
    grid = np.load(path)
    row = np.cumsum(grid["valid"]).reshape(grid["valid"].shape) - 1
    found = np.full((len(NODES), len(grid["wave"])), np.nan)
    for i, (teff, logg, feh) in enumerate(NODES):
        at = tuple(np.flatnonzero(grid[name] == x)[0] for name, x in (("mh", feh), ("teff", teff), ("logg", logg)))
        if grid["valid"][at]:
            found[i] = np.log(10.0) * 4e-4 * np.cumsum(grid["dlogq"][row[at]].astype(int))
    return grid["wave"].astype(float) * 1e-4, found


def main():
    with h5py.File(sys.argv[1], "w") as file:
        file["node"] = NODES
        file["a_v"] = np.array(A_V)
        file["extinction"] = table_extinction()
        if len(sys.argv) > 2:
            file["wavelength_um"], file["log_flux"] = spectra(sys.argv[2])


if __name__ == "__main__":
    main()
