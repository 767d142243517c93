"""Samples a second of the paper's flow: nbi's own sampling beside kernels/flow_sample, in turns, in one run on one core.

D = 16, 16 blocks of 128 units, the last one a mixture of 4, context 144, random weights: neither program's time depends on
their values. Penumbra's samples, which come with ln q, are checked by its benchmark before it times anything; nbi's must be
finite. CPU time, the fastest of the tries of each.

usage: PYTHON bench/peers/flow_samples.py --bench build/default/bin/flow_sample_bench --out bench/results/flow_sample

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
from nbi.model import get_flow  # noqa: E402

DIMENSIONS, CONTEXT, HIDDEN, BLOCKS, COMPONENTS = 16, 144, 128, 16, 4
WORKS = [(1, 1000), (1, 10000), (100, 100)]  # systems, samples of each: those of flow_sample_bench
TRIES = 3


def nbi_seconds(flow, systems, samples):
    context = torch.randn(systems, CONTEXT)
    start = time.thread_time()
    with torch.no_grad():
        drawn = flow.sample(num_samples=samples, cond_inputs=context)
    seconds = time.thread_time() - start
    assert drawn.shape == (systems, samples, DIMENSIONS) and bool(drawn.isfinite().all())
    return seconds


def own_seconds(bench, systems, samples):
    command = [bench, f"--benchmark_filter=/{systems}/{samples}$", "--benchmark_format=json"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    (timed,) = report["benchmarks"]
    assert not timed.get("error_occurred", False), timed
    return timed["cpu_time"] * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[timed["time_unit"]]


def cpu():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="flow_sample_bench")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    flow = get_flow(None, DIMENSIONS, HIDDEN, CONTEXT, num_blocks=BLOCKS, n_mog=COMPONENTS).flow
    load = os.getloadavg()[0]
    rows = []
    nbi_seconds(flow, 1, 100)  # to warm up
    for systems, samples in WORKS:
        tries = [(nbi_seconds(flow, systems, samples), own_seconds(arguments.bench, systems, samples)) for _ in range(TRIES)]
        theirs, ours = (systems * samples / min(column) for column in zip(*tries))
        rows.append({"systems": systems, "samples": samples, "nbi_per_s": theirs, "penumbra_per_s": ours, "ratio": ours / theirs})
    lines = [f"| systems | samples of each | nbi {nbi.__version__} [samples/s] | Penumbra [samples/s] | Penumbra / nbi |",
             "|---|---|---|---|---|"]
    lines += [f"| {row['systems']} | {row['samples']:,} | {row['nbi_per_s']:,.0f} | {row['penumbra_per_s']:,.0f} "
              f"| {row['ratio']:.0f} |" for row in rows]
    table = "\n".join(lines)
    print(table)
    result = {"cpu": cpu(), "load": load, "torch": torch.__version__, "nbi": nbi.__version__, "tries": TRIES,
              "flow": {"dimensions": DIMENSIONS, "context": CONTEXT, "hidden": HIDDEN, "blocks": BLOCKS,
                       "components": COMPONENTS}, "works": rows}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    arguments.out.with_suffix(".md").write_text(
        f"The paper's flow ({DIMENSIONS} dimensions, {BLOCKS} blocks of {HIDDEN} units, a mixture of {COMPONENTS}) on one "
        f"core, by CPU time, fastest of {TRIES} tries of each in turns; Penumbra's samples come with ln q.\n\n{table}\n\n"
        f"{result['cpu']}, load average {load:.1f} before the start, PyTorch {torch.__version__}.\n")


if __name__ == "__main__":
    main()
