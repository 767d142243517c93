#!/usr/bin/env python3
"""Every number of the paper, from the committed results and nothing else. usage: make_numbers.py ROOT OUT

Writes into OUT
    numbers.tex      one \\newcommand a number (\\nName), and one a table (\\tName)
    experiments.tex  \\input of each experiment's section, or a line that its results are not there yet
    figures/NAME/    the experiment's figures
and fails with their names where the text uses numbers or tables that no result gives.

A source is a function below; it reads the results of one experiment and raises Missing where they are not there.
"""

import csv
import json
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path


class Missing(Exception):
    """Results that are not committed yet."""


def existing(path):
    if not path.exists():
        raise Missing(path)
    return path


def read_csv(path):
    """Rows, and the comment lines above the names."""
    lines = existing(path).read_text().splitlines()
    comments = [line[1:].strip() for line in lines if line.startswith("#")]
    return list(csv.DictReader(line for line in lines if not line.startswith("#"))), comments


def read_toml(path):
    return tomllib.loads(existing(path).read_text())


# ---- how numbers are written ----


def fixed(value, decimals=2):
    text = f"{value:,.{decimals}f}".replace(",", "{,}")
    return f"${text}$" if text.startswith("-") else text


def significant(value, digits=2):
    """2.3e-05 as $2.3\\times10^{-5}$, 640 as 640."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    exponent = int(exponent)
    if -3 < exponent < 7:
        return fixed(float(f"{mantissa}e{exponent}"), max(0, digits - 1 - exponent))
    return rf"${mantissa}\times10^{{{exponent}}}$"


def percent(share, decimals=1):
    return rf"{100 * share:.{decimals}f}\%"


def text(words):
    """Plain text for LaTeX."""
    for character in "\\&%$#_{}":
        words = words.replace(character, "\\" + character if character != "\\" else r"\textbackslash ")
    return words.replace("°", r"$^\circ$").replace("+-", r"$\pm$")


def command(prefix, *words):
    """\\nWordWord: letters only."""
    name = "".join(part[0].upper() + part[1:] for word in words for part in re.split(r"[^A-Za-z0-9]+", str(word)) if part)
    digits = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"]
    return prefix + re.sub(r"\d", lambda d: digits[int(d.group())], name)


UNITS = {"": "", "Msun": r"M$_\odot$", "Rsun": r"R$_\odot$", "dex(yr)": "dex", "dex(Lsun)": "dex"}


def parameters(root):
    """(name, label) of the 16 parameters, in order, from the one table of them."""
    pattern = r'\{"(\w+)", "([^"]*)", (?:R"\((.*?)\)"|"([^"]*)"), "'
    found = re.findall(pattern, existing(root / "sim" / "parameters.h").read_text())
    return [(name, "$" + (raw or plain) + "$" + (f" [{UNITS.get(unit, unit)}]" if UNITS.get(unit, unit) else ""))
            for name, unit, raw, plain in found]


class Book:
    """Numbers, tables and provenance, in the order in which they were entered."""

    def __init__(self, root):
        self.root, self.commands, self.provenance = root, {}, []

    def number(self, value, *words):
        self.commands[command("n", *words)] = str(value)

    def table(self, name, columns, head, rows):
        lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(head) + r" \\", r"\midrule"]
        lines += [" & ".join(str(cell) for cell in row) + r" \\" for row in rows]
        self.commands[command("t", name)] = "\n".join(lines + [r"\bottomrule", r"\end{tabular}"])

    def record(self, what, commit, date, checkpoint=""):
        network = rf"\texttt{{{checkpoint[:12]}}}" if checkpoint else "--"
        self.provenance.append([text(what), rf"\texttt{{{commit}}}", date[:10], network])

    def record_file(self, what, path):
        """A file that does not say its commit: the one that brought it, as git knows it."""
        git = subprocess.run(["git", "-C", self.root, "log", "-1", "--format=%h %cs", "--", path], capture_output=True, text=True)
        commit, date = git.stdout.split() if git.stdout.strip() else ("not recorded", "")
        self.record(what, commit[:12], date)

    def record_comments(self, what, comments):
        """The lines above a table that `penumbra validate` wrote."""
        words = " ".join(comments)
        commit, date = re.search(r"commit (\S+), (\S+)", words).groups()
        self.record(what, commit, date, re.search(r"sha256 (\w+)", words).group(1))

    def record_toml(self, what, path):
        facts = read_toml(path)
        self.record(what, facts["commit"], str(facts["created"]), facts.get("checkpoint_sha256", ""))


# ---- sources: what is always there ----


def forward_model(book):
    root = book.root
    draws, _ = read_csv(root / "docs" / "accuracy_draws.csv")
    rows = []
    for setting in ("default", "precise"):
        errors = sorted(float(row[setting]) for row in draws)
        high = errors[min(len(errors) - 1, int(0.99 * len(errors)))]
        book.number(significant(errors[-1]), "accuracy", setting, "largest")
        book.number(significant(statistics.median(errors)), "accuracy", setting, "median")
        rows.append([setting] + [significant(value) for value in (statistics.median(errors), high, errors[-1])])
    book.number(fixed(len(draws), 0), "accuracy draws")
    book.table("accuracy", "lrrr", ["setting", "median", "99\\%", "largest"], rows)
    book.record_file("light-curve error over the prior", "docs/accuracy_draws.csv")

    bands, _ = read_csv(root / "docs" / "accuracy_bands.csv")
    worst = max(bands, key=lambda row: float(row["largest"]))
    book.number(text(worst["passband"]), "worst band")
    book.number(significant(float(worst["largest"])), "worst band error")

    # The table beside PHOEBE is committed as Markdown.
    peers = existing(root / "docs" / "accuracy.md").read_text()
    systems = re.findall(r"^\| s\d\d: .*$", peers, re.M)
    largest = re.search(r"^\| \*\*largest\*\* .*$", peers, re.M).group(0)
    errors = [float(value) for value in re.findall(r"[\d.]+e[-+]\d+", largest)]
    book.number(len(systems), "peer systems")
    names = ("linear", "logarithmic", "absolute", "phoebe coarse", "phoebe fine", "ellc")
    for name, value in zip(names, errors, strict=True):
        book.number(significant(value), "peer error", name)
    book.record_file("light curves beside PHOEBE and ellc", "docs/accuracy.md")


def speed(book):
    results = book.root / "bench" / "results"
    data = json.loads(existing(results / "forward_model.json").read_text())
    own, peers = data["own"], data["peers"]
    rows = []
    for system, mine, ratio in zip(peers["systems"], own["peer_systems"], data["ratios"]):
        p = system["parameters"]
        rows.append([rf"$e = {p['eccentricity']:g}$, $i = {p['inclination_deg']:g}^\circ$", fixed(system["phoebe_s"], 1),
                     fixed(1e3 * system["ellc_s"], 0), fixed(mine["work_ms"], 2), fixed(mine["light_curves_ms"], 2),
                     fixed(ratio["phoebe"], 0), fixed(ratio["ellc"], 0)])
    book.table("speed", "lrrrrrr", ["system", "PHOEBE [s]", "ellc [ms]", "Penumbra [ms]", "no SED [ms]",
                                    r"$\frac{\rm PHOEBE}{\rm Penumbra}$", r"$\frac{\rm ellc}{\rm no\ SED}$"], rows)
    for peer in ("phoebe", "ellc"):
        ratios = [ratio[peer] for ratio in data["ratios"]]
        book.number(fixed(min(ratios), 0), "speed", peer, "least")
        book.number(fixed(max(ratios), 0), "speed", peer, "most")
        book.number(significant(max(s["difference"][peer] for s in peers["systems"])), "speed difference", peer)
    total = own["milliseconds"]["total"]
    book.number(fixed(total["median"], 2), "speed median ms")
    book.number(fixed(total["p95"], 1), "speed high ms")
    book.number(fixed(own["draws"], 0), "speed draws")
    book.number(own["sed_bands"], "sed bands")
    book.number(own["epochs_per_band"], "speed epochs")
    book.number(own["bands"], "speed bands")
    book.number(text(own["cpu"]), "speed cpu")
    book.record("forward model's speed", own["commit"], own["date"])

    flow = json.loads(existing(results / "flow_sample.json").read_text())
    book.number(fixed(min(w["ratio"] for w in flow["works"]), 0), "flow least")
    book.number(fixed(max(w["ratio"] for w in flow["works"]), 0), "flow most")
    book.number(flow["nbi"], "nbi version")
    book.record_file("flow's sampling speed", "bench/results/flow_sample.json")


def network(book):
    import h5py

    folder = book.root / "data" / "checkpoints"
    with h5py.File(existing(folder / "compact.h5")) as checkpoint:
        facts = {key: value for key, value in checkpoint.attrs.items()}
        channels, bands = len(checkpoint["channels"]), len(checkpoint["sed_bands"])
        dimensions = len(checkpoint["parameters"])
        width_scale = checkpoint["calibration/width_scale"][:]
    preset, prior = tomllib.loads(facts["preset"]), tomllib.loads(facts["simulation"])["prior"]
    flow = preset["flow"]
    book.number(fixed(facts["weight_count"] / 1e6, 2), "weights million")
    book.number(fixed(facts["systems"] / 1e6, 1), "training systems million")
    book.number(fixed(facts["seconds"] / 60, 0), "training minutes")
    book.number(text(str(facts["prior"])), "network prior")
    book.number(fixed(min(width_scale), 2), "width scale least")
    book.number(fixed(max(width_scale), 2), "width scale most")
    book.number(f"{int(facts['width_calibration'].split()[0]):,}".replace(",", "{,}"), "width scale systems")
    for key in ("blocks", "hidden", "mixture_components"):
        book.number(flow[key], "flow", key)
    book.number(preset["network"]["phase_bins"], "phase bins")
    for name, value in (("channels", channels), ("bands", bands), ("dimensions", dimensions)):
        book.number(value, name)
    for key in ("feh_mean", "feh_sigma", "feh_weight", "track_tolerance"):
        book.number(f"${prior[key]:g}$" if key != "track_tolerance" else percent(prior[key], 0), "prior", key)
    book.record("shipped network", str(facts["commit"]), str(facts["written"]), checkpoint_hash(folder / "compact.h5"))

    losses, _ = read_csv(folder / "compact.train.csv")
    validated = [row for row in losses if row["validation_loss"]]
    book.number(fixed(float(validated[-1]["validation_loss"]), 2), "validation loss")

    rows, comments = read_csv(folder / "compact.calibration.csv")
    cells = {(row["parameter"], row["statistic"]): row for row in rows}
    levels = ("50", "68", "90", "95")
    departures = {name: max(abs(float(cells[name, "coverage" + level]["value"]) - int(level) / 100) for level in levels)
                  for name, _ in parameters(book.root)}
    worst = max(departures, key=departures.get)
    labels = dict(parameters(book.root))
    book.number(fixed(100 * departures[worst], 1), "calibration largest departure")
    book.number(labels[worst].split(" [")[0], "calibration worst")
    book.number(sum(value > 0.02 for value in departures.values()), "calibration beyond two points")
    book.number(fixed(float(cells[worst, "coverage68"]["systems"]), 0), "calibration systems")
    book.table("calibration", "lrrrrrr", ["parameter", *(rf"{level}\%" for level in levels), "mean rank", "KS distance"],
               [[labels[name].split(" [")[0], *(fixed(100 * float(cells[name, "coverage" + level]["value"]), 1) for level in levels),
                 fixed(float(cells[name, "mean_rank"]["value"]), 3), fixed(float(cells[name, "ks_distance"]["value"]), 3)]
                for name in labels])
    book.record_comments("shipped network's calibration", comments)


def checkpoint_hash(path):
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- sources: one an experiment ----


def prior(book):
    folder = book.root / "experiments" / "prior"
    fits = [row for row in read_csv(folder / "msum.csv")[0]
            if row["method"] == "maximum likelihood" and row["selection"] != "on the tracks"]
    for name in ("K", "mu", "sigma"):
        values = [float(row[name]) for row in fits]
        book.number(f"{fixed(min(values), 2)} to {fixed(max(values), 2)}", f"msum {name}")
    readme = existing(folder / "README.md").read_text()
    accepted, attempts = re.search(r"^([\d.]+)% of ([\d,]+) attempts", readme, re.M).groups()
    book.number(accepted + r"\%", "prior accepted")
    book.number(attempts.replace(",", "{,}"), "prior attempts")
    book.record_file("prior's figures", "experiments/prior/msum.csv")


def observations(book):
    results = book.root / "experiments" / "observations" / "results"
    rows, _ = read_csv(results / "tests.csv")
    book.number(len(rows), "realism tests")
    book.number(sum(float(row["p_holm"]) < 0.05 for row in rows), "realism failed")
    binaries = next(row for row in rows if row["statistic"] == "nearest_all")
    book.number(fixed(float(binaries["superiority"]), 2), "realism binaries delta")
    book.number(binaries["stars"], "realism binaries")
    book.table("realism", "lrrr", ["survey and band", "stars", "energy distance", "$p$ (Holm)"],
               [[text(row["what"]), row["stars"], fixed(float(row["distance"]), 3), significant(float(row["p_holm"]))]
                for row in rows if row["statistic"] == "all"])
    book.record_toml("realism of simulated observations", results / "provenance.toml")


def ablation(book):
    results = book.root / "experiments" / "ablation" / "results"
    rows, _ = read_csv(results / "configurations.csv")
    labels = dict(parameters(book.root))
    shipped = [row for row in rows if row["network"] == "shipped"]
    names = list(dict.fromkeys(row["configuration"] for row in shipped))
    cell = {(row["network"], row["configuration"], row["parameter"]): row for row in rows}
    for row in shipped:
        book.number(significant(float(row["relative_width"])), "ablation", row["configuration"], row["parameter"])
    biases = {(row["configuration"], row["parameter"]): float(row["bias"]) for row in shipped}
    worst = max(biases, key=lambda key: abs(biases[key]))
    book.number(fixed(abs(biases[worst]), 2), "ablation largest bias")
    book.number(labels[worst[1]].split(" [")[0], "ablation largest bias parameter")
    book.number(text(worst[0]), "ablation largest bias configuration")
    lowest = min(shipped, key=lambda row: float(row["coverage68"]))
    book.number(percent(float(lowest["coverage68"]), 0), "ablation lowest coverage")
    book.number(text(lowest["configuration"]), "ablation lowest coverage configuration")
    short = {"light curves": "LC", "photometry": "SED", "parallax": r"$\varpi$"}

    def initials(configuration):
        return " + ".join(short.get(part, part) for part in configuration.split(" + "))

    book.table("ablation", "l" + "r" * len(names), ["parameter", *(initials(name) for name in names)],
               [[label.split(" [")[0], *(significant(float(cell["shipped", name, parameter]["relative_width"])) for name in names)]
                for parameter, label in labels.items()])
    information, _ = read_csv(results / "information.csv")
    for row in information:
        book.number(fixed(float(row["lost_nats"]), 2), "lost", row["network"], row["configuration"])
        book.number(fixed(float(row["lost_nats_error"]), 2), "lost error", row["network"], row["configuration"])
    book.table("information", "lr", ["data", "nats lost"],
               [[initials(row["configuration"]), f"${float(row['lost_nats']):.2f} \\pm {float(row['lost_nats_error']):.2f}$"]
                for row in information if row["network"] == "shipped" and row["configuration"] != "all"])
    book.number(information[0]["systems"], "ablation systems")
    retrained = list(dict.fromkeys(row["configuration"] for row in rows if row["network"] == "retrained"))
    for name in retrained:
        ratios = [float(cell["retrained", name, p]["width68"]) / float(cell["control", name, p]["width68"]) for p in labels]
        book.number(fixed(statistics.median(ratios), 2), "check", name, "median")
        book.number(fixed(min(ratios), 2), "check", name, "least")
        book.number(fixed(max(ratios), 2), "check", name, "most")
    facts = read_toml(results / "provenance.toml")
    book.number(fixed(int(facts["config"]["samples"]), 0), "ablation samples")
    book.number(fixed(int(facts["config"]["networks"]["systems"]), 0), "check systems")

    book.number(fixed(int(facts["config"]["prior_draws"]), 0), "prior draws")
    structure, _ = read_csv(results / "prior.csv")
    value = {row["quantity"]: (float(row["value"]), float(row["error"])) for row in structure}
    book.number(fixed(value["total correlation [nats]"][0], 1), "prior nats")
    book.number(percent(value["any"][0], 2), "prior impossible")
    book.number(percent(value["any but the first two"][0], 0), "prior impossible geometry")
    book.table("impossible", "lr", ["reason", "share of independent draws"],
               [[text(row["quantity"]), percent(float(row["value"]), 2)] for row in structure[1:]])
    posteriors, _ = read_csv(results / "priors.csv")
    chains = {(row["index"], row["prior"]): row for row in posteriors}
    widths = {(row["index"], row["prior"], row["parameter"]): float(row["high68"]) - float(row["low68"]) for row in posteriors}
    systems = list(dict.fromkeys(row["index"] for row in posteriors))
    mixed = [i for i in systems if all(float(chains[i, prior]["r_hat"]) < 1.2 for prior in ("hierarchical", "independent"))]
    book.number(len(systems), "priors systems")
    book.number(len(mixed), "priors mixed")
    book.number(fixed(int(facts["config"]["priors"]["budget"]), 0), "priors budget")
    for prior in ("hierarchical", "independent"):
        book.number(sum(chains[i, prior]["converged"] == "1" for i in systems), "priors converged", prior)
    r_hats = [float(chains[i, "independent"]["r_hat"]) for i in systems]
    book.number(fixed(min(r_hats), 1), "priors least R hat")
    book.number(fixed(max(r_hats), 1), "priors most R hat")
    for name, choose in (("least", min), ("most", max)):
        for p in labels:
            ratios = [widths[i, "independent", p] / widths[i, "hierarchical", p] for i in mixed]
            book.number(fixed(choose(ratios), 1), "priors", p, name)
        book.number(percent(choose(float(chains[i, "independent"]["possible"]) for i in mixed), 1), "priors possible", name)
    book.record_toml("ablation", results / "provenance.toml")


def recovery(book):
    results = book.root / "experiments" / "recovery" / "results"
    widths, _ = read_csv(results / "widths.csv")
    accuracy, _ = read_csv(results / "accuracy.csv")
    labels, of = dict(parameters(book.root)), {row["parameter"]: row for row in accuracy}
    facts = read_toml(results / "provenance.toml")
    book.number(fixed(int(facts["systems_with_samples"]), 0), "recovery systems")
    book.number(fixed(int(facts["config"]["samples"]), 0), "recovery samples")
    ratios = {row["parameter"]: float(row["width68"]) / float(row["paper_width68"]) for row in widths}
    for name, choose in (("narrowest", min), ("widest", max)):
        worst = choose(ratios, key=ratios.get)
        book.number(fixed(ratios[worst], 2), "recovery", name)
        book.number(labels[worst].split(" [")[0], "recovery", name, "parameter")
    book.number(sum(ratio < 1 for ratio in ratios.values()), "recovery narrower")
    book.table("recovery", "lrrrrrr", ["parameter", r"68\%", r"paper's", r"90\%", r"paper's", "contraction", "rms error"],
               [[labels[row["parameter"]],
                 *(significant(float(row[key]), 3) for key in ("width68", "paper_width68", "width90", "paper_width90")),
                 fixed(float(of[row["parameter"]]["contraction"]), 2), significant(float(of[row["parameter"]]["rms_error"]), 3)]
                for row in widths])
    book.record_toml("recovery", results / "provenance.toml")


def sbc(book):
    results = book.root / "experiments" / "sbc" / "results"
    rows, _ = read_csv(results / "tests.csv")
    labels = {name: label.split(" [")[0] for name, label in parameters(book.root)}
    facts = read_toml(results / "provenance.toml")
    book.number(fixed(int(facts["systems_with_samples"]), 0), "sbc systems")
    failed = [row for row in rows if float(row["p_holm"]) < 0.05]
    book.number(len(rows), "sbc tests")
    book.number(len(failed), "sbc failed")
    book.number(", ".join(labels.get(row["name"], text(row["name"].replace("_", " "))) for row in failed) or "none", "sbc failures")
    classifier = next(row for row in rows if row["name"] == "classifier")
    book.number(percent(float(classifier["value"])), "sbc classifier")
    book.table("sbc", "llrrr", ["ranks of", "statistic", "value", "$p$", "$p$ (Holm)"],
               [[labels.get(row["name"], text(row["name"].replace("_", " "))), text(row["statistic"]), fixed(float(row["value"]), 3),
                 significant(float(row["p"])), significant(float(row["p_holm"]))] for row in rows])
    book.record_toml("simulation-based calibration", results / "provenance.toml")


def coverage(book):
    results = book.root / "experiments" / "coverage" / "results"
    rows, _ = read_csv(results / "coverage.csv")
    labels = {name: label.split(" [")[0] for name, label in parameters(book.root)}
    of = {(row["parameter"], row["region"], float(row["level"])): row for row in rows}
    levels = sorted({level for _, _, level in of})
    departures = {key: abs(float(row["departure_points"])) for key, row in of.items()}
    worst = max(departures, key=departures.get)
    book.number(fixed(departures[worst], 1), "coverage largest departure")
    book.number(labels.get(worst[0], "the joint region"), "coverage worst")
    missed = {name for (name, _, _), departure in departures.items() if name in labels and departure > 2}
    book.number(len(missed), "coverage missed")
    book.number(", ".join(labels[name] for name in labels if name in missed) or "none", "coverage missed parameters")
    book.number(fixed(int(read_toml(results / "provenance.toml")["systems_with_samples"]), 0), "coverage systems")
    book.table("coverage", "l" + "r" * 2 * len(levels),
               ["parameter", *(rf"central {100 * level:.0f}\%" for level in levels), *(rf"densest {100 * level:.0f}\%" for level in levels)],
               [[labels.get(name, "all together"),
                 *(fixed(100 * float(of[name, region, level]["coverage"]), 1) if (name, region, level) in of else "--"
                   for region in ("central", "highest_density") for level in levels)] for name in dict.fromkeys(row["parameter"] for row in rows)])
    book.record_toml("coverage", results / "provenance.toml")


def ppc(book):
    results = book.root / "experiments" / "ppc" / "results"
    rows, _ = read_csv(results / "posteriors.csv")
    checks, _ = read_csv(results / "checks.csv")
    facts, _ = read_csv(results / "diagnostics.csv")
    verdicts = {(row["object"], row["posterior"]): row["value"] == "yes" for row in facts if row["fact"] == "trusted"}
    refined = {key: trusted for key, trusted in verdicts.items() if key[1] != "neural"}
    book.number(len(refined), "ppc refined")
    book.number(sum(refined.values()), "ppc refined trusted")
    real = {row["object"] for row in rows if row["kind"] == "real"}
    book.number(len(real), "ppc real objects")
    neural = [abs(float(row["sigma"])) for row in rows if row["object"] in real and row["posterior"] == "neural" and row["sigma"]]
    book.number(len(neural), "ppc known")
    for limit in (1, 2):
        book.number(percent(sum(sigma <= limit for sigma in neural) / len(neural), 0), "ppc within", limit)
    body = []
    for key in dict.fromkeys((row["object"], row["posterior"]) for row in rows):
        if not verdicts.get(key, key[1] == "neural"):
            continue
        sigmas = [abs(float(row["sigma"])) for row in rows if (row["object"], row["posterior"]) == key and row["sigma"]]
        mine = [row for row in checks if (row["object"], row["posterior"]) == key]
        p = [float(value) for row in mine for name, value in row.items() if name.startswith("p_") and value]
        curves, photometry = ([float(row["chi2"]) for row in mine if row["chi2"] and keep(row["data"])]
                              for keep in (lambda data: data not in ("photometry", "parallax"), lambda data: data == "photometry"))
        body.append([text(key[0]), key[1], len(sigmas), fixed(statistics.median(sigmas), 1) if sigmas else "--",
                     fixed(max(sigmas), 1) if sigmas else "--",
                     *(significant(max(chi2), 2) if chi2 else "--" for chi2 in (curves, photometry)),
                     f"{sum(value < 0.05 for value in p)} of {len(p)}"])
    book.table("ppc", "llrrrrrr", ["object", "posterior", "known values", r"median $|\Delta|/\sigma$", "largest",
                                   r"$\chi^2_{\rm red}$, light curve", "photometry", "$p < .05$"], body)
    book.record_toml("posterior predictive checks", results / "provenance.toml")


def timing(book):
    results = book.root / "experiments" / "timing" / "results"
    rows = [row for name in ("own.csv", "peers.csv") for row in read_csv(results / name)[0]]
    names = {"neural": "neural posterior", "importance": "importance weights", "mcmc": "own MCMC", "emcee_ellc": "emcee with ellc",
             "emcee_phoebe": "emcee with PHOEBE, extrapolated"}
    body = []
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method and row["effective_size"] and row["cpu_s"]]
        if not mine:
            continue
        size, cost, each = (statistics.median(values) for values in (
            [float(row["effective_size"]) for row in mine], [float(row["cpu_s"]) for row in mine],
            [float(row["cpu_s"]) / float(row["effective_size"]) for row in mine]))
        trusted = sum(row["trusted"] == "yes" for row in mine)
        body.append([names.get(method, text(method)), f"{trusted} of {len(mine)}",
                     *(significant(value, 3) for value in (size, cost, 1e3 * each))])
        book.number(significant(1e3 * each, 2), "timing", method)
    book.table("timing", "lrrrr", ["method", "trusted", "effective samples", "CPU [s]", "for 1000 effective [s]"], body)
    scaling, _ = read_csv(results / "scaling.csv")
    book.table("scaling", "rrr", ["systems", "CPU [s]", "CPU a system [ms]"],
               [[fixed(int(row["systems"]), 0), significant(float(row["cpu_s"]), 3),
                 fixed(1e3 * float(row["cpu_s"]) / float(row["systems"]), 1)] for row in scaling])
    largest = max(scaling, key=lambda row: int(row["systems"]))
    book.number(fixed(1e3 * float(largest["cpu_s"]) / float(largest["systems"]), 1), "timing network ms")
    book.number(fixed(int(largest["samples"]), 0), "timing network samples")
    reference = {row["what"]: float(row["value"]) for row in read_csv(results / "reference.csv")[0]}
    for name in ("ellc", "phoebe"):
        book.number(fixed(reference[f"paper_{name}_core_s"] / 3600, 0), "timing paper", name)
    book.record_toml("timing", results / "provenance.toml")


def exact(book):
    results = book.root / "experiments" / "exact" / "results"
    systems, _ = read_csv(results / "systems.csv")
    sbc, _ = read_csv(results / "sbc.csv")
    agreement, _ = read_csv(results / "agreement.csv")
    labels = {name: label.split(" [")[0] for name, label in parameters(book.root)}
    book.number(len(systems), "exact systems")
    book.number(sum(row["converged"] == "1" for row in systems), "exact converged")
    for name, column, decimals in (("densities", "mcmc_evaluations", 0), ("cpu", "cpu_s", 0)):
        book.number(fixed(statistics.median(float(row[column]) for row in systems), decimals), "exact", name)
    book.number(sum(row["pareto_k"] != "" and float(row["pareto_k"]) <= 0.7 for row in systems), "exact weighted")
    ranks, _ = read_csv(results / "ranks.csv")
    for name, converged in (("converged", "1"), ("unconverged", "0")):
        held = [abs(float(row["radius1"]) - 0.5) < 0.475 for row in ranks if row["converged"] == converged]
        book.number(percent(statistics.mean(held)) if held else "--", "exact radius", name)
    failed = [row for row in sbc if float(row["ks_p_holm"]) < 0.05]
    book.number(len(sbc), "exact tests")
    book.number(len(failed), "exact failed")
    for sampler in ("emcee", "importance"):
        mine = [row for row in agreement if row["sampler"] == sampler]
        c2st = [float(row["c2st"]) for row in mine]
        book.number(len({row["index"] for row in mine}), "exact", sampler)
        book.number(f"{sum(value < 0.55 for value in c2st)} of {len(mine)}", "exact", sampler, "alike")
        for name, summary in (("median", statistics.median), ("largest", max)):
            book.number(fixed(summary(c2st), 3) if c2st else "--", "exact", sampler, name)
    book.table("exact", "lrrrrrr", ["ranks of", "mean", r"in 68\%", r"in 95\%", "KS", "$p$", "$p$ (Holm)"],
               [[labels.get(row["parameter"], "the density"), fixed(float(row["mean_rank"])),
                 *(percent(float(row[key])) for key in ("coverage68", "coverage95")), fixed(float(row["ks_distance"]), 3),
                 *(significant(float(row[key])) for key in ("ks_p", "ks_p_holm"))] for row in sbc])
    book.record_toml("exact posteriors", results / "provenance.toml")


def spectra(book):
    results = book.root / "experiments" / "spectra" / "results"
    labels, _ = read_csv(results / "labels.csv")
    calibration = {row["name"]: row for row in read_csv(results / "calibration.csv")[0]}
    cost, _ = read_csv(results / "cost.csv")
    chains, _ = read_csv(results / "chains.csv")
    real, _ = read_csv(results / "real.csv")
    facts = read_toml(results / "provenance.toml")
    book.number(fixed(facts["config"]["stars"], 0), "spectra stars")
    book.number(len(cost), "spectra compared")
    book.number(sum(float(row["p_holm"]) < 0.05 for row in calibration.values()), "spectra failed")
    book.number(significant(statistics.median(float(row["efficiency"]) for row in cost), 2), "spectra efficiency")
    for name in ("network_s", "density_s", "fit_s"):
        book.number(significant(statistics.median(float(row[name]) for row in cost), 2), "spectra", name)
    stars = {row["star"]: row for row in chains}
    book.number(len(stars), "spectra chains")
    book.number(significant(statistics.median(float(row["cpu_s"]) for row in stars.values()), 2) if stars else "--",
                "spectra chains cpu")
    body = []
    for row in labels:
        unit = f" [{row['unit']}]" if row["unit"] else ""
        checks = calibration[row["label"]]
        body.append([f"${row['tex']}${unit}",
                     *(significant(float(row[key]), 2) for key in ("prior_deviation", "rms_error", "width68", "rms_error_compared", "rms_error_fit")),
                     percent(float(checks["coverage68"])), percent(float(checks["coverage95"])), significant(float(checks["p_holm"]), 2)])
    book.table("spectra", "lrrrrrrrr", ["label", "prior", "rms error", "68\\% width", "rms, fitted stars", "least squares", "68\\% holds",
                                        "95\\% holds", "$p$ (Holm)"], body)
    book.table("real spectra", "lrrrr", ["spectrum", "S/N", "pixels", r"$\chi^2$ of the best sample", r"$\chi^2$ of least squares"],
               [[text(row["name"]), fixed(float(row["signal_to_noise"]), 0), row["pixels"],
                 *(fixed(float(row[key]), 0) for key in ("chi2_best_sample", "chi2_fit"))] for row in real])
    book.record_toml("stellar spectra", results / "provenance.toml")


# What is always there; then the experiments in the order of the paper, and whether their plot.py reads committed tables only.
ALWAYS = (forward_model, speed, network)
EXPERIMENTS = ((prior, False), (observations, False), (recovery, False), (sbc, True), (coverage, True), (ppc, False),
               (ablation, True), (exact, True), (timing, True), (spectra, False))


def used_commands(files):
    """\\nName and \\tName in the text, comments apart."""
    names = set()
    for file in files:
        plain = re.sub(r"(?<!\\)%.*", "", file.read_text())
        names |= {(name, file.name) for name in re.findall(r"\\([nt][A-Z][A-Za-z]*)", plain)}
    return names


def draw(root, name, out, redraw):
    """The experiment's figures: the committed pictures or, where redraw, for print by its own plot.py."""
    folder, figures = root / "experiments" / name, out / "figures" / name
    figures.mkdir(parents=True, exist_ok=True)
    if redraw:
        plot = [sys.executable, "-m", f"experiments.{name}.plot", str(folder / "results"), str(figures)]
        subprocess.run(plot, cwd=root, check=True)
    else:
        for png in [*folder.glob("*.png"), *(folder / "results").glob("*.png")]:
            shutil.copy(png, figures)


def main(root, out):
    root, out = Path(root).resolve(), Path(out).resolve()
    paper = root / "paper"
    book, lines, files = Book(root), [], [paper / "penumbra.tex"]
    for source in ALWAYS:
        source(book)
    for source, redraw in EXPERIMENTS:
        name = source.__name__
        try:
            source(book)
        except Missing as missing:
            print(f"paper: {name} is left out: {missing.args[0].relative_to(root)} is not there")
            lines.append(rf"\missingexperiment{{{name}}}")
            continue
        files.append(paper / "sections" / f"{name}.tex")
        lines.append(rf"\input{{sections/{name}}}")
        draw(root, name, out, redraw)
    book.table("provenance", "llll", ["result", "commit", "date", "checkpoint"], book.provenance)

    undefined = sorted(f"\\{name} ({file})" for name, file in used_commands(files) if name not in book.commands)
    if undefined:
        sys.exit("paper: no result gives " + ", ".join(undefined))
    out.mkdir(parents=True, exist_ok=True)
    defined = [rf"\newcommand{{\{name}}}{{{value}" + (r"\xspace}" if name[0] == "n" else "}")
               for name, value in book.commands.items()]
    (out / "numbers.tex").write_text("\n".join(defined) + "\n")
    (out / "experiments.tex").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: make_numbers.py ROOT OUT")
    main(*sys.argv[1:])
