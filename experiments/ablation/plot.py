#!/usr/bin/env python3
"""Figures from the tables that experiment_ablation wrote. usage: python -m experiments.ablation.plot TABLES FIGURES"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm, Normalize

from experiments import figures


def cells(rows, names, parameters, column):
    """[configuration][parameter]"""
    value = {(row["configuration"], row["parameter"]): float(row[column]) for row in rows}
    return np.array([[value[name, p.name] for p in parameters] for name in names])


def heat_map(values, names, parameters, norm, colours, label, written):
    """One row a configuration, as in the paper's Figures 18 and 19."""
    figure, axis = plt.subplots(figsize=(figures.WIDTH, 3.0), layout="constrained")
    image = axis.imshow(values, norm=norm, cmap=colours, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        dark = abs(norm(value) - 0.5) > 0.35
        axis.text(column, row, written(value), ha="center", va="center", fontsize=6, color="white" if dark else "black")
    axis.set_xticks(range(len(parameters)), [f"${p.tex}$" for p in parameters], rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(names)), names)
    axis.tick_params(length=0)
    figure.colorbar(image, ax=axis, label=label, pad=0.01).ax.set_ylim(values.min(), values.max())
    return figure


def check(rows, parameters):
    """Width by a retrained network over that by the masked one."""
    names = list(dict.fromkeys(row["configuration"] for row in rows if row["network"] == "retrained"))
    figure, axis = plt.subplots(figsize=(figures.COLUMN, 3.4), layout="constrained")
    y = np.arange(len(parameters))
    for name, colour, marker, shift in zip(names, figures.CYCLE, "osD^", (-0.12, 0.12, 0.3, -0.3)):
        both = [{row["parameter"]: row for row in rows if row["network"] == network and row["configuration"] == name}
                for network in ("retrained", "control")]
        relative, error = (np.array([[float(table[p.name][key]) for p in parameters] for table in both])
                           for key in ("relative_width", "relative_width_error"))
        ratio = relative[0] / relative[1]
        spread = ratio * np.hypot(*(error / relative))
        left_out = both[0][parameters[0].name]["left_out"].replace("+", " and ").replace("_", " ")
        axis.errorbar(ratio, y + shift, xerr=spread, fmt=marker, color=colour, ms=3, lw=0.8, label=f"without {left_out}")
    axis.axvline(1.0, color=figures.INK, lw=0.6)
    axis.set_yticks(y, [f"${p.tex}$" for p in parameters])
    axis.invert_yaxis()
    axis.set_xlabel("68% width, retrained / masked")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def priors(rows, parameters):
    """Width under independent parameters by that under the hierarchy, each system a point: open where chains have not mixed."""
    width = {(row["index"], row["prior"], row["parameter"]): float(row["high68"]) - float(row["low68"]) for row in rows}
    systems = list(dict.fromkeys(row["index"] for row in rows))
    ratio = np.array([[width[index, "independent", p.name] / width[index, "hierarchical", p.name] for p in parameters]
                      for index in systems])
    mixed = [all(float(row["r_hat"]) < 1.2 for row in rows if row["index"] == index) for index in systems]
    figure, axis = plt.subplots(figsize=(figures.COLUMN, 3.4), layout="constrained")
    y = np.arange(len(parameters))
    for row, filled in zip(ratio, mixed):
        axis.plot(row, y, "o", color=figures.CYCLE[0], ms=3.5, mew=0.6, mfc=figures.CYCLE[0] if filled else "none")
    axis.axvline(1.0, color=figures.INK, lw=0.6)
    axis.set_yticks(y, [f"${p.tex}$" for p in parameters])
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set_xlabel("68% width, independent / hierarchical prior")
    return figure


def draw(tables, save):
    parameters = tables.parameters()
    rows = tables.rows("configurations.csv")
    shipped = [row for row in rows if row["network"] == "shipped"]
    names = list(dict.fromkeys(row["configuration"] for row in shipped))
    widths = cells(shipped, names, parameters, "relative_width")
    limit = max(0.5, np.nanmax(np.abs(np.log10(widths))))
    save(heat_map(widths, names, parameters, LogNorm(10**-limit, 10**limit), "PuOr_r", "68% width over that with all data",
                  lambda value: f"{value:.2g}" if value < 9.95 else f"{value:.0f}"), "widths")
    bias = cells(shipped, names, parameters, "bias")
    limit = max(0.5, np.nanmax(np.abs(bias)))
    save(heat_map(bias, names, parameters, Normalize(-limit, limit), "PuOr_r", "median (median $-$ truth) / $\\sigma$",
                  lambda value: f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")), "bias")
    save(check(rows, parameters), "check")
    save(priors(tables.rows("priors.csv"), parameters), "priors")


if __name__ == "__main__":
    figures.main(draw)
