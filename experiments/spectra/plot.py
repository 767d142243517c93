"""Predictions against truth (Figure 1 of the paper), real spectra with their posteriors (Figures 2 and 3), calibration, and
errors beside those of least squares."""

import numpy as np

from experiments import figures
from experiments.figures import BLUE, GREEN, INK, ORANGE, SKY, VERMILION, WIDTH, plt

MAIN = ["teff", "logg", "fe_h", "mg_fe", "c_fe", "n_fe", "si_fe", "vmacro"]
DETECTOR_ENDS = [0, 2920, 5320, 7214]
ZOOM = (16120, 16220)  # angstrom
DRAWN = 2  # real spectra


def label(row):
    return f"${row['tex']}$" + (f" [{row['unit']}]" if row["unit"] else "")


def draw_recovery(tables, save, labels):
    stars = tables.columns("work/stars.csv")
    real = tables.columns("real_labels.csv")
    figure, axes = plt.subplots(2, 4, figsize=(WIDTH, 3.9), layout="constrained")
    for axis, name in zip(axes.flat, MAIN):
        mine = stars["label"] == name
        truth, median = stars["truth"][mine], stars["median"][mine]
        points = axis.scatter(truth, median, s=2, c=stars["signal_to_noise"][mine], cmap="viridis", vmin=25, vmax=600, lw=0,
                              rasterized=True)  # fmt: skip
        ends = [truth.min(), truth.max()]
        axis.plot(ends, ends, color=INK, lw=0.8)
        chosen = (real["label"] == name) & np.isfinite(real["published"])
        if chosen.any():
            published, middle = real["published"][chosen], real["median"][chosen]
            errors = [middle - real["low68"][chosen], real["high68"][chosen] - middle]
            axis.errorbar(published, middle, errors, fmt="*", color=VERMILION, ms=6, lw=0.8, label="real spectra, beside what their files publish")
        axis.set_title(label(labels[name]), pad=3)
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center")
    figure.colorbar(points, ax=axes, label="mean S/N", shrink=0.7)
    figure.supxlabel("truth", fontsize=8)
    figure.supylabel("posterior median", fontsize=8)
    save(figure, "recovery")


def draw_calibration(tables, save, labels):
    ecdf = tables.columns("ecdf.csv")
    names = list(dict.fromkeys(ecdf["name"]))
    figure, axes = plt.subplots(5, 6, figsize=(WIDTH, 6.0), sharex=True, sharey=True, layout="constrained")
    for axis in axes.flat[len(names):]:
        axis.set_visible(False)
    for axis, name in zip(axes.flat, names):
        mine = ecdf["name"] == name
        x = [0, *ecdf["point"][mine], 1]
        axis.fill_between(x, [0, *ecdf["lower"][mine], 0], [0, *ecdf["upper"][mine], 0], color=SKY, alpha=0.35, lw=0)
        axis.axhline(0, color=INK, ls="--", lw=0.8)
        axis.plot(x, [0, *ecdf["difference"][mine], 0], color=BLUE)
        axis.set_title(f"${labels[name]['tex']}$" if name in labels else "ln q", pad=2, fontsize=7)
    figure.supxlabel("rank of the truth among posterior samples", fontsize=8)
    figure.supylabel("ECDF difference", fontsize=8)
    save(figure, "calibration")

    rows = tables.columns("calibration.csv")
    figure, axis = plt.subplots(figsize=(WIDTH, 2.4), layout="constrained")
    x = np.arange(len(rows["name"]))
    for level, colour, marker in ((50, GREEN, "^"), (68, BLUE, "o"), (90, VERMILION, "s"), (95, ORANGE, "D")):
        axis.axhline(level, color=colour, lw=0.6, ls="--")
        axis.plot(x, 100 * rows[f"coverage{level}"], marker, color=colour, ms=3, label=f"{level}%")
    axis.set_xticks(x, [f"${labels[n]['tex']}$" if n in labels else "joint" for n in rows["name"]], rotation=90)
    axis.set_ylabel("truths inside [%]")
    axis.legend(ncols=4, loc="lower left")
    save(figure, "coverage")


def draw_spectra(tables, save):
    spectra = tables.columns("work/spectra.csv")
    real = tables.rows("real.csv")
    for row in real[:DRAWN]:
        mine = {key: values[spectra["spectrum"] == float(row["spectrum"])] for key, values in spectra.items()}
        flux = np.where(mine["masked"] > 0, np.nan, mine["flux"])
        sigma = np.where(mine["masked"] > 0, np.nan, mine["sigma"])
        whole, axes = plt.subplots(6, 1, figsize=(WIDTH, 7.0), layout="constrained", height_ratios=[2, 1] * 3)
        zoom, near = plt.subplots(2, 1, figsize=(WIDTH, 3.2), layout="constrained", height_ratios=[2, 1], sharex=True)
        inside = np.flatnonzero((mine["wavelength"] > ZOOM[0]) & (mine["wavelength"] < ZOOM[1]))
        windows = [(*axes[2 * c : 2 * c + 2], slice(DETECTOR_ENDS[c], DETECTOR_ENDS[c + 1]), 0.4) for c in range(3)]
        windows.append((*near, slice(inside[0], inside[-1] + 1), 0.9))
        for top, bottom, pixels, width in windows:
            x = mine["wavelength"][pixels]
            top.fill_between(x, mine["low"][pixels], mine["high"][pixels], color=ORANGE, alpha=0.6, lw=0, label="90% of the predictions")
            top.plot(x, flux[pixels], color=INK, lw=width, label="data", rasterized=True)
            top.plot(x, mine["best_fit"][pixels], color=VERMILION, lw=width, label="best sample", rasterized=True)
            top.plot(x, mine["fit"][pixels], color=BLUE, lw=width, ls=":", label="least squares", rasterized=True)
            for model, colour in (("best_fit", VERMILION), ("fit", BLUE)):
                bottom.plot(x, ((flux - mine[model]) / sigma)[pixels], color=colour, lw=0.4, rasterized=True)
            bottom.axhline(0, color=INK, lw=0.6)
            top.set_xlim(x[0], x[-1])
            bottom.set_xlim(x[0], x[-1])
            bottom.set_ylabel("residual\n[error]")
            top.set_ylabel("flux / continuum")
        for figure, top, bottom, name in ((whole, axes[0], axes[-1], "spectrum"), (zoom, near[0], near[1], "zoom")):
            top.set_title(f"{row['name']}, S/N {float(row['signal_to_noise']):.0f}", loc="left")
            top.legend(ncols=4, loc="lower left")
            bottom.set_xlabel("wavelength [Å, vacuum, at rest]")
            save(figure, f"{name}_{row['spectrum']}")


def draw_errors(tables, save, labels):
    rows = tables.columns("labels.csv")
    figure, axis = plt.subplots(figsize=(WIDTH, 2.6), layout="constrained")
    x = np.arange(len(rows["label"]))
    prior = rows["prior_deviation"]
    axis.plot(x - 0.15, rows["rms_error"] / prior, "o", color=BLUE, ms=4, label="posterior median, all mock stars")
    axis.plot(x, rows["rms_error_compared"] / prior, "s", color=VERMILION, ms=4, label="the same, fitted stars")
    axis.plot(x + 0.15, rows["rms_error_fit"] / prior, "^", color=GREEN, ms=4, label="least squares, fitted stars")
    axis.axhline(1, color=INK, ls="--", lw=0.8)
    axis.set_yscale("log")
    axis.set_ylabel("rms error / prior's deviation")
    axis.set_xticks(x, [f"${labels[n]['tex']}$" for n in rows["label"]], rotation=90)
    axis.legend(ncols=3)
    save(figure, "errors")


def draw(tables, save):
    labels = {row["label"]: row for row in tables.rows("labels.csv")}
    draw_recovery(tables, save, labels)
    draw_calibration(tables, save, labels)
    draw_errors(tables, save, labels)
    draw_spectra(tables, save)


if __name__ == "__main__":
    figures.main(draw)
