#!/usr/bin/env bash
# Makes the reference of the plugin ABI and the embedding API from the comments of their headers, by Doxygen:
#
#   scripts/reference.sh [FOLDER]     HTML in FOLDER/html, XML in FOLDER/xml; docs/reference without FOLDER
#
# SLOW_HEADERS: other folders with headers in them than this tree's, for the test that has to see a comment go.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v doxygen >/dev/null || { echo "reference.sh: no doxygen; run scripts/setup.sh" >&2; exit 1; }
out=$(realpath -m "${1:-docs/reference}")
headers=$(realpath ${SLOW_HEADERS:-sdk/slow core/include/slow})

mkdir -p "$out"
SLOW_REFERENCE_VERSION=$(sed -nE 's/^project\([A-Za-z]+ VERSION ([0-9.]+).*/\1/p' CMakeLists.txt) \
SLOW_REFERENCE_OUT=$out SLOW_REFERENCE_IN=${headers//$'\n'/ } SLOW_REFERENCE_FILTER=$PWD/scripts/reference_filter.py \
    doxygen docs/Doxyfile 2>&1 | sed "s|^$PWD/||" >"$out/warnings"
if [[ -s $out/warnings ]]; then
    cat "$out/warnings" >&2
    echo "reference.sh: what Doxygen did not understand is above; the headers' comments are plain text" >&2
    exit 1
fi
echo "reference: $out/html/index.html"
