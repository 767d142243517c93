#!/usr/bin/env python3
"""TESS light curves from one NumPy archive -> one CSV file a sector, as `penumbra bank build` reads them.

    .venv/bin/python data/recipes/tess_npz_to_csv.py tess_eb_lightcurves.npz build/tess/sectors

The archive holds arrays <key>_btjd, _sap, _sap_err, _pdcsap, _quality; the files are called <key>.csv.
"""

import argparse
from pathlib import Path

import numpy as np

COLUMNS = ("btjd", "sap", "sap_err", "pdcsap", "quality")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with np.load(arguments.archive) as archive:
        for key in sorted(name.removesuffix("_btjd") for name in archive.files if name.endswith("_btjd")):
            rows = zip(*(archive[f"{key}_{column}"].tolist() for column in COLUMNS))
            lines = [",".join(COLUMNS)] + [",".join(map(str, row)) for row in rows]
            (arguments.folder / f"{key}.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
