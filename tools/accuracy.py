"""The forward model against PHOEBE 2.5.4 and ellc 1.8.15, system by system: a table and a figure.

    python tools/accuracy.py [--program build/default/bin/penumbra] [--peers FOLDER] [--out docs]

FOLDER holds the peers' curves (params.json, sNN.csv, ptf_johnsonV.csv); by default $PENUMBRA_SHARED/peers/phoebe.
Writes accuracy.md and accuracy.png. Takes what `make accuracy` has left there too, accuracy_draws.csv and
accuracy_bands.csv: the errors over draws of the prior. PHOEBE's error falls as 1 / triangles, so the limit of its two
meshes is the reference: F = F(10000) + (F(10000) - F(1500)) 1500 / 8500. Every curve is divided by its own mean out of
eclipse.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
COARSE, FINE = 1500, 10000
# Okabe and Ito's colours, which the colour-blind tell apart.
DATA, MODEL, OTHER = "#000000", "#D55E00", "#0072B2"


def system_file(case, law, reflection):
    """One of the peers' systems as a system file."""
    coefficients = {
        "lin": [[case[f"ld_lin{k}"]] for k in (1, 2)],
        "log": [case[f"ld_log{k}"] for k in (1, 2)],
    }[law]
    lines = [
        "[system]",
        f"period_day = {float(case['period_d'])}",
        f"sma_rsun = {float(case['sma_Rsun'])}",
        f"q = {float(case['q'])}",
        f"inclination_deg = {float(case['incl_deg'])}",
        f"eccentricity = {float(case['ecc'])}",
        f"omega_deg = {float(case['per0_deg'])}",
    ]
    for k, name in ((1, "primary"), (2, "secondary")):
        lines += [
            f"[{name}]",
            f"radius_rsun = {float(case[f'r{k}']) * float(case['sma_Rsun'])!r}",
            f"teff_k = {float(case[f'teff{k}'])}",
            f"gravity_darkening = {float(case[f'gravb{k}'])}",
            f"albedo = {float(case[f'irrad_frac_refl{k}'])}",
            f"bolometric_limb_darkening = {float(case['ld_bol_lin'])}",
            f"[{name}.limb_darkening]",
            f'law = "{dict(lin="linear", log="logarithmic")[law]}"',
            f"coefficients = {[float(c) for c in coefficients[k - 1]]}",
        ]
    lines += [
        "[atmosphere]",
        'model = "blackbody"',
        'passband_file = "passband.csv"',
        "[effects]",
        f'reflection = "{reflection}"',
    ]
    return "\n".join(lines) + "\n"


def read_passband(path):
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


class Program:
    """`penumbra lightcurve`, run in a folder of its own."""

    def __init__(self, program, peers, folder):
        self.program, self.folder = program, Path(folder)
        rows = [line.split(",") for line in read_passband(peers / "ptf_johnsonV.csv")]
        text = "wavelength_m,transmission\n" + "".join(f"{float(w)!r},{float(t)!r}\n" for w, t in rows)
        (self.folder / "passband.csv").write_text(text)

    def flux(self, case, phase, law, reflection="none"):
        (self.folder / "system.toml").write_text(system_file(case, law, reflection))
        np.savetxt(self.folder / "phases.csv", phase, header="phase", comments="", fmt="%.17g")
        command = [self.program, "lightcurve", "system.toml", "--phases", "phases.csv", "--out", "curve.csv"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")
        lines = [line for line in (self.folder / "curve.csv").read_text().splitlines() if not line.startswith("#")]
        return np.genfromtxt(lines, delimiter=",", names=True)["flux"]


def projected_distance(case, phase):
    """Of the two centres, in semi-major axes."""
    e, omega = case["ecc"], np.radians(case["per0_deg"])
    true = np.pi / 2 - omega
    start = 2 * np.arctan2(np.sqrt(1 - e) * np.sin(true / 2), np.sqrt(1 + e) * np.cos(true / 2))
    mean = 2 * np.pi * np.asarray(phase) + start - e * np.sin(start)
    anomaly = mean.copy()
    for _ in range(200):
        anomaly = mean + e * np.sin(anomaly)
    x, y = np.cos(anomaly) - e, np.sqrt(1 - e * e) * np.sin(anomaly)
    along_node, across = x * np.cos(omega) - y * np.sin(omega), x * np.sin(omega) + y * np.cos(omega)
    return np.hypot(along_node, across * np.cos(np.radians(case["incl_deg"])))


def extrapolated(curves, name):
    coarse, fine = (curves[f"phoebe_{name}_{count}"] for count in (COARSE, FINE))
    return fine + (fine - coarse) * COARSE / (FINE - COARSE)


def compare(flux, reference, out_of_eclipse):
    """Largest difference of the curves divided by their means out of eclipse, and the ratio of these less 1."""
    means = [values[out_of_eclipse].mean() for values in (flux, reference)]
    return np.abs(flux / means[0] - reference / means[1]).max(), means[0] / means[1] - 1


def table(cases, peers, program):
    yield (
        "| system | R1/a, R2/a | e | i [deg] | Penumbra, linear law | Penumbra, logarithmic law | absolute flux |"
        " PHOEBE, 1,500 triangles | PHOEBE, 10,000 | ellc, Roche |"
    )
    yield "|" + "---|" * 10
    worst = np.zeros(6)
    for case in cases:
        curves = np.genfromtxt(peers / f"{case['id']}.csv", delimiter=",", names=True)
        outside = projected_distance(case, curves["phase"]) > 1.06 * (case["r1"] + case["r2"])
        reference = extrapolated(curves, "bb_lin")
        linear, ratio = compare(program.flux(case, curves["phase"], "lin"), reference, outside)
        logarithmic, _ = compare(
            program.flux(case, curves["phase"], "log"), extrapolated(curves, "bb_log"), outside
        )
        others = [
            compare(curves[name], reference, outside)[0]
            for name in (f"phoebe_bb_lin_{COARSE}", f"phoebe_bb_lin_{FINE}", "ellc_roche_default")
        ]
        row = [linear, logarithmic, ratio, *others]
        worst = np.maximum(worst, np.abs(row))
        yield (
            f"| {case['id']}: {case['note']} | {case['r1']}, {case['r2']} | {case['ecc']} | {case['incl_deg']} |"
            f" {linear:.1e} | {logarithmic:.1e} | {ratio:+.1e} |" + "".join(f" {value:.1e} |" for value in others)
        )
    yield "| **largest** | | | |" + "".join(f" **{value:.1e}** |" for value in worst)


HEAD = """# Accuracy of the light curves

Made by `tools/accuracy.py` from the program and the peers' curves: PHOEBE 2.5.4 and ellc 1.8.15, blackbody stars in
Johnson V, no reflection, 201 phases a system. The reference is PHOEBE extrapolated from its meshes of 1,500 and 10,000
triangles; every curve is divided by its mean out of eclipse, and a cell is the largest difference over the phases.
"absolute flux" is the ratio of our mean out of eclipse to the reference's, less 1. The reference's own noise is a few
1e-5. ellc fixes gravity darkening at the pole, which shows in close pairs.

"""


def read_table(path):
    lines = [line.split(",") for line in path.read_text().splitlines()]
    return [dict(zip(lines[0], row)) for row in lines[1:]]


OVER_PRIOR = """
## Over the prior

Made by `make accuracy`: largest difference of a curve, as a share of the flux out of eclipse, at 40 phases, most of them
in eclipses and at their contacts, interpolation to the phases included. The reference is the project's own plain mesh
(`tests/sim/reference_mesh.h`: rings of flat elements, extrapolated from two meshes, itself good to some 3e-6), which
shares no formula with the model; the stars heat each other to and fro by Horvat's and by Wilson's scheme, with the
albedos that simulated binaries have. "precise" has more points, and maps of what heating's polynomial leaves out
(`sim/heat_map.h`).

"""

BANDS = """
The default setting against `precise` in every passband, 200 draws, heating's approximation included. No light curve is
simulated short of Johnson B; steep spectra there make a star's heated side and its tip count for more.

"""

SED = """
## Spectral energy distributions

At the models of MIST's bolometric corrections the SED of two distant stars agrees with them to 1e-3 in all 23 bands; between
the models with a spline in log Teff to 1e-3 but for GALEX, 1e-2 there (`tests/data/sed_test.py`). Models lie 250 K apart, and
what is true between them is a matter of definition: in GALEX a spline itself misses a model that is left out by up to 4e-2,
and straight lines in Teff and in log Teff differ by up to 1e-2 ([notes](notes.md) lists more).
"""


def row_of(cells):
    return "| " + " | ".join(map(str, cells)) + " |\n"


def markdown(names):
    return row_of(names) + row_of(["---"] * len(names))


def over_prior(folder):
    """Sections from the files of `make accuracy`."""
    draws, bands = folder / "accuracy_draws.csv", folder / "accuracy_bands.csv"
    text = ""
    if draws.exists():
        rows = read_table(draws)
        text += OVER_PRIOR + markdown(["reflection", "draws", "setting", "median", "90%", "99%", "largest", "its draw"])
        for scheme, setting in itertools.product(("horvat", "wilson"), ("default", "precise")):
            chosen = [(float(row[setting]), row["draw"]) for row in rows if row["reflection"] == scheme]
            errors = [error for error, _ in chosen]
            quantiles = [f"{np.quantile(errors, p, method='lower'):.1e}" for p in (0.5, 0.9, 0.99)]
            largest, draw = max(chosen)
            text += row_of([scheme, len(chosen), setting, *quantiles, f"{largest:.1e}", draw])
    if bands.exists():
        rows = read_table(bands)
        text += BANDS + markdown(rows[0].keys()) + "".join(row_of(row.values()) for row in rows)
    return text + SED


def figure(cases, peers, program, path):
    """An eclipsing, an eccentric and a reflecting system, with residuals from PHOEBE."""
    panels = [
        ("s01", "Eclipsing", "lin", "none", "bb_lin"),
        ("s13", "Eccentric, $e = 0.3$", "log", "none", "bb_log"),
        ("s06", "Close, mutually heated", "lin", "horvat", "bb_lin_horvat"),
    ]
    plt.rcParams.update({"font.size": 8, "axes.linewidth": 0.6, "font.family": "serif", "mathtext.fontset": "dejavuserif"})
    figure, axes = plt.subplots(
        2, 3, figsize=(7.1, 3.6), sharex="col", height_ratios=[2.4, 1], layout="constrained"
    )
    by_id = {case["id"]: case for case in cases}
    for column, (name, title, law, reflection, run) in enumerate(panels):
        case = by_id[name]
        curves = np.genfromtxt(peers / f"{name}.csv", delimiter=",", names=True)
        phase = curves["phase"]
        outside = projected_distance(case, phase) > 1.06 * (case["r1"] + case["r2"])
        flux = program.flux(case, phase, law, reflection)
        if reflection == "none":
            reference, label = extrapolated(curves, run), "extrapolated"
        else:  # run on one mesh only: its effect, on the extrapolated curve without it
            reference = extrapolated(curves, "bb_lin") * curves[f"phoebe_{run}_{COARSE}"] / curves[f"phoebe_bb_lin_{COARSE}"]
            label = "extrapolated, Horvat"
        mean, reference_mean = flux[outside].mean(), reference[outside].mean()
        dense = np.linspace(phase.min(), phase.max(), 2000)
        top, bottom = axes[:, column]
        top.plot(dense, program.flux(case, dense, law, reflection) / mean, color=MODEL, lw=1.0, label="Penumbra")
        top.plot(phase[::2], reference[::2] / reference_mean, ".", color=DATA, ms=2.2, label=f"PHOEBE ({label})")
        if reflection != "none":
            dark = program.flux(case, dense, law)
            top.plot(dense, dark / mean, color=OTHER, lw=0.8, ls="--", label="Penumbra, no heating")
        bottom.axhline(0.0, color="0.6", lw=0.6)
        residual = 1e5 * (flux / mean - reference / reference_mean)
        bottom.plot(phase, residual, ".", color=MODEL, ms=2.2)
        reach = max(10.0, 1.15 * np.abs(residual).max())
        bottom.set_ylim(-reach, reach)
        top.set_title(title, fontsize=8)
        bottom.set_xlabel("Orbital phase")
        low, high = top.get_ylim()
        top.set_ylim(low - 0.3 * (high - low), high)  # room for the legend
        top.legend(frameon=False, fontsize=6.2, loc="lower center", handlelength=1.4)
        for axis in (top, bottom):
            axis.tick_params(direction="in", top=True, right=True, width=0.6)
    axes[0, 0].set_ylabel("Flux / mean out of eclipse")
    axes[1, 0].set_ylabel(r"Penumbra $-$ PHOEBE" "\n" r"[$10^{-5}$]")
    figure.align_ylabels(axes[:, 0])
    figure.savefig(path, dpi=200)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=REPOSITORY / "build/default/bin/penumbra")
    parser.add_argument(
        "--peers", type=Path, default=Path(os.environ.get("PENUMBRA_SHARED", REPOSITORY / "../shared")) / "peers/phoebe"
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs")
    arguments = parser.parse_args()
    peers = arguments.peers
    if not (peers / "params.json").exists():
        sys.exit(f"{peers / 'params.json'}: not found; --peers names the folder of the peers' curves")
    cases = json.loads((peers / "params.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        program = Program(arguments.program.resolve(), peers, folder)
        text = HEAD + "\n".join(table(cases, peers, program)) + "\n\n![Light curves and residuals](accuracy.png)\n"
        text += over_prior(arguments.out)
        figure(cases, peers, program, arguments.out / "accuracy.png")
    (arguments.out / "accuracy.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
