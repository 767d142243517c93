#!/usr/bin/env python3
"""Trains the network of CONFIG on, with everything and without each of [networks.drop]. usage: train.py CONFIG BUILD OUT

Those that OUT/networks already holds are kept; one that was begun with other settings is refused by the program.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(config_file, build, out):
    config = tomllib.loads(Path(config_file).read_text())
    networks = config["networks"]
    weights = config.get("checkpoint") or ROOT / "data" / "checkpoints" / "compact.h5"
    settings = {"train.systems": networks["systems"], "train.batch": 256, "train.warmup_steps": 100, "train.learning_rate": 1e-4,
                "train.minimum_learning_rate": 2e-7, "train.gradient_norm_limit": 200, "train.validation_systems": 512}
    for name, drop in {"control": [], **networks["drop"]}.items():
        folder = Path(out) / "networks" / name
        command = [str(Path(build) / "bin" / "penumbra"), "train", "--preset", "compact", "--weights", str(weights), "--out",
                   str(folder), "--seed", str(networks["seed"]), "--device", config.get("device", "auto"), "--threads",
                   str(config.get("threads", 0))]
        for key, value in (settings | ({"train.drop": drop} if drop else {})).items():
            command += ["--set", f"{key}={value}"]
        if (folder / "checkpoint.h5").exists():
            command.append("--resume")
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
