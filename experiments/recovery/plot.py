"""Medians and intervals against truth (the paper's Figure 6), widths beside its Table 4, and widths against the data."""

import numpy as np

from experiments import figures
from experiments.figures import BLUE, GREEN, INK, ORANGE, SKY, VERMILION, WIDTH, plt

BINS = 12
LOGARITHMIC = {"teff1", "teff2", "radius1", "radius2", "distance", "msum"}
INSTEAD = {  # what the paper shows: smooth where e goes to 0
    "eccentricity": ("sqrt_e_cos_omega", r"$\sqrt{e}\,\cos\omega$"),
    "omega": ("sqrt_e_sin_omega", r"$\sqrt{e}\,\sin\omega$"),
}
QUALITIES = {
    "signal_to_noise": "signal to noise\nof the eclipses",
    "depth_over_error": "depth over error\nof a point",
    "points": "points in\nlight curves",
    "light_curves": "light curves",
    "sed_points": "SED points",
    "parallax": "parallax",
}
FOLLOWED = [("rsumfrac", BLUE, "o"), ("cos_i", VERMILION, "s"), ("msum", GREEN, "^"), ("teff1", ORANGE, "v"),
            ("radius1", INK, "D"), ("distance", SKY, "P")]  # fmt: skip


def draw_recovery(tables, save, parameters):
    rows = tables.columns("work/systems.csv")
    figure, axes = figures.parameter_grid(parameters, height=7.4)
    for parameter in parameters:
        axis = axes[parameter.name]
        quantity, label = INSTEAD.get(parameter.name, (parameter.name, parameter.label))
        chosen = rows["quantity"] == quantity
        truth, median = rows["truth"][chosen], rows["median"][chosen]
        low, high = np.percentile(truth, [0.5, 99.5])
        axis.plot(truth, median, ".", ms=1, color=GREEN, alpha=0.4, rasterized=True)
        edges = np.quantile(truth, np.linspace(0.005, 0.995, BINS + 1))
        centres = [np.median(truth[(truth >= a) & (truth <= b)]) for a, b in zip(edges, edges[1:])]
        for name, colour in (("90", SKY), ("68", ORANGE)):
            ends = [
                [np.median(rows[end + name][chosen][(truth >= a) & (truth <= b)]) for a, b in zip(edges, edges[1:])]
                for end in ("low", "high")
            ]
            axis.fill_between(centres, *ends, color=colour, alpha=0.45, lw=0)
        axis.plot([low, high], [low, high], color=INK, lw=0.8)
        axis.set_title(label, pad=3)
        if parameter.name in LOGARITHMIC:
            figures.logarithmic(axis)
        axis.set(xlim=(low, high), ylim=(low, high))
    figure.supxlabel("truth", fontsize=8)
    figure.supylabel("posterior median; median 68% (orange) and 90% (blue) intervals", fontsize=8)
    save(figure, "recovery")


def draw_widths(tables, save, parameters):
    widths = tables.columns("widths.csv")
    figure, axis = plt.subplots(figsize=(WIDTH, 2.6), layout="constrained")
    x = np.arange(len(parameters))
    for name, colour, marker, shift in (("68", BLUE, "o", -0.12), ("90", VERMILION, "s", 0.12)):
        ratio = widths["width" + name] / widths["paper_width" + name]
        axis.plot(x + shift, ratio, marker, color=colour, ms=4, label=f"{name}% intervals")
    axis.axhline(1, color=INK, ls="--", lw=0.8)
    axis.set_yscale("log")
    axis.set_yticks([0.3, 0.5, 1, 2], ["0.3", "0.5", "1", "2"])
    axis.minorticks_off()
    axis.set_xticks(x, [f"${p.tex}$" for p in parameters], rotation=45, ha="right")
    axis.set_ylabel("median width / the paper's")
    axis.legend()
    save(figure, "widths")


def group_label(low, high):
    if high == np.inf:
        return rf"$\geq${low:g}"
    return f"{low:g}" if high - low == 1 else f"{low:g} to {high:g}"


def draw_quality(tables, save, parameters):
    rows = tables.columns("quality.csv")
    overall = dict(zip(*(tables.columns("widths.csv")[key] for key in ("parameter", "width68"))))
    tex = {p.name: f"${p.tex}$" for p in parameters}
    figure, axes = plt.subplots(2, len(QUALITIES), figsize=(WIDTH, 3.6), layout="constrained", sharey="row", sharex="col")
    for (upper, lower), (quality, label) in zip(axes.T, QUALITIES.items()):
        chosen = rows["quality"] == quality
        groups = sorted({(a, b) for a, b in zip(rows["from"][chosen], rows["to"][chosen])})
        for name, colour, marker in FOLLOWED:
            mine = chosen & (rows["parameter"] == name)
            x = [groups.index(pair) for pair in zip(rows["from"][mine], rows["to"][mine])]
            upper.plot(x, rows["width68"][mine] / overall[name], marker + "-", color=colour, ms=3, lw=0.8, label=tex[name])
            lower.plot(x, rows["error_deviation"][mine], marker + "-", color=colour, ms=3, lw=0.8)
        lower.axhline(1, color=INK, ls="--", lw=0.8)
        lower.set_xticks(range(len(groups)), [group_label(*g) for g in groups], rotation=90, fontsize=6)
        lower.set_xlabel(label, fontsize=7)
    axes[0, 0].set(yscale="log", ylabel="68% width / that of all")
    axes[0, 0].set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
    axes[0, 0].minorticks_off()
    axes[1, 0].set_ylabel("deviation of\nnormalised error")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(FOLLOWED))
    save(figure, "quality")


def draw(tables, save):
    parameters = tables.parameters()
    draw_recovery(tables, save, parameters)
    draw_widths(tables, save, parameters)
    draw_quality(tables, save, parameters)


if __name__ == "__main__":
    figures.main(draw)
