#!/usr/bin/env bash
# Sets up, builds and runs the tests. Exit code 0 only when all passed.
#
#   scripts/test.sh          the dev preset; the long runs are left out
#   scripts/test.sh --all    the long runs too, and everything but those again under AddressSanitizer with UBSan, and
#                            under ThreadSanitizer
#
# Tests that need data of others look for it in $SLOW_TESTDATA (default: ../shared/testdata) and say so when they skip.
set -euo pipefail
cd "$(dirname "$0")/.."
all=no
case ${1-} in
'') ;;
--all) all=yes ;;
*) echo "test.sh: unknown option $1; expected nothing, or --all" >&2; exit 2 ;;
esac

scripts/setup.sh

run() { # PRESET [CTEST-OPTION...]
    local preset=$1
    shift
    echo "== $preset"
    scripts/build.sh "$preset"
    ctest --preset "$preset" --parallel "$(nproc)" "$@"
}

short=(--label-exclude long)
if [[ $all == no ]]; then
    run dev "${short[@]}"
    exit
fi
run dev
run asan "${short[@]}"
run tsan "${short[@]}"
