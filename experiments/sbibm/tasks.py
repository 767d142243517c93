"""The benchmark tasks of Lueckmann et al. (2021), from their definitions: prior draws and simulations, and C2ST.

usage: tasks.py simulate TASK COUNT SEED OUT.h5
       tasks.py observe OBSERVATION.csv OUT.h5
       tasks.py c2st REFERENCE.csv.bz2 POSTERIOR.nc
"""

import argparse
import bz2

import h5py
import numpy as np


def two_moons(random, count):
    theta = random.uniform(-1.0, 1.0, (count, 2))
    angle = random.uniform(-np.pi / 2, np.pi / 2, count)
    radius = random.normal(0.1, 0.01, count)
    crescent = np.stack([radius * np.cos(angle) + 0.25, radius * np.sin(angle)], axis=1)
    sum_, difference = theta[:, 0] + theta[:, 1], theta[:, 1] - theta[:, 0]
    return theta, crescent + np.stack([-np.abs(sum_), difference], axis=1) / np.sqrt(2.0), (-1.0, 1.0)


def gaussian_linear(random, count):
    theta = random.normal(0.0, np.sqrt(0.1), (count, 10))
    return theta, random.normal(theta, np.sqrt(0.1)), None


def slcp(random, count):
    theta = random.uniform(-3.0, 3.0, (count, 5))
    s1, s2, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, np.tanh(theta[:, 4])
    covariance = np.empty((count, 2, 2))
    covariance[:, 0, 0] = s1**2 + 1e-6
    covariance[:, 1, 1] = s2**2 + 1e-6
    covariance[:, 0, 1] = covariance[:, 1, 0] = rho * s1 * s2
    root = np.linalg.cholesky(covariance)
    noise = random.normal(size=(count, 4, 2))
    x = theta[:, None, :2] + np.einsum("nij,nkj->nki", root, noise)
    return theta, x.reshape(count, 8), (-3.0, 3.0)


TASKS = {"two_moons": two_moons, "gaussian_linear": gaussian_linear, "slcp": slcp}


def simulate(task, count, seed, out):
    theta, x, bounds = TASKS[task](np.random.default_rng(seed), count)
    with h5py.File(out, "w") as file:
        file["theta"], file["x"] = theta, x
        if bounds:
            file["bounds"] = np.tile(bounds, (theta.shape[1], 1))


def table(text):
    return np.array([[float(value) for value in line.split(",")] for line in text.strip().splitlines()[1:]])


def observe(csv, out):
    with open(csv) as source, h5py.File(out, "w") as file:
        file["x"] = table(source.read())[0]


def c2st(reference_file, posterior_file):
    """Mean accuracy over 5 folds of a classifier between the two samples, as published: z-scored by the reference, two
    hidden layers of 10 x dim ReLU units, Adam."""
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    with bz2.open(reference_file, "rt") as file:
        reference = table(file.read())
    with h5py.File(posterior_file) as file:
        group = file["posterior"]
        names = [f"theta{p}" for p in range(reference.shape[1])]
        samples = np.stack([group[name][0] for name in names], axis=1)
    samples = samples[: len(reference)]
    assert len(samples) == len(reference), f"{len(samples)} samples for {len(reference)} reference draws"
    mean, deviation = reference.mean(axis=0), reference.std(axis=0)
    data = (np.concatenate([reference, samples]) - mean) / deviation
    label = np.concatenate([np.zeros(len(reference)), np.ones(len(samples))])
    width = 10 * reference.shape[1]
    classifier = MLPClassifier((width, width), activation="relu", max_iter=1000, solver="adam", random_state=1)
    folds = KFold(n_splits=5, shuffle=True, random_state=1)
    return cross_val_score(classifier, data, label, cv=folds, scoring="accuracy").mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("simulate")
    verb.add_argument("task", choices=TASKS)
    verb.add_argument("count", type=int)
    verb.add_argument("seed", type=int)
    verb.add_argument("out")
    verb = verbs.add_parser("observe")
    verb.add_argument("csv")
    verb.add_argument("out")
    verb = verbs.add_parser("c2st")
    verb.add_argument("reference")
    verb.add_argument("posterior")
    a = parser.parse_args()
    if a.verb == "simulate":
        simulate(a.task, a.count, a.seed, a.out)
    elif a.verb == "observe":
        observe(a.csv, a.out)
    else:
        print(f"{c2st(a.reference, a.posterior):.4f}")


if __name__ == "__main__":
    main()
