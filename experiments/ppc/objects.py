#!/usr/bin/env python3
"""Object files of real eclipsing binaries, as `penumbra infer` reads them. usage: objects.py --observations FOLDER --out FOLDER

TESS binaries with literature masses and radii: all sectors in 2- or 10-minute cadence, each divided by its median out of
eclipse, averaged in 2000 slots of phase, as simulated light curves from space stand for the exposures around them
(sim/survey.h). ASAS-SN and ZTF binaries: what is flagged as good in each channel; the median magnitudes are the
photometry. Nothing of the output may be committed: it holds the observations themselves.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "observations"))
from prepare import numbers, read_table, secondary_phase  # noqa: E402: after the path that it comes from

DAY_S = 86400.0
SLOTS = 2000  # kMaxEpochs of sim/space_mission.h
TESS_TARGETS = {"cw-eri": "CW Eri", "an-cam": "AN Cam", "v889-aql": "V889 Aql", "cm-dra": "CM Dra"}
LONGEST_EXPOSURE_S = 600.0  # a 30-minute sector of AN Cam is left out
# EA with all four channels, or three; from a wide range of periods and temperatures. dde60's eclipse of 2.2 mag is an
# Algol's: semi-detached, so that the prior does not have it and `infer` should say so.
GROUND_TARGETS = ("u170", "c210-16", "18aaaawyw", "m1366", "dde60")

# Quantity of inference/quantities.h: columns of eb_literature_params.csv for star A and, where it has one, star B.
STAR_COLUMNS = {"mass": "M", "radius": "R", "teff": "Teff", "log_l": "logL"}
ORBIT_COLUMNS = {"rsumfrac": "lab_rA_plus_rB", "inclination": "lab_inc", "eccentricity": "ecc"}
# Channel: its survey's band, exposure (s), the photometric band of its calibration, and that calibration's error. ZTF
# is tied to Pan-STARRS and ASAS-SN to APASS, whose large pixels often hold a neighbour too.
GROUND_CHANNELS = {
    "ASAS-SN:V": ("V", 90.0, "Johnson:V", 0.05),
    "ASAS-SN:g": ("g", 90.0, "SDSS:g", 0.05),
    "ZTF:g": ("zg", 30.0, "PanSTARRS:g", 0.03),
    "ZTF:r": ("zr", 30.0, "PanSTARRS:r", 0.03),
}
FEWEST_POINTS = 50
CATALOGUED_BANDS = ("2MASS:J", "2MASS:H", "2MASS:Ks", "Johnson:B", "Johnson:V", "Gaia:G", "WISE:W1")
CATALOGUE_ERROR = 0.02  # relative, at least: another author's zero point


def write_object(out, key, name, period, epoch, curves, photometry, literature, note):
    """curves: {channel: (time, {column: values}, error, exposure_s)}; photometry, literature: {name: (TOML keys)}."""
    text = [f"# {note}", f'name = "{name}"', f"period_day = {period!r}", f"epoch = {epoch!r}"]
    for channel, (time, column, values, error, exposure) in curves.items():
        file = f"{key}_{channel.replace(':', '_').lower()}.csv"
        order = np.argsort(time)
        once = order[np.concatenate([[True], np.diff(time[order]) > 0])]
        rows = zip(*(array[once].tolist() for array in (time, values, error)))
        (out / file).write_text(f"time,{column},error\n" + "".join(f"{t!r},{v!r},{e!r}\n" for t, v, e in rows))
        text += ["", "[[light_curve]]", f'channel = "{channel}"', f'file = "{file}"', f"exposure_s = {exposure:.1f}"]
    for title, table in (("photometry", photometry), ("literature", literature)):
        text += ["", f"[{title}]"]
        for entry, value in table.items():
            pairs = f'"{value}"' if isinstance(value, str) else "{ " + ", ".join(f"{k} = {v!r}" for k, v in value.items()) + " }"
            text.append(f'"{entry}" = {pairs}')
    (out / f"{key}.toml").write_text("\n".join(text) + "\n")


def literature_of(row, swapped):
    """The published values, star 1 being B where `swapped`."""
    found = {"source": row["reference"]}

    def add(quantity, column):
        if row[column]:
            error = row[f"{column}_err"]
            found[quantity] = {"value": float(row[column]), **({"error": float(error)} if error else {})}

    for quantity, column in STAR_COLUMNS.items():
        for number, star in ((1, "BA"[not swapped]), (2, "AB"[not swapped])):
            add(f"{quantity}{number}", column + star)
    for quantity, column in ORBIT_COLUMNS.items():
        add(quantity, column)
    found.setdefault("eccentricity", {"value": 0.0})
    return found


def catalogued_photometry(file):
    """Median over the catalogues of each band; its error the largest of what they quote, differ by, and 2%."""
    table = read_table(file)
    flux, error = numbers(table["sed_flux"]), numbers(table["sed_eflux"])
    found = {}
    for band in CATALOGUED_BANDS:
        rows = (table["sed_filter"] == band) & (flux > 0)
        if not rows.any():
            continue
        middle = float(np.median(flux[rows]))
        quoted = error[rows & (error > 0)]
        scatter = 1.4826 * np.median(np.abs(flux[rows] - middle))
        found[band] = {"flux_jy": middle,
                       "error": float(max(np.median(quoted) if len(quoted) else 0.0, scatter, CATALOGUE_ERROR * middle))}
    return found


def tess_points(data, rows, period, epoch, eclipses, half_width):
    """All good exposures of the sectors: time, flux over the median out of eclipse, relative error."""
    parts = []
    for key in rows:
        time, flux, raw, error, quality = (data[f"{key}_{c}"].astype(float) for c in
                                           ("btjd", "pdcsap", "sap", "sap_err", "quality"))
        good = np.isfinite(time) & np.isfinite(flux) & (error > 0) & (raw > 0) & (quality == 0)
        time, flux, sigma = time[good], flux[good], error[good] / raw[good]
        phase = (time - epoch) / period
        outside = np.all([np.abs((phase - centre + 0.5) % 1.0 - 0.5) > half_width for centre in eclipses], axis=0)
        parts.append((time, flux / np.median(flux[outside]), sigma))
    return (np.concatenate(column) for column in zip(*parts))


def slot_means(time, flux, sigma, period, epoch):
    """Inverse-variance means in equal slots of phase, at times within one period."""
    phase = ((time - epoch) / period) % 1.0
    slot = np.minimum((phase * SLOTS).astype(int), SLOTS - 1)
    weight = 1.0 / sigma**2
    total = np.bincount(slot, weight, SLOTS)
    full = total > 0
    mean = [np.bincount(slot, weight * x, SLOTS)[full] / total[full] for x in (phase, flux)]
    return epoch + period * mean[0], mean[1], 1.0 / np.sqrt(total[full])


def write_tess(folder, out):
    known = read_table(folder / "eb_literature_params.csv")
    known = {name: {column: known[column][i] for column in known} for i, name in enumerate(known["system"])}
    index = read_table(folder / "tess_eb_index.csv")
    data = np.load(folder / "tess_eb_lightcurves.npz")
    cadence = numbers(index["cadence_s"])
    for key, name in TESS_TARGETS.items():
        row = known[name]
        period, epoch = float(row["period"]), float(row["primary_epoch"])
        e, omega = float(row["ecc"] or 0.0), np.deg2rad(float(row["omega"] or 0.0))
        second = float(secondary_phase(e, omega))
        sectors = (index["target"] == key) & (cadence <= LONGEST_EXPOSURE_S)
        half_width = 0.5 * float(row["lab_rA_plus_rB"]) / np.pi * (1.0 + e)
        time, flux, sigma = tess_points(data, index["key"][sectors], period, epoch, (0.0, second), half_width)
        # In the prior star 1 is the more massive, and phase 0 is where it is eclipsed.
        swapped = float(row["MB"]) > float(row["MA"])
        if swapped:
            epoch += second * period
        time, flux, sigma = slot_means(time, flux, sigma, period, epoch)
        exposure = np.hypot(cadence[sectors][0], period * DAY_S / SLOTS)  # a box as wide as both have the variance of
        sed = folder / f"sed_{key}-0.1.csv"
        write_object(out, key, name, period, epoch, {"TESS:T": (time, "flux", flux, sigma, exposure)},
                     catalogued_photometry(sed) if sed.exists() else {}, literature_of(row, swapped),
                     f"{sectors.sum()} sectors of TESS" + ("; star 1 is the literature's star B" if swapped else ""))


def write_ground(folder, out):
    known = read_table(folder / "eclipsing_binaries.csv")
    tables = {}
    for survey, time, error in (("asassn", "t", "mag_err"), ("ztf", "t_hjd", "magerr")):
        table = read_table(folder / f"{survey}_lightcurves.csv.gz")
        good = table["quality"] != "B" if survey == "asassn" else numbers(table["catflags"]) == 0
        chosen = good & np.isin(table["obj"], GROUND_TARGETS)
        t, m, s = (numbers(table[column][chosen]) for column in (time, "mag", error))
        valid = np.isfinite(t) & np.isfinite(m) & (s > 0) & (s < 1)
        tables[survey] = (table["obj"][chosen][valid], table["band"][chosen][valid], t[valid], m[valid], s[valid])
    for key in GROUND_TARGETS:
        row = {column: values[known["obj"] == key][0] for column, values in known.items()}
        curves, photometry = {}, {}
        for channel, (band, exposure, standard, error) in GROUND_CHANNELS.items():
            star, bands, time, magnitude, sigma = tables["asassn" if channel.startswith("ASAS") else "ztf"]
            rows = (star == key) & (bands == band)
            if rows.sum() < FEWEST_POINTS:
                continue
            curves[channel] = (time[rows], "mag", magnitude[rows], sigma[rows], exposure)
            photometry[standard] = {"mag": float(np.median(magnitude[rows])), "error": error}
        literature = {"source": "catalogue distance (Gaia)", "distance": {"value": float(row["r"])}} if row["r"] else {}
        write_object(out, key, row["name"], float(row["period"]), float(row["epoch"]), curves, photometry, literature,
                     f"ASAS-SN and ZTF; {row['type']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--observations", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_tess(arguments.observations, arguments.out)
    write_ground(arguments.observations, arguments.out)


if __name__ == "__main__":
    main()
