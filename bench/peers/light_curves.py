"""Light curves by PHOEBE and ellc, checked against Penumbra's and then timed on one core.

For every system of systems.csv: the out-of-eclipse-normalised curve of each program in one band (blackbody, linear limb
darkening, no reflection) must agree with Penumbra's, or nothing is timed and the exit code is 1. Then both peers do the
benchmark's light curves: four bands, 500 epochs each. PHOEBE ships one filter, Johnson V, so its four bands are four
datasets in it; with the tables of Castelli & Kurucz (2004), Horvat's reflection and 1500 triangles a star, as in the
paper. ellc: Roche stars, its default grid, no reflection.

usage: .venv-peers/bin/python bench/peers/light_curves.py --penumbra build/default/bin/penumbra --out peers.json
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["PHOEBE_ENABLE_ONLINE_PASSBANDS"] = "FALSE"

import ellc  # noqa: E402: after the environment that it reads
import numpy as np  # noqa: E402
import phoebe  # noqa: E402
from phoebe.atmospheres import passbands  # noqa: E402
from scipy import constants, optimize  # noqa: E402

# Largest |difference| of the normalised curves over all phases. PHOEBE at 1500 triangles is 1.5e-4 to 4.9e-4 off its own
# limit of fine meshes; ellc, which ties gravity darkening to the pole, 1e-3 to 4e-3 off PHOEBE's.
TOLERANCE = {"phoebe": 6e-4, "ellc": 5e-3}
CHECK_PHASES = np.linspace(-0.5, 0.5, 201)
TIMED_BANDS, TIMED_EPOCHS = 4, 500
ELLC_TRIES = 5


def read_csv(file):
    """Its rows as {column: number}; lines that start with '#' are comments."""
    rows = csv.DictReader(line for line in file.read_text().splitlines() if not line.startswith("#"))
    return [{key: float(value) for key, value in row.items()} for row in rows]


def sky_separation(s, phase):
    """Projected distance of the centres over the semi-major axis; phase 0 is superior conjunction of the primary."""
    e, omega = s["eccentricity"], np.radians(s["omega_deg"])
    conjunction = np.pi / 2 - omega
    at_conjunction = 2 * np.arctan(np.sqrt((1 - e) / (1 + e)) * np.tan(conjunction / 2))
    mean = at_conjunction - e * np.sin(at_conjunction) + 2 * np.pi * np.asarray(phase)
    eccentric = mean
    for _ in range(50):
        eccentric = eccentric - (eccentric - e * np.sin(eccentric) - mean) / (1 - e * np.cos(eccentric))
    true = 2 * np.arctan(np.sqrt((1 + e) / (1 - e)) * np.tan(eccentric / 2))
    sine = np.sin(np.radians(s["inclination_deg"])) * np.sin(true + omega)
    return (1 - e * np.cos(eccentric)) * np.sqrt(1 - sine**2)


def normalised(s, flux):
    outside = sky_separation(s, CHECK_PHASES) > 1.06 * (s["radius1_rsun"] + s["radius2_rsun"]) / s["sma_rsun"]
    return flux / flux[outside].mean()


def penumbra_curve(program, s, filter_table, folder):
    stars = "".join(f"""
[{name}]
radius_rsun = {s[f"radius{n}_rsun"]}
teff_k = {s[f"teff{n}_k"]}
gravity_darkening = {s[f"gravity_darkening{n}"]}
[{name}.limb_darkening]
law = "linear"
coefficients = [{s[f"limb_darkening{n}"]}]
""" for n, name in ((1, "primary"), (2, "secondary")))
    orbit = "\n".join(f"{key} = {s[key]}"
                      for key in ("period_day", "sma_rsun", "q", "inclination_deg", "eccentricity", "omega_deg"))
    (folder / "system.toml").write_text(
        f'[system]\n{orbit}\n{stars}\n[atmosphere]\nmodel = "blackbody"\npassband_file = "filter.csv"\n'
        'weighting = "energy"\n[effects]\nreflection = "none"\n')
    np.savetxt(folder / "filter.csv", filter_table, delimiter=",", header="wavelength_m,transmission", comments="")
    np.savetxt(folder / "phases.csv", CHECK_PHASES, header="phase", comments="")
    subprocess.run([program, "lightcurve", folder / "system.toml", "--phases", folder / "phases.csv",
                    "--out", folder / "curve.csv"], check=True, stdout=subprocess.DEVNULL)
    return np.array([row["flux"] for row in read_csv(folder / "curve.csv")])


def phoebe_bundle(s, bands, phases, blackbody):
    b = phoebe.default_binary()
    for name, value in (("period", s["period_day"]), ("sma", s["sma_rsun"]), ("q", s["q"]), ("incl", s["inclination_deg"]),
                        ("ecc", s["eccentricity"]), ("per0", s["omega_deg"]), ("t0_supconj", 0.0)):
        b.set_value(f"{name}@binary@component", value)
    for n, star in ((1, "primary"), (2, "secondary")):
        b.set_value(f"requiv@{star}@component", s[f"radius{n}_rsun"])
        b.set_value(f"teff@{star}@component", s[f"teff{n}_k"])
        b.set_value(f"gravb_bol@{star}", s[f"gravity_darkening{n}"])
    for k in range(bands):
        b.add_dataset("lc", compute_times=phases * s["period_day"], passband="Johnson:V", dataset=f"lc{k}")
    b.set_value_all("atm", "blackbody" if blackbody else "ck2004")
    if blackbody:
        b.set_value_all("ld_mode", context="dataset", value="manual")
        b.set_value_all("ld_func", context="dataset", value="linear")
        for n, star in ((1, "primary"), (2, "secondary")):
            b.set_value_all("ld_coeffs", component=star, context="dataset", value=[s[f"limb_darkening{n}"]])
    b.set_value_all("ld_mode_bol", "manual")
    b.set_value_all("ld_func_bol", "linear")
    b.set_value_all("ld_coeffs_bol", [0.5])
    b.set_value_all("pblum_mode", "absolute")
    b.set_value_all("ntriangles", 1500)
    return b


def phoebe_run(bundle, reflection):
    """CPU seconds of one run; the model stays in the bundle."""
    start = time.process_time()
    bundle.run_compute(irrad_method=reflection, model="timed", overwrite=True)
    return time.process_time() - start


class EllcStars:
    """What ellc needs of a system: it takes the ratio of the discs' brightnesses instead of temperatures."""

    def __init__(self, s, filter_table):
        wavelength, transmission = filter_table.T
        e, omega = s["eccentricity"], np.radians(s["omega_deg"])

        def brightness(teff):
            x = constants.h * constants.c / (wavelength * constants.k * teff)
            return np.trapezoid(transmission / (wavelength**5 * np.expm1(x)), wavelength)

        def gravity_coefficient(n):  # d ln I / d ln g = beta / 4 d ln B / d ln T
            teff = s[f"teff{n}_k"]
            slope = np.log(brightness(1.001 * teff) / brightness(teff / 1.001)) / (2 * np.log(1.001))
            return s[f"gravity_darkening{n}"] / 4 * slope

        nearest = optimize.minimize_scalar(lambda phase: sky_separation(s, phase), bounds=(-0.03, 0.03), method="bounded",
                                           options={"xatol": 1e-10}).x if e > 0 else 0.0
        self.arguments = dict(
            radius_1=s["radius1_rsun"] / s["sma_rsun"], radius_2=s["radius2_rsun"] / s["sma_rsun"],
            sbratio=brightness(s["teff2_k"]) / brightness(s["teff1_k"]), incl=s["inclination_deg"], q=s["q"],
            t_zero=nearest, period=1.0, f_c=np.sqrt(e) * np.cos(omega), f_s=np.sqrt(e) * np.sin(omega), ld_1="lin",
            ld_2="lin", ldc_1=s["limb_darkening1"], ldc_2=s["limb_darkening2"], gdc_1=gravity_coefficient(1),
            gdc_2=gravity_coefficient(2), shape_1="roche", shape_2="roche", grid_1="default", grid_2="default", verbose=0)

    def curve(self, phases):
        return ellc.lc(phases, **self.arguments)


def check(program, systems, filter_table):
    """[{program: largest difference}] and PHOEBE's CPU seconds for these curves."""
    differences, seconds = [], []
    for s in systems:
        with tempfile.TemporaryDirectory() as folder:
            own = normalised(s, penumbra_curve(program, s, filter_table, pathlib.Path(folder)))
        bundle = phoebe_bundle(s, 1, CHECK_PHASES, blackbody=True)
        seconds.append(phoebe_run(bundle, "none"))
        curves = {"phoebe": bundle.get_value("fluxes", context="model"),
                  "ellc": EllcStars(s, filter_table).curve(CHECK_PHASES)}
        differences.append({peer: float(np.abs(normalised(s, flux) - own).max()) for peer, flux in curves.items()})
        print(f"  checked: PHOEBE differs by {differences[-1]['phoebe']:.1e}, ellc by {differences[-1]['ellc']:.1e}", flush=True)
    return differences, seconds


def time_peers(s, filter_table):
    phases = np.linspace(-0.5, 0.5, TIMED_EPOCHS)
    phoebe_s = phoebe_run(phoebe_bundle(s, TIMED_BANDS, phases, blackbody=False), "horvat")
    stars = EllcStars(s, filter_table)
    tries = []
    for _ in range(ELLC_TRIES):
        start = time.process_time()
        for _ in range(TIMED_BANDS):
            stars.curve(phases)
        tries.append(time.process_time() - start)
    print(f"  timed: PHOEBE {phoebe_s:.1f} s, ellc {1e3 * min(tries):.0f} ms", flush=True)
    return {"phoebe_s": phoebe_s, "ellc_s": min(tries)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--penumbra", required=True, help="the penumbra program")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="JSON to write")
    arguments = parser.parse_args()
    phoebe.interactive_checks_off()
    phoebe.progressbars_off()
    table = passbands.get_passband("Johnson:V").ptf_table
    filter_table = np.column_stack([table["wl"], table["fl"]])
    systems = read_csv(pathlib.Path(__file__).parent / "systems.csv")

    differences, one_band_s = check(arguments.penumbra, systems, filter_table)
    bad = [f"system {i + 1}: {peer} differs by {d[peer]:.2e}, allowed {TOLERANCE[peer]:.0e}"
           for i, d in enumerate(differences) for peer in TOLERANCE if not d[peer] <= TOLERANCE[peer]]
    if bad:
        sys.exit("The curves disagree, so nothing was timed:\n" + "\n".join(bad))
    results = [dict(parameters=s, difference=d, phoebe_one_band_s=seconds, **time_peers(s, filter_table))
               for s, d, seconds in zip(systems, differences, one_band_s)]
    arguments.out.write_text(json.dumps({"phoebe": phoebe.__version__, "ellc": ellc.__version__, "tolerance": TOLERANCE,
                                         "systems": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
