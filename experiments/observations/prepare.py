#!/usr/bin/env python3
"""Real light curves and catalogue rows as one HDF5 file, each with the half it belongs to, and the catalogues without
one half or the other. usage: prepare.py --observations FOLDER --out FOLDER

A star's light curves all belong to one half, which its name decides; of catalogues every second row is half 1. Nothing
of the output may be committed: it holds the observations themselves.

real.h5:
/curves/<channel>/  object [S], half [S], period_day [S] (NaN: unknown), epoch_day [S], magnitude [S], exposure_day [S]
                    (from space), kind [S] (of variable star, as catalogued), secondary_phase [S] (of the other eclipse),
                    offset [S + 1]; time_day [T], flux [T] (over the median), sigma [T] (quoted, over the flux)
/sed/<passband>/    magnitude, relative_error, half
/parallax/          g, bp_rp, error_mas, half
/detected/          g, and one column of 0 and 1 a passband: the field of M67
"""

import argparse
import csv
import gzip
import hashlib
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
MAG_TO_RELATIVE = 0.4 * np.log(10.0)
FEWEST_POINTS = 50


def read_table(path):
    """Columns of a CSV file, gzipped or not, as {name: array of text}."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as stream:
        rows = csv.reader(stream)
        names = next(rows)
        columns = list(zip(*rows))
    return {name: np.array(column) for name, column in zip(names, columns)}


def numbers(column):
    return np.array([float(x) if x not in ("", "nan", "None") else np.nan for x in column])


def half_of(name):
    """As a bank's holdout has it: the first 8 digits of the name's SHA-256, odd or even."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 2


def secondary_phase(e, omega):
    """Of superior conjunction of the secondary after that of the primary, seen edge on: Kepler's equation at both."""
    def mean_anomaly(nu):
        half = np.sqrt((1.0 - e) / (1.0 + e)) * np.tan(0.5 * nu)
        eccentric = 2.0 * np.arctan(half)
        return eccentric - e * np.sin(eccentric)
    return ((mean_anomaly(-0.5 * np.pi - omega) - mean_anomaly(0.5 * np.pi - omega)) / (2.0 * np.pi)) % 1.0


class Curves:
    """The light curves of one channel."""

    def __init__(self):
        self.columns = {key: [] for key in ("object", "half", "kind", "period_day", "epoch_day", "secondary_phase",
                                                "magnitude", "exposure_day")}
        self.epochs = {key: [] for key in ("time_day", "flux", "sigma")}

    def add(self, time, flux, sigma, **columns):
        order = np.argsort(time)
        for key, values in zip(self.epochs, (time, flux, sigma)):
            self.epochs[key].append(values[order])
        for key, value in columns.items():
            self.columns[key].append(value)

    def write(self, file, channel):
        group = file.create_group(f"curves/{channel}")
        for key, values in self.columns.items():
            group[key] = [str(v) for v in values] if key in ("object", "kind") else values
        group["offset"] = np.cumsum([0] + [len(t) for t in self.epochs["time_day"]])
        for key, values in self.epochs.items():
            group[key] = np.concatenate(values)


def write_ground(file, folder):
    known = read_table(folder / "eclipsing_binaries.csv")
    binaries = {o: (kind, p, t, second) for o, kind, p, t, second in
                zip(known["obj"], known["type"], *(numbers(known[c]) for c in ("period", "epoch", "2ndmin")))
                if kind.startswith(("EA", "EW"))}
    asassn, ztf = (read_table(folder / f"{name}_lightcurves.csv.gz") for name in ("asassn", "ztf"))
    # ztfperiodic's magnitudes are relative to each star's median: no use for an error as a function of magnitude.
    for table, mask, time, mag, error, bands in (
        (asassn, asassn["quality"] != "B", "t", "mag", "mag_err", {"V": "ASAS-SN:V", "g": "ASAS-SN:g"}),
        (ztf, (numbers(ztf["catflags"]) == 0) & (ztf["src"] != "ztfperiodic"), "t_hjd", "mag", "magerr",
         {"zg": "ZTF:g", "zr": "ZTF:r"}),
    ):
        time, magnitude, error = (numbers(table[key]) for key in (time, mag, error))
        mask &= np.isfinite(time) & np.isfinite(magnitude) & (error > 0) & (error < 1)
        for band, channel in bands.items():
            curves = Curves()
            for star in np.unique(table["obj"][mask]):
                rows = mask & (table["obj"] == star) & (table["band"] == band)
                if rows.sum() < FEWEST_POINTS:
                    continue
                middle = np.median(magnitude[rows])
                flux = 10.0 ** (-0.4 * (magnitude[rows] - middle))
                kind, period, epoch, second = binaries.get(star, ("", np.nan, np.nan, np.nan))
                curves.add(time[rows], flux, MAG_TO_RELATIVE * error[rows], object=star, half=half_of(star), kind=kind,
                           period_day=period, epoch_day=epoch, secondary_phase=second, magnitude=middle,
                           exposure_day=np.nan)
            curves.write(file, channel)


def write_tess(file, folder):
    known = read_table(folder / "eb_literature_params.csv")
    tic = {a.split(",")[0].split()[-1]: i for i, a in enumerate(known["aka"])}
    period, epoch = numbers(known["period"]), numbers(known["primary_epoch"])
    e, omega = np.nan_to_num(numbers(known["ecc"])), np.deg2rad(np.nan_to_num(numbers(known["omega"])))
    second = secondary_phase(e, omega)
    index = read_table(folder / "tess_eb_index.csv")
    data = np.load(folder / "tess_eb_lightcurves.npz")
    curves = Curves()
    for key, target, number, magnitude, cadence in zip(index["key"], index["target"], index["tic"],
                                                       numbers(index["tmag"]), numbers(index["cadence_s"])):
        time, flux, error, raw, quality = (data[f"{key}_{c}"] for c in ("btjd", "pdcsap", "sap_err", "sap", "quality"))
        good = np.isfinite(time) & np.isfinite(flux) & np.isfinite(error) & (quality == 0)
        flux = flux[good].astype(float) / np.median(flux[good])
        row = tic.get(number)
        orbit = (np.nan, np.nan, np.nan) if row is None else (period[row], epoch[row], second[row])
        curves.add(time[good].astype(float), flux, error[good] / raw[good], object=target, half=half_of(target),
                   kind="EA", **dict(zip(("period_day", "epoch_day", "secondary_phase"), orbit)),
                   magnitude=magnitude, exposure_day=cadence / 86400.0)
    curves.write(file, "TESS:T")


def write_rows(group, tables):
    """Finite rows of several tables of the same columns; every second row of each is half 1."""
    columns = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
    half = np.concatenate([np.arange(len(next(iter(t.values())))) % 2 for t in tables])
    good = np.all([np.isfinite(c) for c in columns.values()], axis=0)
    for name, column in columns.items():
        group[name] = column[good]
    group["half"] = half[good]


def write_halves(folder, out):
    """Catalogues for a bank that has not seen one half of their rows."""
    for path in [*folder.glob("gaia_*.csv.gz"), *folder.glob("sed_*.csv.gz")]:
        with gzip.open(path, "rt") as stream:
            header, *lines = stream.readlines()
        for half in range(2):
            target = out / f"catalogues_without_{half}" / path.name
            target.parent.mkdir(exist_ok=True)
            with gzip.open(target, "wt", compresslevel=1) as stream:
                stream.writelines([header, *lines[1 - half::2]])


def write_catalogues(file, folder):
    m67 = {key: numbers(column) for key, column in read_table(folder / "sed_m67_1585.csv.gz").items()
           if not key.startswith("payne") and key != "source_id"}
    columns = {"GALEX:NUV": "GALEX_NUV", "WISE:W1": "WISE_W1", **{f"PanSTARRS:{x}": f"PS_{x}" for x in "grizy"},
               **{f"SDSS:{x}": f"SDSS_{x}" for x in "ugriz"}, **{f"2MASS:{x}": f"2MASS_{x}" for x in ("J", "H", "Ks")}}
    file["detected/g"] = m67["Gaia_G_DR2Rev"]
    for band, column in columns.items():
        magnitude, error = m67[column], m67[column + "_Err"] * MAG_TO_RELATIVE
        file[f"detected/{band}"] = (np.isfinite(magnitude) & (error > 0)).astype(int)
        error[~(error > 0)] = np.nan
        write_rows(file.create_group(f"sed/{band}"), [{"magnitude": magnitude, "relative_error": error}])

    dr3 = [read_table(folder / f) for f in ("gaia_dr3_sample1000.csv.gz", "gaia_dr3_field_2390.csv.gz")]
    dr2 = read_table(folder / "gaia_dr2_g16_32691.csv.gz")
    for band, key in (("Gaia:G", "g"), ("Gaia:BP", "bp"), ("Gaia:RP", "rp")):
        rows = [{"magnitude": numbers(t[f"phot_{key}_mean_mag"]),
                 "relative_error": 1.0 / numbers(t[f"phot_{key}_mean_flux_over_error"])} for t in dr3]
        magnitude = numbers(dr2[f"phot_{key}_mean_mag"])
        error = numbers(dr2[f"phot_{key}_mean_flux_error"]) / numbers(dr2[f"phot_{key}_mean_flux"])
        rows.append({"magnitude": np.where(magnitude < 14.0, magnitude, np.nan), "relative_error": error})
        write_rows(file.create_group(f"sed/{band}"), rows)

    rows = []
    for table in dr3:
        keep = (numbers(table["ruwe"]) < 1.4) & (numbers(table["visibility_periods_used"]) >= 9)
        rows.append({"g": np.where(keep, numbers(table["phot_g_mean_mag"]), np.nan), "bp_rp": numbers(table["bp_rp"]),
                     "error_mas": numbers(table["parallax_error"])})
    table = read_table(folder / "gaia_dr3_asteca_field_8683.csv.gz")
    rows.append({"g": numbers(table["Gmag"]), "bp_rp": numbers(table["BP-RP"]), "error_mas": numbers(table["e_Plx"])})
    write_rows(file.create_group("parallax"), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--observations", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    partial = arguments.out / "real.h5.partial"
    with h5py.File(partial, "w") as file:
        write_ground(file, arguments.observations)
        write_tess(file, arguments.observations)
        write_catalogues(file, arguments.observations)
    partial.replace(arguments.out / "real.h5")
    write_halves(arguments.observations, arguments.out)


if __name__ == "__main__":
    main()
