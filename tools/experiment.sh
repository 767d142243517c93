#!/usr/bin/env bash
# One experiment from its configuration to its figures. usage: tools/experiment.sh NAME BUILD [CONFIG [--KEY TEXT ...]]
#
# BUILD/bin/experiment_NAME CONFIG OUT writes tables, experiments/NAME/plot.py OUT OUT/figures draws them; where
# experiments/NAME/run.sh exists, `run.sh CONFIG BUILD OUT` does both. Without CONFIG it is config.toml, of full size, OUT
# is BUILD/experiments/NAME, and what is small is copied to experiments/NAME/results: tables, provenance.toml, figures.
# Another CONFIG (smoke.toml) writes BUILD/experiments/NAME-smoke and copies nothing; "" with keys that are to be changed
# writes BUILD/experiments/NAME-changed. Where $RESULTS names a folder, OUT is in it in place of BUILD/experiments, and
# nothing is copied.
set -euo pipefail
name=${1:?usage: tools/experiment.sh NAME BUILD [CONFIG]}
build=$(realpath "${2:?usage: tools/experiment.sh NAME BUILD [CONFIG]}")
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$root/experiments/$name
config=${3:-}
changes=("${@:4}")
suffix=${config:+-$(basename "$config" .toml)}${changes:+-changed}
out=${RESULTS:-$build/experiments}/$name$suffix
config=$(realpath "${config:-$folder/config.toml}")
mkdir -p "$out/figures"
out=$(realpath "$out")
if [ -x "$folder/run.sh" ]; then
  [ ${#changes[@]} = 0 ] || { echo "experiment $name takes no keys; change a copy of its config.toml" >&2; exit 2; }
  "$folder/run.sh" "$config" "$build" "$out"
else
  "$build/bin/experiment_$name" "$config" "$out" "${changes[@]}"
  (cd "$root" && .venv/bin/python -m "experiments.$name.plot" "$out" "$out/figures")
fi
if [ -z "$suffix${RESULTS:-}" ]; then
  mkdir -p "$folder/results"
  cp "$out"/*.csv "$out/provenance.toml" "$out"/figures/*.png "$out"/figures/*.pdf "$folder/results/"
  echo "$folder/results"
else
  echo "$out"
fi
