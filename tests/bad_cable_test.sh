#!/usr/bin/env bash
# Two routers and a bad cable: 10 % loss, 5 % copies, reordering, 2 ms each way, and then silence; over UDP. And over TCP a
# slow one that is reset. What a link does about that in virtual time is link_fault_test's; here are real processes.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/bad_cable_test.sh
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
# shellcheck source=tests/support/mesh.sh
. "$(dirname "$0")/support/mesh.sh"

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

mesh_config alice 'udp://127.0.0.1:0 tcp://127.0.0.1:0' ''
router alice || die "alice does not start"
proxy_start cable udp "$(bound_address alice udp)" --seed "$seed" --loss 0.1 --duplicate 0.05 --reorder 0.2 --delay-ms 2 ||
    die "no proxy"
mesh_config bob '' "$(proxy_address cable)"
router bob || die "bob does not start"
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

proxy_start stream tcp "$(bound_address alice tcp)" --delay-ms 5 --rate 10M || die "no proxy"
mesh_config carol '' "$(proxy_address stream)"
router carol || die "carol does not start"
within 5 linked alice carol && within 5 ctl carol routes alice || die "the link does not open through a tcp proxy"
rtt=$(ctl carol --json ping alice --timeout 2 | sed -En 's/.*"rtt_ms":([0-9]+).*/\1/p')
((${rtt:-0} >= 10)) || die "a ping took ${rtt:-no} ms, with 5 ms each way"
before=$(links_lost carol)
[[ $(proxy_tell stream reset) == connections=1 ]] || die "there was not one connection to reset"
within 5 more_lost carol "$before" || die "a reset connection does not end its link"
within 10 linked carol alice && within 5 ctl carol routes alice && pings carol alice || die "no link after a reset"
echo "ok       a_link_over_tcp_comes_back_after_a_reset: ping $rtt ms"

for name in cable stream; do proxy_stop $name || die "the proxy $name did not end well"; done
