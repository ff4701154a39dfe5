#!/usr/bin/env bash
# Configures and builds one preset of CMakePresets.json: scripts/build.sh [dev|release|asan|tsan|fuzz]. The result is in
# build/PRESET, programs in its bin, plugins in its lib/slow/1.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-dev}

# What was configured before keeps its data of others, unless the environment says where they are now.
cmake --preset "$preset" --log-level=WARNING ${SLOW_TESTDATA:+-D "SLOW_TESTDATA=$SLOW_TESTDATA"}
cmake --build --preset "$preset"
