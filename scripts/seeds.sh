#!/usr/bin/env bash
# Plays many seeds of the named scenarios (tests/sim) on all cores, each scenario for every strategy that it lists and that
# is built, and keeps the traces of what failed: slow-sim run TRACE shows it again.
#
#   scripts/seeds.sh [--only PATTERN] [--security noise] [N] [FIRST]
#
# N runs in all (20000), from seed FIRST (1000) on, of the scenarios whose names match PATTERN; with --security noise all
# links and pairs are sealed, also of those that do not say so themselves.
#
# 1,000 meshes of 50 junctions with reliable messages, under everything that there is: scripts/seeds.sh --only delivery-churn 1000
#
# The build is that of the preset in SLOW_PRESET (release). Exit code 1 when anything failed.
set -euo pipefail
cd "$(dirname "$0")/.."
only='*' security=
while [[ ${1-} == --* && $# -ge 2 ]]; do
    case $1 in
    --only) only=$2 ;;
    --security) security=$2 ;;
    *) break ;;
    esac
    shift 2
done
total=${1:-20000} first=${2:-1000} build=build/${SLOW_PRESET:-release}
[[ $total =~ ^[0-9]+$ && $first =~ ^[0-9]+$ ]] || { echo "usage: scripts/seeds.sh [--only PATTERN] [--security noise] [N] [FIRST]" >&2; exit 2; }
[[ -x $build/bin/slow-sim && -e $build/tests/modules/routing-rogue-link-state.so ]] || scripts/build.sh "${SLOW_PRESET:-release}"
traces=$build/traces
mkdir -p "$traces"
results=$(mktemp)
trap 'rm -f "$results"' EXIT

entries=()
for scenario in tests/sim/$only.json; do
    [[ -e $scenario ]] || { echo "seeds.sh: no scenario is called $only; expected one of tests/sim" >&2; exit 2; }
    for strategy in $(jq -r '.strategies[]' "$scenario"); do
        [[ -e $build/lib/slow/1/routing-$strategy.so ]] && entries+=("$scenario $strategy")
    done
done

# A day takes seconds, everything else a fraction of one: one run in two hundred is a day.
jobs() {
    local days=0 others=0 entry scenario strategy count seed last
    for entry in "${entries[@]}"; do
        [[ $entry == */28-hours.json* ]] && days=$((days + 1)) || others=$((others + 1))
    done
    local a_day=$((days > 0 ? total / 200 / days : 0))
    local rest=$(((total - a_day * days + others - 1) / others)) left=$total piece=100
    for entry in "${entries[@]}"; do
        read -r scenario strategy <<<"$entry"
        count=$rest
        [[ $scenario == */28-hours.json ]] && count=$a_day
        ((count <= left)) || count=$left
        left=$((left - count))
        for ((seed = first; seed < first + count; seed += piece)); do
            last=$((seed + piece - 1 < first + count - 1 ? seed + piece - 1 : first + count - 1))
            echo "$scenario $strategy $seed-$last"
        done
    done
}

play() { # SCENARIO STRATEGY SEEDS: its failures, and one line of how many there were
    local options=() output code=0
    [[ $1 == */liar.json ]] && options=(--option max_origins=100)
    output=$("$build/bin/slow-sim" run "$1" --routing "$2" --seeds "$3" --quiet "${options[@]}" ${security:+--security "$security"} \
        --plugins "$build/tests/modules" --trace "$traces" 2>&1) || code=$?
    grep -E '^[a-z-]+: seed |shows it again$' <<<"$output" || true
    if ((code > 1)); then
        echo "$1 $2 $3: exit code $code: $(tail -n 1 <<<"$output")"
    fi
    echo "DONE $1 $2 $3 $(sed -nE 's/^([0-9]+) runs?, ([0-9]+) failed.*/\1 \2/p' <<<"$output") $code" >>"$results"
}
export -f play
export build traces results security

began=$SECONDS
jobs | xargs -P "$(nproc)" -L 1 bash -c 'play "$@"' play
awk -v took=$((SECONDS - began)) '
    { name = $2 " " $3; sub(".*/", "", name); sub(".json", "", name) }
    NF == 7 { runs[name] += $5; failed[name] += $6; all += $5; bad += $6 }
    NF != 7 || $NF > 1 { broken++ }
    END {
        for (name in runs) printf "%-45s %6d runs %6d failed\n", name, runs[name], failed[name] | "sort"
        close("sort")
        printf "%d runs, %d failed, %d that did not end, in %d s\n", all, bad, broken, took
        exit bad + broken > 0
    }' "$results" || { echo "traces of the failures are in $traces"; exit 1; }
