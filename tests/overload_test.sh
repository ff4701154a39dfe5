#!/usr/bin/env bash
# Twice as much is offered as can go, and then one receiver stops reading.
#
#   alice - cable - relay - bob
#                       ' - carol
#
#   tests/overload_test.sh [SECONDS [udp|tcp [none | PROXY-OPTION...]]]     the cable is a fault-proxy, or none
#
# The capacity is what alice gets through to bob when she waits for room; then twice that is offered, message by message at
# its time, and what is refused with SLOW_E_AGAIN is gone. Pings from alice to bob tell what that does to others. Then carol
# stops calling slow_recv(): alice hears SLOW_E_AGAIN for her, and bob gets what he got before.
# A busy machine is slow: times and rates are told, and what is held are counts: that some were refused, that every outcome
# is true, that no more were accepted than there is room for, and that memory stays (but of a sanitizer's build, which keeps
# what was freed).
# Run by ctest; by hand: SLOW_BUILD=build/release tests/overload_test.sh 30
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
seconds=${1:-1} scheme=${2:-udp} size=1024
shift $(($# < 2 ? $# : 2))
(($# > 0)) || set -- --rate 20M --delay-ms 20 --queue 100k
room=4096        # messages to one destination
growth_kib=16384 # what memory may differ by, from after the first flood to after the last
# shellcheck source=tests/support/mesh.sh
. "$(dirname "$0")/support/mesh.sh"

pings() { # COUNT FILE
    "$bin/slowctl" -s "$dir/alice" --json ping bob -c "$1" -i 0.02 --timeout 5 >"$dir/$2" 2>>"$dir/ctl.log"
}
percentile() { # SHARE FILE: of the answers, in ms
    grep -Eo '"rtt_ms":[0-9.]+' "$dir/$2" | cut -d: -f2 | sort -n |
        awk -v share="$1" '{ all[NR] = $1 } END { at = int(NR * share + 0.999); print all[at < 1 ? 1 : at] }'
}
told_ping() { # WHEN FILE
    echo "    ping $1: median $(percentile 0.5 "$2") ms, 99th percentile $(percentile 0.99 "$2") ms," \
        "$(grep -c rtt_ms "$dir/$2") of $(wc -l <"$dir/$2") answered"
}
is_quiet() { # ID: nothing is under way to there
    ctl alice --json peers | grep -Eq "\"id\":\"$1\"[^}]*\"in_flight\":0,"
}
per_cent() { echo $((100 * $1 / ($2 > 0 ? $2 : 1))); }
memory() { # WHEN
    local name line=''
    for name in alice relay bob carol; do
        kib[$name]=$(memory_kib $name)
        line+=" $name ${kib[$name]}"
    done
    echo "    memory $1, KiB:$line"
}
done_of() { # STREAM SECONDS: its figures into $figures
    within "$2" done_line alice "$1" || die "$1 is not over"
    figures=$(done_line alice "$1")
    echo "    $figures"
    # An outcome frees its room in the turn before the one that tells it, so a second lot may be accepted meanwhile.
    (($(figure most "$figures") <= 2 * room)) || die "more than twice $room were accepted without an outcome"
}
declare -A kib=() before=()

mesh_config relay "$scheme://127.0.0.1:0" ''
router relay || die "the relay does not start"
relay=$(bound_address relay "$scheme")
cable=$relay
if [[ $1 != none ]]; then
    proxy_start cable "$scheme" "$relay" --seed "$seed" "$@" || die "no proxy"
    cable=$(proxy_address cable)
fi
mesh_config alice '' "$cable"
mesh_config bob '' "$relay"
mesh_config carol '' "$relay"
for name in alice bob carol; do teller $name || die "$name does not start"; done
within 10 knows alice bob && within 10 knows alice carol || die "alice has no routes"

# ---- twice the capacity ----

pings $((seconds * 10 < 300 ? seconds * 10 : 300)) idle || die "pings are not answered"
told_ping idle idle
tell alice stream peak bob seconds=$(((seconds + 2) / 3)) size=$size
done_of peak 120
peak=$(figure per_second "$figures")
memory "after the first flood"
for name in "${!kib[@]}"; do before[$name]=${kib[$name]}; done

tell alice stream twice bob seconds="$seconds" size=$size rate=$((2 * peak)) drop=1
pings 1000000 loaded &
pids[pings]=$!
done_of twice 120
end_hard pings
goodput=$(figure per_second "$figures")
(($(figure refused "$figures") > 0)) || echo "    nothing was refused: what was measured as the capacity was too little"
told_ping loaded loaded
echo "    at twice the capacity $goodput a second, $(per_cent "$goodput" "$peak") % of $peak"
memory "after twice the capacity"
for name in "${!kib[@]}"; do
    [[ -n ${SLOW_SANITIZE-} ]] || ((kib[$name] <= before[$name] + growth_kib)) || die "$name grew from ${before[$name]} to ${kib[$name]} KiB"
done
echo "ok       twice_the_capacity_is_refused_and_not_queued"

# ---- one who does not read ----

tell carol stall
tell alice stream unread carol count=6000 size=$size ttl_ms=60000
within 30 was_refused alice unread || die "who does not read never fills alice's room"
within 30 is_quiet carol || die "what alice sent to who does not read stays under way"
tell alice stream beside bob seconds=$(((seconds + 2) / 3)) size=$size
done_of beside 120
beside=$(figure per_second "$figures")
echo "    bob's rate beside one who does not read $beside a second, $(per_cent "$beside" "$peak") % of $peak alone"
tell carol take
done_of unread 90
(($(figure most "$figures") >= room)) || die "not all the room was used"
(($(figure delivered "$figures") == 6000)) || die "not all were taken when carol read again"
echo "ok       who_does_not_read_fills_nobody_elses_room"

cat "$dir/bob.told" "$dir/carol.told" >"$dir/both.told"
counts=$(compare alice both)
code=$?
echo "    $counts"
((code == 0)) || die "an outcome is not true"
for name in alice bob carol relay; do end_well $name || die "$name does not end well"; done
echo "ok       every_outcome_is_true_under_load (seed $seed)"
