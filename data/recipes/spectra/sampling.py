"""Which stars to synthesise: points of a Sobol sequence, so that the first n cover the labels evenly for every n.

Teff and log g follow the MIST isochrones of 1 to 10 Gyr of the star's own [Fe/H], evenly along each isochrone in the
Teff - log g plane rather than in mass, and are then broadened: no star is wasted on impossible ones, and giants and
turn-offs are as frequent as dwarfs. vmacro is not sampled here: it is applied to finished syntheses.
"""

import h5py
import numpy as np
from scipy.stats import norm, qmc

from labels import ELEMENTS, LABELS, RANGE, RATIO_RANGE, column

SEED = 20190701
LOG_AGE_RANGE = (9.0, 10.0)
TEFF_STEP_K, LOGG_STEP = 500.0, 0.5  # equal distances along an isochrone
TEFF_SIGMA, LOGG_SIGMA = 0.03, 0.2  # broadening: relative in Teff, in dex
LOGG_SUN = 4.438


class Isochrones:
    """data/tables/tracks.h5 as curves in Teff and log g, within RANGE."""

    def __init__(self, path):
        with h5py.File(path) as file:
            ages = file["log_age_axis"][:]
            self.feh_axis = file["feh_axis"][:]
            self.age_index = np.flatnonzero((ages >= LOG_AGE_RANGE[0] - 1e-6) & (ages <= LOG_AGE_RANGE[1] + 1e-6))
            mass, log_teff, log_radius = (file[name][:] for name in ("mass_msun", "log_teff", "log_radius"))
            self.curves = {}
            for f in range(len(self.feh_axis)):
                for a in self.age_index:
                    first = file["row_offset"][f, a]
                    rows = slice(first, first + file["eep_count"][f, a])
                    logg = LOGG_SUN + np.log10(mass[rows]) - 2.0 * log_radius[rows]
                    self.curves[f, a] = self.curve(10.0 ** log_teff[rows].astype(float), logg)

    @staticmethod
    def curve(teff, logg):
        """(share of the length, Teff, log g) of the part within RANGE."""
        kept = np.isfinite(teff) & np.isfinite(logg)
        for values, name in ((teff, "teff"), (logg, "logg")):
            kept &= (values >= RANGE[name][0]) & (values <= RANGE[name][1])
        teff, logg = teff[kept], logg[kept]
        steps = np.hypot(np.diff(teff) / TEFF_STEP_K, np.diff(logg) / LOGG_STEP)
        steps = np.minimum(steps, 0.2)  # a gap counts no more than a step
        length = np.concatenate([[0.0], np.cumsum(steps)])
        return length / length[-1], teff, logg

    def star(self, fe_h, age, place):
        """(Teff, log g) at `age` and `place`, each in 0..1, on the isochrone nearest in [Fe/H]."""
        nearest = np.abs(self.feh_axis - fe_h).argmin()
        number = min(int(age * len(self.age_index)), len(self.age_index) - 1)
        share, teff, logg = self.curves[nearest, self.age_index[number]]
        return np.interp(place, share, teff), np.interp(place, share, logg)


def reflected(value, low, high):
    """Folds what lies beyond an end back inside."""
    value = low + abs(value - low)
    value = high - abs(high - value)
    return min(max(value, low), high)


def within(name, share):
    return RANGE[name][0] + share * (RANGE[name][1] - RANGE[name][0])


def sample_labels(count, isochrones, seed=SEED):
    """Labels (count, 25) of the first `count` stars; vmacro is 0."""
    varied = [element for element, (low, high) in RATIO_RANGE.items() if high > low]
    sobol = qmc.Sobol(7 + len(varied), scramble=True, rng=np.random.default_rng(seed))
    power = int(np.ceil(np.log2(max(count, 2))))
    shares = sobol.random_base2(power)[:count]
    labels = np.zeros((count, len(LABELS)))
    for row, share in zip(labels, shares, strict=True):
        fe_h = within("fe_h", share[0])
        teff, logg = isochrones.star(fe_h, share[1], share[2])
        shift = norm.ppf(np.clip(share[3:5], 1e-3, 1.0 - 1e-3))
        row[column("teff")] = reflected(teff * (1.0 + TEFF_SIGMA * shift[0]), *RANGE["teff"])
        row[column("logg")] = reflected(logg + LOGG_SIGMA * shift[1], *RANGE["logg"])
        row[column("vmicro")] = within("vmicro", share[5])
        ratio = np.log(RANGE["c12_c13"])
        row[column("c12_c13")] = np.exp(ratio[0] + share[6] * (ratio[1] - ratio[0]))
        for element in ELEMENTS:
            low, high = RATIO_RANGE[element]
            value = low + share[7 + varied.index(element)] * (high - low) if element in varied else 0.0
            row[column(f"{element.lower()}_h")] = fe_h + value
    return labels
