"""The 25 labels of The Payne (Ting et al. 2019), in its order."""

import numpy as np

# The elements whose abundance is a label, with their atomic numbers. All have lines; germanium has one, a weak one.
ELEMENTS = {
    "C": 6, "N": 7, "O": 8, "Na": 11, "Mg": 12, "Al": 13, "Si": 14, "P": 15, "S": 16, "K": 19, "Ca": 20, "Ti": 22,
    "V": 23, "Cr": 24, "Mn": 25, "Fe": 26, "Co": 27, "Ni": 28, "Cu": 29, "Ge": 32,
}  # fmt: skip
ALPHA = ("O", "Mg", "Si", "S", "Ca", "Ti")
ABUNDANCES = tuple(f"{element.lower()}_h" for element in ELEMENTS)
LABELS = ("teff", "logg", "vmicro", *ABUNDANCES, "c12_c13", "vmacro")
UNITS = {"teff": "K", "logg": "dex(cm s^-2)", "vmicro": "km/s", "vmacro": "km/s"} | dict.fromkeys(ABUNDANCES, "dex")

# The grid's [X/Fe] are uniform in these ranges: mixed giants and alpha-enhanced stars are inside.
RATIO_RANGE = dict.fromkeys(ELEMENTS, (-0.5, 0.5)) | {
    "C": (-0.8, 0.5),
    "N": (-0.5, 1.0),
    "O": (-0.3, 0.6),
    "Mg": (-0.3, 0.6),
    "Si": (-0.3, 0.6),
    "S": (-0.3, 0.6),
    "Ca": (-0.3, 0.6),
    "Ti": (-0.3, 0.6),
    "Fe": (0.0, 0.0),
}
RANGE = {
    "teff": (3500.0, 8000.0),
    "logg": (0.0, 5.0),
    "vmicro": (0.5, 3.0),
    "fe_h": (-2.0, 0.5),
    "c12_c13": (4.0, 90.0),  # uniform in the logarithm; about the CNO cycle's equilibrium to the Sun's
    "vmacro": (0.0, 30.0),
}
RANGE |= {
    f"{element.lower()}_h": (RANGE["fe_h"][0] + low, RANGE["fe_h"][1] + high)
    for element, (low, high) in RATIO_RANGE.items()
}


def column(name):
    return LABELS.index(name)


def ratios(labels):
    """[X/Fe] of the elements in their order, (..., 20), from labels (..., 25)."""
    first = column(ABUNDANCES[0])
    return labels[..., first : first + len(ABUNDANCES)] - labels[..., [column("fe_h")]]


def inside(labels):
    """Whether labels (..., 25) lie within RANGE and RATIO_RANGE."""
    low, high = np.array([RANGE[name] for name in LABELS]).T
    low_ratio, high_ratio = np.array([RATIO_RANGE[element] for element in ELEMENTS]).T
    ratio = ratios(labels)
    tolerance = 1e-9
    return (
        ((labels >= low - tolerance) & (labels <= high + tolerance)).all(axis=-1)
        & ((ratio >= low_ratio - tolerance) & (ratio <= high_ratio + tolerance)).all(axis=-1)
    )  # fmt: skip
