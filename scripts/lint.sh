#!/usr/bin/env bash
# All warnings of gcc, of clang and of clang-tidy (.clang-tidy says which, and why some are left out), the format, and the
# seams. What is an error fails it, and of clang-tidy a few are only shown. Needs scripts/setup.sh --dev.
#
#   scripts/lint.sh [FILE...]     clang-tidy looks at these files only
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in clang-14 run-clang-tidy-14 clang-format-14; do
    command -v "$tool" >/dev/null || { echo "lint.sh: no $tool; run scripts/setup.sh --dev" >&2; exit 1; }
done

scripts/format.sh --check
scripts/seams.sh

echo "== gcc, with optimisation: it sees more then"
scripts/build.sh release

echo "== clang"
clang=build/clang
cmake -S . -B "$clang" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DSLOW_BENCH=ON \
    -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 --log-level=WARNING
cmake --build "$clang"

echo "== clang-tidy"
if (($# == 0)); then
    mapfile -t files < <(git ls-files --cached --others --exclude-standard 'core/*.c' 'plugins/*.c' 'router/*.c' 'tools/*.c' \
        'sim/*.c' 'examples/*.c' | grep -v '_test\.c$')
    set -- "${files[@]}"
fi
# It takes a regex for each path.
if ! run-clang-tidy-14 -p "$clang" -quiet "${@/%/\$}" >"$clang/tidy.log" 2>&1; then
    grep -A3 'error:' "$clang/tidy.log" >&2 || cat "$clang/tidy.log" >&2
    exit 1
fi
grep 'warning:' "$clang/tidy.log" | sort -u || true
echo "lint: clean"
