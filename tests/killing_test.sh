#!/usr/bin/env bash
# Outcomes are true, whoever is killed: a stream of messages through six routers, two ways that share none but the ends:
#
#                b ----- c             - - -  JSON over UDP, at the edges
#            . '           ' .         -----  Protocol Buffers over TCP, in the middle
#   alice - a                 f - bob
#            ' .           . '
#                d ----- e
#
#   tests/killing_test.sh relays|receiver [MESSAGES [A-SECOND [SECONDS]]]     every SECONDS one is killed with SIGKILL, and
#                                                                             started again when half of them have passed
#
# relays: one of the six at a time, at random; the messages outlast that, so every one has to be delivered.
# receiver: bob. What it took is in its log before it says so; every other time it has stopped taking, and is killed with
# messages in its inbox. What was under way then ends as unknown; but what is said to be delivered must be in the log, what is
# said not to be must not, and nothing twice, over all bob's lives.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/killing_test.sh relays 10000 250 2
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
export LC_ALL=C
what=${1:?relays or receiver} count=${2:-1000} rate=${3:-250} period=${4:-1} seed=${SLOW_SEED:-7}
# shellcheck source=tests/support/mesh.sh
. "$(dirname "$0")/support/mesh.sh"
trap mesh_end EXIT
RANDOM=$seed

die() {
    echo "NOT OK   $* (seed $seed)"
    tail -n 5 "$dir"/*.log
    exit 1
}

start_network() {
    local name host=127.0.0.1:0
    mesh_config c "udp://$host tcp://$host" ''
    mesh_config e "udp://$host tcp://$host" ''
    for name in c e; do router $name && keep_ports $name || die "$name does not start"; done
    mesh_config b "udp://$host" "$(bound_address c tcp)"
    mesh_config d "udp://$host" "$(bound_address e tcp)"
    for name in b d; do router $name && keep_ports $name || die "$name does not start"; done
    mesh_config a "udp://$host" "$(bound_address b udp) $(bound_address d udp)" json
    mesh_config f "udp://$host" "$(bound_address c udp) $(bound_address e udp)" json
    for name in a f; do router $name && keep_ports $name || die "$name does not start"; done
    mesh_config alice '' "$(bound_address a udp)"
    mesh_config bob '' "$(bound_address f udp)"
    teller alice && teller bob || die "alice or bob does not start"
    within 20 knows alice bob || die "alice has no route to bob"
}

within_half() { # COMMAND...: half a period
    local end=$((${EPOCHREALTIME/.} + period * 500000))
    until "$@" >/dev/null; do
        ((${EPOCHREALTIME/.} < end)) || return 1
        sleep 0.02
    done
}

has_unread() { ctl bob --json peers | grep -Eq '"unread":[1-9][0-9]'; }

start_again() { # NAME
    if [[ $1 == bob ]]; then teller bob; else router "$1"; fi || die "$1 does not start again"
}

# Half of the time one is dead: a stream of its own pace fills the window, and what waits, meanwhile.
kill_in_turn() {
    local victim candidates=(bob) kills=0 unread=0
    [[ $what == receiver ]] || candidates=(a b c d e f)
    until within_half done_line alice stream; do
        victim=${candidates[RANDOM % ${#candidates[@]}]}
        if [[ $what == receiver ]] && ((kills % 2 == 1)); then
            tell bob stall
            within 2 has_unread && unread=$((unread + 1))
        fi
        end_hard "$victim"
        kills=$((kills + 1))
        within_half done_line alice stream
        start_again "$victim"
    done
    echo "    $kills times one was killed, $unread times with messages that it had not taken"
    ((kills >= 3)) || die "$kills kills show nothing"
    [[ $what == relays ]] || ((unread > 0)) || die "bob was never killed with messages that it had not taken"
}

start_network
tell alice stream stream bob count="$count" rate="$rate"
kill_in_turn
counts=$(compare alice bob)
code=$?
echo "    $counts"
((code == 0)) || die "an outcome is not true"
(($(figure sent "$counts") == count)) || die "not everything was sent"
if [[ $what == relays ]]; then
    (($(figure delivered "$counts") == count)) || die "not everything was delivered"
fi
echo "ok       outcomes_are_true_while_killing_$what (seed $seed)"
