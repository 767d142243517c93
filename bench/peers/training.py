"""Training steps a second of the paper's network: nbi beside Penumbra, the same batch, in turns, in one run on one core.

nbi's network is built with nbi's own functions, from the sizes of the paper's Table 3; a step is forward, backward and
Adam on numbers that are there already. Penumbra's step (bench/training.cpp) adds the clipping of the gradient and the
moving average of the weights, and leaves out padding behind the batch's longest light curve, which nbi computes. CPU
time, the fastest step of each.

usage: PYTHON bench/peers/training.py --bench build/default/bin/training --data data --out bench/results/training

PYTHON is any one with PyTorch, and nbi from .venv-peers or of its own: PYTHONPATH=.venv-peers/lib/python3.11/site-packages.
Writes OUT.json and OUT.md.
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import nbi  # noqa: E402: after the environment that it reads
import torch  # noqa: E402
from nbi.model import get_featurizer, get_flow  # noqa: E402

CHANNELS, POINTS, BANDS, DIMENSIONS = 4, 2000, 23, 16
WEIGHTS = 5.83e6


class Featurizer(torch.nn.Module):
    """Table 3: a residual network for each light curve, one for the SED, a recurrent one for the metadata."""

    def __init__(self):
        super().__init__()
        self.curves = torch.nn.ModuleList(
            get_featurizer("resnet", {"dim_in": 4, "dim_out": 128, "depth": 4}) for _ in range(CHANNELS))
        self.sed = get_featurizer("resnet", {"dim_in": 3, "dim_out": 64, "depth": 3})
        self.meta = get_featurizer("gru", {"dim_in": 4, "dim_hidden": 32, "depth": 2, "dim_out": 16})

    def forward(self, x, aux=None):
        curves, sed, meta = x
        parts = [net(curves[:, c]) for c, net in enumerate(self.curves)]
        return torch.cat([*parts, self.sed(sed), self.meta(meta)], dim=1)


def nbi_network():
    network = get_flow(Featurizer(), DIMENSIONS, 128, CHANNELS * 128 + 64 + 16, num_blocks=16, n_mog=4)
    weights = sum(p.numel() for p in network.parameters())
    assert abs(weights - WEIGHTS) < 0.005e6, weights
    return network.train(), weights


def nbi_step(network, optimiser, batch):
    x = (torch.randn(batch, CHANNELS, 4, POINTS), torch.randn(batch, 3, BANDS), torch.randn(batch, 4, 1))
    y = torch.randn(batch, DIMENSIONS)
    start = time.thread_time()
    optimiser.zero_grad()
    loss = network(x, y).mean()
    loss.backward()
    optimiser.step()
    seconds = time.thread_time() - start
    assert bool(loss.isfinite())
    return seconds


def own(bench, data, batch, steps):
    command = [bench, "paper", data, str(batch), str(steps)]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert abs(report["weights"] - WEIGHTS) < 0.005e6, report
    return report["seconds_a_step"], report["weights"]


def cpu():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="the program training")
    parser.add_argument("--data", required=True, help="Penumbra's data folder")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--tries", type=int, default=2, help="turns of each")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    load = os.getloadavg()[0]
    network, nbi_weights = nbi_network()
    optimiser = torch.optim.Adam(network.parameters())
    theirs, ours = [], []
    for _ in range(arguments.tries):
        theirs.append(nbi_step(network, optimiser, arguments.batch))
        seconds, own_weights = own(arguments.bench, arguments.data, arguments.batch, 1)
        ours.append(seconds)
    theirs, ours = min(theirs), min(ours)
    table = "\n".join([
        f"| batch | nbi {nbi.__version__} [steps/s] | Penumbra [steps/s] | Penumbra / nbi |", "|---|---|---|---|",
        f"| {arguments.batch} | {1 / theirs:.4f} | {1 / ours:.4f} | {theirs / ours:.2f} |"])
    print(table)
    result = {"cpu": cpu(), "load": load, "torch": torch.__version__, "nbi": nbi.__version__, "tries": arguments.tries,
              "batch": arguments.batch, "weights": {"nbi": nbi_weights, "penumbra": own_weights},
              "nbi_seconds_a_step": theirs, "penumbra_seconds_a_step": ours}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    arguments.out.with_suffix(".md").write_text(
        f"Training steps of the paper's network ({own_weights:,} weights; nbi's has {nbi_weights:,}) on one core, by CPU "
        f"time, fastest of {arguments.tries} of each in turns, simulations not included.\n\n{table}\n\n"
        f"{result['cpu']}, load average {load:.1f} before the start, PyTorch {torch.__version__}.\n")


if __name__ == "__main__":
    main()
