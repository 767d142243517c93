"""What every recipe shares: pinned sources, provenance attributes, and output that is whole or absent.

A recipe reads files of pinned Python packages and writes one HDF5 table. The same source gives the same bytes: no
timestamps, fixed file format version, datasets in the recipe's order.
"""

import contextlib
import hashlib
import importlib.metadata
import os
from pathlib import Path

import h5py


class SourceError(SystemExit):
    """A pinned source is missing or is not what the recipe was written for. Ends the program with its message."""


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_source(package, version, relative_path, sha256, root=None):
    """Path of a file of an installed distribution, after checking version and content.

    package: distribution name; relative_path: relative to site-packages; root: a folder to use in place of
    site-packages (an unpacked wheel), of which only the content is checked.
    """
    if root is None:
        try:
            distribution = importlib.metadata.distribution(package)
        except importlib.metadata.PackageNotFoundError:
            raise SourceError(
                f"{package} is not installed in this Python: this recipe needs {package}=={version} "
                f"(python -m pip install --no-deps {package}=={version})"
            ) from None
        if distribution.version != version:
            raise SourceError(f"{package}: version {distribution.version} is installed, this recipe needs {version}")
        path = Path(distribution.locate_file(relative_path))
    else:
        path = Path(root) / relative_path
    if not path.is_file():
        raise SourceError(f"{package}=={version}: no file {path}")
    found = sha256_of(path)
    if found != sha256:
        raise SourceError(f"{package}=={version}: {path} has changed: sha256 {found}, this recipe needs {sha256}")
    return path


@contextlib.contextmanager
def atomic_hdf5(path):
    """An h5py.File open for writing that takes its final name only after the block has ended without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial.{os.getpid()}")
    try:
        with h5py.File(partial, "w", libver=("v110", "v110")) as file:
            yield file
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_dataset(group, name, values, description, unit="", compress=False):
    """One dataset without timestamps. Compression (gzip, shuffled) is lossless and repeatable."""
    options = {"compression": "gzip", "compression_opts": 6, "shuffle": True} if compress else {}
    dataset = group.create_dataset(name, data=values, track_times=False, **options)
    dataset.attrs["description"] = description
    if unit:
        dataset.attrs["unit"] = unit
    return dataset


def write_provenance(file, *, recipe, title, sources, citation):
    """Records where a table comes from.

    recipe: path of the recipe's source file; sources: (package, version, relative path, sha256) each;
    citation: the literature to cite, a list of strings.
    """
    file.attrs["title"] = title
    file.attrs["recipe"] = f"data/recipes/{Path(recipe).name}"
    file.attrs["recipe_sha256"] = sha256_of(recipe)
    file.attrs["source"] = "; ".join(f"{package}=={version}: {path}" for package, version, path, _ in sources)
    file.attrs["source_sha256"] = "; ".join(sha256 for *_, sha256 in sources)
    file.attrs["citation"] = "; ".join(citation)
