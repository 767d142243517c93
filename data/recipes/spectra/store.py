"""The growing grid: one file for each finished spectrum, so that a killed run loses only what it was computing.

    FOLDER/settings.json     what the spectra depend on; a run with other settings refuses the folder
    FOLDER/000123.npy        depths of spectrum 123 in units of 1/65535
    FOLDER/000123.failed     why spectrum 123 cannot be computed; it is not tried again
"""

import json
import os
from pathlib import Path

import numpy as np

SCALE = 65535.0


def write_atomic(path, data):
    partial = path.with_name(f"{path.name}.partial.{os.getpid()}")
    partial.write_bytes(data)
    os.replace(partial, path)


class Store:
    def __init__(self, folder, settings):
        """settings: a dictionary of strings and numbers."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "settings.json"
        text = json.dumps(settings, indent=1, sort_keys=True)
        if not path.exists():
            write_atomic(path, text.encode())
        elif path.read_text() != text:
            old = json.loads(path.read_text())
            changed = sorted(key for key in old.keys() | settings.keys() if old.get(key) != settings.get(key))
            raise SystemExit(
                f"{self.folder} holds spectra of another recipe ({', '.join(changed)} differ): "
                "remove it or name another --grid"
            )

    def path(self, index, kind):
        return self.folder / f"{index:06d}.{kind}"

    def indices(self, kind):
        """Numbers of the spectra with a file of this kind, "npy" or "failed"."""
        return sorted(int(path.stem) for path in self.folder.glob(f"[0-9]*.{kind}"))

    def missing(self, count):
        """Numbers below `count` that are neither finished nor failed."""
        done = {*self.indices("npy"), *self.indices("failed")}
        return [index for index in range(count) if index not in done]

    def write(self, index, depth):
        values = np.rint(np.clip(depth, 0.0, 1.0) * SCALE).astype(np.uint16)
        path = self.path(index, "npy")
        partial = path.with_name(f"{path.name}.partial.{os.getpid()}")
        with open(partial, "wb") as file:
            np.save(file, values)
        os.replace(partial, path)

    def write_failure(self, index, reason):
        write_atomic(self.path(index, "failed"), f"{reason}\n".encode())

    def read_raw(self, index):
        """Depths on the synthesis points in units of 1/65535."""
        return np.load(self.path(index, "npy"))

    def read(self, index):
        """Normalised flux on the synthesis points, float32."""
        return (1.0 - self.read_raw(index) / SCALE).astype(np.float32)

    def failures(self):
        return {index: self.path(index, "failed").read_text().strip() for index in self.indices("failed")}
