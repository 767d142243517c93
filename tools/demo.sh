#!/usr/bin/env bash
# The posterior of HD 23642 from its K2 light curve, with the shipped network. usage: tools/demo.sh PENUMBRA
set -euo pipefail
cd "$(dirname "$0")/.."
penumbra=${1:?usage: tools/demo.sh PENUMBRA}
"$penumbra" infer examples/hd23642/hd23642.toml --checkpoint data/checkpoints/compact.h5 --out report/hd23642 --seed 1
"$penumbra" report report/hd23642/hd23642.nc --out report/hd23642
