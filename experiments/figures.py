"""What the figures of all experiments share: a style that is readable in print, colours, labels, reading and saving.

Colours are Okabe and Ito's, which the colour-blind tell apart; give lines and markers different styles too, so that figures
survive grey print. An experiment's plot.py reads only the tables that its program wrote:

    from experiments import figures

    def draw(tables, save): ...

    if __name__ == "__main__":
        figures.main(draw)
"""

import argparse
import csv
import io
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from PIL import Image

COLUMN, WIDTH = 3.5, 7.1  # inches: one and two columns of a journal
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, INK = "#CC79A7", "#56B4E9", "#F0E442", "#303030"
CYCLE = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK]
STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "font.family": "serif",
    "mathtext.fontset": "dejavuserif",
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "legend.frameon": False,
    "axes.prop_cycle": plt.cycler(color=CYCLE),
    "pdf.fonttype": 42,  # letters stay letters
}


@dataclass
class Parameter:
    name: str
    unit: str
    tex: str
    description: str

    @property
    def label(self):
        return f"${self.tex}$" + (f" [{self.unit}]" if self.unit else "")


class Tables:
    """The folder that an experiment's program wrote."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def rows(self, name):
        """A list of dicts of text; lines that begin with # are left out."""
        with open(self.folder / name) as stream:
            return list(csv.DictReader(line for line in stream if not line.startswith("#")))

    def columns(self, name):
        """A dict of arrays: numbers where all of a column are (empty: NaN), else text."""
        rows = self.rows(name)
        return {key: array([row[key] for row in rows]) for key in rows[0]}

    def parameters(self):
        rows = self.rows("parameters.csv")
        return [Parameter(r["parameter"], r["unit"], r["tex"], r["description"]) for r in rows]


normal_quantile = NormalDist().inv_cdf


def array(texts):
    try:
        return np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return np.array(texts)


def parameter_grid(parameters, height=7.1, units=True, **options):
    """A figure of 4 x 4 panels and {name: axis}, each titled with its parameter."""
    figure, axes = plt.subplots(4, 4, figsize=(WIDTH, height), layout="constrained", **options)
    for axis, parameter in zip(axes.flat, parameters):
        axis.set_title(parameter.label if units else f"${parameter.tex}$", pad=3)
    return figure, dict(zip([p.name for p in parameters], axes.flat))


def logarithmic(axis):
    """Both axes, with plain numbers at 1 and 3."""
    axis.set(xscale="log", yscale="log")
    for one in (axis.xaxis, axis.yaxis):
        one.set_major_locator(LogLocator(subs=(1, 3)))
        one.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        one.set_minor_locator(NullLocator())


class Save:
    """save(figure, "name") writes name.png (64 colours: a third of the size) and name.pdf."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, figure, name):
        figure.savefig(self.folder / f"{name}.pdf")
        image = io.BytesIO()
        figure.savefig(image, dpi=150)
        plt.close(figure)
        # 64 colours, those of few small points among them.
        palette = Image.open(image).convert("RGB").quantize(64, Image.Quantize.MAXCOVERAGE)
        palette.save(self.folder / f"{name}.png", optimize=True)


def main(draw):
    parser = argparse.ArgumentParser(description="Figures from the tables that an experiment's program wrote.")
    parser.add_argument("tables", type=Path, help="folder of the tables")
    parser.add_argument("figures", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    with plt.rc_context(STYLE):
        draw(Tables(arguments.tables), Save(arguments.figures))
