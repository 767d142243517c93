#!/usr/bin/env bash
# The whole experiment: tables and figures in OUT. usage: run.sh CONFIG.toml BUILD_FOLDER OUT
# Without .venv-peers (tools/setup.sh peers), which holds emcee, nothing is compared with it.
set -euo pipefail
config=$(realpath "${1:?usage: run.sh CONFIG.toml BUILD_FOLDER OUT}") build=$(realpath "$2") out=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
"$build/bin/experiment_exact" "$config" "$out"
if [ -x "$root/.venv-peers/bin/python" ]; then
  "$root/.venv-peers/bin/python" "$root/experiments/exact/compare.py" "$config" "$build/bin/experiment_exact" "$out"
fi
cd "$root" && .venv/bin/python -m experiments.exact.plot "$out" "$out/figures"
