#!/usr/bin/env bash
# Two routers and a bad cable: 10 % loss, 5 % copies, reordering, 2 ms each way, and then silence; over UDP. And over TCP a
# slow one that is reset. What a link does about that in virtual time is link_fault_test's; here are real processes.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/bad_cable_test.sh
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u

bin=${SLOW_BUILD:?the build folder}/bin
seed=${SLOW_SEED:-7}
dir=$(mktemp -d /tmp/slow-cable-XXXXXX)
# shellcheck source=tests/support/proxy.sh
. "$(dirname "$0")/support/proxy.sh"
declare -A pids=()

clean_up() {
    proxy_stop_all
    for pid in "${pids[@]}"; do kill -KILL "$pid"; done 2>/dev/null
    wait "${pids[@]}" 2>/dev/null
    rm -rf "$dir"
}
trap clean_up EXIT

die() {
    echo "NOT OK   $* (seed $seed)"
    for name in "${!proxy_pids[@]}"; do echo "    $name: $(proxy_tell "$name" stats)"; done
    tail -n 10 "$dir"/*.log
    exit 1
}

start() { # NAME ARGUMENTS...
    local name=$1
    shift
    "$bin/slow-router" --id "$name" --admin "$dir/$name" "$@" 2>>"$dir/$name.log" &
    pids[$name]=$!
}

ctl() { # NAME ARGUMENTS...
    local name=$1
    shift
    timeout 20 "$bin/slowctl" -s "$dir/$name" "$@" 2>>"$dir/ctl.log"
}

within() { # SECONDS COMMAND...: until it succeeds
    local end=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@" >/dev/null; do
        (($(date +%s%N) < end)) || return 1
        sleep 0.02
    done
}

address_of() { # NAME SCHEME: where it listens
    ctl "$1" --json status | grep -Eo "\"$2://[^\"]*\"" | head -1 | tr -d '"'
}

linked() { ctl "$1" --json neighbours | grep -q "\"id\":\"$2\""; }
apart() { [[ -n $(ctl "$1" --json neighbours) ]] && ! linked "$1" "$2"; }
links_lost() { ctl "$1" --json status | grep -Eo '"links_lost":[0-9]+' | cut -d: -f2; }
more_lost() { (($(links_lost "$1") > $2)); }

pings() { # FROM TO: one in ten tries comes back
    for ((try = 1; try <= 10; try++)); do
        ctl "$1" --json ping "$2" --timeout 0.3 | grep -q '"hops":1' && return
    done
    return 1
}

it_did() { # PROXY FIGURE...: each happened
    local proxy=$1 figure
    shift
    for figure in "$@"; do
        (($(proxy_figure "$proxy" "$figure") > 0)) || die "of $figure nothing was seen, so this shows nothing"
    done
}

# ---- UDP ----

start alice --listen udp://127.0.0.1:0 --listen tcp://127.0.0.1:0
within 5 ctl alice status || die "alice does not start"
proxy_start cable udp "$(address_of alice udp)" --seed "$seed" --loss 0.1 --duplicate 0.05 --reorder 0.2 --delay-ms 2 ||
    die "no proxy"
start bob --join "$(proxy_address cable)"
within 10 linked alice bob && within 5 linked bob alice || die "the link does not open on a bad cable"
echo "ok       a_link_opens_on_a_bad_cable"

within 5 ctl bob routes alice && within 5 ctl alice routes bob || die "routes do not come over a bad cable"
pings bob alice && pings alice bob || die "of ten pings none comes back"
came=$(ctl bob --json ping alice -c 50 -i 0.001 --timeout 0.1 | grep -c '"hops":1')
((came >= 20)) || die "of 50 pings only $came came back; 40 are to be expected"
it_did cable up_lost down_lost up_duplicated down_duplicated up_reordered down_reordered
echo "ok       pings_come_back: $came of 50"

proxy_tell cable silence on >/dev/null || die "no silence"
within 8 apart alice bob && within 8 apart bob alice || die "silence does not end the link"
it_did cable up_silenced
echo "ok       silence_ends_the_link"

proxy_tell cable silence off >/dev/null || die "no end of silence"
within 10 linked alice bob && within 5 linked bob alice || die "the link does not come back after silence"
within 5 ctl bob routes alice && pings bob alice || die "after silence no ping comes back"
echo "ok       the_link_comes_back_after_silence"

# ---- TCP ----

proxy_start stream tcp "$(address_of alice tcp)" --delay-ms 5 --rate 10M || die "no proxy"
start carol --join "$(proxy_address stream)"
within 5 linked alice carol && within 5 ctl carol routes alice || die "the link does not open through a tcp proxy"
rtt=$(ctl carol --json ping alice --timeout 2 | sed -En 's/.*"rtt_ms":([0-9]+).*/\1/p')
((${rtt:-0} >= 10)) || die "a ping took ${rtt:-no} ms, with 5 ms each way"
before=$(links_lost carol)
[[ $(proxy_tell stream reset) == connections=1 ]] || die "there was not one connection to reset"
within 5 more_lost carol "$before" || die "a reset connection does not end its link"
within 10 linked carol alice && within 5 ctl carol routes alice && pings carol alice || die "no link after a reset"
echo "ok       a_link_over_tcp_comes_back_after_a_reset: ping $rtt ms"

for name in cable stream; do proxy_stop $name || die "the proxy $name did not end well"; done
