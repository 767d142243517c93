"""Model atmospheres from the networks of atmosnet 1.0.1 (MIT), which interpolate C3K/ATLAS12 models.

The package itself is not imported: it needs a dozen others, and its exponential is wrong (the networks return log10).
"""

import importlib
import pickle

import numpy as np

LABELS = ("teff", "logg", "fe_h", "alpha_fe")
COLUMNS = ("rhox", "temperature", "pressure", "electron_density", "rosseland_opacity")


class Unpickler(pickle.Unpickler):
    """Reads arrays and nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("dill._dill", "_get_attr"):
            return getattr
        if (module, name) == ("dill._dill", "_import_module"):
            return lambda _: importlib.import_module("numpy._core._multiarray_umath")
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if (module, name) in (("numpy.core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar")):
            return getattr(np._core.multiarray, name)
        raise pickle.UnpicklingError(f"{module}.{name} in a file of model atmospheres")


def leaky_relu(z):
    return np.where(z > 0.0, z, 0.01 * z)


class Atmospheres:
    """The networks of one file: labels -> the columns above at 80 depths, in cgs units."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.networks = Unpickler(file).load()

    def __call__(self, teff, logg, fe_h, alpha_fe):
        """{column: 80 values from the surface inwards}"""
        labels = np.array([teff, logg, fe_h, alpha_fe])
        columns = []
        for network in self.networks[: len(COLUMNS)]:
            x = (labels - network["x_min"]) / (network["x_max"] - network["x_min"]) - 0.5
            for layer in (0, 1):
                x = leaky_relu(network[f"w_array_{layer}"] @ x + network[f"b_array_{layer}"])
            columns.append(10.0 ** (network["w_array_2"] @ x + network["b_array_2"]))
        return dict(zip(COLUMNS, columns, strict=True))
