#!/usr/bin/env bash
# The posterior of HD 23642 from its K2 light curve, with the shipped network, in report/ or $RESULTS. usage: tools/demo.sh PENUMBRA
set -euo pipefail
cd "$(dirname "$0")/.."
penumbra=${1:?usage: tools/demo.sh PENUMBRA}
out=${RESULTS:-report}/hd23642
"$penumbra" infer examples/hd23642/hd23642.toml --checkpoint data/checkpoints/compact.h5 --out "$out" --seed 1
"$penumbra" report "$out/hd23642.nc" --out "$out"
