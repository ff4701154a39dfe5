#!/usr/bin/env bash
# Cuts every link and kills every junction of real networks' maps, under each strategy, and looks at every check at every
# event: one line a map and strategy, exit code 1 when a check failed. Of maps with more than 500 junctions a sample of the
# events is taken; as-20000102 (6,474 junctions) is for the strategies that fit into memory there.
#
#   scripts/maps.sh [--small] [MAP...]    --small: only maps of at most 40 junctions, as in the default test run
#
# The maps are those of $SLOW_TESTDATA/topologies, and without it generated networks of the same kinds, which is said. The
# build is that of SLOW_BUILD, or of the preset in SLOW_PRESET (release); SLOW_JOBS (all cores) run at once; SLOW_SAMPLE (20)
# of each event are taken of a large map; SLOW_STRATEGIES names others than distance-vector and link-state.
set -euo pipefail
only_small=0 maps=()
for word in "$@"; do
    case $word in
    --small) only_small=1 ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "maps: there is no flag $word; see scripts/maps.sh --help" >&2; exit 2 ;;
    *) if [[ -e $word ]]; then maps+=("$(realpath "$word")"); else maps+=("$word"); fi ;;
    esac
done
cd "$(dirname "$0")/.."
preset=${SLOW_PRESET:-release} build=${SLOW_BUILD:-build/${SLOW_PRESET:-release}}
sim=$build/bin/slow-sim sample=${SLOW_SAMPLE:-20} large=500 huge=5000 small=40
strategies=${SLOW_STRATEGIES:-}
[[ -x $sim ]] || scripts/build.sh "$preset"
data=${SLOW_TESTDATA:-../shared/testdata}/topologies
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

if ((${#maps[@]} == 0)) && [[ -d $data ]]; then
    maps=("$data"/*.json)
elif ((${#maps[@]} == 0)); then
    echo "SKIPPED: no maps in $data (SLOW_TESTDATA says where); generated networks of the same kinds instead"
    maps=(ring:11 geometric:30:3 attachment:30:2) # a backbone, a mesh of radios, the Internet
    ((only_small)) || maps+=(random:50:4 tree:60:3 attachment:315:3 geometric:750:3)
fi

size() { # MAP: its junctions
    local numbers
    if [[ -e $1 ]]; then
        jq '.nodes | length' "$1" 2>/dev/null || grep -o '<node ' "$1" | wc -l # GraphML
    else
        IFS=: read -r _ numbers _ <<<"$1"
        echo $((${numbers/x/*}))
    fi
}

jobs() {
    local map count options strategy names
    for map in "${maps[@]}"; do
        count=$(size "$map") options="--event cut-every-link,kill-every-junction" names=${strategies:-distance-vector link-state}
        ((only_small && count > small)) && continue
        ((count > large)) && options+=" --sample $sample"
        if ((count > huge)); then
            options="--event cut-every-link --sample $sample"
            names=${strategies:-link-state flooding}
        fi
        for strategy in $names; do
            echo "$count $map $strategy $options"
        done
    done | sort -n | cut -d ' ' -f 2-
}

play() { # MAP STRATEGY OPTIONS...
    local map=$1 strategy=$2 file code=0
    shift 2
    file=$results/$(basename "$map" .json)-$strategy
    "$sim" topology "$map" --routing "$strategy" "$@" --json --trace "${SLOW_TRACES:-.}" >"$file.json" 2>"$file.err" || code=$?
    if ((code > 1)) || ! [[ -s $file.json ]]; then
        echo "$(basename "$map" .json) $strategy: did not end, exit code $code: $(tail -n 1 "$file.err")"
        return 255
    fi
    jq -r --argjson code "$code" '
        def event(kind): .events[] | select(.kind == kind) |
            "\(.count) \(kind | sub("-every.*"; "s")): median \(.recovery_ms_median // "-") ms, at most \(.recovery_ms_max // "-") ms";
        "\(.topology) \(.routing): \(.junctions) junctions, \(.links) links; cold start \(.cold_start_ms) ms; " +
        ([.events[].kind as $kind | event($kind)] | join("; ")) +
        "; loops \(.loops), missing \(.missing), stale \(.stale), suboptimal \(.suboptimal); " +
        "idle \(.idle_bytes_per_s_per_link) B/s a link and way; " +
        "\(.wall_s | floor) s, \(.rss_bytes / 1e6 | floor) MB: \(if $code == 0 then "held" else "FAILED" end)"' "$file.json"
    ((code == 0)) || { grep '^slow-sim: ' "$file.err"; return 255; }
}
export -f play
export sim results

jobs | { xargs -r -P "${SLOW_JOBS:-$(nproc)}" -L 1 bash -c 'play "$@" || touch "$results/failed"' play; }
ended=$(find "$results" -name '*.json' -size +0 | wc -l)
[[ ! -e $results/failed ]] && ((ended > 0)) || { echo "maps: a check failed, or nothing was played"; exit 1; }
echo "maps: $ended runs, every check held"
