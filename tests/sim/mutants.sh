#!/usr/bin/env bash
# Does any scenario notice when one line of a strategy is wrong? Each mutant below is a strategy with one line replaced; it
# is compiled and plays the named scenarios until one fails. One that nothing catches is a hole in the checks, and fails
# here; so does a line that is no longer there, for then the list is out of date. First the strategies as they are play all
# of these scenarios, built in the same way: they must pass.
#
#   mutants.sh SLOW-SIM FOLDER-OF-SCENARIOS [NAME...]
set -euo pipefail
slow_sim=$1 scenarios=$2
shift 2
only=" $* "
source=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
seeds=1-4 failed=0

# The plugin of the copy in $scratch/plugins, as $scratch/so/routing-STRATEGY.so.
build() { # STRATEGY
    local files
    mapfile -t files < <(find "$scratch/plugins/routing-$1" -name '*.c' ! -name '*_test.c')
    mkdir -p "$scratch/so"
    ${CC:-cc} -std=gnu11 -O1 -w -D_GNU_SOURCE -fPIC -shared -fvisibility=hidden -I"$source/sdk" \
        -o "$scratch/so/routing-$1.so" "${files[@]}" "$scratch/plugins/common/store.c" -lsodium
}

fresh() { # STRATEGY
    rm -rf "$scratch/plugins"
    mkdir "$scratch/plugins"
    cp -r "$source/plugins/common" "$source/plugins/routing-$1" "$scratch/plugins/"
}

play() { # STRATEGY SCENARIO: what failed, on standard output
    "$slow_sim" run "$scenarios/$2.json" --routing "$1" --seeds "$seeds" --quiet --plugins "$scratch/so" \
        --trace "$scratch" 2>&1
}

# FILE's one line that has OLD gets NEW in its place.
mutate() { # FILE OLD NEW
    local file=$scratch/plugins/$1
    [[ $(grep -cF -- "$2" "$file") == 1 ]] || return 1
    OLD=$2 NEW=$3 awk '{ at = index($0, ENVIRON["OLD"])
        if (at) $0 = substr($0, 1, at - 1) ENVIRON["NEW"] substr($0, at + length(ENVIRON["OLD"])) } 1' "$file" > "$file.new"
    mv "$file.new" "$file"
}

mutant() { # NAME STRATEGY FILE OLD NEW SCENARIO...
    local name=$1 strategy=$2 file=routing-$2/$3 old=$4 new=$5 scenario output code
    shift 5
    [[ $only == "  " || $only == *" $name "* ]] || return 0
    fresh "$strategy"
    if ! mutate "$file" "$old" "$new"; then
        echo "$name: OUT OF DATE: not exactly one line of plugins/$file has: $old"
        failed=1
        return
    fi
    build "$strategy"
    for scenario in "$@"; do
        code=0
        output=$(play "$strategy" "$scenario") || code=$?
        if ((code == 1)); then
            echo "$name ($file: $old -> $new): caught by $scenario, $(grep -m1 -E '^[a-z-]+: seed ' <<<"$output" | cut -c1-150)"
            return
        fi
        ((code == 0)) || { echo "$name: exit code $code: $output"; failed=1; return; }
    done
    echo "$name ($file: $old -> $new): SURVIVED $*, seeds $seeds"
    failed=1
}

unbroken() { # STRATEGY SCENARIO...
    local strategy=$1 scenario
    shift
    fresh "$strategy"
    build "$strategy"
    for scenario in "$@"; do
        play "$strategy" "$scenario" > "$scratch/out" || { echo "$strategy as it is fails $scenario: $(cat "$scratch/out")"; exit 1; }
    done
}

all=(unequal-ways cold-start cut-every-link kill-every-junction reboot-without-memory partition-heals cost-swings churn)
unbroken distance-vector "${all[@]}"
unbroken link-state "${all[@]}"

mutant dv-worst-route distance-vector route.c 'nearer = metric < s.best.metric ||' 'nearer = metric > s.best.metric ||' "${all[@]}"
mutant dv-equal-is-feasible distance-vector word.h 'word.metric < fd.metric' 'word.metric <= fd.metric' "${all[@]}"
mutant dv-distance-not-lowered distance-vector route.c 'dest->fd_metric = word.metric;' ';' "${all[@]}"
mutant dv-own-number-stays distance-vector origin.c 'own_stamp_set(dv, dv_stamp_next(dv->own))' 'own_stamp_set(dv, dv->own)' "${all[@]}"
mutant dv-never-asks distance-vector request.c 'if (dest->next_hop != DV_NO_SLOT || over) {' 'if (true) {' "${all[@]}"
mutant dv-cost-left-out distance-vector distance_vector.c 'neighbour->cost = now->cost;' ';' "${all[@]}"
mutant ls-old-news-taken link-state graph.c 'stamp.seq > graph->lsas[lsa].seq ||' 'stamp.seq != graph->lsas[lsa].seq ||' "${all[@]}"
mutant ls-same-number-again link-state origin.c '++fragment->seq' 'fragment->seq' "${all[@]}"
mutant ls-cost-left-out link-state origin.c 'neighbour->cost = neighbour->measured;' ';' "${all[@]}"
mutant ls-the-others-cost link-state tree.c 'way(run, edge->to, node, edge->cost);' 'way(run, edge->to, node, edge->back);' "${all[@]}"
mutant ls-loss-overlooked link-state tree.c '!is_held(&run, node))' 'false)' "${all[@]}"
mutant ls-not-to-the-first link-state flood.c 'if (size == 0 || has ||' 'if (size == 0 || has || neighbour->slot == 0 ||' "${all[@]}"
mutant ls-nothing-new-to-meet link-state exchange.c 'LS_DONE : LS_TELLING_LSAS' 'LS_DONE : LS_DONE' "${all[@]}"
exit "$failed"
