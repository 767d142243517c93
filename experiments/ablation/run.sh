#!/usr/bin/env bash
# The networks of the check, the tables, the figures. usage: run.sh CONFIG.toml BUILD_FOLDER OUT (tools/experiment.sh)
set -euo pipefail
config=$(realpath "${1:?usage: run.sh CONFIG.toml BUILD_FOLDER OUT}") build=$(realpath "$2") out=$(realpath "$3")
cd "$(dirname "$0")/../.."
cp "$config" "$out/config.toml"
.venv/bin/python experiments/ablation/train.py "$config" "$build" "$out"
"$build/bin/experiment_ablation" "$out/config.toml" "$out"
.venv/bin/python -m experiments.ablation.plot "$out" "$out/figures"
