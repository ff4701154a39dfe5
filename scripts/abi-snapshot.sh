#!/usr/bin/env bash
# Keeps the public headers as they are in a release that others build on: tests/abi/MAJOR.MINOR/slow, by SLOW_ABI_MAJOR and
# SLOW_ABI_MINOR. From then on every build compiles the templates of plugins and an application against it, and runs them
# with the core of the day (tests/abi/snapshot_test.sh).
#
#   scripts/abi-snapshot.sh [--force]     --force: in the place of one that is there, which is for before its release only
set -euo pipefail
cd "$(dirname "$0")/.."
number() { sed -nE "s/^#define SLOW_ABI_$1 ([0-9]+)$/\1/p" sdk/slow/base.h; }
into=tests/abi/$(number MAJOR).$(number MINOR)

case ${1-} in
'') ;;
--force) rm -rf "$into" ;;
*) echo "abi-snapshot.sh: unknown option $1; expected nothing, or --force" >&2; exit 2 ;;
esac
if [[ -e $into ]]; then
    echo "abi-snapshot.sh: $into is there already, and what was released does not change; before its release, --force" >&2
    exit 1
fi
mkdir -p "$into/slow"
cp sdk/slow/*.h core/include/slow/*.h "$into/slow/"
echo "abi-snapshot: $into, $(find "$into" -name '*.h' | wc -l) headers"
