#!/usr/bin/env python3
"""emcee with ellc on the systems that experiment_timing wrote, and with PHOEBE extrapolated from one call.

usage: .venv-peers/bin/python experiments/timing/peers.py CONFIG.toml OUT

ellc's model of each light curve, at the true system, must agree with ours, or nothing is timed and the exit code is 1. Then
emcee samples ellc's own parameters: the sum and the ratio of the radii over the semi-major axis, cos i, sqrt(e) cos omega and
sqrt(e) sin omega, q, and for each channel the logarithm of the ratio of the surface brightnesses. Limb and gravity darkening
are those of the truth, and the walkers start close to it: both spare the peer work. The level of a light curve and the scale
of its errors are integrated out in closed form (flat level, 1/f), as our likelihood does with its own law of f.
PHOEBE would need as many calls for as many effective samples: their number times the processor time of one.
"""

import json
import os
import sys
import time
import tomllib
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "peers"))

import ellc  # noqa: E402: after the environment that it reads
import emcee  # noqa: E402
import light_curves as bench  # noqa: E402
import numpy as np  # noqa: E402
import phoebe  # noqa: E402
from scipy import optimize  # noqa: E402

TOLERANCE = bench.TOLERANCE["ellc"]  # largest |difference| of a curve, relative to its median
GRID = "sparse"  # 3e-4 from ellc's default grid in half the time
LONG_EXPOSURE = 1e-3  # in periods: shorter ones are taken as instants
BURN_IN = 0.25  # of the chain
ENOUGH_TIMES = 50  # autocorrelation times that emcee asks of a chain
BOUNDS = [("radius_sum", 0.005, 0.8), ("radius_ratio", 0.05, 5.0), ("cos_i", 0.0, 1.0), ("f_c", -1.0, 1.0),
          ("f_s", -1.0, 1.0), ("q", 0.05, 1.0)]
LOG_RATIO_BOUND = 6.0


class Model:
    """ellc's light curves of one system in its natural parameters."""

    def __init__(self, problem):
        system = problem["system"]
        self.curves = problem["curves"]
        for curve in self.curves:
            for key in ("phase", "flux", "sigma", "model"):
                curve[key] = np.array(curve[key])
            curve["weight"] = curve["sigma"] ** -2.0
            curve["exposure"] = curve["exposure_day"] / system["period_day"]
        e, omega = system["eccentricity"], np.radians(system["omega_deg"])
        r1, r2 = (system[f"radius{n}_rsun"] / system["sma_rsun"] for n in (1, 2))
        self.truth = np.array([r1 + r2, r2 / r1, np.cos(np.radians(system["inclination_deg"])), np.sqrt(e) * np.cos(omega),
                               np.sqrt(e) * np.sin(omega), system["q"]]
                              + [np.log(curve["brightness_ratio"]) for curve in self.curves])
        self.low, self.high = (np.array([bound[k] for bound in BOUNDS] + [sign * LOG_RATIO_BOUND] * len(self.curves))
                               for k, sign in ((1, -1.0), (2, 1.0)))

    def fluxes(self, theta):
        """One array a curve; None where ellc has no answer."""
        radius_sum, ratio, cos_i, f_c, f_s, q = theta[:6]
        e = f_c**2 + f_s**2
        s = dict(eccentricity=e, omega_deg=np.degrees(np.arctan2(f_s, f_c)), inclination_deg=np.degrees(np.arccos(cos_i)))
        # ellc counts from the smallest separation on the sky; phase 0 is conjunction.
        nearest = optimize.minimize_scalar(lambda phase: bench.sky_separation(s, phase), bounds=(-0.03, 0.03),
                                           method="bounded", options={"xatol": 1e-8}).x if e > 1e-8 else 0.0
        out = []
        for curve, log_ratio in zip(self.curves, theta[6:]):
            long = curve["exposure"] > LONG_EXPOSURE
            flux = ellc.lc(curve["phase"], radius_1=radius_sum / (1 + ratio), radius_2=radius_sum * ratio / (1 + ratio),
                           sbratio=np.exp(log_ratio), incl=s["inclination_deg"], q=q, t_zero=nearest, period=1.0, f_c=f_c,
                           f_s=f_s, ld_1="claret", ld_2="claret", ldc_1=curve["limb_darkening"][0],
                           ldc_2=curve["limb_darkening"][1], gdc_1=curve["gravity_darkening"][0],
                           gdc_2=curve["gravity_darkening"][1], shape_1="roche", shape_2="roche", grid_1=GRID, grid_2=GRID,
                           t_exp=curve["exposure"] if long else None, n_int=5 if long else None, verbose=0)
            if not np.all(np.isfinite(flux)) or np.any(flux <= 0):
                return None
            out.append(flux)
        return out

    def log_density(self, theta):
        if np.any(theta <= self.low) or np.any(theta >= self.high) or theta[3] ** 2 + theta[4] ** 2 >= 0.95:
            return -np.inf
        fluxes = self.fluxes(theta)
        if fluxes is None:
            return -np.inf
        total = 0.0
        for curve, flux in zip(self.curves, fluxes):
            weight = np.sum(curve["weight"] * flux**2)
            scale = np.sum(curve["weight"] * flux * curve["flux"]) / weight
            chi2 = np.sum(curve["weight"] * (curve["flux"] - scale * flux) ** 2)
            total -= 0.5 * (len(flux) - 1) * np.log(chi2) + 0.5 * np.log(weight)
        return total

    def differences(self):
        """Of each curve at the truth, ours less ellc's, levels fitted."""
        worst = []
        for curve, flux in zip(self.curves, self.fluxes(self.truth)):
            own = curve["model"]
            worst.append(float(np.max(np.abs(own - flux * (own @ flux) / (flux @ flux)))))
        return worst


def package_joules():
    """Energy counted so far by the processor packages; NaN where it is not readable. Overflows are not followed."""
    try:
        counters = [float((folder / "energy_uj").read_text()) for folder in Path("/sys/class/powercap").glob("intel-rapl:?")]
    except OSError:
        return np.nan
    return 1e-6 * sum(counters) if counters else np.nan


def run_emcee(model, walkers, seconds, seed):
    """(effective size, calls, cpu_s, wall_s, joules, autocorrelation times in the kept chain) within `seconds` of CPU."""
    random = np.random.default_rng(seed)
    np.random.seed(seed)  # emcee's own
    inside = np.clip(model.truth, model.low + 1e-3, model.high - 1e-3)
    start = np.clip(inside + 1e-4 * random.standard_normal((walkers, len(inside))), model.low + 1e-5, model.high - 1e-5)
    sampler = emcee.EnsembleSampler(walkers, len(inside), model.log_density)
    cpu, wall, joules = time.process_time(), time.time(), package_joules()
    state = start
    while True:
        state = sampler.run_mcmc(state, 10)
        if time.process_time() - cpu > seconds:
            break
    kept = sampler.get_chain(discard=int(BURN_IN * sampler.iteration))
    taus = emcee.autocorr.integrated_time(kept, tol=0, quiet=True)
    tau = float(np.nanmax(taus))
    effective = kept.shape[0] * walkers / tau
    return (effective, walkers * sampler.iteration, time.process_time() - cpu, time.time() - wall, package_joules() - joules,
            kept.shape[0] / tau)


def phoebe_call_s(problem, phases):
    """Processor time of PHOEBE for one likelihood, with the settings of the paper (bench/peers)."""
    bundle = bench.phoebe_bundle(problem["system"], len(problem["curves"]), np.linspace(-0.5, 0.5, phases), blackbody=False)
    return bench.phoebe_run(bundle, "horvat")


def cell(value):
    return f"{value:.6g}" if np.isfinite(value) else ""


def main(config_file, out):
    config = tomllib.loads(Path(config_file).read_text())
    phoebe.interactive_checks_off()
    phoebe.progressbars_off()
    problems = [json.loads(file.read_text()) for file in sorted((out / "work").glob("system_*.json"))]
    models = [Model(problem) for problem in problems]
    differences = [model.differences() for model in models]
    rows, bad = [], []
    for problem, model, worst in zip(problems, models, differences):
        for curve, difference in zip(model.curves, worst):
            rows.append(f"{problem['index']},{curve['channel']},{difference:.2e},{np.median(curve['sigma']):.2e}")
            if not difference <= TOLERANCE:
                bad.append(rows[-1])
    (out / "model_check.csv").write_text("system,channel,largest_difference,median_error\n" + "\n".join(rows) + "\n")
    if bad:
        sys.exit(f"ellc's curves differ from ours by more than {TOLERANCE:.0e}, so nothing was timed:\n" + "\n".join(bad))

    table = ["system,points,method,effective_size,likelihood_calls,cpu_s,wall_s,joules,trusted,why"]
    for problem, model in zip(problems, models):
        effective, calls, cpu, wall, joules, lengths = run_emcee(model, config["walkers"], config["peer_seconds"], config["seed"])
        trusted = "yes" if lengths >= ENOUGH_TIMES else "no"
        why = f"{lengths:.0f} autocorrelation times after burn-in"
        prefix = f"{problem['index']},{problem['points']}"
        table.append(f"{prefix},emcee_ellc,{cell(effective)},{calls},{cell(cpu)},{cell(wall)},{cell(joules)},{trusted},{why}")
        print(f"system {problem['index']}: emcee with ellc {effective:.0f} effective samples in {cpu:.0f} s of CPU; {why}", flush=True)
        try:
            call = phoebe_call_s(problem, config["phoebe_phases"])
        except Exception as error:  # PHOEBE raises what it likes where its tables end
            print(f"system {problem['index']}: PHOEBE has no answer: {error}", flush=True)
            continue
        table.append(f"{prefix},emcee_phoebe,{cell(effective)},{calls},{cell(call * calls)},,,no,"
                     f"extrapolated: calls of emcee with ellc times {call:.3g} s")
        print(f"system {problem['index']}: PHOEBE {call:.1f} s a call", flush=True)
    (out / "peers.csv").write_text("\n".join(table) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
