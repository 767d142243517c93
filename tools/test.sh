#!/usr/bin/env bash
# Runs every test of a build and ends with a line that counts them. usage: tools/test.sh BUILD_FOLDER
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: tools/test.sh BUILD_FOLDER}

ctest --test-dir "$build" --output-on-failure --timeout 900 --parallel "$(nproc)" --output-junit test.xml
PENUMBRA_PROGRAM="$PWD/$build/bin/penumbra" .venv/bin/python tools/run_python_tests.py tests/data "$build/test-data.xml"
.venv/bin/python tools/count_tests.py "$build/test.xml" "$build/test-data.xml"
