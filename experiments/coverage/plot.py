"""Coverage minus nominal level, for each parameter, both kinds of region and four levels (the paper's Figure 8)."""

import numpy as np

from experiments import figures
from experiments.figures import BLUE, INK, SKY, VERMILION, WIDTH, plt

STYLES = {"central": (BLUE, "o", "central intervals", 0.15), "highest_density": (VERMILION, "s", "highest density", -0.15)}
WANTED = 2.0  # points


def draw(tables, save):
    columns = tables.columns("coverage.csv")
    labels = {p.name: f"${p.tex}$" for p in tables.parameters()} | {"all": "all 16"}
    rows = {name: len(labels) - 1 - k for k, name in enumerate(labels)}
    levels = np.unique(columns["level"])
    figure, axes = plt.subplots(1, len(levels), figsize=(WIDTH, 4.4), layout="constrained", sharey=True)
    for axis, level in zip(axes, levels):
        axis.axvspan(-WANTED, WANTED, color=SKY, alpha=0.25, lw=0)
        axis.axvline(0, color=INK, ls="--", lw=0.8)
        for region, (colour, marker, label, shift) in STYLES.items():
            chosen = (columns["region"] == region) & (columns["level"] == level)
            y = [rows[name] + shift for name in columns["parameter"][chosen]]
            error = 100 * columns["error"][chosen]
            axis.errorbar(columns["departure_points"][chosen], y, xerr=error, fmt=marker, color=colour, ms=3, lw=0.8, label=label)
            if region == "central":
                least, most = columns["paper_least_points"][chosen], columns["paper_most_points"][chosen]
                omega = columns["parameter"][chosen] == "omega"  # the one that the paper singles out
                axis.hlines(rows["omega"], least[omega], most[omega], color=INK, lw=4, alpha=0.4, label=r"paper, $\omega$")
        axis.set_title(f"{100 * level:.0f}%")
    axes[0].set_yticks(list(rows.values()), [labels[name] for name in rows])
    axes[0].set_ylim(-0.6, len(rows) - 0.4)
    figure.supxlabel("coverage minus nominal [percentage points]", fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    save(figure, "coverage")


if __name__ == "__main__":
    figures.main(draw)
