#!/usr/bin/env bash
# Style and static analysis. usage: tools/check.sh BUILD_FOLDER [--no-tidy]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: tools/check.sh BUILD_FOLDER [--no-tidy]}
git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format --dry-run --Werror
echo "clang-format: clean"
[ "${2:-}" = --no-tidy ] && exit 0
# nn/ is left out: one file that includes torch takes clang-tidy minutes and reports torch.
git ls-files 'base/*.cpp' 'sim/*.cpp' 'spectra/*.cpp' 'bank/*.cpp' 'inference/*.cpp' 'app/*.cpp' |
  xargs -P "$(nproc)" -n 4 clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option \
    --extra-arg=-Wno-unused-command-line-argument  # g++ alone knows --param
echo "clang-tidy: clean"
