#!/usr/bin/env bash
# The paper's PDF from the committed results. usage: paper/build.sh OUT
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "${1:?usage: paper/build.sh OUT}"
out=$(realpath "$1")
.venv/bin/python paper/make_numbers.py . "$out"
cd paper
TEXINPUTS="$out:" latexmk -pdf -interaction=nonstopmode -halt-on-error -quiet -outdir="$out" penumbra.tex >"$out/latexmk.log" 2>&1 || {
  grep -A 3 '^!' "$out/penumbra.log" >&2 || cat "$out/latexmk.log" >&2
  exit 1
}
echo "$out/penumbra.pdf"
