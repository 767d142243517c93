#!/usr/bin/env bash
# The whole experiment: tables and figures in OUT. usage: run.sh CONFIG.toml BUILD_FOLDER OUT
# Where the observations are not there, only HD 23642 and the simulated systems are checked.
set -euo pipefail
config=$(realpath "${1:?usage: run.sh CONFIG.toml BUILD_FOLDER OUT}") build=$(realpath "$2") out=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
observations=${PENUMBRA_SHARED:-$root/../shared}/observations
mkdir -p "$out/work/objects"
if [ -d "$observations" ]; then
  "$root/.venv/bin/python" "$root/experiments/ppc/objects.py" --observations "$observations" --out "$out/work/objects"
else
  echo "skipped: real binaries other than HD 23642; $observations is not there (PENUMBRA_SHARED names the folder above it)"
fi
"$build/bin/experiment_ppc" "$config" "$out"
(cd "$root" && .venv/bin/python -m experiments.ppc.plot "$out" "$out/figures")
