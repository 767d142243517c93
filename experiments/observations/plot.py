#!/usr/bin/env python3
"""Figures from the tables that experiment_observations wrote. usage: plot.py TABLES FIGURES [--draft]

Colours are Okabe and Ito's; real and simulated differ in line style too, so that the figures survive grey print.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

REAL, SIMULATED = "#D55E00", "#0072B2"
WIDTH = 7.1  # inches: two columns of a journal
CHANNELS = ["ASAS-SN:V", "ASAS-SN:g", "ZTF:g", "ZTF:r", "TESS:T"]
CHANNEL_COLOURS = dict(zip(CHANNELS, ["#009E73", "#0072B2", "#56B4E9", "#D55E00", "#CC79A7"]))
DRAFT = "--draft" in sys.argv  # quick and coarse: do the tables make figures at all?
LEVEL = 0.05  # of a test, after Holm's correction
LABELS = {  # name: axis label, logarithmic
    "points": ("number of points", True),
    "error": ("median quoted error", True),
    "error_spread": ("90% over 10%\nof quoted errors", True),
    "visit_points": ("points a visit", True),
    "revisits": ("share of visits with\nanother that night", False),
    "revisit_gap": ("gap within a night [d]", True),
    "night_gap": ("median gap between\nnights [d]", True),
    "night_gap_95": ("95% of gaps between\nnights [d]", True),
    "longest_gap": ("longest gap [d]", True),
    "empty_season": ("share of the year\nwithout points", False),
    "span": ("first to last point [d]", True),
    "phase_bins": ("phase bins filled [%]", False),
    "phase_gap": ("largest gap in phase\n[periods]", True),
    "phase_gap_near_1d": ("the same, period\nnear 1 d", True),
    "scatter": ("scatter over\nquoted error", True),
    "scatter_in_visit": ("the same\nwithin visits", True),
    "all": ("all together", False),
}


def read(path):
    with open(path) as stream:
        return list(csv.DictReader(stream))


def grouped(rows, *keys):
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[k] for k in keys)].append(row)
    return groups


def column(rows, key):
    return np.array([float(r[key] or "nan") for r in rows])


def save(figure, folder, name):
    if not DRAFT:
        figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    figure.savefig(folder / f"{name}.png", dpi=50 if DRAFT else 200)
    plt.close(figure)


def verdict(test):
    """D, and p after Holm's correction."""
    p = float(test["p_holm"])
    return f"$D$ = {float(test['distance']):.2f}" + ("*" if p < LEVEL else "")


def plot_distributions(tables, folder, tests):
    """Cumulative distributions of the most telling statistics."""
    shown = ["points", "error", "night_gap", "longest_gap", "phase_gap", "scatter"]
    groups = grouped(read(tables / "distributions.csv"), "channel", "statistic")
    figure, axes = plt.subplots(len(CHANNELS), len(shown), figsize=(WIDTH, 7.6), sharey=True, sharex="col")
    for axis_row, channel in zip(axes, CHANNELS):
        for axis, statistic in zip(axis_row, shown):
            rows = groups.get((channel, statistic))
            if not rows:
                axis.text(0.5, 0.5, "too few", transform=axis.transAxes, ha="center")
                continue
            p = column(rows, "probability")
            axis.plot(column(rows, "real"), p, color=REAL, lw=1.4, label="real, held out")
            axis.plot(column(rows, "simulated"), p, color=SIMULATED, lw=1.1, ls="--", label="simulated")
            axis.set_title(verdict(tests[channel, statistic]), fontsize=7, pad=2)
            if LABELS[statistic][1]:
                axis.set_xscale("log")
        axis_row[0].set_ylabel(f"{channel}\nshare below")
    for axis, statistic in zip(axes[-1], shown):
        axis.set_xlabel(LABELS[statistic][0])
    axes[0, 0].legend(loc="lower right", fontsize=5.5, handlelength=1.6)
    figure.align_ylabels(axes[:, 0])
    save(figure, folder, "distributions")


def plot_effects(folder, tests):
    """Cliff's delta of every statistic and channel."""
    statistics = list(LABELS)[:-1]
    delta = np.full((len(statistics), len(CHANNELS)), np.nan)
    figure, axis = plt.subplots(figsize=(0.62 * WIDTH, 5.2))
    for j, channel in enumerate(CHANNELS):
        for i, statistic in enumerate(statistics):
            test = tests.get((channel, statistic))
            if test is None or int(test["stars"]) < 8:
                continue
            delta[i, j] = float(test["superiority"])
            star = "*" if float(test["p_holm"]) < LEVEL else ""
            axis.text(j, i, f"{float(test['distance']):.2f}{star}", ha="center", va="center", fontsize=6.5,
                      color="white" if abs(delta[i, j]) > 0.7 else "black")
    image = axis.imshow(delta, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto")
    axis.set_xticks(range(len(CHANNELS)), CHANNELS, rotation=30, ha="right")
    axis.set_yticks(range(len(statistics)), [LABELS[s][0].replace("\n", " ") for s in statistics])
    axis.tick_params(length=0)
    bar = figure.colorbar(image, ax=axis, pad=0.02)
    bar.set_label("Cliff's delta: real ones smaller (-1) to larger (+1)")
    axis.set_title("Kolmogorov and Smirnov's $D$; * $p$ < .05 after Holm's correction", fontsize=7, loc="right")
    save(figure, folder, "effects")


def plot_errors(tables, folder):
    """Median quoted error of each light curve against magnitude."""
    groups = grouped(read(tables / "errors.csv"), "channel")
    figure, axes = plt.subplots(1, len(CHANNELS), figsize=(WIDTH, 2.1), sharey=True)
    for axis, channel in zip(axes, CHANNELS):
        rows = groups[(channel,)]
        rows.sort(key=lambda r: float(r["magnitude"]))
        magnitude = column(rows, "magnitude")
        low, middle, high = (column(rows, k) for k in ("low_95", "median", "high_95"))
        axis.vlines(magnitude, low, high, color=SIMULATED, alpha=0.25, lw=2.0, label="simulated, 95%")
        axis.vlines(magnitude, column(rows, "low_68"), column(rows, "high_68"), color=SIMULATED, alpha=0.6, lw=2.0,
                    label="simulated, 68%")
        axis.plot(magnitude, middle, "_", color="black", ms=4, mew=0.7, label="simulated, median")
        axis.plot(magnitude, column(rows, "real"), "o", color=REAL, ms=2.4, mew=0.3, mec="white", label="real, held out")
        axis.set_yscale("log")
        axis.set_title(channel)
        axis.set_xlabel("magnitude")
    axes[0].set_ylabel("quoted relative error")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="upper center" if DRAFT else "outside upper center", ncols=4, fontsize=6)
    save(figure, folder, "errors")


def plot_catalogues(tables, folder, tests):
    """Catalogue errors in bins of magnitude."""
    groups = grouped(read(tables / "catalogue_errors.csv"), "band")
    columns = 5
    figure, axes = plt.subplots(-(-len(groups) // columns), columns, figsize=(WIDTH, 6.6), squeeze=False)
    for axis in axes.flat[len(groups):]:
        axis.set_axis_off()
    for axis, ((band,), rows) in zip(axes.flat, groups.items()):
        m = column(rows, "magnitude")
        for kind, colour, shift, marker in (("real", REAL, -0.1, "o"), ("simulated", SIMULATED, 0.1, "s")):
            low, middle, high = (column(rows, f"{kind}_{q}") for q in (16, 50, 84))
            axis.errorbar(m + shift, middle, (middle - low, high - middle), fmt=marker, color=colour, ms=2.2, lw=0.8,
                          label=f"{kind}, median and 68%")
        axis.set_yscale("log")
        axis.set_title(f"{band}\n{verdict(tests[band, 'catalogue_error'])}", fontsize=7, pad=2)
    for axis in axes[:, 0]:
        axis.set_ylabel("relative error")
    list(axes.flat)[len(groups) - 1].set_ylabel("parallax error [mas]")
    for axis in axes[-1]:
        axis.set_xlabel("magnitude")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper center" if DRAFT else "outside upper center", ncols=2, fontsize=6)
    save(figure, folder, "catalogue_errors")


def plot_rounding(tables, folder):
    """Errors of single stars in the two bands whose catalogues round most, as the paper's Figure 20."""
    groups = grouped(read(tables / "work" / "catalogue_rows.csv"), "band")
    bands = ["2MASS:H", "WISE:W1"]
    figure, axes = plt.subplots(1, 2 * len(bands), figsize=(WIDTH, 2.2), sharey=True)
    for k, band in enumerate(bands):
        rows = groups[(band,)]
        for axis, kind, colour in zip(axes[2 * k:], ("real", "simulated"), (REAL, SIMULATED)):
            errors = column(rows, kind)
            axis.plot(column(rows, "magnitude"), errors, ".", color=colour, ms=1.8, mew=0, rasterized=True)
            axis.set_yscale("log")
            axis.set_title(f"{band}, {kind}\n{len(np.unique(errors))} values of {len(errors)} stars", fontsize=7, pad=2)
            axis.set_xlabel("magnitude")
    axes[0].set_ylabel("relative error")
    save(figure, folder, "rounding")


def plot_detections(tables, folder):
    """Share of stars that each band lists."""
    groups = grouped(read(tables / "detections.csv"), "band")
    if not groups:
        return
    columns = 5
    figure, axes = plt.subplots(-(-len(groups) // columns), columns, figsize=(WIDTH, 4.6), sharex=True, sharey=True,
                                squeeze=False)
    for axis in axes.flat[len(groups):]:
        axis.set_axis_off()
    for axis, ((band,), rows) in zip(axes.flat, groups.items()):
        g = column(rows, "g")
        axis.plot(g, column(rows, "real_share"), "o-", color=REAL, ms=2.4, lw=1.0, label="field of M67")
        axis.plot(g, column(rows, "simulated_share"), "s--", color=SIMULATED, ms=2.4, lw=1.0, label="simulated")
        axis.set_title(band)
        axis.set_ylim(-0.03, 1.03)
    for axis in axes[:, 0]:
        axis.set_ylabel("share listed")
    for axis in axes[-1]:
        axis.set_xlabel("Gaia G [mag]")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper center" if DRAFT else "outside upper center", ncols=2, fontsize=6)
    save(figure, folder, "detections")


def plot_binaries(tables, folder):
    """Folded light curves of real eclipsing binaries, each with the nearest simulated one."""
    info = {r["object"]: r for r in read(tables / "nearest.csv")}
    groups = grouped(read(tables / "work" / "light_curves.csv"), "object", "channel")
    columns = 6
    figure, axes = plt.subplots(-(-len(info) // columns), columns, figsize=(WIDTH, 9.2), sharex=True, squeeze=False)
    for axis in axes.flat[len(info):]:
        axis.set_axis_off()
    for axis, (name, row) in zip(axes.flat, info.items()):
        channels = [c for c in CHANNELS if (name, c) in groups]
        step = 1.15 * max(0.03, 1.0 - np.nanmin([np.nanquantile(column(groups[name, c], "flux"), 0.005)
                                                for c in channels]))
        for k, channel in enumerate(channels):
            rows = groups[name, channel]
            phase = (column(rows, "phase") + 0.25) % 1.0 - 0.25
            order = np.argsort(phase)
            axis.plot(phase[order], column(rows, "flux")[order] - k * step, ".", color=CHANNEL_COLOURS[channel], ms=1.3,
                      mew=0, rasterized=True)
            axis.plot(phase[order], column(rows, "nearest")[order] - k * step, color="black", lw=0.5)
        axis.set_title(f"{name}, {float(row['period_day']):.3g} d\n"
                       rf"$\chi^2$/bin {float(row['chi2_a_bin']):.2g} ({float(row['stand_ins_50']):.2g})", fontsize=5.5, pad=2)
        axis.set_yticks([])
        axis.set_ylim(1.0 - len(channels) * step - 0.02 * step, 1.0 + 0.25 * step)
    for axis in axes[-1]:
        axis.set_xlabel("phase")
    figure.supylabel("flux, channels shifted", fontsize=7)
    handles = [plt.Line2D([], [], marker="o", ls="", ms=3, color=CHANNEL_COLOURS[c], label=c) for c in CHANNELS]
    handles.append(plt.Line2D([], [], color="black", lw=0.8, label="nearest simulated system"))
    figure.legend(handles=handles, loc="upper center" if DRAFT else "outside upper center", ncols=6, fontsize=6)
    save(figure, folder, "eclipsing_binaries")


def plot_nearest(tables, folder, tests):
    """How near the nearest simulated system comes, for real binaries and for simulated stand-ins."""
    rows = sorted(read(tables / "nearest.csv"), key=lambda r: float(r["share_nearer"]))
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 4.6), width_ratios=(1.7, 1.0))
    y = np.arange(len(rows))
    low, middle, high = (column(rows, f"stand_ins_{q}") for q in (16, 50, 84))
    left.errorbar(middle, y, xerr=(middle - low, high - middle), fmt="|", color=SIMULATED, ms=4, lw=2.2,
                  label="simulated stand-ins, 68%")
    left.plot(column(rows, "chi2_a_bin"), y, "o", color=REAL, ms=3.2, label="real")
    left.set_yticks(y, [r["object"] for r in rows], fontsize=5)
    left.set_xscale("log")
    left.set_xlabel(r"$\chi^2$ a phase bin of the nearest simulated system")
    left.legend(loc="upper right", fontsize=6)
    share = np.sort(column(rows, "share_nearer"))
    right.step(np.concatenate([[0.0], share, [1.0]]), np.concatenate([[0.0], np.arange(1, len(share) + 1) / len(share), [1.0]]),
               where="post", color=REAL, label="real binaries")
    right.plot([0, 1], [0, 1], color=SIMULATED, ls="--", label="if they were simulated")
    right.set_xlabel("share of stand-ins that have a nearer one")
    right.set_ylabel("share of binaries below")
    right.set_title(verdict(tests["eclipsing binaries", "nearest_all"]), fontsize=7)
    right.legend(loc="upper left", fontsize=6)
    save(figure, folder, "nearest")


def main(tables, figures):
    plt.rcParams.update({"font.size": 7, "axes.titlesize": 7, "axes.linewidth": 0.6, "xtick.labelsize": 6,
                         "ytick.labelsize": 6, "legend.frameon": False, "figure.constrained_layout.use": not DRAFT,
                         "pdf.fonttype": 42})
    tests = {(r["what"], r["statistic"]): r for r in read(tables / "tests.csv")}
    figures.mkdir(parents=True, exist_ok=True)
    plot_distributions(tables, figures, tests)
    plot_effects(figures, tests)
    plot_errors(tables, figures)
    plot_catalogues(tables, figures, tests)
    plot_rounding(tables, figures)
    plot_detections(tables, figures)
    plot_binaries(tables, figures)
    plot_nearest(tables, figures, tests)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
