"""What an effective sample costs by each method, and what many systems cost. Open symbols with arrows are lower bounds."""

import numpy as np
from matplotlib import pyplot as plt

from experiments import figures

METHODS = {
    "neural": ("neural posterior", figures.BLUE, "o"),
    "importance": ("importance", figures.SKY, "s"),
    "mcmc": ("own MCMC", figures.GREEN, "^"),
    "emcee_ellc": ("emcee, ellc", figures.VERMILION, "D"),
    "emcee_phoebe": ("emcee, PHOEBE", figures.PURPLE, "v"),
}
PAPER = {"paper_ellc_core_s": "paper, ellc", "paper_phoebe_core_s": "paper, PHOEBE"}
MOST_SYSTEMS = 1e6


def rows_of(tables):
    rows = tables.rows("own.csv")
    if (tables.folder / "peers.csv").exists():
        rows += tables.rows("peers.csv")
    return [row for row in rows if row["effective_size"] and float(row["effective_size"]) > 0]


def cost(row, target):
    """Core seconds until the effective size is `target`, in proportion."""
    return float(row["cpu_s"]) * target / float(row["effective_size"])


def converged(rows, row):
    """PHOEBE's cost is extrapolated from the chain of emcee with ellc."""
    method = "emcee_ellc" if row["method"] == "emcee_phoebe" else row["method"]
    return any(r["trusted"] == "yes" for r in rows if r["system"] == row["system"] and r["method"] == method)


def draw_systems(axis, rows, reference):
    systems = list(dict.fromkeys(row["system"] for row in rows))
    for method, (label, colour, marker) in METHODS.items():
        for row in (row for row in rows if row["method"] == method):
            x = systems.index(row["system"])
            y = cost(row, reference["effective_size"])
            good = converged(rows, row)
            if not good:  # its effective size is an upper bound
                axis.annotate("", (x, 6 * y), (x, 1.3 * y), arrowprops={"arrowstyle": "->", "color": colour, "lw": 0.8})
            axis.plot(x, y, marker, color=colour, ms=5, mfc=colour if good else "none",
                      label=label if row["system"] == systems[0] else None)
    for key, label in PAPER.items():
        axis.axhline(reference[key], color=figures.INK, lw=0.8, ls=":")
        axis.text(-0.45, 1.15 * reference[key], label, fontsize=6)
    axis.set_xticks(range(len(systems)), systems)
    axis.set_xlim(-0.5, len(systems) - 0.5)
    axis.set_yscale("log")
    axis.set_xlabel("simulated system")
    axis.set_ylabel(f"core seconds for {reference['effective_size']:.0f} effective samples")
    axis.set_title("open: not converged, at least this; PHOEBE: extrapolated", fontsize=7)
    axis.legend(fontsize=6, loc="center")


def draw_scaling(axis, tables, rows, reference):
    scaling = tables.columns("scaling.csv")
    n = scaling["systems"]
    _, colour, marker = METHODS["neural"]
    seconds = scaling["cpu_s"] * reference["effective_size"] / scaling["samples"]
    axis.plot(n, seconds, marker, color=colour, ms=4, ls="-", label="neural, measured")
    far = np.geomspace(n[-1], MOST_SYSTEMS, 2)
    axis.plot(far, seconds[-1] * far / n[-1], "--", color=colour, label="neural, extrapolated")
    all_n = np.geomspace(1, MOST_SYSTEMS, 50)
    axis.plot(all_n, reference["training_core_s"] + np.interp(all_n, np.append(n, far), np.append(seconds, seconds[-1] * far / n[-1])),
              "-.", color=colour, lw=0.8, label="neural, with its training")
    for method in ("mcmc", "emcee_ellc", "emcee_phoebe"):
        mine = [cost(row, reference["effective_size"]) for row in rows
                if row["method"] == method and converged(rows, row)]
        if mine:
            label, colour, _ = METHODS[method]
            axis.plot(all_n, np.mean(mine) * all_n, "--", color=colour, label=f"{label}, extrapolated")
    for key, label in PAPER.items():
        axis.plot(all_n, reference[key] * all_n, ":", color=figures.INK, lw=0.8)
        axis.text(1.2, 1.5 * reference[key], label, fontsize=6, rotation=20)
    axis.set(xscale="log", yscale="log", xlabel="systems", ylabel="core seconds")
    axis.set_title("solid: measured; dashed: extrapolated", fontsize=7)
    axis.legend(fontsize=5.5, loc="lower right")


def draw(tables, save):
    reference = {row["what"]: float(row["value"]) for row in tables.rows("reference.csv")}
    rows = rows_of(tables)
    figure, (left, right) = plt.subplots(1, 2, figsize=(figures.WIDTH, 3.4), layout="constrained")
    draw_systems(left, rows, reference)
    draw_scaling(right, tables, rows, reference)
    save(figure, "cost")


if __name__ == "__main__":
    figures.main(draw)
