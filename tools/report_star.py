"""Figures of a star's posterior (penumbra infer star.fits), for tools/report.py."""

import matplotlib.pyplot as plt
import numpy as np

CORNER = ["teff", "logg", "fe_h", "mg_fe", "c_fe", "n_fe", "vmacro"]
DATA, MODEL, BAND = "#303030", "#c2410c", "#fdba74"
DETECTOR_ENDS = (2920, 5320)  # pixels of spectra/pixels.h at which the second and the third detector begin
ZOOM = (16120.0, 16220.0)  # angstrom: lines of Fe, Ca, Si, CO and OH


def read_spectrum(data):
    """wavelength, flux, sigma, mask, best fit and the quantiles 5% to 95% of the prediction, [pixel] or [quantile, pixel]."""
    constant, predictive = data.constant_data, data.posterior_predictive
    return (constant["wavelength"].values, data.observed_data["flux"].values, constant["flux_sigma"].values,
            constant["masked"].values > 0, predictive["best_fit"].values, predictive["flux"].values)


def draw_window(top, bottom, spectrum, pixels, zoomed=False):
    """Data, predictions and best fit of a slice of pixels; below, residuals in units of the error."""
    x, flux, sigma, masked, best, quantiles = (values[..., pixels] for values in spectrum)
    shown = np.where(masked, np.nan, flux)
    residual = np.where(masked, np.nan, (flux - best) / np.where(masked, 1.0, sigma))
    top.fill_between(x, quantiles[0], quantiles[-1], color=BAND, lw=0, zorder=1, label="90% of the predictions")
    style = {"marker": ".", "ms": 4, "lw": 0.6} if zoomed else {"lw": 0.5}
    top.plot(x, shown, color=DATA, zorder=2, label="data", rasterized=True, **style)
    if zoomed:
        top.fill_between(x, shown - sigma, shown + sigma, color=DATA, alpha=0.2, lw=0, zorder=1)
    top.plot(x, best, color=MODEL, lw=1.0 if zoomed else 0.6, alpha=0.9, zorder=3, label="best fit", rasterized=True)
    bottom.plot(x, residual, color=DATA, lw=0.5, rasterized=True)
    bottom.axhline(0.0, color=MODEL, lw=0.8)
    limit = np.nanpercentile(np.abs(residual), 99) * 1.2 if np.isfinite(residual).any() else 1.0
    bottom.set_ylim(-limit, limit)
    floor = np.nanmin(np.where(np.isfinite(shown), np.minimum(shown, best), best))
    top.set_ylim(max(-0.05, floor - 0.05), min(1.3, np.nanpercentile(shown, 99.9) + 0.08) if np.isfinite(shown).any() else 1.2)
    for axis in (top, bottom):
        axis.set_xlim(x[0], x[-1])
    top.tick_params(labelbottom=False)


def panels(rows):
    """rows pairs of axes: a spectrum and its residuals."""
    figure = plt.figure(figsize=(13, 3.6 * rows))
    outer = figure.add_gridspec(rows, 1, hspace=0.28)
    pairs = []
    for row in range(rows):
        inner = outer[row].subgridspec(2, 1, height_ratios=[3, 1], hspace=0.06)
        top = figure.add_subplot(inner[0])
        pairs.append((top, figure.add_subplot(inner[1], sharex=top)))
        pairs[-1][0].set_ylabel("flux / continuum")
        pairs[-1][1].set_ylabel("residual ($\\sigma$)")
    pairs[-1][1].set_xlabel("wavelength ($\\mathrm{\\AA}$, vacuum, at rest)")
    return figure, pairs


def draw_spectrum(data):
    """The whole spectrum, a detector a row."""
    spectrum = read_spectrum(data)
    figure, pairs = panels(3)
    edges = (0, *DETECTOR_ENDS, len(spectrum[0]))
    for (top, bottom), first, last in zip(pairs, edges, edges[1:]):
        draw_window(top, bottom, spectrum, slice(first, last))
    pairs[0][0].set_title(data.attrs["object"], loc="left")
    pairs[0][0].legend(frameon=False, fontsize=8, loc="lower right", ncols=3)
    return figure


def draw_zoom(data):
    spectrum = read_spectrum(data)
    inside = np.flatnonzero((spectrum[0] >= ZOOM[0]) & (spectrum[0] <= ZOOM[1]))
    figure, pairs = panels(1)
    draw_window(*pairs[0], spectrum, slice(inside[0], inside[-1] + 1), zoomed=True)
    pairs[0][0].set_title(f"{data.attrs['object']}, {ZOOM[0]:.0f} to {ZOOM[1]:.0f} $\\mathrm{{\\AA}}$", loc="left")
    pairs[0][0].legend(frameon=False, fontsize=8, loc="lower right", ncols=3)
    return figure
