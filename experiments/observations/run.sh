#!/usr/bin/env bash
# The whole experiment: tables and figures in OUT. usage: run.sh CONFIG.toml BUILD_FOLDER OUT [plot.py's options]
# Exit code 77: the observations are not there.
set -euo pipefail
config=$(realpath "${1:?usage: run.sh CONFIG.toml BUILD_FOLDER OUT}") build=$(realpath "$2") out=$3
here=$(cd "$(dirname "$0")" && pwd) root=$(cd "$(dirname "$0")/../.." && pwd)
observations=${PENUMBRA_SHARED:-$root/../shared}/observations
if [ ! -d "$observations" ]; then
  echo "skipped: $observations is not there; name the folder above it with PENUMBRA_SHARED"
  exit 77
fi
observations=$(realpath "$observations")
mkdir -p "$out/work"
out=$(realpath "$out") work=$out/work
"$root/.venv/bin/python" "$root/data/recipes/tess_npz_to_csv.py" "$observations/tess_eb_lightcurves.npz" "$work/sectors"
"$root/.venv/bin/python" "$here/prepare.py" --observations "$observations" --out "$work"
for half in 0 1; do # a bank that has not seen the half: neither its stars nor its catalogue rows
  "$build/bin/penumbra" bank build "$root/data/banks/surveys.toml" --holdout 2,$half --out "$work/without_$half.h5" \
    --observations "$work/catalogues_without_$half" --observations "$observations" --observations "$work"
done
"$build/bin/experiment_observations" "$config" "$work/real.h5" "$work/without_0.h5" "$work/without_1.h5" "$out"
"$root/.venv/bin/python" "$here/plot.py" "$out" "$out/figures" "${@:4}"
