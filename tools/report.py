"""Figures and a page for each posterior file, from the file alone.

    python tools/report.py POSTERIOR.nc [...] --out FOLDER [--format png|pdf|svg]

For <name>.nc of a binary: <name>_light_curves, <name>_sed (where there is photometry), <name>_corner, and <name>.html;
of a star's spectrum: <name>_spectrum, <name>_zoom, <name>_corner, and <name>.html.
Exit code 2: a file that is not a posterior.
"""

import argparse
import html
import os
import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # ArviZ announces its next version
    import arviz
    import corner

sys.path.insert(0, str(Path(__file__).resolve().parent))  # where this is a module of another program
import report_star

CORNER = ["mass1", "mass2", "radius1", "radius2", "teff1", "teff2", "inclination", "eccentricity", "log_age", "feh",
          "distance", "ebv"]
DATA, MODEL, BAND = "#303030", "#c2410c", "#fdba74"

plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "savefig.dpi": 150})


class NotAPosterior(Exception):
    """The file cannot be drawn; the message names it and says why."""


def read(path):
    try:
        data = arviz.from_netcdf(str(path))
    except (OSError, ValueError) as error:
        raise NotAPosterior(f"{path}: not a netCDF file that ArviZ can open: {error}") from None
    missing = [group for group in ("posterior", "posterior_predictive", "observed_data", "constant_data") if group not in data]
    if missing or "object" not in data.attrs:
        raise NotAPosterior(f"{path}: not a posterior of penumbra: no {', '.join(missing) or 'attribute object'}")
    return data


def save(figure, path):
    """Writes a figure whole or not at all."""
    partial = path.with_name(f"{path.stem}.partial.{os.getpid()}{path.suffix}")
    try:
        figure.savefig(partial, bbox_inches="tight")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
        plt.close(figure)
    return path.name


def is_star(data):
    return "wavelength" in data.constant_data


def channels(data):
    return [name for name in data.observed_data.data_vars if f"{name}_phase" in data.constant_data]


def eclipse_window(phase, flux, centre):
    """Half-width in phase that shows the dip of a light curve around `centre` with some of the light beside it."""
    offset = np.abs((phase - centre + 0.5) % 1.0 - 0.5)
    near = offset < 0.2
    if near.sum() < 10:
        return 0.1
    depth = 1.0 - np.percentile(flux[near], 1)
    inside = near & (flux < 1.0 - 0.3 * depth)
    return float(np.clip(2.0 * np.percentile(offset[inside], 95), 0.02, 0.2)) if inside.any() else 0.1


def secondary_phase(phase, model):
    """Phase of the deepest point of the model away from phase 0, between -.25 and .75."""
    away = np.abs((phase + 0.5) % 1.0 - 0.5) > 0.2
    if not away.any():
        return 0.5
    deepest = float(phase[away][np.argmin(model[away])])
    return deepest - 1.0 if deepest > 0.75 else deepest


def draw_light_curves(data):
    names = channels(data)
    figure, axes = plt.subplots(2 * len(names), 3, figsize=(13, 5.0 * len(names)), squeeze=False,
                                gridspec_kw={"height_ratios": [3, 1] * len(names), "width_ratios": [2, 1, 1], "hspace": 0.12})
    for row, name in enumerate(names):
        flux = data.observed_data[name].values
        sigma = data.constant_data[f"{name}_sigma"].values
        phase = data.constant_data[f"{name}_phase"].values
        models = data.posterior_predictive[name].values.reshape(-1, len(phase))
        low, middle, high = np.percentile(models, [5, 50, 95], axis=0)
        shifted = np.where(phase > 0.75, phase - 1.0, phase)  # the primary eclipse in one piece
        order = np.argsort(shifted)
        x, flux, sigma, low, middle, high = (values[order] for values in (shifted, flux, sigma, low, middle, high))
        secondary = secondary_phase(x, middle)
        windows = [("all phases", -0.25, 0.75)]
        for title, centre in (("primary eclipse", 0.0), ("secondary eclipse", secondary)):
            half = eclipse_window(x, flux, centre)
            windows.append((title, centre - half, centre + half))
        for column, (title, left, right) in enumerate(windows):
            top, bottom = axes[2 * row, column], axes[2 * row + 1, column]
            seen = (x >= left) & (x <= right)
            point = {"fmt": ".", "color": DATA, "ms": 2 if column == 0 else 4, "lw": 0.5, "alpha": 0.6, "zorder": 3, "rasterized": True}
            errors = sigma[seen] if column > 0 and len(x) < 5000 else None
            top.fill_between(x[seen], low[seen], high[seen], color=BAND, lw=0, zorder=1, label="90% of the predictions")
            top.errorbar(x[seen], flux[seen], errors, label="data", **point)
            top.plot(x[seen], middle[seen], color=MODEL, lw=1.1, zorder=4, label="median prediction")
            bottom.fill_between(x[seen], 1e3 * (low - middle)[seen], 1e3 * (high - middle)[seen], color=BAND, lw=0, zorder=1)
            bottom.errorbar(x[seen], 1e3 * (flux - middle)[seen], None if errors is None else 1e3 * errors, **point)
            bottom.axhline(0.0, color=MODEL, lw=1.0, zorder=4)
            for axis in (top, bottom):
                axis.set_xlim(left, right)
            top.tick_params(labelbottom=False)
            bottom.set_xlabel("orbital phase")
            top.set_title(title, fontsize=10, loc="left")
        band = data.posterior_predictive[name].attrs["long_name"].removeprefix("light curve in ").removesuffix(" without noise")
        axes[2 * row, 0].set_title(f"{data.attrs['object']}, {band}", fontsize=12, loc="left")
        axes[2 * row, 0].legend(frameon=False, fontsize=8, loc="lower right")
        axes[2 * row, 0].set_ylabel("relative flux")
        axes[2 * row + 1, 0].set_ylabel("residual ($10^{-3}$)")
    return figure


def draw_sed(data):
    observed = data.observed_data["sed_flux"].values
    sigma = data.constant_data["sed_sigma"].values
    wavelength = data.constant_data["sed_wavelength"].values
    bands = [str(band) for band in data.observed_data["band"].values]
    models = data.posterior_predictive["sed_flux"].values.reshape(-1, len(wavelength))
    low, middle, high = np.percentile(models, [5, 50, 95], axis=0)
    order = np.argsort(wavelength)
    seen = np.isfinite(observed)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(7.5, 5.5), sharex=True, gridspec_kw={"height_ratios": [3, 1], "hspace": 0.08})
    top.fill_between(wavelength[order], low[order], high[order], color=BAND, alpha=0.6, lw=0, label="predictions, 90%")
    top.plot(wavelength[order], middle[order], "_", color=MODEL, ms=9, mew=1.5, label="predictions, median")
    top.errorbar(wavelength[seen], observed[seen], sigma[seen], fmt="o", color=DATA, ms=5, label="photometry", zorder=4)
    for k in np.flatnonzero(seen):
        top.annotate(bands[k], (wavelength[k], observed[k]), xytext=(0, 8), textcoords="offset points", fontsize=8, rotation=90,
                     ha="center", va="bottom")
        spread = -2.5 * np.log10(models[:, k] / middle[k])
        bottom.vlines(wavelength[k], *np.percentile(spread, [5, 95]), color=BAND, lw=6, alpha=0.7)
    bottom.errorbar(wavelength[seen], -2.5 * np.log10(observed[seen] / middle[seen]), 1.0857 * sigma[seen] / observed[seen],
                    fmt="o", color=DATA, ms=5, zorder=4)
    bottom.axhline(0.0, color=MODEL, lw=1.0)
    top.set(xscale="log", yscale="log", ylabel="flux density (Jy)")
    top.margins(y=0.15)
    top.set_title(data.attrs["object"], loc="left", pad=30)
    top.legend(frameon=False, fontsize=8)
    bottom.set(xlabel="wavelength ($\\mu$m)", ylabel="residual (mag)")
    bottom.set_xticks([0.2, 0.4, 0.6, 1.0, 2.0, 3.4], ["0.2", "0.4", "0.6", "1", "2", "3.4"])
    bottom.minorticks_off()
    return figure


def literature(data):
    """{quantity: (value, error, source)} of the object file."""
    if "literature_value" not in data.constant_data:
        return {}
    constant = data.constant_data
    return {str(name): (float(constant["literature_value"].values[i]), float(constant["literature_error"].values[i]),
                        str(constant["literature_source"].values[i])) for i, name in enumerate(constant["quantity"].values)}


def draw_corner(data):
    posterior = data.posterior
    names = report_star.CORNER if is_star(data) else CORNER
    columns = [posterior[name].values.ravel() for name in names]
    labels = []
    for name in names:
        unit = posterior[name].attrs.get("units", "1")
        labels.append(name if unit == "1" else f"{name}\n({unit})")
    known = literature(data)
    if "age" in known:
        known.setdefault("log_age", (float(np.log10(known["age"][0])) + 6.0, 0.0, ""))  # Myr to dex(yr)
    truths = [known[name][0] if name in known else None for name in names]
    # A central range that keeps the published value in view.
    ranges = []
    for values, truth in zip(columns, truths):
        low, high = np.percentile(values, [0.5, 99.5])
        if truth is not None:
            low, high = min(low, truth), max(high, truth)
        margin = 0.05 * (high - low) or 1e-6
        ranges.append((low - margin, high + margin))
    figure = corner.corner(np.column_stack(columns), labels=labels, range=ranges, bins=30, smooth=0.8, color=MODEL,
                           truths=truths if known else None, truth_color=DATA, plot_datapoints=False, levels=(0.68, 0.9),
                           fill_contours=True, label_kwargs={"fontsize": 9}, max_n_ticks=3, labelpad=0.12)
    figure.set_size_inches(1.2 * len(names), 1.2 * len(names))
    for axis in figure.axes:
        axis.tick_params(labelsize=7)
    figure.suptitle(f"{data.attrs['object']}: 68% and 90% regions" + ("; lines: literature" if known else ""), y=0.99)
    return figure


def decimals(values):
    spread = np.subtract(*np.percentile(values, [84, 16]))
    return int(np.clip(1 - np.floor(np.log10(spread)), 0, 6)) if spread > 0 else 4


def table(data):
    known = literature(data)
    rows = ["<tr><th>quantity</th><th>unit</th><th>median</th><th>68%</th><th>90%</th>"
            + ("<th>literature</th>" if known else "") + "<th></th></tr>"]
    for name, variable in data.posterior.data_vars.items():
        values = variable.values.ravel()
        low90, low68, median, high68, high90 = np.percentile(values, [5, 16, 50, 84, 95])
        d = decimals(values)
        unit = variable.attrs.get("units", "1")
        cells = [name, "" if unit == "1" else unit, f"{median:.{d}f}", f"{low68:.{d}f} &ndash; {high68:.{d}f}",
                 f"{low90:.{d}f} &ndash; {high90:.{d}f}"]
        if known:
            value, error, source = known.get(name, (None, 0.0, ""))
            text = "" if value is None else f"{value:g}" + (f" &plusmn; {error:g}" if error > 0 else "")
            cells.append(f'<span title="{html.escape(source)}">{text}</span>')
        cells.append(html.escape(variable.attrs.get("long_name", "")))
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "<table>" + "\n".join(rows) + "</table>"


def page(data, figures):
    attributes = data.attrs
    known = literature(data)
    alerts = "".join(f"<p class=warning>{html.escape(line)}</p>" for line in attributes.get("warnings", "").splitlines() if line)
    reread = ""
    if "prior_of_network" in attributes:
        reread = html.escape(f" Made under prior {attributes['prior_of_network']}, read under prior {attributes['prior']}: "
                             f"{float(attributes['effective_samples']):.0f} effective samples.")
    # Figures of a page format that browsers do not show inside a page are linked.
    images = "".join(f'<p><a href="{name}">{name}</a></p>' if name.endswith(".pdf") else f'<p><img src="{name}" alt="{name}"></p>'
                     for name in figures)
    sources = "".join(f"<li>{html.escape(source)}</li>" for source in dict.fromkeys(entry[2] for entry in known.values()))
    facts = "".join(f"<tr><td>{html.escape(name)}</td><td><pre>{html.escape(str(value))}</pre></td></tr>"
                    for name, value in attributes.items() if name != "warnings")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(attributes['object'])}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222 }}
img {{ max-width: 100% }} table {{ border-collapse: collapse; font-size: 14px }} pre {{ margin: 0; white-space: pre-wrap }}
td, th {{ padding: .15em .8em; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top }}
.warning {{ background: #fee2e2; padding: .5em 1em }}
</style></head><body>
<h1>{html.escape(attributes['object'])}</h1>
{alerts}
<p>{data.posterior.sizes['chain'] * data.posterior.sizes['draw']} samples, {html.escape(attributes.get('method', ''))}.
Intervals are central.{reread}</p>
{table(data)}
{f'<p>Literature:</p><ul>{sources}</ul>' if sources else ''}
{images}
<details><summary>Provenance</summary><table>{facts}</table></details>
</body></html>
"""


def report(path, folder, suffix):
    data = read(path)
    name = Path(path).stem
    figures = []
    if is_star(data):
        figures.append(save(report_star.draw_spectrum(data), folder / f"{name}_spectrum.{suffix}"))
        figures.append(save(report_star.draw_zoom(data), folder / f"{name}_zoom.{suffix}"))
    if channels(data):
        figures.append(save(draw_light_curves(data), folder / f"{name}_light_curves.{suffix}"))
    if "sed_flux" in data.observed_data and np.isfinite(data.observed_data["sed_flux"].values).any():
        figures.append(save(draw_sed(data), folder / f"{name}_sed.{suffix}"))
    figures.append(save(draw_corner(data), folder / f"{name}_corner.{suffix}"))
    out = folder / f"{name}.html"
    partial = out.with_name(f"{out.name}.partial.{os.getpid()}")
    try:
        partial.write_text(page(data, figures), encoding="utf-8")
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return out, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("posteriors", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--format", choices=["png", "pdf", "svg"], default="png")
    options = parser.parse_args()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for path in options.posteriors:
            page_file, figures = report(path, options.out, options.format)
            for figure in figures:
                print(options.out / figure)
            print(f"report: {page_file}")
    except NotAPosterior as error:
        print(f"report: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"report: {error.filename or options.out}: {error.strerror or error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
