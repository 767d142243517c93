"""Figures of experiments/exact: convergence.png, ranks.png, and agreement.png where emcee was run."""

import numpy as np

from experiments import figures


def convergence(tables, save):
    """R-hat against cost, and the evidence's error."""
    systems = tables.columns("systems.csv")
    figure, (left, right) = figures.plt.subplots(1, 2, figsize=(figures.WIDTH, 2.6), layout="constrained")
    done = systems["converged"] > 0
    for chosen, marker, colour, label in ((done, "o", figures.BLUE, "converged"), (~done, "x", figures.VERMILION, "not")):
        left.plot(systems["mcmc_evaluations"][chosen] / 1e3, systems["mcmc_r_hat"][chosen] - 1.0, marker, ms=3, color=colour, label=label)
    left.axhline(0.05, color=figures.INK, lw=0.6, ls="--")
    left.set(xlabel="densities computed [thousands]", ylabel=r"split $\hat R - 1$, worst coordinate", yscale="log")
    left.legend()
    right.plot(systems["mcmc_effective_size"], systems["log_evidence_error"], "o", ms=3, color=figures.BLUE)
    draws = np.array([30.0, 5000.0])
    right.plot(draws, draws**-0.5, color=figures.INK, lw=0.6, ls="--", label=r"effective draws$^{-1/2}$")
    right.legend()
    right.set(xlabel="effective draws", ylabel=r"error of $\ln Z$", xscale="log", yscale="log")
    save(figure, "convergence")


def ranks(tables, save):
    """Distribution functions of the truth's ranks, less the diagonal, with a 95% band (Kolmogorov and Smirnov): of all systems,
    and of those with photometry (main.cpp)."""
    table, bands = tables.columns("ranks.csv"), tables.columns("systems.csv")["bands"]
    figure, axes = figures.parameter_grid(tables.parameters(), sharex=True, sharey=True)
    for name, axis in axes.items():
        for chosen, colour, label in ((bands >= 0, figures.BLUE, "all"), (bands >= 5, figures.VERMILION, "five bands or more")):
            rank = np.sort(table[name][chosen])
            axis.step(rank, np.arange(1, len(rank) + 1) / len(rank) - rank, where="post", color=colour, label=label)
        axis.axhspan(-1.36 / np.sqrt(len(bands)), 1.36 / np.sqrt(len(bands)), color=figures.SKY, alpha=0.3, lw=0)
    figure.supxlabel("rank of the truth")
    figure.supylabel("difference from uniform")
    figure.legend(*axis.get_legend_handles_labels(), ncols=2, loc="outside upper center")
    save(figure, "ranks")


def agreement(tables, save):
    """C2ST of our draws and the other samplers', by parameter."""
    table = tables.columns("agreement.csv")
    names = [p for p in tables.parameters() if p.name in table["parameter"]]
    figure, axis = figures.plt.subplots(figsize=(figures.WIDTH, 2.8), layout="constrained")
    for sampler, marker, colour, offset in (("emcee", "o", figures.BLUE, -0.12), ("importance", "^", figures.VERMILION, 0.12)):
        for k, parameter in enumerate(names):
            values = table["c2st"][(table["parameter"] == parameter.name) & (table["sampler"] == sampler)]
            axis.plot(np.full(len(values), k + offset), values, marker, ms=3, color=colour, label=sampler if k == 0 else None)
    axis.axhline(0.55, color=figures.INK, lw=0.6, ls="--")
    axis.set_xticks(range(len(names)), [f"${p.tex}$" for p in names])
    axis.set(ylabel="C2ST with our MCMC", ylim=(0.45, max(0.6, 1.02 * np.max(table["c2st"]))))
    axis.legend(ncols=2)
    save(figure, "agreement")


def draw(tables, save):
    convergence(tables, save)
    ranks(tables, save)
    if (tables.folder / "agreement.csv").exists() and len(tables.rows("agreement.csv")) > 0:
        agreement(tables, save)


if __name__ == "__main__":
    figures.main(draw)
