"""Filter curves of speclite and pyphot -> data/tables/passbands.h5, which sim/extinction.h reads.

    python data/recipes/make_passbands.py [--source FOLDER] [--out data/tables/passbands.h5]

One group a passband, named as in sim/passbands.h, with wavelength_um (ascending) and transmission (largest value 1)
and the attributes detector, zero_point_jy, zero_point_source, pivot_um, system and curve.

Detector: `photon` where the transmission is a response per photon, `energy` where it is one per unit of energy (Bessell
1990: Maiz Apellaniz 2006, AJ 131, 1184). pyphot labels TESS and Kepler `energy`; both curves are photon responses.

Zero point: the band-averaged flux density of magnitude 0, int f_nu S dnu/nu / int S dnu/nu for photon responses S.
AB: 3631 Jy. Vega: Vega's spectrum (Bohlin 2007) has magnitude 0; the bolometric corrections of make_atmospheres.py use
the same convention to .3% (Johnson B: .7%), found by comparison with Castelli-Kurucz fluxes of A0 stars. Gaia: its own
published zero points, which those corrections use as well.
"""

import argparse
import re
from pathlib import Path

import h5py
import numpy as np

from provenance import atomic_hdf5, checked_source, write_dataset, write_provenance

REPOSITORY = Path(__file__).resolve().parents[2]
PASSBANDS_HEADER = REPOSITORY / "sim/passbands.h"

SPECLITE = ("speclite", "1.0.0", "speclite/data/filters/")
PYPHOT = ("pyphot", "2.1.1", "pyphot/libs/ascii_sources/")
VEGA = ("pyphot", "2.1.1", "pyphot/libs/vega.hd5", "b178445de4d079829b2806b13d203f8e197618d773989badbefc16c87a13990c")

# passband: (file, detector, sha256); .ecsv from speclite, .csv from pyphot.
CURVES = {
    "GALEX:FUV": ("galex-fuv.ecsv", "photon", "addd497975f40f32ac2f18e7bc4fcaddabc4f38d00cd795e89da71d64310642c"),
    "GALEX:NUV": ("galex-nuv.ecsv", "photon", "2856b76a5c59987b6ddaa1120ae7850333de8e31ceb44be32296d1381294a740"),
    "Johnson:B": ("bessell-B.ecsv", "energy", "ff2efcfc94ab95faf7ecfec02e2f2b0d0b4557c6aced93e83faec9c343c98438"),
    "Johnson:U": ("bessell-U.ecsv", "energy", "ac073fd49480a401a1a5fc3b8ae71aa4410469936a554e52f6228707d776f3d4"),
    "Johnson:V": ("bessell-V.ecsv", "energy", "20e8d89346b5bc71f848ff3eee054a92e1ba53872fb048ac670151b52dac99a1"),
    "PanSTARRS:g": ("panstarrs-g.ecsv", "photon", "b2c8c489c82008cc8f2a7960acd2c51b75dfa05578b14ead7f8b2f9cda4d8cd1"),
    "PanSTARRS:i": ("panstarrs-i.ecsv", "photon", "3fc445dcda1ec47a7e0b34cb6b6a0efa961e94db91670050b6de27f219a20650"),
    "PanSTARRS:r": ("panstarrs-r.ecsv", "photon", "e088e0d1b065e8154c29d206bd6d6eeb90f179ae2d933e522966fadba5bfb7b0"),
    "PanSTARRS:w": ("panstarrs-w.ecsv", "photon", "ee6103100e435c8d03b42d3ec2de3fe5c4e92249bce366512933b4ec377d92d1"),
    "PanSTARRS:y": ("panstarrs-y.ecsv", "photon", "80ad62cf2412b23b41b58959aeb7b407084d17560feefd20bbd94adc9e352b84"),
    "PanSTARRS:z": ("panstarrs-z.ecsv", "photon", "2e452150d6ede964bed13d1da79b5f31facd7739d0bb2bbeeb720d1b757d3b35"),
    "SDSS:g": ("sdss2010-g.ecsv", "photon", "3341c95c692868c80732f3f1d8e4e1262fa5ac604cb75c779ec3bb7a54f464c3"),
    "SDSS:i": ("sdss2010-i.ecsv", "photon", "dd01eb39d649e7ef0bfa7f551c601f8c79f65096a23e692d4f6571ae149cea44"),
    "SDSS:r": ("sdss2010-r.ecsv", "photon", "5aa2b0862d392e273135d6001a41a28673fdd46633b10cbf2bf8113b32e56f36"),
    "SDSS:u": ("sdss2010-u.ecsv", "photon", "5e82dfb5a45bc34a1912f2dadc492dde1dc89812c29c67cbf5883cd3f3c6e696"),
    "SDSS:z": ("sdss2010-z.ecsv", "photon", "8a981808a7687c1e797753de79f075d1fc6894c637b8a26dffecd47b47a2f188"),
    "Gaia:BP": ("gaiadr3-BP.ecsv", "photon", "650c420131021ed65dbaf83d688d12b0f81f6d5a027ea4549286257b7947b30b"),
    "Gaia:G": ("gaiadr3-G.ecsv", "photon", "9a75b7817d67e3c2a1a19f7d9bc00eecceeb33e844c5e26f685c7a5c996cdd89"),
    "Gaia:RP": ("gaiadr3-RP.ecsv", "photon", "fd4bd88ede47ec784ef7aaff8f967625b96499f2195e88fa0c5ba863bd6753fd"),
    "2MASS:J": ("twomass-J.ecsv", "photon", "6e57c6a9bd4f64f001f0cfbb2c6a683105cdaf3d52bcbf64507f1018db876aeb"),
    "2MASS:H": ("twomass-H.ecsv", "photon", "e896e2e038af8bb037188f0d2905d60972bb311f4992a2532d9536167ef0cb0d"),
    "2MASS:Ks": ("twomass-Ks.ecsv", "photon", "f59ac4314a7805220a2a7c65c43fba881ef73bc579de8c3c7d7dd9a99665f7a4"),
    "WISE:W1": ("wise2010-W1.ecsv", "photon", "73d3c1595c3fb4bcff1c82f0f5f814b37754391924d8572e9328a9de54212a28"),
    "ZTF:g": ("ZTF_g.csv", "photon", "d9fc74ae8b27d7ad4e43bb81b68fb31b6365cec77efc5dd326cfc7bdcd4791f5"),
    "ZTF:r": ("ZTF_r.csv", "photon", "57e11be4a3db51c676f8d7616b49704156729a2599f80f44afb1c3bc7faa0094"),
    "TESS:T": ("tess.csv", "photon", "54125445e6f32b6fbb672a8828ae7907132c6de51bf035dedbe20c41de6bbe98"),
    "Kepler:Kp": ("kepler_kp.csv", "photon", "7718100d34f23fb3a92558f3e6c339fd0dc7c8efe6bb6b5b442b51893ccc1c15"),
}

# The published SDSS u has a red leak at .76-.79 um, which the bolometric corrections do not have, and a gap before it,
# which the trapezoid rule would bridge.
RED_END_UM = {"SDSS:u": 0.5}

AB_ZERO_POINT_JY = 3631.0

# AB - Vega zero-point differences of Gaia EDR3 (Riello et al. 2021, A&A 649, A3, table 3): ZP_AB - ZP_VEG in mag.
GAIA_AB_MINUS_VEGA = {
    "Gaia:BP": 25.3539555559 - 25.3385422158,
    "Gaia:G": 25.8010446445 - 25.6873668671,
    "Gaia:RP": 25.1039837393 - 24.7478955012,
}

MICRON = {"Angstrom": 1e-4, "angstrom": 1e-4, "nm": 1e-3, "nanometer": 1e-3, "micron": 1.0, "um": 1.0}
LIGHT_SPEED_UM_S = 2.99792458e14

CITATION = [
    "Bessell 1990, PASP 102, 1181 (UBV)",
    "Bohlin 2007, ASP Conf. 364, 315 (Vega)",
    "Cohen et al. 2003, AJ 126, 1090 (2MASS)",
    "Doi et al. 2010, AJ 139, 1628 (SDSS)",
    "Morrissey et al. 2005, ApJ 619, L7 (GALEX)",
    "Riello et al. 2021, A&A 649, A3 (Gaia EDR3)",
    "Tonry et al. 2012, ApJ 750, 99 (Pan-STARRS)",
    "Wright et al. 2010, AJ 140, 1868 (WISE)",
]


def passband_systems(header=PASSBANDS_HEADER):
    """{name: 'AB' or 'Vega'} of the passbands, in the order of sim/passbands.h, which is their one home."""
    found = re.findall(r'\{"([^"]+)", MagnitudeSystem::k(Ab|Vega),', Path(header).read_text())
    return {name: {"Ab": "AB", "Vega": "Vega"}[system] for name, system in found}


def curve_source(name):
    """(package, version, relative path, sha256) of a passband's curve."""
    file, _, sha256 = CURVES[name]
    package, version, folder = SPECLITE if file.endswith(".ecsv") else PYPHOT
    return package, version, folder + file, sha256


def read_curve(path):
    """(wavelength in um, response) as the file has them. The unit is read from its header."""
    lines = Path(path).read_text().splitlines()
    header = "\n".join(line for line in lines if line.startswith("#"))
    unit = re.search(r"name: wavelength, unit: (\w+)|WAVELENGTH_UNIT\s+(\w+)", header)
    separator = "," if path.suffix == ".csv" else None
    rows = [line.split(separator) for line in lines if not line.startswith("#")][1:]
    wavelength, response = np.array(rows, dtype=float).T
    return wavelength * MICRON[unit.group(1) or unit.group(2)], response


def clean_curve(wavelength, response, red_end_um=np.inf):
    """Ascending distinct wavelengths, no negative response, largest value 1, a zero at each end, no zeros beyond."""
    wavelength, response = wavelength[wavelength < red_end_um], response[wavelength < red_end_um]
    ascending, index, count = np.unique(wavelength, return_inverse=True, return_counts=True)
    mean = np.clip(np.bincount(index, weights=response) / count, 0.0, None)
    inside = np.flatnonzero(mean > 0.0)
    first, last = inside[0], inside[-1]
    before = ascending[first - 1] if first > 0 else 2.0 * ascending[0] - ascending[1]
    after = ascending[last + 1] if last + 1 < len(ascending) else 2.0 * ascending[-1] - ascending[-2]
    kept = slice(first, last + 1)
    return (
        np.concatenate([[before], ascending[kept], [after]]),
        np.concatenate([[0.0], mean[kept] / mean.max(), [0.0]]),
    )


def photon_response(wavelength, transmission, detector):
    return transmission if detector == "photon" else transmission / wavelength


def pivot_um(wavelength, transmission, detector):
    """sqrt(int S lambda dlambda / int S / lambda dlambda), with S the response per photon."""
    s = photon_response(wavelength, transmission, detector)
    return np.sqrt(np.trapezoid(s * wavelength, wavelength) / np.trapezoid(s / wavelength, wavelength))


def band_flux_jy(spectrum_um, spectrum_flam, wavelength, transmission, detector):
    """Band average of f_nu in Jy for f_lambda in erg / s / cm^2 / Angstrom, on the union of both grids."""
    inside = (spectrum_um > wavelength[0]) & (spectrum_um < wavelength[-1])
    grid = np.unique(np.concatenate([spectrum_um[inside], wavelength]))
    s = photon_response(grid, np.interp(grid, wavelength, transmission), detector)
    flam = np.interp(grid, spectrum_um, spectrum_flam) * 1e4  # per um
    fnu = np.trapezoid(flam * s * grid, grid) / np.trapezoid(s / grid, grid) / LIGHT_SPEED_UM_S
    return fnu * 1e23


def read_vega(root=None):
    """Vega's wavelength (um) and f_lambda (erg / s / cm^2 / Angstrom)."""
    with h5py.File(checked_source(*VEGA, root=root), "r") as file:
        spectrum = file["spectrum"][:]
    return spectrum["WAVELENGTH"] * 1e-4, spectrum["FLUX"]


def zero_point(name, system, vega, wavelength, transmission, detector):
    """(flux density of magnitude 0 in Jy, where it comes from)."""
    if system == "AB":
        return AB_ZERO_POINT_JY, "AB, Oke & Gunn 1983"
    if name in GAIA_AB_MINUS_VEGA:
        return AB_ZERO_POINT_JY * 10.0 ** (-0.4 * GAIA_AB_MINUS_VEGA[name]), "Riello et al. 2021"
    return band_flux_jy(*vega, wavelength, transmission, detector), "Vega = 0 with the spectrum of Bohlin 2007"


def make_passbands(output, root=None):
    systems = passband_systems()
    if set(systems) != set(CURVES):
        raise SystemExit(f"{PASSBANDS_HEADER} and this recipe name different passbands: {set(systems) ^ set(CURVES)}")
    vega = read_vega(root)
    with atomic_hdf5(output) as file:
        for name, system in systems.items():
            source = curve_source(name)
            curve = read_curve(checked_source(*source, root=root))
            wavelength, transmission = clean_curve(*curve, RED_END_UM.get(name, np.inf))
            detector = CURVES[name][1]
            zero_point_jy, zero_point_source = zero_point(name, system, vega, wavelength, transmission, detector)
            group = file.create_group(name)
            write_dataset(group, "wavelength_um", wavelength, "vacuum or air as the source has it, ascending", "um")
            write_dataset(group, "transmission", transmission, "response per photon or energy: see detector")
            group.attrs["detector"] = detector
            group.attrs["system"] = system
            group.attrs["zero_point_jy"] = zero_point_jy
            group.attrs["zero_point_source"] = zero_point_source
            group.attrs["pivot_um"] = pivot_um(wavelength, transmission, detector)
            group.attrs["curve"] = f"{source[0]}=={source[1]}: {source[2]}"
        write_provenance(
            file,
            recipe=__file__,
            title="Passbands: filter curves and zero points",
            sources=[curve_source(name) for name in systems] + [VEGA],
            citation=CITATION,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="folder to read in place of this Python's site-packages")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "data/tables/passbands.h5")
    arguments = parser.parse_args()
    make_passbands(arguments.out, arguments.source)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
