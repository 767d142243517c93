"""Rank histograms (the paper's Figure 7), ECDF differences with simultaneous bands, and the joint tests' ranks."""

import numpy as np

from experiments import figures
from experiments.figures import BLUE, COLUMN, INK, SKY, WIDTH, plt

JOINT = {"tarp": "TARP", "log_q": "joint density"}


def by_name(columns, *keys):
    return {name: [columns[k][columns["name"] == name] for k in keys] for name in dict.fromkeys(columns["name"])}


def draw_histogram(axis, counts):
    bins, total = len(counts), counts.sum()
    expected = total / bins
    # 95% of a flat histogram's bins all lie inside: binomial, each bin at .05 / bins (normal approximation).
    reach = figures.normal_quantile(1 - 0.025 / bins) * np.sqrt(expected * (1 - 1 / bins))
    edges = np.linspace(0, 1, bins + 1)
    axis.fill_between([0, 1], expected - reach, expected + reach, color=SKY, alpha=0.35, lw=0)
    axis.axhline(expected, color=INK, ls="--", lw=0.8)
    axis.stairs(counts, edges, color=BLUE)
    axis.set(xlim=(0, 1), ylim=(0, 1.6 * expected))


def draw_difference(axis, point, difference, lower, upper):
    ends = [0.0, *point, 1.0]
    axis.fill_between(ends, [0, *lower, 0], [0, *upper, 0], color=SKY, alpha=0.35, lw=0)
    axis.axhline(0, color=INK, ls="--", lw=0.8)
    axis.plot(ends, [0, *difference, 0], color=BLUE)
    axis.set(xlim=(0, 1))


def draw(tables, save):
    parameters = tables.parameters()
    histograms = by_name(tables.columns("histograms.csv"), "count")
    ecdf = by_name(tables.columns("ecdf.csv"), "point", "difference", "lower", "upper")
    tests = {row["name"]: row for row in tables.rows("tests.csv")}

    figure, axes = figures.parameter_grid(parameters, height=6.2, units=False, sharex=True, sharey=True)
    for name, axis in axes.items():
        draw_histogram(axis, *histograms[name])
    figure.supxlabel("rank of the truth among posterior samples", fontsize=8)
    figure.supylabel("systems", fontsize=8)
    save(figure, "ranks")

    figure, axes = figures.parameter_grid(parameters, height=6.2, units=False, sharex=True, sharey=True)
    for name, axis in axes.items():
        draw_difference(axis, *ecdf[name])
        axis.text(0.97, 0.05, f"p = {float(tests[name]['p_holm']):.2g}", transform=axis.transAxes, ha="right", fontsize=7)
    figure.supxlabel("rank of the truth among posterior samples", fontsize=8)
    figure.supylabel("ECDF of the ranks minus uniform", fontsize=8)
    save(figure, "ecdf")

    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 0.9 * COLUMN), layout="constrained", sharex=True)
    for column, (name, title) in zip(axes.T, JOINT.items()):
        draw_histogram(column[0], *histograms[name])
        draw_difference(column[1], *ecdf[name])
        column[0].set_title(f"{title}, p = {float(tests[name]['p_holm']):.2g}")
        column[1].set_xlabel("rank")
    axes[0, 0].set_ylabel("systems")
    axes[1, 0].set_ylabel("ECDF minus uniform")
    save(figure, "joint")


if __name__ == "__main__":
    figures.main(draw)
