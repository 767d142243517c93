"""Resolves tools/requirements.in into tools/requirements.txt: every file pinned and checksummed.

Lines marked "no-deps" are taken alone; the others are resolved together. Run it by hand after changing requirements.in:
    python3 tools/lock_requirements.py
"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def resolve(requirements, *options):
    """[(name, version, sha256)] of what pip would install."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
               *options, *requirements]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [(item["metadata"]["name"], item["metadata"]["version"], item["download_info"]["archive_info"]["hashes"]["sha256"])
            for item in report["install"]]


def main():
    alone, together = [], []
    for line in (HERE / "requirements.in").read_text().splitlines():
        requirement, _, comment = line.partition("#")
        if requirement.strip():
            (alone if "no-deps" in comment else together).append(requirement.strip())
    files = resolve(alone, "--no-deps") + resolve(together)
    lines = ["# Made by tools/lock_requirements.py from requirements.in. Linux x86-64, CPython 3.11."]
    lines += [f"{name}=={version} --hash=sha256:{digest}" for name, version, digest in sorted(files, key=lambda f: f[0].lower())]
    (HERE / "requirements.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(files)} files pinned in {HERE / 'requirements.txt'}")


if __name__ == "__main__":
    main()
