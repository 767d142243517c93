"""emcee 3.1.6 on the same density, through a pipe; importance weights; and how well their draws agree with the MCMC's.

usage: compare.py CONFIG.toml PROGRAM OUT    (in .venv-peers)
Reads OUT/work/system_<i>.csv of the first emcee.systems systems, keeps emcee's draws in OUT/work/emcee_<i>.csv and those by
importance weights of the network's samples in OUT/work/importance_<i>.csv (an interrupted run goes on with the next), and
writes OUT/agreement.csv: for each system, other sampler and parameter the accuracy of a classifier that is to tell the two
sets of draws apart (C2ST: .5 where they are alike), and the difference of the means in standard deviations. Importance
weights are tried where k-hat of the first thousand is at most 1 and compared where they can be trusted (.7). Systems of the
configuration's `parts` are taken over from there.

The walkers start about the truth, half as wide as our draws: neither sampler's answer is the other's start. The luminosities
are left out, which no likelihood reads.
"""

import argparse
import logging
import subprocess
import tomllib
from pathlib import Path

import emcee
import numpy as np

NAMES = ("msum q log_age feh rsumfrac eccentricity omega cos_i teff1 teff2 log_l1 log_l2 radius1 radius2 distance ebv").split()
UNREAD = ("log_l1", "log_l2")
LOGARITHMIC = [NAMES.index(name) for name in ("msum", "teff1", "teff2", "radius1", "radius2", "distance")]
RSUMFRAC, ECCENTRICITY, OMEGA = (NAMES.index(name) for name in ("rsumfrac", "eccentricity", "omega"))
CHAIN = ("draws", "effective_size", "steps", "walkers")  # of [emcee]: what its chains depend on
# Stages of emcee's chain before the one that counts: share of its steps, and components fitted to them for the next.
STAGES = ((0.1, 8), (0.125, 16), (0.25, 32))
FITTED, DEGREES, INDEPENDENT = 16000, 6, 0.5  # points at most; of freedom; share of the moves
GM_SUN, R_SUN, DAY = 1.3271244e20, 6.957e8, 86400.0  # IAU 2015, SI


class Density:
    """`experiment_exact density`: ln of the density over the coordinates that the likelihood reads, of one of the MCMC's two
    systems (inference/chain_coordinates.h): 0, the prior's z, or 1, logarithms of the quantities."""

    def __init__(self, program, config, index, system):
        self.process = subprocess.Popen([program, "density", config, str(index)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        count, self.period = self.read(2)
        self.coordinates, self.system = self.read(int(count)).astype(int), system

    def read(self, count):
        data = self.process.stdout.read(8 * count)
        if len(data) < 8 * count:
            raise SystemExit("compare.py: the program that computes densities has ended")
        return np.frombuffer(data)

    def ask(self, x, system):
        """Densities, and the same points in the other system."""
        x = np.ascontiguousarray(x)
        self.process.stdin.write(np.array([len(x), system], np.int64).tobytes() + x.tobytes())
        self.process.stdin.flush()
        return self.read(len(x)), self.read(x.size).reshape(x.shape)

    def __call__(self, x):
        return self.ask(x, self.system)[0]

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def points(self, theta):
        """The coordinates of theta[S, 16]."""
        out = theta.copy()
        out[:, LOGARITHMIC] = np.log(theta[:, LOGARITHMIC])
        out[:, RSUMFRAC] = np.log(theta[:, RSUMFRAC])
        out[:, ECCENTRICITY] = theta[:, ECCENTRICITY] * np.cos(theta[:, OMEGA])
        out[:, OMEGA] = theta[:, ECCENTRICITY] * np.sin(theta[:, OMEGA])
        out = out[:, self.coordinates]
        return out if self.system == 1 else self.ask(out, 1)[1]

    def theta(self, points):
        """The other way; NaN in the luminosities. A known period fixes rsumfrac by Kepler's third law."""
        out = np.full((len(points), len(NAMES)), np.nan)
        out[:, self.coordinates] = points if self.system == 1 else self.ask(points, 0)[1]
        x, y = out[:, ECCENTRICITY].copy(), out[:, OMEGA].copy()
        out[:, ECCENTRICITY], out[:, OMEGA] = np.hypot(x, y), np.arctan2(y, x) % (2 * np.pi)
        out[:, LOGARITHMIC] = np.exp(out[:, LOGARITHMIC])
        if RSUMFRAC in self.coordinates:
            out[:, RSUMFRAC] = np.exp(out[:, RSUMFRAC])
        else:
            sma = np.cbrt(GM_SUN * out[:, NAMES.index("msum")] * (self.period * DAY / (2 * np.pi)) ** 2) / R_SUN
            out[:, RSUMFRAC] = (out[:, NAMES.index("radius1")] + out[:, NAMES.index("radius2")]) / sma
        return out


class StudentMixture:
    """Independent proposals for emcee's MHMove: normals fitted to points of emcee's own chain by expectation maximisation, drawn
    as Student's t."""

    def __init__(self, x, components, random):
        mean, factor = x.mean(0), np.linalg.cholesky(np.cov(x.T))
        y = np.linalg.solve(factor, (x - mean).T).T
        count, size = y.shape
        components = min(components, max(1, count // 200))
        means = y[random.choice(count, components, replace=False)]
        covariances, shares = np.tile(np.eye(size), (components, 1, 1)), np.full(components, 1 / components)
        for _ in range(100 if components > 1 else 1):
            log_density = np.stack([np.log(w) - 0.5 * np.linalg.slogdet(c)[1]
                                    - 0.5 * np.einsum("ni,ij,nj->n", y - m, np.linalg.inv(c), y - m, optimize=True)
                                    for m, c, w in zip(means, covariances, shares)], 1)
            belongs = np.exp(log_density - log_density.max(1, keepdims=True))
            belongs /= belongs.sum(1, keepdims=True)
            weight = belongs.sum(0) + 1e-9
            shares, means = weight / weight.sum(), belongs.T @ y / weight[:, None]
            covariances = np.array([((y - m) * r[:, None]).T @ (y - m) / w + 1e-4 * np.eye(size)
                                    for m, r, w in zip(means, belongs.T, weight)])
        self.shares, self.means = shares, mean + means @ factor.T
        self.factors = np.array([factor @ np.linalg.cholesky(c) for c in covariances])

    def log_density(self, x):
        """But for a constant."""
        size = x.shape[1]
        terms = [np.log(w) - np.log(np.diag(f)).sum()
                 - 0.5 * (DEGREES + size) * np.log1p((np.linalg.solve(f, (x - m).T) ** 2).sum(0) / DEGREES)
                 for m, f, w in zip(self.means, self.factors, self.shares)]
        return np.logaddexp.reduce(terms)

    def __call__(self, x, random):
        chosen = random.choice(len(self.shares), len(x), p=self.shares)
        step = random.standard_normal(x.shape) / np.sqrt(random.chisquare(DEGREES, len(x)) / DEGREES)[:, None]
        proposed = self.means[chosen] + np.einsum("nij,nj->ni", self.factors[chosen], step)
        return proposed, self.log_density(x) - self.log_density(proposed)


def classifier_accuracy(a, b, random, folds=5, neighbours=100):
    """C2ST in one dimension: nearest neighbours, cross-validated on equally many of both."""
    size = min(len(a), len(b))
    neighbours = min(neighbours, size)
    x = np.concatenate([random.choice(a, size, replace=False), random.choice(b, size, replace=False)])
    label = np.repeat([0.0, 1.0], size)
    order = random.permutation(2 * size)
    x, label = x[order], label[order]
    correct = 0
    for fold in range(folds):
        test = np.arange(2 * size) % folds == fold
        train, target = x[~test], label[~test]
        near = np.argpartition(np.abs(x[test][:, None] - train[None]), neighbours, axis=1)[:, :neighbours]
        correct += np.sum((target[near].mean(1) > 0.5) == (label[test] > 0.5))
    return correct / (2 * size)


def run_emcee(density, truth, ours, settings, random):
    """As many draws as ours, and their effective number, of the slowest coordinate."""
    x = density.points(ours)
    centre, factor = density.points(truth[None])[0], np.linalg.cholesky(np.cov(x.T))
    start = []
    while len(start) < settings["walkers"]:
        near = centre + 0.5 * random.standard_normal((settings["walkers"], len(centre))) @ factor.T
        start += list(near[np.isfinite(density(near))])
    state = np.array(start[: settings["walkers"]])
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.1), (emcee.moves.StretchMove(), 0.1)]

    def sampler_with(mixture):
        chosen = moves
        if mixture is not None:
            chosen = [(emcee.moves.MHMove(mixture), INDEPENDENT), *((move, (1 - INDEPENDENT) * share) for move, share in moves)]
        sampler = emcee.EnsembleSampler(settings["walkers"], len(centre), density, moves=chosen, vectorize=True)
        sampler._random.seed(int(random.integers(2**31)))
        return sampler

    mixture = None
    for share, components in STAGES:
        sampler = sampler_with(mixture)
        steps = max(1, int(share * settings["steps"]))
        state = sampler.run_mcmc(state, steps)
        points = sampler.get_chain(discard=steps // 3, flat=True)
        mixture = StudentMixture(points[random.choice(len(points), min(FITTED, len(points)), replace=False)], components, random)
    sampler = sampler_with(mixture)
    block = max(1, settings["steps"] // 12)
    for _ in range(0, settings["steps"], block):
        state = sampler.run_mcmc(state, block)
        chain = sampler.get_chain()
        size = chain.shape[0] * chain.shape[1] / emcee.autocorr.integrated_time(chain, quiet=True).max()
        if size >= settings["effective_size"]:
            break
    draws = chain.transpose(1, 0, 2).reshape(-1, chain.shape[-1])  # along each walker in turn
    return draws[np.linspace(0, len(draws) - 1, min(len(draws), len(ours))).astype(int)], size


def rows_of_part(part, settings):
    """The rows of an earlier run's agreement.csv, none where it compared nothing."""
    if not (part / "agreement.csv").exists():
        return []
    theirs = tomllib.loads((part / "provenance.toml").read_text())["config"]["emcee"]
    for key in CHAIN:
        if theirs[key] != settings[key]:
            raise SystemExit(f"compare.py: {part}/provenance.toml: emcee.{key} = {theirs[key]}, expected {settings[key]}")
    return (part / "agreement.csv").read_text().splitlines()[1:]


def emcee_draws(kept, stamp, program, config, index, system, truth, ours, settings):
    """theta[draws, 16] and the effective size, from `kept` where it is of this stamp."""
    if not (kept.exists() and kept.read_text().splitlines()[0].startswith(stamp)):
        density = Density(program, config, index, system)
        points, size = run_emcee(density, truth, ours, settings, np.random.default_rng(index))
        np.savetxt(kept, density.theta(points), "%.10g", ",", header=f"{stamp[2:]},size={size:.0f}")
        density.close()
    return np.loadtxt(kept, delimiter=","), kept.read_text().splitlines()[0].rpartition("=")[2]


def importance_draws(kept, program, config, index, count):
    """The same by importance weights; None where they have failed."""
    if not kept.exists():
        part = kept.with_suffix(".part")
        with part.open("w") as out:
            subprocess.run([program, "importance", config, str(index)], stdout=out, check=True)
        part.rename(kept)
    facts = dict(fact.split("=") for fact in kept.read_text().splitlines()[0].split()[1:])
    if not float(facts["pareto_k"] or "inf") <= 0.7:
        return None
    return np.loadtxt(kept, delimiter=",", skiprows=2)[:count], f"{float(facts['importance_effective_size']):.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("program")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    logging.getLogger("emcee").setLevel(logging.ERROR)  # each block of steps would warn that the chain is short yet
    config = tomllib.loads(arguments.config.read_text())
    settings, work = config["emcee"], arguments.out / "work"
    rows = ["index,sampler,parameter,c2st,difference,draws,effective_size"]
    for part in map(Path, config.get("parts", [])):
        rows += rows_of_part(part, settings)
    for index in range(settings["systems"]):
        file = work / f"system_{index}.csv"
        if not file.exists():
            continue
        both = np.loadtxt(file, delimiter=",", skiprows=2)[:, : len(NAMES)]
        truth, ours = both[0], both[1 : 1 + settings["draws"]]  # their order is random
        facts = dict(fact.split("=") for fact in file.read_text().splitlines()[0][2:].split(","))
        # Where the network's samples are near the posterior, it is near the prior: flat in z. Elsewhere logarithms are.
        near = float(facts["pareto_k"] or "inf") <= 1.0
        chain = {**{key: settings[key] for key in CHAIN}, **({"coordinates": "z"} if near else {})}
        stamp = ",".join([file.read_text().splitlines()[0], *(f"{key}={value}" for key, value in chain.items())])
        others = {"emcee": emcee_draws(work / f"emcee_{index}.csv", stamp, arguments.program, arguments.config, index,
                                       0 if near else 1, truth, ours, settings)}
        if near:
            others["importance"] = importance_draws(work / f"importance_{index}.csv", arguments.program, arguments.config, index,
                                                    len(ours))
        random = np.random.default_rng(index)
        for sampler, found in others.items():
            if found is None:
                continue
            theirs, size = found
            for p, name in enumerate(NAMES):
                if name in UNREAD:
                    continue
                accuracy = classifier_accuracy(ours[:, p], theirs[:, p], random)
                difference = (ours[:, p].mean() - theirs[:, p].mean()) / theirs[:, p].std()
                rows.append(f"{index},{sampler},{name},{accuracy:.4f},{difference:.4f},{min(len(ours), len(theirs))},{size}")
    (arguments.out / "agreement.csv").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
