#!/usr/bin/env python3
"""Measures data/banks/surveys.h5: how surveys sample and how precisely they measure (the paper, section 2.3).

A development tool: it reads real light curves and catalogues from a folder that a clone does not have (by default
../shared/observations beside the repository) and keeps quantiles, counts and fitted curves only. The bank is committed.

Layout of the file. Q quantile nodes are at equal steps of probability, 0 and 1 included.
  /ground/<channel>/      one entry a real star (E entries)
    magnitude [E]           median magnitude
    points [E]              number of measurements
    night [E, 129]          quantiles of the night number of a visit, counted from the first
    hour [E, 17]            quantiles of the time of a visit within its night, day
    visit_size [E, 9]       quantiles of the number of measurements in a visit
    log_gap [E, 9]          quantiles of log10 of the time between measurements of a visit, day
    log_error [E, 17]       quantiles of log10 of the quoted relative flux error near the median magnitude
    noise_curve [3]         s0, s1, s2 of sigma^2 = s0^2 + s1^2 10^(.4 (m-15)) + s2^2 10^(.8 (m-15)), quoted
    scatter [3]             a, b, s: log10(true scatter / quoted) = a + b excess + N(0, s); excess: log10(quoted / curve)
  /space/TESS:T/          one entry a real sector
    log_excess [E]          log10(quoted relative error / published noise curve)
    log_scatter [E]         log10(true scatter / quoted)
    coverage [E]            good exposures over those that the sector had room for
  /sed/<passband>/        magnitude [M], log_error [M, 9]: quantiles of log10 of the relative flux error at a magnitude
  /parallax/              magnitude [M] (Gaia G), log_excess [M, 9]: log10(catalogue error / pygaia's formula)
Every group has an attribute `source` that says what it was measured from, or which stand-in it is.
"""

import argparse
import csv
import gzip
from pathlib import Path

import h5py
import numpy as np
from scipy.optimize import least_squares

ROOT = Path(__file__).resolve().parents[2]
VISIT_GAP_DAY = 0.02  # measurements closer than this belong to one visit
PHOTON_NOISE_ONLY = ("malca", "skypatrol")  # sources of ASAS-SN Sky Patrol v2 curves (Hart et al. 2023)
SED_GRID = np.arange(0.0, 25.0)  # magnitudes, each passband's own system
MAG_TO_RELATIVE = 0.4 * np.log(10.0)
CITATION = {
    "ASAS-SN": "ASAS-SN (Shappee et al. 2014; Kochanek et al. 2017), public light curves",
    "ZTF": "ZTF (Bellm et al. 2019; Masci et al. 2019), public data release light curves",
    "TESS": "TESS (Ricker et al. 2015), public 2-minute and full-frame light curves from MAST",
}


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


def quantiles(values, count):
    return np.quantile(values, np.linspace(0.0, 1.0, count))


def robust_std(values):
    return 1.4826 * np.median(np.abs(values - np.median(values)))


# ---------------------------------------------------------------------------------------------- ground-based channels


def split_nights(time):
    """Night number and time within the night, with the day cut where the star is observed least."""
    fraction = np.sort(time % 1.0)
    gaps = np.diff(np.append(fraction, fraction[0] + 1.0))
    widest = np.argmax(gaps)
    cut = fraction[widest] + 0.5 * gaps[widest]
    night = np.floor(time - cut)
    return night, time - cut - night


def scatter_over_quoted(time, magnitude, error, period):
    """Robust scatter of differences between neighbours over their quoted error: neighbours in phase for a star with
    a period, else in time (within 1.5 d), so that slow variability does not count."""
    if np.isfinite(period):
        position, reach = (time / period) % 1.0, 0.002
    else:
        position, reach = time, 1.5
    order = np.argsort(position)
    near = np.diff(position[order]) < reach
    if near.sum() < 30:
        return np.nan
    difference = np.diff(magnitude[order])[near]
    quoted = np.hypot(error[order][1:], error[order][:-1])[near]
    return 1.4826 * np.median(np.abs(difference / quoted))


def measure_star(time, magnitude, error, period):
    order = np.argsort(time)
    time, magnitude, error = time[order], magnitude[order], error[order]
    first = np.append(True, np.diff(time) > VISIT_GAP_DAY)
    night, hour = split_nights(time[first])
    sizes = np.diff(np.append(np.flatnonzero(first), len(time)))
    gaps = np.diff(time)[~first[1:]]
    gaps = gaps[gaps > 1e-5]
    usual = np.abs(magnitude - np.median(magnitude)) < 0.3  # out of eclipse
    return {
        "magnitude": np.median(magnitude),
        "points": len(time),
        "night": quantiles(night - night[0], 129),
        "hour": quantiles(hour, 17),
        "visit_size": quantiles(sizes, 9),
        "log_gap": quantiles(np.log10(gaps), 9) if len(gaps) > 5 else np.full(9, -2.8),
        "log_error": quantiles(np.log10(error[usual] * MAG_TO_RELATIVE), 17),
        "scatter": scatter_over_quoted(time, magnitude, error, period),
    }


def noise_curve(parameters, magnitude):
    faintness = 10.0 ** (0.4 * (magnitude - 15.0))
    return np.sqrt(parameters[0] ** 2 + parameters[1] ** 2 * faintness + parameters[2] ** 2 * faintness**2)


def fit(residual, start):
    """Least squares that a few variable stars do not pull."""
    return least_squares(residual, start, loss="soft_l1", f_scale=0.1, bounds=(-5.0, 5.0)).x


def write_ground(bank, name, stars, source):
    """The noise curve is fitted to the pipelines whose errors include the systematic ones (`full_errors`). The others
    quote photon noise alone: their stars lie below the curve, and scatter by more than they quote."""
    group = bank.create_group(f"ground/{name}")
    group.attrs["source"] = f"measured: {source}; {len(stars)} stars"
    for key in ("magnitude", "points", "night", "hour", "visit_size", "log_gap", "log_error"):
        group[key] = np.array([star[key] for star in stars], dtype="f4")
    magnitude = np.array([star["magnitude"] for star in stars])
    median = np.array([star["log_error"][8] for star in stars])
    full = np.array([star["full_errors"] for star in stars])
    curve = 10.0 ** fit(lambda p: np.log10(noise_curve(10.0**p, magnitude[full])) - median[full], [-2.0, -2.0, -2.0])
    group["noise_curve"] = curve
    excess = median - np.log10(noise_curve(curve, magnitude))
    scatter = np.log10([star["scatter"] for star in stars])
    known = np.isfinite(scatter)
    intercept, slope = fit(lambda p: p[0] + p[1] * excess[known] - scatter[known], [0.0, 0.0])
    residual = scatter[known] - intercept - slope * excess[known]
    group["scatter"] = [intercept, slope, robust_std(residual)]
    low, mid, high = 10.0 ** np.quantile(scatter[known], [0.1, 0.5, 0.9])
    print(f"{name:10s} {len(stars):3d} stars, {magnitude.min():.1f} to {magnitude.max():.1f} mag, curve {curve}, "
          f"excess {excess.min():.2f} to {excess.max():.2f} dex, scatter/quoted {low:.2f} {mid:.2f} {high:.2f} "
          f"(a b s = {intercept:.3f} {slope:.3f} {robust_std(residual):.3f})")


def measure_ground(bank, folder):
    known = read_table(folder / "eclipsing_binaries.csv")
    periods = dict(zip(known["obj"], numbers(known["period"])))

    asassn = read_table(folder / "asassn_lightcurves.csv.gz")
    time, magnitude, error = (numbers(asassn[key]) for key in ("t", "mag", "mag_err"))
    good = np.isfinite(magnitude) & (error > 0) & (error < 1) & (asassn["quality"] != "B")
    ztf = read_table(folder / "ztf_lightcurves.csv.gz")
    flags = numbers(ztf["catflags"])
    # ztfperiodic's magnitudes are relative to each star's median: no use for an error as a function of magnitude.
    ztf_good = (flags == 0) & (ztf["src"] != "ztfperiodic")
    ztf_time, ztf_mag, ztf_error = (numbers(ztf[key]) for key in ("t_hjd", "mag", "magerr"))
    ztf_good &= np.isfinite(ztf_mag) & (ztf_error > 0) & (ztf_error < 1)

    for name, band, table, mask, columns in (
        ("ASAS-SN:V", "V", asassn, good, (time, magnitude, error)),
        ("ASAS-SN:g", "g", asassn, good, (time, magnitude, error)),
        ("ZTF:g", "zg", ztf, ztf_good, (ztf_time, ztf_mag, ztf_error)),
        ("ZTF:r", "zr", ztf, ztf_good, (ztf_time, ztf_mag, ztf_error)),
    ):
        stars = []
        for star in np.unique(table["obj"][mask]):
            rows = mask & (table["band"] == band) & (table["obj"] == star)
            if rows.sum() >= 50:
                stars.append(measure_star(*(column[rows] for column in columns), periods.get(star, np.nan)))
                stars[-1]["full_errors"] = table["src"][rows][0] not in PHOTON_NOISE_ONLY
        write_ground(bank, name, stars, CITATION[name.split(":")[0]])


# ------------------------------------------------------------------------------------------------------ space missions


def tess_noise_curve(tmag, exposure_s):
    """Relative error; Stassun et al. (2018, AJ 156, 102), a fit to Sullivan et al. (2015); flat below T = 4.98."""
    log_ppm = np.polyval([4.73508403525e-5, -0.0022308015894, 0.0395908321369, -0.285041632435, 0.850021465753,
                          3.29685004771], np.maximum(tmag, 4.97756051))
    return 1e-6 * np.exp(log_ppm) * np.sqrt(3600.0 / exposure_s)


def measure_tess(bank, folder):
    index = read_table(folder / "tess_eb_index.csv")
    curves = np.load(folder / "tess_eb_lightcurves.npz")
    excess, scatter, coverage = [], [], []
    for key, tmag, cadence in zip(index["key"], numbers(index["tmag"]), numbers(index["cadence_s"])):
        flux, error, raw = (curves[f"{key}_{name}"] for name in ("pdcsap", "sap_err", "sap"))
        good = np.isfinite(flux) & np.isfinite(error) & (curves[f"{key}_quality"] == 0)
        quoted = np.median(error[good] / raw[good])
        # Second differences of neighbours: the star's own change over two exposures cancels to first order.
        noise = robust_std(np.diff(flux[good] / np.median(flux[good]), 2)) / np.sqrt(6.0)
        excess.append(np.log10(quoted / tess_noise_curve(tmag, cadence)))
        scatter.append(np.log10(noise / quoted))
        coverage.append(good.sum() * cadence / 86400.0 / 27.4)
    group = bank.create_group("space/TESS:T")
    group.attrs["source"] = f"measured: {CITATION['TESS']}; {len(excess)} sectors of eclipsing binaries"
    group["log_excess"], group["log_scatter"], group["coverage"] = (np.sort(x) for x in (excess, scatter, coverage))
    print(f"TESS:T     {len(excess)} sectors, quoted/curve {10**np.median(excess):.2f} ({np.std(excess):.2f} dex), "
          f"scatter/quoted {10**np.median(scatter):.2f}, coverage {np.median(coverage):.2f}")


# ------------------------------------------------------------------------------------------------- broadband photometry


def error_table(magnitude, relative_error):
    """Quantiles of log10 relative error on SED_GRID. Bins of 1 mag with fewer than 8 stars are filled: between
    measured bins linearly; brighter as the brightest measured; fainter as sky-limited, +.4 dex a magnitude."""
    table = np.full((len(SED_GRID), 9), np.nan)
    ok = np.isfinite(magnitude) & np.isfinite(relative_error) & (relative_error > 0)
    magnitude, log_error = magnitude[ok], np.log10(relative_error[ok])
    for row, centre in enumerate(SED_GRID):
        inside = np.abs(magnitude - centre) <= 0.5
        if inside.sum() >= 8:
            table[row] = quantiles(log_error[inside], 9)
    measured = np.flatnonzero(np.isfinite(table[:, 0]))
    for column in table.T:
        column[:] = np.interp(SED_GRID, SED_GRID[measured], column[measured])
    faintest = measured[-1]
    table[faintest + 1:] += 0.4 * (SED_GRID[faintest + 1:] - SED_GRID[faintest])[:, None]
    return table, SED_GRID[measured[0]], SED_GRID[faintest]


def write_sed(bank, name, table, source):
    group = bank.create_group(f"sed/{name}")
    group.attrs["source"] = source
    group["magnitude"] = SED_GRID
    group["log_error"] = table.astype("f4")
    print(f"{name:12s} {10**table[10, 4]:.4f} {10**table[15, 4]:.4f} {10**table[20, 4]:.4f} at 10, 15, 20 mag: {source}")


def raise_when_saturated(table, magnitude, relative_error):
    """Catalogue errors of saturated stars: at least `relative_error`, with the spread of the table kept."""
    bright = SED_GRID < magnitude
    table[bright] += np.maximum(0.0, np.log10(relative_error) - table[bright, 4])[:, None]
    return table


def measure_sed(bank, folder):
    m67 = {key: numbers(column) for key, column in read_table(folder / "sed_m67_1585.csv.gz").items()
           if not key.startswith("payne") and key != "source_id"}
    catalogue = "in the field of M67 (1585 stars, as compiled for brutus, Speagle et al. 2021)"
    for band, column, survey in (
        [("GALEX:NUV", "GALEX_NUV", "GALEX")]
        + [(f"PanSTARRS:{x}", f"PS_{x}", "Pan-STARRS1") for x in "grizy"]
        + [(f"SDSS:{x}", f"SDSS_{x}", "SDSS") for x in "ugriz"]
        + [(f"2MASS:{x}", f"2MASS_{x}", "2MASS") for x in ("J", "H", "Ks")]
        + [("WISE:W1", "WISE_W1", "AllWISE")]
    ):
        magnitude = m67[column]
        if survey == "SDSS":  # brighter stars saturate, and their quoted errors of 1e-4 mean nothing
            magnitude = np.where(magnitude > 13.5, magnitude, np.nan)
        table, bright, faint = error_table(magnitude, m67[column + "_Err"] * MAG_TO_RELATIVE)
        source = f"measured: {survey} {catalogue}, {bright:.0f} to {faint:.0f} mag"
        if survey == "2MASS":  # read 1 saturates: Skrutskie et al. (2006), section 4.1
            table = raise_when_saturated(table, 5.5, 0.2)
            source += "; 20% above the saturation limit of 5.5 mag"
        if survey == "AllWISE":  # Cutri et al. (2012), section VI.3: fits to the wings of saturated stars
            table = raise_when_saturated(table, 8.0, 0.03)
            table = raise_when_saturated(table, 5.0, 0.07)
            source += "; 3% above the saturation limit of 8 mag, 7% above 5 mag"
        write_sed(bank, band, table, source)
        if band == "GALEX:NUV":
            write_sed(bank, "GALEX:FUV", table + np.log10(1.5), "stand-in: 1.5 times GALEX NUV at the same magnitude")
        if band == "SDSS:u":
            write_sed(bank, "Johnson:U", table, "stand-in: SDSS u at the same magnitude (the paper, section 2.3)")
        if band == "PanSTARRS:r":
            write_sed(bank, "PanSTARRS:w", table, "stand-in: Pan-STARRS1 r at the same magnitude")

    # APASS-like: a floor of 1.5%, 2% more at 15 mag, .2 dex of scatter (Henden et al. 2016 quote about .02 mag).
    spread = np.array([-2.0, -1.15, -0.67, -0.32, 0.0, 0.32, 0.67, 1.15, 2.0]) * 0.2  # octiles of a normal, cut at 2 sigma
    for band in "BV":
        median = np.hypot(0.015, 0.02 * 10.0 ** (0.4 * (SED_GRID - 15.0)))
        write_sed(bank, f"Johnson:{band}", np.log10(median)[:, None] + spread, "stand-in: APASS-like, floor 1.5%")

    dr3 = [read_table(folder / f) for f in ("gaia_dr3_sample1000.csv.gz", "gaia_dr3_field_2390.csv.gz")]
    dr2 = read_table(folder / "gaia_dr2_g16_32691.csv.gz")
    for band, key in (("Gaia:G", "g"), ("Gaia:BP", "bp"), ("Gaia:RP", "rp")):
        magnitude = np.concatenate([numbers(t[f"phot_{key}_mean_mag"]) for t in dr3])
        error = np.concatenate([1.0 / numbers(t[f"phot_{key}_mean_flux_over_error"]) for t in dr3])
        bright = numbers(dr2[f"phot_{key}_mean_mag"])
        bright_error = numbers(dr2[f"phot_{key}_mean_flux_error"]) / numbers(dr2[f"phot_{key}_mean_flux"])
        keep = bright < 14.0
        table, low, high = error_table(np.append(magnitude, bright[keep]), np.append(error, bright_error[keep]))
        write_sed(bank, band, table, f"measured: Gaia DR3, and DR2 above 14 mag, {low:.0f} to {high:.0f} mag")


# ------------------------------------------------------------------------------------------------------------- parallax


def pygaia_parallax_error_mas(g):
    """Gaia DR3, pygaia 3.2: sigma = sqrt(40 + 800 z + 30 z^2) uas."""
    z = 10.0 ** (0.4 * (np.maximum(g, 13.0) - 15.0))
    return 1e-3 * np.sqrt(40.0 + 800.0 * z + 30.0 * z**2)


def measure_parallax(bank, folder):
    magnitude, error = [], []
    for file in ("gaia_dr3_sample1000.csv.gz", "gaia_dr3_field_2390.csv.gz"):
        table = read_table(folder / file)
        keep = (numbers(table["ruwe"]) < 1.4) & (numbers(table["visibility_periods_used"]) >= 9)  # the paper's cuts
        magnitude.append(numbers(table["phot_g_mean_mag"])[keep])
        error.append(numbers(table["parallax_error"])[keep])
    table = read_table(folder / "gaia_dr3_asteca_field_8683.csv.gz")
    magnitude.append(numbers(table["Gmag"]))
    error.append(numbers(table["e_Plx"]))
    magnitude, error = np.concatenate(magnitude), np.concatenate(error)
    excess = np.log10(error / pygaia_parallax_error_mas(magnitude))
    ok = np.isfinite(excess)
    grid = np.arange(10.0, 21.0)
    rows, centres = [], []
    for centre in grid:
        inside = ok & (np.abs(magnitude - centre) <= 0.5)
        if inside.sum() >= 20:
            centres.append(centre)
            rows.append(quantiles(excess[inside], 9))
    group = bank.create_group("parallax")
    group.attrs["source"] = f"measured: Gaia DR3, {ok.sum()} sources, relative to pygaia's formula"
    group["magnitude"] = centres
    group["log_excess"] = np.array(rows, dtype="f4")
    print(f"parallax   {ok.sum()} sources, G {centres[0]:.0f} to {centres[-1]:.0f}, "
          f"median excess {', '.join(f'{r[4]:.2f}' for r in rows)} dex")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--observations", type=Path, default=ROOT.parent / "shared" / "observations")
    parser.add_argument("--output", type=Path, default=ROOT / "data" / "banks" / "surveys.h5")
    arguments = parser.parse_args()
    if not arguments.observations.is_dir():
        raise SystemExit(f"{arguments.observations} is not there: the committed bank stays as it is")
    partial = arguments.output.with_name(arguments.output.name + ".partial")
    with h5py.File(partial, "w", track_order=False) as bank:
        bank.attrs["source"] = "data/recipes/measure_surveys.py: quantiles and fits, no observation"
        bank.attrs["format"] = 1
        measure_ground(bank, arguments.observations)
        measure_tess(bank, arguments.observations)
        measure_sed(bank, arguments.observations)
        measure_parallax(bank, arguments.observations)
    partial.replace(arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
