#!/usr/bin/env bash
# Runs every test of a build and ends with a line that counts them. usage: tools/test.sh BUILD_FOLDER
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: tools/test.sh BUILD_FOLDER}
log=$build/test.log

ctest --test-dir "$build" --output-on-failure --timeout 900 --parallel "$(nproc)" | tee "$log"
status=${PIPESTATUS[0]}
.venv/bin/python -m unittest discover -s tests/data -p '*_test.py' 2>&1 | tee "$build/test-data.log"
python_status=${PIPESTATUS[0]}

count() { grep -cE "^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*$1" "$log"; }
ran=$(sed -n 's/^Ran \([0-9]*\) tests\? in.*/\1/p' "$build/test-data.log")
broken=$(sed -n 's/^FAILED (//p' "$build/test-data.log" | grep -oE '(failures|errors)=[0-9]+' | cut -d= -f2 | paste -sd+ | bc)
failed=$(($(count 'Failed|Timeout|Exception|\*\*\*Not Run') + ${broken:-0}))
skipped=$(count 'Skipped')
passed=$(($(count 'Passed') + ${ran:-0} - ${broken:-0}))
if [ "$skipped" -gt 0 ]; then
  echo "skipped (they need a GPU or reference data that is not here):"
  grep -E 'Skipped' "$log" | sed -E 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /  /; s/ \.+.*//' | sort -u
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$status" -eq 0 ] && [ "$python_status" -eq 0 ] && [ "$passed" -gt 0 ]
