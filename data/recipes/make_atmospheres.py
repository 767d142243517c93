"""Surface brightness and limb darkening of stars -> data/tables/atmospheres.h5, which sim/atmosphere.h reads.

    python data/recipes/make_atmospheres.py [--source FOLDER] [--out data/tables/atmospheres.h5]

Surface brightness. A bolometric correction BC gives M_band = M_bol - BC, and a sphere of radius R at distance d has the
flux pi (R/d)^2 I, with I the mean intensity over its disc. With f = f_0 10^(-.4 M_band) at d = 10 pc,
L = 4 pi R^2 sigma Teff^4 and M_bol = 4.74 - 2.5 log10(L / Lsun):
    I = f_0 10^(.4 (BC - 4.74)) 4 sigma Teff^4 (10 pc)^2 / Lsun,
f_0 the band's zero point. Written is ln I in Jy/sr for A_V = 0. Where it has no model atmosphere, MIST
repeats the one at the nearest log g; those cells are kept, so that photometry agrees with MIST's.

Spectral slope. How the star's own spectrum weights a passband, which is what spectrum-weighted extinction needs: the s
of f_lambda ~ lambda^s for which the passband's extinction at A_V = 1 is that of the bolometric corrections. These were
computed from the models' spectra with the law of Cardelli, Clayton & Mathis (1989) and R_V = 3.1: with Castelli-Kurucz
spectra that law reproduces them to .002 mag in most bands, F99 misses by up to .06, O'Donnell (1994) by up to .02.

Limb darkening. Claret's four coefficients of plane-parallel ATLAS models with a microturbulence of 2 km/s and the
least-squares fit, for the filter in LIMB_FILTER. Where there is no model at some log g, the nearest log g at the same
(Teff, [Fe/H]) stands in (the larger one of two as near); where there is none at any log g, the next lower Teff.
"""

import argparse
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet

import make_passbands as passbands
from provenance import atomic_hdf5, checked_source, write_dataset, write_provenance

CORRECTIONS = (
    "astroLACHESIS",
    "1.0.9",
    "lachesis/Datafiles/BC_tables/bc_tables.h5",
    "164f12ac758b6b454bbde9b08c28b1d0e51dbe08e2108d7a44723fc06fdf2f12",
)
CLARET_2011 = (
    "meidem",
    "2.0.0",
    "meidem/tables/claret2011/tableeq5.parquet",
    "46b895fc969ae82ea995a4e4e37bc01301a6113f8f7fdb9e3b057e382c00647a",
)
CLARET_2017 = (
    "meidem",
    "2.0.0",
    "meidem/tables/claret2017/table28.parquet",
    "55e2b8157fea0b5d9989c54e42b9b4fa1a98f09ce498f04bc9d1a567161bdbe1",
)

# passband: (photometric system, band) of the bolometric corrections. ZTF is not among them: its g, r are near PS1's.
CORRECTION_BAND = {
    "GALEX:FUV": ("GALEX", "GALEX_FUV"),
    "GALEX:NUV": ("GALEX", "GALEX_NUV"),
    "Johnson:B": ("UBVRIplus", "Bessell_B"),
    "Johnson:U": ("UBVRIplus", "Bessell_U"),
    "Johnson:V": ("UBVRIplus", "Bessell_V"),
    "PanSTARRS:g": ("PanSTARRS", "PS_g"),
    "PanSTARRS:i": ("PanSTARRS", "PS_i"),
    "PanSTARRS:r": ("PanSTARRS", "PS_r"),
    "PanSTARRS:w": ("PanSTARRS", "PS_w"),
    "PanSTARRS:y": ("PanSTARRS", "PS_y"),
    "PanSTARRS:z": ("PanSTARRS", "PS_z"),
    "SDSS:g": ("SDSSugriz", "SDSS_g"),
    "SDSS:i": ("SDSSugriz", "SDSS_i"),
    "SDSS:r": ("SDSSugriz", "SDSS_r"),
    "SDSS:u": ("SDSSugriz", "SDSS_u"),
    "SDSS:z": ("SDSSugriz", "SDSS_z"),
    "Gaia:BP": ("UBVRIplus", "Gaia_BP_EDR3"),
    "Gaia:G": ("UBVRIplus", "Gaia_G_EDR3"),
    "Gaia:RP": ("UBVRIplus", "Gaia_RP_EDR3"),
    "2MASS:J": ("UBVRIplus", "2MASS_J"),
    "2MASS:H": ("UBVRIplus", "2MASS_H"),
    "2MASS:Ks": ("UBVRIplus", "2MASS_Ks"),
    "WISE:W1": ("WISE", "WISE_W1"),
    "ZTF:g": ("PanSTARRS", "PS_g"),
    "ZTF:r": ("PanSTARRS", "PS_r"),
    "TESS:T": ("UBVRIplus", "TESS"),
    "Kepler:Kp": ("UBVRIplus", "Kepler_Kp"),
}
VEGA_SYSTEMS = ("UBVRIplus", "WISE")  # of the corrections: Kepler too, which catalogues quote in AB

# passband: filter of Claret 2011 with the nearest pivot wavelength ("u," to "z,": SDSS; S1: Spitzer 3.6 um), or TESS.
LIMB_FILTER = {
    "GALEX:FUV": "U",
    "GALEX:NUV": "U",
    "Johnson:B": "B",
    "Johnson:U": "U",
    "Johnson:V": "V",
    "PanSTARRS:g": "g,",
    "PanSTARRS:i": "i,",
    "PanSTARRS:r": "r,",
    "PanSTARRS:w": "r,",
    "PanSTARRS:y": "z,",
    "PanSTARRS:z": "z,",
    "SDSS:g": "g,",
    "SDSS:i": "i,",
    "SDSS:r": "r,",
    "SDSS:u": "u,",
    "SDSS:z": "z,",
    "Gaia:BP": "V",
    "Gaia:G": "r,",
    "Gaia:RP": "I",
    "2MASS:J": "J",
    "2MASS:H": "H",
    "2MASS:Ks": "K",
    "WISE:W1": "S1",
    "ZTF:g": "g,",
    "ZTF:r": "R",
    "TESS:T": "TESS",
    "Kepler:Kp": "Kp",
}

# What detached binaries need; cubic interpolation in Teff wants nodes beyond the ends of the prior. White dwarfs'
# atmospheres start at log g = 6.
TEFF_RANGE_K = (2500.0, 100000.0)
LOGG_RANGE = (-0.5, 5.5)
FEH_RANGE = (-4.0, 0.5)

# Nodes at which Claret's tables hold every metallicity.
LIMB_TEFF_K = np.concatenate(
    [
        np.arange(3500.0, 10000.0, 250.0),
        np.arange(10000.0, 13000.0, 500.0),
        np.arange(13000.0, 35001.0, 1000.0),
        [37500.0, 40000.0, 42500.0, 45000.0, 47500.0, 50000.0],
    ]
)
LIMB_LOGG = np.arange(0.0, 5.01, 0.5)
LIMB_FEH = np.arange(-4.0, 0.51, 0.5)
MICROTURBULENCE_KM_S = 2.0

# Within these the extinction falls steadily with the slope in every passband (GALEX NUV, with the bump at 2175 A in its
# middle, sets the lower end); cool stars in the far ultraviolet reach the upper end, where more would change nothing.
SLOPES = np.linspace(-6.0, 40.0, 93)
CORRECTIONS_R_V = 3.1

MBOL_SUN = 4.74  # IAU 2015 Resolution B2
LSUN_W = 3.828e26  # IAU 2015 Resolution B3
STEFAN_BOLTZMANN = 5.670374419e-8  # W m^-2 K^-4
PARSEC_M = 3.0856775814913673e16

CITATION = [
    "Cardelli, Clayton & Mathis 1989, ApJ 345, 245 (extinction in the bolometric corrections)",
    "Castelli & Kurucz 2003, IAU Symp. 210, A20 (ATLAS9)",
    "Choi et al. 2016, ApJ 823, 102 (MIST bolometric corrections)",
    "Claret 2017, A&A 600, A30 (limb darkening in TESS)",
    "Claret & Bloemen 2011, A&A 529, A75 (limb darkening)",
    "Dotter 2016, ApJS 222, 8 (MIST)",
]


def within(values, limits):
    return values[(values >= limits[0]) & (values <= limits[1])]


def read_corrections(path):
    """(Teff, log g, [Fe/H] axes, {(system, band): BC[a_v][feh][logg][teff]}) at A_V = 0 and 1."""
    corrections = {}
    with h5py.File(path, "r") as file:
        feh_axis = within(file["UBVRIplus/feh_values"][:], FEH_RANGE)
        for system, group in file.items():
            if system not in {name for name, _ in CORRECTION_BAND.values()}:
                continue
            tables = group["data"][:].astype(float)
            bands = [band.decode() for band in group["band_names"][:]]
            teff_axis = within(np.unique(tables[0][:, 0]), TEFF_RANGE_K)
            logg_axis = within(np.unique(tables[0][:, 1]), LOGG_RANGE)
            cube = np.full((2, len(feh_axis), len(logg_axis), len(teff_axis), len(bands)), np.nan)
            for k, feh in enumerate(feh_axis):
                table = tables[np.flatnonzero(group["feh_values"][:] == feh)[0]]
                table = table[np.isin(table[:, 0], teff_axis) & np.isin(table[:, 1], logg_axis)]
                for a_v in (0, 1):
                    rows = table[table[:, 3] == a_v]
                    at = np.searchsorted(logg_axis, rows[:, 1]), np.searchsorted(teff_axis, rows[:, 0])
                    cube[a_v, k, *at] = rows[:, 5:]
            corrections.update({(system, band): cube[..., b] for b, band in enumerate(bands)})
    return teff_axis, logg_axis, feh_axis, corrections


def filter_curve(name, root):
    """(wavelength in um, transmission, detector) of a passband."""
    source = passbands.checked_source(*passbands.curve_source(name), root=root)
    curve = passbands.clean_curve(*passbands.read_curve(source), passbands.RED_END_UM.get(name, np.inf))
    return *curve, passbands.CURVES[name][1]


def correction_zero_point_jy(name, vega, root):
    """Flux density of magnitude 0 in the system of the bolometric corrections."""
    system = "Vega" if CORRECTION_BAND[name][0] in VEGA_SYSTEMS else "AB"
    return passbands.zero_point(name, system, vega, *filter_curve(name, root))[0]


def log_surface_brightness(correction, teff, zero_point_jy):
    """ln of the mean disc intensity in Jy/sr: see the head of this file."""
    bolometric = 4.0 * STEFAN_BOLTZMANN * teff**4 * (10.0 * PARSEC_M) ** 2 / LSUN_W
    return np.log(zero_point_jy) + 0.4 * np.log(10.0) * (correction - MBOL_SUN) + np.log(bolometric)


def ccm89(wavelength_um, r_v=CORRECTIONS_R_V):
    """A(lambda) / A(V) of Cardelli, Clayton & Mathis (1989), their equations 2 to 4, .125 to 3.3 um; the infrared power
    law is continued beyond 3.3 um, as MIST's corrections in W1 have it."""
    x = 1.0 / np.asarray(wavelength_um)
    y = x - 1.82
    optical_a = (1.0, 0.17699, -0.50447, -0.02427, 0.72085, 0.01979, -0.77530, 0.32999)
    optical_b = (0.0, 1.41338, 2.28305, 1.07233, -5.38434, -0.62251, 5.30260, -2.09002)
    z = np.maximum(x - 5.9, 0.0)
    a = np.select(
        [x < 1.1, x < 3.3],
        [0.574 * x**1.61, np.polynomial.polynomial.polyval(y, optical_a)],
        1.752 - 0.316 * x - 0.104 / ((x - 4.67) ** 2 + 0.341) - 0.04473 * z**2 - 0.009779 * z**3,
    )
    b = np.select(
        [x < 1.1, x < 3.3],
        [-0.527 * x**1.61, np.polynomial.polynomial.polyval(y, optical_b)],
        -3.090 + 1.825 * x + 1.206 / ((x - 4.62) ** 2 + 0.263) + 0.2130 * z**2 + 0.1207 * z**3,
    )
    return a + b / r_v


def weighted_extinction(wavelength, transmission, detector, slope, law):
    """Extinction in mag of f_lambda ~ lambda^slope where A(lambda) = law(lambda) mag, ten steps to an interval of the
    curve."""
    points = np.interp(np.arange(10 * len(wavelength) - 9) / 10.0, np.arange(len(wavelength)), wavelength)
    response = passbands.photon_response(points, np.interp(points, wavelength, transmission), detector)
    weight = response * (points / points[-1]) ** (slope + 1.0)
    dimmed = np.trapezoid(weight * 10.0 ** (-0.4 * law(points)), points)
    return -2.5 * np.log10(dimmed / np.trapezoid(weight, points))


def spectral_slope(extinction, wavelength, transmission, detector):
    """The slope within SLOPES that gives each of `extinction`, mag at A_V = 1 with CCM89."""
    of_slope = np.array([weighted_extinction(wavelength, transmission, detector, slope, ccm89) for slope in SLOPES])
    if not (np.diff(of_slope) < 0.0).all():
        raise ValueError("extinction does not fall steadily with the spectrum's slope")
    slope = np.interp(-extinction, -of_slope, SLOPES)
    return np.where(np.isfinite(extinction), slope, np.nan)


def read_claret(path, coefficients, filters):
    """{filter: coefficients[feh][logg][teff][4]}, NaN where there is no model. filters None: a table for TESS alone."""
    table = pyarrow.parquet.read_table(path)
    column = {name: table[name].to_numpy() for name in table.column_names}
    nearest = [
        np.abs(axis[:, None] - column[name][None, :].astype(float)).argmin(axis=0)
        for axis, name in ((LIMB_FEH, "Z"), (LIMB_LOGG, "logg"), (LIMB_TEFF_K, "Teff"))
    ]
    on_grid = column["xi"] == MICROTURBULENCE_KM_S
    for axis, index, name in zip((LIMB_FEH, LIMB_LOGG, LIMB_TEFF_K), nearest, ("Z", "logg", "Teff")):
        on_grid &= np.abs(axis[index] - column[name]) < 1e-4
    if filters is not None:
        on_grid &= (column["Mod"] == "A") & (column["Met"] == "L")  # ATLAS, least squares
    values = np.stack([column[name].astype(float) for name in coefficients], axis=1)
    found = {}
    for limb_filter in filters or ["TESS"]:
        rows = on_grid & (column["Filt"] == limb_filter) if filters is not None else on_grid
        cube = np.full((len(LIMB_FEH), len(LIMB_LOGG), len(LIMB_TEFF_K), len(coefficients)), np.nan)
        cube[tuple(index[rows] for index in nearest)] = values[rows]
        found[limb_filter] = cube
    return found


def fill_missing(cube):
    """The nearest model along log g, larger log g first; a column without any takes that of the next lower Teff."""
    filled = cube.copy()
    for f in range(cube.shape[0]):
        for t in range(cube.shape[2]):
            valid = np.flatnonzero(np.isfinite(cube[f, :, t, 0]))
            for g in range(cube.shape[1]):
                if len(valid) == 0:
                    filled[f, g, t] = filled[f, g, t - 1]
                else:
                    distance = np.abs(valid - g) - 0.1 * (valid > g)
                    filled[f, g, t] = cube[f, valid[distance.argmin()], t]
    return filled


def make_atmospheres(output, root=None):
    names = list(passbands.passband_systems())
    for mapping in (CORRECTION_BAND, LIMB_FILTER):
        if set(names) != set(mapping):
            different = set(names) ^ set(mapping)
            raise SystemExit(f"{passbands.PASSBANDS_HEADER} and this recipe name different passbands: {different}")

    vega = passbands.read_vega(root)
    teff_axis, logg_axis, feh_axis, corrections = read_corrections(checked_source(*CORRECTIONS, root=root))
    zero_points = [correction_zero_point_jy(name, vega, root) for name in names]
    log_intensity = np.stack(
        [
            log_surface_brightness(corrections[CORRECTION_BAND[name]][0], teff_axis, zero_point)
            for name, zero_point in zip(names, zero_points)
        ]
    )

    slopes = np.empty_like(log_intensity)
    for k, name in enumerate(names):
        # The filter of the corrections: where another band stands in, that band's.
        own = next(other for other in names if CORRECTION_BAND[other] == CORRECTION_BAND[name])
        clear, dimmed = corrections[CORRECTION_BAND[name]]
        slopes[k] = spectral_slope(clear - dimmed, *filter_curve(own, root))

    filters = sorted(set(LIMB_FILTER.values()) - {"TESS"})
    limb = read_claret(checked_source(*CLARET_2011, root=root), ("a1", "a2", "a3", "a4"), filters)
    limb |= read_claret(checked_source(*CLARET_2017, root=root), ("a1LSM", "a2LSM", "a3LSM", "a4LSM"), None)
    filled = {limb_filter: fill_missing(cube) for limb_filter, cube in limb.items()}
    models = int(np.isfinite(limb["V"][..., 0]).sum())
    limb_darkening = np.stack([filled[LIMB_FILTER[name]] for name in names])

    with atomic_hdf5(output) as file:
        file.create_dataset("passband", data=names, dtype=h5py.string_dtype(), track_times=False)
        write_dataset(file, "log_intensity", log_intensity, "ln I [passband][feh][logg][log_teff], disc mean", "Jy/sr",
                      compress=True)
        write_dataset(file, "log_teff", np.log10(teff_axis), "log10 Teff, effective temperature", "dex(K)")
        write_dataset(file, "logg", logg_axis, "log10 surface gravity", "dex(cm s^-2)")
        write_dataset(file, "feh", feh_axis, "[Fe/H]", "dex")
        write_dataset(file, "zero_point_jy", zero_points, "of the bolometric corrections [passband]", "Jy")
        file["log_intensity"].attrs["bolometric_correction"] = [".".join(CORRECTION_BAND[name]) for name in names]
        slope_description = "d ln f_lambda / d ln lambda, effective for extinction [passband][feh][logg][log_teff]"
        write_dataset(file, "spectral_slope", slopes, slope_description, compress=True)
        limb_description = "Claret's a1 to a4 [passband][feh][logg][log_teff][4]"
        write_dataset(file, "limb_darkening", limb_darkening, limb_description, compress=True)
        file["limb_darkening"].attrs["filter"] = [LIMB_FILTER[name] for name in names]
        file["limb_darkening"].attrs["cells_with_a_model"] = models
        file["limb_darkening"].attrs["cells"] = limb["V"][..., 0].size
        write_dataset(file, "limb_log_teff", np.log10(LIMB_TEFF_K), "log10 Teff of limb_darkening", "dex(K)")
        write_dataset(file, "limb_logg", LIMB_LOGG, "log10 surface gravity of limb_darkening", "dex(cm s^-2)")
        write_dataset(file, "limb_feh", LIMB_FEH, "[Fe/H] of limb_darkening", "dex")
        write_provenance(
            file,
            recipe=__file__,
            title="Surface brightness and limb darkening of stars",
            sources=[CORRECTIONS, CLARET_2011, CLARET_2017, passbands.VEGA],
            citation=CITATION,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="folder to read in place of this Python's site-packages")
    parser.add_argument("--out", type=Path, default=passbands.REPOSITORY / "data/tables/atmospheres.h5")
    arguments = parser.parse_args()
    make_atmospheres(arguments.out, arguments.source)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
