"""The forward model's benchmark as one JSON file and one Markdown table, from what forward_model_bench and
peers/light_curves.py wrote.

usage: report.py --own own.json --peers peers.json --out bench/results/forward_model     (.json and .md)
       report.py --own own.json                                                          (prints the summary only)

The JSON file:
  own                   forward_model_bench: one core unless said otherwise, CPU time of the thread
    commit date cpu cores compiler load         load: average of the machine's last minute before the start
    draws skipped       systems drawn from the prior; draws that the forward model refused, replaced by others
    bands epochs_per_band sed_bands repeats     the work of one system; tries of each, of which the fastest counts
    milliseconds        {total and each stage: {median, p95}} over the draws
    systems_per_second  {threads: best of the tries, wall-clock time}; scaling: their ratio
    cpu_scaling         threads times the CPU time with one thread over that with all: what the scaling would be if every
                        thread had a core for itself
    allocations         {warm_up, after}: calls of operator new during the first pass over the draws and all later ones
    bytes_per_thread    {heap, stack}: most that the work of one thread held at a time
    peer_systems        [{work_ms, light_curves_ms}] for each line of peers/systems.csv, median: the whole work, and the
                        light curves without the SED
  peers                 light_curves.py: CPU time of one core
    phoebe ellc         versions
    tolerance           {program: largest difference allowed}
    systems             [{parameters, difference: {program: largest |difference| of the normalised curves},
                        phoebe_one_band_s (201 points), phoebe_s and ellc_s (four bands, 500 points each)}]
  ratios                [{phoebe: phoebe_s over work_ms, ellc: ellc_s over light_curves_ms}] for each system
"""

import argparse
import json
import pathlib


def load(file):
    return json.loads(pathlib.Path(file).read_text())


def ratios(own, peers):
    """PHOEBE's light curves against Penumbra's whole work (the SED is extra); ellc's against the light curves alone."""
    return [{"phoebe": 1e3 * peer["phoebe_s"] / ours["work_ms"], "ellc": 1e3 * peer["ellc_s"] / ours["light_curves_ms"]}
            for ours, peer in zip(own["peer_systems"], peers["systems"], strict=True)]


def table(own, peers, ratio):
    lines = [f"| system | PHOEBE {peers['phoebe']} | ellc {peers['ellc']} | Penumbra | without the SED | PHOEBE / Penumbra "
             "| ellc / without the SED |", "|---|---|---|---|---|---|---|"]
    for ours, peer, r in zip(own["peer_systems"], peers["systems"], ratio, strict=True):
        p = peer["parameters"]
        lines.append(f"| e = {p['eccentricity']:g}, i = {p['inclination_deg']:g}° "
                     f"| {peer['phoebe_s']:.1f} s | {1e3 * peer['ellc_s']:.0f} ms | {ours['work_ms']:.2f} ms "
                     f"| {ours['light_curves_ms']:.2f} ms | {r['phoebe']:,.0f} | {r['ellc']:.0f} |")
    return "\n".join(lines)


def summary(own):
    total, speed = own["milliseconds"]["total"], own["systems_per_second"]
    stages = ", ".join(f"{name.replace('_', ' ')} {t['median']:.3f}" for name, t in own["milliseconds"].items()
                       if name != "total")
    threads = max(speed, key=int)
    return (f"{own['draws']:,} draws of the prior: median {total['median']:.2f} ms, 95th percentile {total['p95']:.2f} ms "
            f"(medians of the stages in ms: {stages}); {threads} threads are {own['scaling']:.2f} times as fast as one "
            f"({own['cpu_scaling']:.2f} by CPU time); "
            f"{own['allocations']['after']} allocations after warm-up, "
            f"{sum(own['bytes_per_thread'].values()) / 1024:.0f} KiB a thread.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", required=True)
    parser.add_argument("--peers")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    own = load(arguments.own)
    print(summary(own))
    if not arguments.peers:
        return
    peers = load(arguments.peers)
    ratio = ratios(own, peers)
    text = table(own, peers, ratio)
    print(text)
    worst = {name: max(s["difference"][name] for s in peers["systems"]) for name in peers["tolerance"]}
    work = (f"Time on one core for light curves in {own['bands']} bands at {own['epochs_per_band']} epochs each; Penumbra "
            f"also makes the {own['sed_bands']}-band SED with extinction. Checked first: the normalised curves differ from "
            f"PHOEBE's by at most {worst['phoebe']:.1e}, from ellc's by {worst['ellc']:.1e}.")
    origin = (f"{own['cpu']}, {own['cores']} cores, load average {own['load']:.1f} before the start, {own['compiler']}, "
              f"commit {own['commit']}, {own['date'][:10]}.")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.with_suffix(".json").write_text(json.dumps({"own": own, "peers": peers, "ratios": ratio}, indent=1) + "\n")
    arguments.out.with_suffix(".md").write_text(f"{work}\n\n{text}\n\n{summary(own)}\n\n{origin}\n")


if __name__ == "__main__":
    main()
