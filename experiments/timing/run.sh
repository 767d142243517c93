#!/usr/bin/env bash
# The whole experiment: tables and figures in OUT. usage: run.sh CONFIG.toml BUILD_FOLDER OUT
# The peers need `tools/setup.sh peers`; without it they are left out.
set -euo pipefail
config=$(realpath "${1:?usage: run.sh CONFIG.toml BUILD_FOLDER OUT}") build=$(realpath "$2") out=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
"$build/bin/experiment_timing" "$config" "$out"
if [ -x "$root/.venv-peers/bin/python" ]; then
  "$root/.venv-peers/bin/python" "$root/experiments/timing/peers.py" "$config" "$out"
else
  echo "skipped: emcee with ellc and with PHOEBE; tools/setup.sh peers installs them"
  rm -f "$out/peers.csv"
fi
(cd "$root" && .venv/bin/python -m experiments.timing.plot "$out" "$out/figures")
