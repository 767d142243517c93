"""APOGEE's pixels and what blurs a spectrum on its way there."""

import numpy as np

LIGHT_KM_S = 299792.458
RESOLVING_POWER = 22500.0  # APOGEE's median; Gaussian here, and the same at all wavelengths
FWHM_PER_SIGMA = np.sqrt(8.0 * np.log(2.0))

# An apStar file has log10(wavelength in A) = LOG_FIRST + LOG_STEP i, in vacuum; its three detectors keep these i.
LOG_FIRST, LOG_STEP = 4.179, 6e-6
DETECTORS = ((322, 3242), (3648, 6048), (6412, 8306))
PIXEL_KM_S = LIGHT_KM_S * np.log(10.0) * LOG_STEP

# Syntheses have STEPS points to a pixel, 1.04 km/s apart, and for the blur MARGIN pixels more at a detector's ends.
STEPS = 4
MARGIN = 16


def pixel_wavelengths():
    """Vacuum wavelengths in A of the 7214 pixels."""
    return 10.0 ** (LOG_FIRST + LOG_STEP * np.concatenate([np.arange(*detector) for detector in DETECTORS]))


def detector_points():
    """Number of synthesis points of each detector."""
    return [(last - first - 1 + 2 * MARGIN) * STEPS + 1 for first, last in DETECTORS]


def fine_wavelengths():
    """Vacuum wavelengths in A of the synthesis points, detector by detector."""
    return np.concatenate(
        [
            10.0 ** (LOG_FIRST + LOG_STEP * (first - MARGIN + np.arange(points) / STEPS))
            for (first, _), points in zip(DETECTORS, detector_points(), strict=True)
        ]
    )


def air(vacuum):
    """Wavelengths in A in air: Ciddor (1996, Applied Optics 35, 1566), standard air."""
    wavenumber2 = (1e4 / vacuum) ** 2
    index = 1.0 + 0.05792105 / (238.0185 - wavenumber2) + 0.00167917 / (57.362 - wavenumber2)
    return vacuum / index


def blurred(fine, vmacro):
    """Spectra on the pixels (B, 7214), from spectra on the synthesis points (B, F) and vmacro in km/s (B,).

    One Gaussian: the instrument's line-spread function and macroturbulence (full width at half maximum) in quadrature,
    normalised over the points that it covers.
    """
    sigma = np.hypot(LIGHT_KM_S / RESOLVING_POWER, np.asarray(vmacro)) / FWHM_PER_SIGMA
    reach = MARGIN * STEPS
    shift = np.arange(-reach, reach + 1) * PIXEL_KM_S / STEPS
    kernel = np.exp(-0.5 * (shift / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(axis=1, keepdims=True)).astype(fine.dtype)
    parts, start = [], 0
    for points in detector_points():
        windows = np.lib.stride_tricks.sliding_window_view(fine[:, start : start + points], len(shift), axis=1)
        parts.append(np.einsum("bpk,bk->bp", windows[:, ::STEPS], kernel))
        start += points
    return np.concatenate(parts, axis=1)
