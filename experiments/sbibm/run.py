"""Trains the flow on each benchmark task through the program's two commands and compares the posteriors with the
reference draws. Writes one CSV; see README.md.

usage: run.py --penumbra PROGRAM --peers FOLDER --out RESULTS.csv [--tasks ...] [--counts ...]
"""

import argparse
import csv
import subprocess
import tempfile
import time
from pathlib import Path

import tasks

HERE = Path(__file__).resolve().parent


def published(peers, task, count, observation):
    with open(peers / "published_c2st.csv") as file:
        for row in csv.DictReader(file):
            if (row["task"], row["algorithm"], int(row["num_simulations"]), int(row["num_observation"])) == (
                task, "NPE", count, observation):
                return float(row["C2ST"])
    return float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--penumbra", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True, help="folder with observations and reference posteriors")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=list(tasks.TASKS), choices=tasks.TASKS)
    parser.add_argument("--counts", nargs="+", type=int, default=[10_000, 100_000])
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    version = subprocess.run([a.penumbra, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for task in a.tasks:
            for count in a.counts:
                simulations, run = folder / "simulations.h5", folder / f"{task}_{count}"
                tasks.simulate(task, count, a.seed, simulations)
                start = time.perf_counter()
                subprocess.run([a.penumbra, "train", "--simulations", simulations, "--preset", "vector", "--device",
                                "cpu", "--seed", str(a.seed), "--out", run], check=True)
                seconds = time.perf_counter() - start
                for source in sorted((a.peers / task).glob("num_observation_*")):
                    number = int(source.name.rsplit("_", 1)[1])
                    tasks.observe(source / "observation.csv", folder / "observed.h5")
                    subprocess.run([a.penumbra, "infer", "--x", folder / "observed.h5", "--checkpoint",
                                    run / "weights.h5", "--samples", "10000", "--device", "cpu", "--out", folder],
                                   check=True, stdout=subprocess.DEVNULL)
                    value = tasks.c2st(source / "reference_posterior_samples.csv.bz2", folder / "observed.nc")
                    rows.append((task, count, number, f"{value:.4f}", f"{published(a.peers, task, count, number):.4f}",
                                 f"{seconds:.0f}"))
                    print(*rows[-1], flush=True)
    with open(a.out, "w") as file:
        file.write(f"# {version}, seed {a.seed}, preset vector\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("task", "simulations", "observation", "c2st", "published_npe_c2st", "training_seconds"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
