"""Resolves tools/NAME.in into tools/NAME.txt: every file pinned and checksummed.

Lines marked "no-deps" are taken alone; the others are resolved together. Run it by hand after changing a list:
    python3 tools/lock_requirements.py requirements     what Penumbra needs (.venv)
    python3 tools/lock_requirements.py peers            the programs that we are compared with (.venv-peers)
    python3 tools/lock_requirements.py nvcc             CUDA's compiler, where there is no CUDA toolkit (added to .venv)
    python3 tools/lock_requirements.py cuda             torch's CUDA libraries, likewise (added to .venv)
"""

import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def resolve(requirements, *options):
    """[(name, version, sha256)] of what pip would install."""
    if not requirements:
        return []
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
               *options, *requirements]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [(item["metadata"]["name"], item["metadata"]["version"], item["download_info"]["archive_info"]["hashes"]["sha256"])
            for item in report["install"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(file.stem for file in HERE.glob("*.in")))
    name = parser.parse_args().name
    alone, together = [], []
    for line in (HERE / f"{name}.in").read_text().splitlines():
        requirement, _, comment = line.partition("#")
        if requirement.strip():
            (alone if "no-deps" in comment else together).append(requirement.strip())
    files = resolve(alone, "--no-deps") + resolve(together)
    lines = [f"# Made by tools/lock_requirements.py from {name}.in. Linux x86-64, CPython 3.11."]
    lines += [f"{project}=={version} --hash=sha256:{digest}"
              for project, version, digest in sorted(files, key=lambda f: f[0].lower())]
    (HERE / f"{name}.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(files)} files pinned in {HERE / name}.txt")


if __name__ == "__main__":
    main()
