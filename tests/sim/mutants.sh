#!/usr/bin/env bash
# Does any scenario notice when one line of a strategy, or of reliable delivery, is wrong? Each mutant below has one line
# replaced; it is compiled and plays the named scenarios until one fails. One that nothing catches is a hole in the checks, and
# fails here; so does a line that is no longer there, for then the list is out of date. First what is there as it is plays all
# of these scenarios, built in the same way: it must pass.
#
#   mutants.sh SLOW-SIM FOLDER-OF-SCENARIOS [NAME...]    all, or those of these names alone
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
        -o "$scratch/so/routing-$1.so" "${files[@]}" "$scratch/plugins/common/store.c" "$scratch/plugins/common/siphash.c"
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
mutate() { # NAME FILE OLD NEW
    local file=$scratch/$2
    if [[ $(grep -cF -- "$3" "$file") != 1 ]]; then
        echo "$1: OUT OF DATE: not exactly one line of $2 has: $3"
        failed=1
        return 1
    fi
    OLD=$3 NEW=$4 awk '{ at = index($0, ENVIRON["OLD"])
        if (at) $0 = substr($0, 1, at - 1) ENVIRON["NEW"] substr($0, at + length(ENVIRON["OLD"])) } 1' "$file" > "$file.new"
    mv "$file.new" "$file"
}

# Which of the scenarios notices? PLAY is a command that takes one.
notice() { # NAME CHANGE PLAY SCENARIO...
    local name=$1 change=$2 play=$3 scenario output code
    shift 3
    for scenario in "$@"; do
        code=0
        output=$($play "$scenario") || code=$?
        if ((code == 1)); then
            echo "$name ($change): caught by $scenario, $(grep -m1 -E '^[a-z-]+: seed ' <<<"$output" | cut -c1-150)"
            return
        fi
        ((code == 0)) || { echo "$name: exit code $code: $output"; failed=1; return; }
    done
    echo "$name ($change): SURVIVED $*, seeds $seeds"
    failed=1
}

mutant() { # NAME STRATEGY FILE OLD NEW SCENARIO...
    local name=$1 strategy=$2 file=routing-$2/$3 old=$4 new=$5
    shift 5
    [[ $only == "  " || $only == *" $name "* ]] || return 0
    fresh "$strategy"
    mutate "$name" "plugins/$file" "$old" "$new" || return 0
    build "$strategy"
    notice "$name" "$file: $old -> $new" "play $strategy" "$@"
}

unbroken() { # STRATEGY SCENARIO...
    local strategy=$1 scenario
    [[ $only == "  " ]] || return 0
    shift
    fresh "$strategy"
    build "$strategy"
    for scenario in "$@"; do
        play "$strategy" "$scenario" > "$scratch/out" || { echo "$strategy as it is fails $scenario: $(cat "$scratch/out")"; exit 1; }
    done
}

# slow-sim with the core's file of the copy in $scratch/core instead of its own.
core_build() { # FILE
    local built
    built=$(cd "$(dirname "$slow_sim")/.." && pwd)
    ${CC:-cc} -std=gnu11 -O1 -w -D_GNU_SOURCE -I"$source" -I"$source/sdk" -I"$source/core" -c -o "$scratch/mutant.o" "$scratch/core/$1"
    ${CC:-cc} -o "$scratch/slow-sim" "$scratch/mutant.o" "$built"/tools/slow-sim/CMakeFiles/slow-sim.dir/*.o \
        "$built"/lib/libslow-simulation.a "$built"/lib/libslow-sim-report.a "$built"/lib/libslow.a \
        -levent_core -levent_extra -ljansson -lsodium -lexpat -ldl -lm
}

core_play() { # SCENARIO: what failed, on standard output
    SLOW_BUILD=$(cd "$(dirname "$slow_sim")/.." && pwd) timeout 300 "$scratch/slow-sim" run "$scenarios/$1.json" \
        --routing distance-vector --seeds "$seeds" --quiet --plugins "$(dirname "$slow_sim")/../lib/slow/1" --trace "$scratch" 2>&1
}

core_mutant() { # NAME FILE OLD NEW SCENARIO...
    local name=$1 file=$2 old=$3 new=$4
    shift 4
    [[ $only == "  " || $only == *" $name "* ]] || return 0
    rm -rf "$scratch/core"
    cp -r "$source/core" "$scratch/"
    mutate "$name" "core/$file" "$old" "$new" || return 0
    core_build "$file"
    notice "$name" "$file: $old -> $new" core_play "$@"
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
mutant ls-the-others-cost link-state tree.c 'edge->leaf ? edge->cost + LS_LAST : edge->cost);' 'edge->back);' "${all[@]}"
mutant ls-loss-overlooked link-state tree.c '!is_held(&run, node))' 'false)' "${all[@]}"
mutant ls-not-to-the-first link-state flood.c 'if (size == 0 || has ||' 'if (size == 0 || has || neighbour->slot == 0 ||' "${all[@]}"
mutant ls-nothing-new-to-meet link-state exchange.c 'LS_DONE : LS_TELLING_LSAS' 'LS_DONE : LS_DONE' "${all[@]}"

sending=(delivery-lossy-square delivery-receiver-restarts delivery-slow-reader delivery-partition delivery-few-pairs delivery-churn)
if [[ $only == "  " ]]; then
    cp -r "$source/core" "$scratch/"
    core_build sender.c
    for scenario in "${sending[@]}"; do
        core_play "$scenario" > "$scratch/out" || { echo "delivery as it is fails $scenario: $(cat "$scratch/out")"; exit 1; }
    done
fi
core_mutant rx-hold-forgotten receiver.c 'settle(a->receiver, a->channel, a->number, SL_HELD);' ';' "${sending[@]}"
core_mutant rx-old-number-new receiver.c 'if (package->message < window_low(c)) {' 'if (false) {' "${sending[@]}"
core_mutant rx-newest-forgotten receiver.c 'c->offered_high = a->number;' ';' "${sending[@]}"
core_mutant tx-expired-though-whole outcome.c 'if (!sl_outgoing_is_sent_whole(out))' '        if (true)' "${sending[@]}"
core_mutant tx-held-is-delivered sender.c 'if (state == SL_TAKEN)' 'if (state != SL_BARRED)' "${sending[@]}"
core_mutant tx-no-credit sender_out.c 's->unfinished_bytes + sl_outgoing_size(c->queue.first) > s->credit' 'false' "${sending[@]}"
core_mutant tx-new-peer-same-message sender.c 'out->first_sent_at >= since;' 'out->first_sent_at != since;' "${sending[@]}"
core_mutant tx-outcome-once-more outcome.c '    out->settled = true;' '    ;' "${sending[@]}"
core_mutant tx-lost-stays-lost sender_out.c 'sl_bit_clear(out->flying, index);' ';' delivery-relay-dies
core_mutant tx-outcome-not-counted delivery.c 'd->stats->count[counters[result->outcome]]++;' ';' "${sending[@]}"
core_mutant pair-alone-for-ever pairing.c 'slow_time alone = open->alone_ms * MS;' 'slow_time alone = now;' "${sending[@]}"
core_mutant pair-any-number pairing.c 'if (p->mine != 0 && p->theirs == session) {' 'if (p->mine != 0) {' "${sending[@]}"
core_mutant peer-forgot-when peer_table.c 'peers->forgotten_at = peer->pairing.alone_since;' ';' "${sending[@]}"
core_mutant peer-number-again peer.c 'peer->last_packet++;' 'peer->last_packet += peer->last_packet % 64 != 63;' "${sending[@]}"
core_mutant peer-bytes-forgotten peer.c 'peer->all->waiting -= bytes;' ';' "${sending[@]}"
exit "$failed"
