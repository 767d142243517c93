"""Figures like the paper's 3 and 4, and the marginals as a table, from a file of `penumbra prior` alone.

    python experiments/prior/plot.py DRAWS.h5 --out FOLDER

stellar.png: one- and two-dimensional distributions of the stellar parameters. orbit.png: smoothed density contours of the
orbital parameters (left) and of distance and reddening (right). marginals.csv: quantiles of every column, acceptance and
rejections, with where they come from.
"""

import argparse
import io
import sys
from pathlib import Path

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

STELLAR = ["mass1", "mass2", "log_age", "feh", "teff1", "teff2", "radius1", "radius2", "log_l1", "log_l2"]
ORBIT = ["rsumfrac", "eccentricity", "omega", "cos_i", "period"]
SKY = ["distance", "ebv"]
LOGARITHMIC = {"eccentricity", "period", "distance", "ebv", "teff1", "teff2", "radius1", "radius2", "mass1", "mass2"}
INK = "#1f4e79"
LEVELS = [0.95, 0.68, 0.38]  # of the probability, inside the contours
QUANTILES = [0.025, 0.16, 0.5, 0.84, 0.975]
plt.rcParams.update({"font.size": 7, "axes.linewidth": 0.5, "font.family": "serif", "mathtext.fontset": "dejavuserif"})


class Draws:
    def __init__(self, path):
        with h5py.File(path) as file:
            if file.attrs.get("format", "") not in ("penumbra prior draws", b"penumbra prior draws"):
                sys.exit(f"{path}: not a file of `penumbra prior`")
            self.attributes = {key: text(value) for key, value in file.attrs.items()}
            self.columns, self.labels = {}, {}
            for group, values in (("parameters", file["theta"][:]), ("derived_quantities", file["derived"][:])):
                facts = [file[group][key].asstr()[:] for key in ("name", "unit", "tex")]
                for k, (name, unit, tex) in enumerate(zip(*facts)):
                    self.columns[name] = values[:, k]
                    self.labels[name] = f"${tex}$" + (f" [{unit}]" if unit else "")
            self.rejections = list(zip(file["rejections/reason"].asstr()[:], file["rejections/count"][:]))

    def plotted(self, name):
        """Values and label as they are drawn: logarithms of what spans decades."""
        if name in LOGARITHMIC:
            return np.log10(self.columns[name]), r"$\log_{10}\,$" + self.labels[name]
        return self.columns[name], self.labels[name]


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def smooth(counts, width):
    """Gaussian of `width` bins along both axes."""
    offset = np.arange(-3 * width, 3 * width + 1)
    kernel = np.exp(-0.5 * (offset / width) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        counts = np.apply_along_axis(np.convolve, axis, counts, kernel, "same")
    return counts


def contours(axis, x, y, x_range, y_range):
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=80, range=[x_range, y_range])
    density = smooth(counts, 2) / smooth(np.ones_like(counts), 2)  # nothing is known beyond the edges
    descending = np.sort(density.ravel())[::-1]
    inside = np.cumsum(descending) / descending.sum()
    levels = sorted({descending[np.searchsorted(inside, level)] for level in LEVELS})
    centres = [0.5 * (edges[1:] + edges[:-1]) for edges in (x_edges, y_edges)]
    axis.contourf(*centres, density.T, levels=[*levels, density.max() * 1.001], cmap="Blues", vmin=-0.4 * density.max())
    axis.contour(*centres, density.T, levels=levels, colors=INK, linewidths=0.4)


def corner(draws, names, cells):
    """cells: [n][n] axes, of which the lower triangle is used."""
    values, labels = zip(*(draws.plotted(name) for name in names))
    ranges = [np.percentile(v, [0.2, 99.8]) for v in values]
    for row in range(len(names)):
        for column in range(len(names)):
            axis = cells[row][column]
            if column > row:
                axis.set_axis_off()
                continue
            if column == row:
                axis.hist(values[row], bins=60, range=ranges[row], histtype="stepfilled", color="#9fc2e0", ec=INK, lw=0.5)
            else:
                contours(axis, values[column], values[row], ranges[column], ranges[row])
                axis.set_ylim(ranges[row])
            axis.set_xlim(ranges[column])
            axis.xaxis.set_major_locator(plt.MaxNLocator(3))
            axis.yaxis.set_major_locator(plt.MaxNLocator(3))
            axis.tick_params(direction="in", width=0.4, length=2, labelrotation=0)
            axis.set_xticklabels([]) if row < len(names) - 1 else axis.set_xlabel(labels[column], fontsize=6.5)
            if column == 0 and row > 0:
                axis.set_ylabel(labels[row], fontsize=6.5)
            else:
                axis.set_yticklabels([])


def save(figure, path):
    """A palette of 64 colours, a third of the size."""
    image = io.BytesIO()
    figure.savefig(image, dpi=110)
    plt.close(figure)
    Image.open(image).convert("RGB").quantize(64).save(path, optimize=True)


def stellar(draws, path):
    figure, cells = plt.subplots(len(STELLAR), len(STELLAR), figsize=(9.0, 9.0))
    corner(draws, STELLAR, cells)
    figure.subplots_adjust(left=0.07, bottom=0.06, right=0.995, top=0.995, wspace=0.06, hspace=0.06)
    save(figure, path)


def orbit(draws, path):
    figure = plt.figure(figsize=(9.0, 5.4))
    left, right = figure.subfigures(1, 2, width_ratios=[len(ORBIT), len(SKY) + 1.2])
    for part, names in ((left, ORBIT), (right, SKY)):
        corner(draws, names, part.subplots(len(names), len(names)))
        part.subplots_adjust(left=0.14, bottom=0.09, right=0.98, top=0.98, wspace=0.06, hspace=0.06)
    save(figure, path)


def table(draws, path):
    facts = draws.attributes
    lines = [
        f"# made by experiments/prior/plot.py from `penumbra prior`: prior {facts['prior']}, seed {facts['seed']:.0f}, "
        f"commit {facts['commit']}, device {facts['device']}",
        f"# config_sha256 {facts['config_sha256']}",
        f"# {facts['attempts']:.0f} attempts, accepted {facts['acceptance']:.5f}, rejected "
        + ", ".join(f"{name} {count / facts['attempts']:.5f}" for name, count in draws.rejections if count > 0),
        "quantity," + ",".join(f"q{100 * q:g}" for q in QUANTILES),
    ]
    lines += [
        name + "," + ",".join(f"{value:.5g}" for value in np.quantile(values, QUANTILES))
        for name, values in draws.columns.items()
    ]
    path.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("draws", type=Path, help="file of `penumbra prior`")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder [that of this script]")
    arguments = parser.parse_args()
    draws = Draws(arguments.draws)
    stellar(draws, arguments.out / "stellar.png")
    orbit(draws, arguments.out / "orbit.png")
    table(draws, arguments.out / "marginals.csv")


if __name__ == "__main__":
    main()
