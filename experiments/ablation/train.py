#!/usr/bin/env python3
"""Trains the small networks of the check, alike but for what each never sees. usage: train.py CONFIG BUILD OUT

Those that OUT/networks already holds are kept; a preset that has changed since is refused by the program.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(config_file, build, out):
    config = tomllib.loads(Path(config_file).read_text())
    networks = config["networks"]
    for name, drop in {"all": [], **networks["drop"]}.items():
        folder = Path(out) / "networks" / name
        command = [str(Path(build) / "bin" / "penumbra"), "train", "--preset", str(HERE / "small.toml"), "--out", str(folder),
                   "--device", config.get("device", "auto"), "--threads", str(config.get("threads", 0)),
                   "--set", f"train.systems={networks['systems']}"]
        if drop:
            command += ["--set", f"train.drop={drop}"]
        if (folder / "checkpoint.h5").exists():
            command.append("--resume")
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
