"""Figures of the posterior predictive checks: light curves and SED with predictions, p-values, published values."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import MultipleLocator

from experiments import figures
from tools import report

POSTERIORS = ["neural", "importance", "mcmc"]
STYLES = dict(zip(POSTERIORS, [(figures.BLUE, "o"), (figures.ORANGE, "s"), (figures.VERMILION, "^")]))
CHANNELS = {"asas_sn_v": ("ASAS-SN V", figures.GREEN), "asas_sn_g": ("ASAS-SN g", figures.BLUE), "ztf_g": ("ZTF g", figures.SKY),
            "ztf_r": ("ZTF r", figures.VERMILION), "tess_t": ("TESS", figures.PURPLE), "kepler_kp": ("K2", figures.ORANGE)}
BINS = 150  # of a window in phase
SHOWN = ["mass1", "mass2", "radius1", "radius2", "teff1", "teff2", "rsumfrac", "radius_ratio", "inclination", "eccentricity",
         "distance"]
TESTS = {"p_chi2": r"$\chi^2$", "p_correlation": "neighbours", "p_depth1": "depth 1", "p_depth2": "depth 2"}


def binned(phase, low, high, *columns):
    """Means of each column in equal bins of [low, high): centres and one array a column, empty bins left out."""
    inside = (phase >= low) & (phase < high)
    place = np.minimum(((phase[inside] - low) / (high - low) * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    full = count > 0
    return [np.bincount(place, column[inside], BINS)[full] / count[full] for column in (phase, *columns)]


def draw_window(curve, residual, low, high, names, data, step):
    """One window in phase of all channels of an object, each lower by `step` than the one before, and the residuals."""
    shown = []
    for k, name in enumerate(names):
        phase = data.constant_data[f"{name}_phase"].values
        shifted = np.where(phase > 0.75, phase - 1.0, phase)
        flux = data.observed_data[name].values
        models = data.posterior_predictive[name].values.reshape(-1, len(phase))
        lower, middle, upper = np.percentile(models, [5, 50, 95], axis=0)
        x, f, m, lo, hi = binned(shifted, low, high, flux, middle, lower, upper)
        colour = CHANNELS[name][1]
        curve.fill_between(x, lo - k * step, hi - k * step, color=figures.INK, alpha=0.25, lw=0)
        curve.plot(x, m - k * step, color=figures.INK, lw=0.6)
        curve.plot(x, f - k * step, ".", color=colour, ms=1.8, mew=0)
        residual.fill_between(x, 1e3 * (lo - m), 1e3 * (hi - m), color=figures.INK, alpha=0.25, lw=0)
        residual.plot(x, 1e3 * (f - m), ".", color=colour, ms=1.8, mew=0)
        shown.append(1e3 * (f - m))
    largest = 1.5 * np.percentile(np.abs(np.concatenate(shown)), 97)  # a single bad point does not hide the others
    residual.set_ylim(-largest, largest)
    residual.axhline(0.0, color=figures.INK, lw=0.4)
    for axis in (curve, residual):
        axis.set_xlim(low, high)
    if high - low < 0.5:  # an eclipse: two or three ticks, as the labels of more would run into each other
        residual.xaxis.set_major_locator(MultipleLocator(float(f"{(high - low) / 2.5:.0e}")))
    curve.tick_params(labelbottom=False)


def draw_sed(axis, data):
    flux, sigma = data.observed_data["sed_flux"].values, data.constant_data["sed_sigma"].values
    wavelength = data.constant_data["sed_wavelength"].values
    models = data.posterior_predictive["sed_flux"].values.reshape(-1, len(wavelength))
    middle = np.median(models, axis=0)
    seen = np.isfinite(flux) & (flux > 0)
    order = np.argsort(wavelength)
    low, high = np.percentile(-2.5 * np.log10(models / middle), [5, 95], axis=0)
    axis.fill_between(wavelength[order], low[order], high[order], color=figures.INK, alpha=0.25, lw=0)
    axis.errorbar(wavelength[seen], -2.5 * np.log10(flux[seen] / middle[seen]), 1.0857 * sigma[seen] / flux[seen], fmt="o",
                  ms=2.2, lw=0.7, color=figures.VERMILION)
    axis.axhline(0.0, color=figures.INK, lw=0.4)
    axis.set_xscale("log")
    axis.set_xticks([0.2, 0.5, 1.0, 3.0], ["0.2", "0.5", "1", "3"])
    axis.minorticks_off()
    axis.set_xlim(0.13, 4.5)


def draw_objects(keys, folder, posterior):
    """Each object in two rows: the whole orbit, both eclipses, SED; below, the residuals."""
    figure, axes = plt.subplots(2 * len(keys), 4, figsize=(figures.WIDTH, 1.9 * len(keys)), layout="constrained", squeeze=False,
                                gridspec_kw={"height_ratios": [2.2, 1.0] * len(keys), "width_ratios": [2.0, 1.0, 1.0, 1.1]})
    seen = set()
    for row, key in enumerate(keys):
        data = report.read(folder / f"{key}_{posterior}.nc")
        names = report.channels(data)
        seen.update(names)
        top, bottom = axes[2 * row], axes[2 * row + 1]
        first = names[0]
        phase = data.constant_data[f"{first}_phase"].values
        middle = np.median(data.posterior_predictive[first].values.reshape(-1, len(phase)), axis=0)
        secondary = report.secondary_phase(np.where(phase > 0.75, phase - 1.0, phase), middle)
        depth = 1.0 - min(np.percentile(data.observed_data[name].values, 1) for name in names)
        step = 1.2 * max(depth, 0.02)
        half = [report.eclipse_window(phase, middle / np.median(middle), centre) for centre in (0.0, secondary)]
        windows = [(-0.25, 0.75), (-half[0], half[0]), (secondary - half[1], secondary + half[1])]
        for column, (low, high) in enumerate(windows):
            draw_window(top[column], bottom[column], low, high, names, data, step)
        top[0].set_title(data.attrs["object"], loc="left", pad=2)
        top[0].set_ylabel("flux")
        bottom[0].set_ylabel("residual\n[$10^{-3}$]")
        gs = top[3].get_gridspec()
        for axis in (top[3], bottom[3]):
            axis.remove()
        sed = figure.add_subplot(gs[2 * row:2 * row + 2, 3])
        draw_sed(sed, data)
        sed.set_title("SED residual [mag]", pad=2)
        if row == 0:
            top[1].set_title("primary", pad=2)
            top[2].set_title("secondary", pad=2)
    for axis, label in zip((axes[-1, 0], axes[-1, 1], axes[-1, 2], sed), (*["orbital phase"] * 3, r"wavelength [$\mu$m]")):
        axis.set_xlabel(label)
    handles = [plt.Line2D([], [], marker="o", ls="", ms=3, color=colour, label=label)
               for name, (label, colour) in CHANNELS.items() if name in seen]
    handles.append(plt.Line2D([], [], color=figures.INK, lw=0.8, label="median prediction, 90%"))
    figure.legend(handles=handles, loc="outside upper center", ncols=7, fontsize=6, handletextpad=0.2, columnspacing=0.8)
    return figure


def draw_checks(tables):
    """p of every check, one row an object and data set, one block a posterior."""
    rows = tables.rows("checks.csv")
    found = [p for p in POSTERIORS if any(row["posterior"] == p for row in rows)]
    places = list(dict.fromkeys((row["object"], row["data"]) for row in rows))
    p = {(row["posterior"], row["object"], row["data"], test): float(row[test]) for row in rows for test in TESTS if row[test]}
    figure, axes = plt.subplots(1, len(found), figsize=(figures.WIDTH, 0.6 + 0.125 * len(places)), sharey=True,
                                layout="constrained", squeeze=False)
    for axis, posterior in zip(axes[0], found):
        values = np.array([[p.get((posterior, *place, test), np.nan) for test in TESTS] for place in places])
        image = axis.imshow(np.log10(values), cmap="cividis", vmin=-2.6, vmax=0.0, aspect="auto")
        for i, j in np.argwhere(np.isfinite(values)):
            axis.text(j, i, f"{values[i, j]:.3f}", ha="center", va="center", fontsize=4.5,
                      color="white" if values[i, j] < 0.1 else "black")
        axis.set_xticks(range(len(TESTS)), TESTS.values(), rotation=30, ha="right")
        axis.set_title(posterior)
        axis.tick_params(length=0)
    axes[0, 0].set_yticks(range(len(places)), [" ".join(place) for place in places], fontsize=5)
    figure.colorbar(image, ax=axes, label=r"$\log_{10}$ posterior predictive $p$", pad=0.01, aspect=40)
    return figure


def failed_refinements(tables):
    """{(object, posterior)}"""
    return {(row["object"], row["posterior"]) for row in tables.rows("diagnostics.csv")
            if row["fact"] == "trusted" and row["value"] == "no"}


def draw_known(tables, failed):
    """(median - published or true value) / combined error; open symbols: a refinement that has failed."""
    rows = [row for row in tables.rows("posteriors.csv") if row["sigma"] and row["quantity"] in SHOWN]
    known = [row["object"] for row in rows if row["posterior"] == "neural"]
    objects = [name for name in dict.fromkeys(known) if known.count(name) > 1]  # a distance alone needs no figure
    columns = 4
    figure, axes = plt.subplots(-(-len(objects) // columns), columns, figsize=(figures.WIDTH, 1.75 * -(-len(objects) // columns)),
                                sharex=True, sharey=True, layout="constrained", squeeze=False)
    for axis in list(axes.flat)[len(objects):]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, objects):
        axis.axvspan(-1, 1, color=figures.INK, alpha=0.15, lw=0)
        axis.axvline(0.0, color=figures.INK, lw=0.4)
        for k, (posterior, (colour, marker)) in enumerate(STYLES.items()):
            mine = [row for row in rows if row["object"] == name and row["posterior"] == posterior]
            x = np.clip([float(row["sigma"]) for row in mine], -6, 6)
            y = np.array([SHOWN.index(row["quantity"]) for row in mine]) + 0.22 * (k - 1)
            face = "none" if (name, posterior) in failed else colour
            axis.plot(x, y, marker, color=colour, ms=2.6, mew=0.5, mfc=face)
        axis.set_title(name, pad=2)
        axis.set_xlim(-6.3, 6.3)
    axes[0, 0].set_yticks(range(len(SHOWN)), SHOWN, fontsize=5.5)
    axes[0, 0].invert_yaxis()
    figure.supxlabel(r"(median $-$ known) / combined $\sigma$; beyond 6: at the edge", fontsize=8)
    found = [posterior for posterior in POSTERIORS if any(row["posterior"] == posterior for row in rows)]
    handles = [plt.Line2D([], [], marker=STYLES[p][1], ls="", ms=4, color=STYLES[p][0], label=p) for p in found]
    handles.append(plt.Line2D([], [], marker="o", ls="", ms=4, mfc="none", color=figures.INK, label="open: failed"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def draw(tables, save):
    rows = tables.rows("posteriors.csv")
    folder = tables.folder / "work" / "posteriors"
    failed = failed_refinements(tables)
    done = {(row["object"], row["posterior"]) for row in rows} - failed
    kinds = {row["object"]: row["kind"] for row in rows}
    for posterior in POSTERIORS:
        for kind in sorted(set(kinds.values())):
            keys = [key for key in kinds if kinds[key] == kind and (key, posterior) in done]
            for page in range(0, len(keys), 5):  # that fit on a page
                number = f"_{page // 5 + 1}" if len(keys) > 5 else ""
                save(draw_objects(keys[page:page + 5], folder, posterior), f"{kind}{number}_{posterior}")
    save(draw_checks(tables), "checks")
    save(draw_known(tables, failed), "known")


if __name__ == "__main__":
    figures.main(draw)
