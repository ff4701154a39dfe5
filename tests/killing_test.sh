#!/usr/bin/env bash
# Outcomes are true, whoever is killed: a stream of messages through six routers, two ways that share none but the ends:
#
#                b ----- c             - - -  JSON over UDP, at the edges
#            . '           ' .         -----  Protocol Buffers over TCP, in the middle
#   alice - a                 f - fault-proxy - bob
#            ' .           . '
#                d ----- e
#
#   tests/killing_test.sh relays|receiver [MESSAGES [ROUNDS [SECONDS]]]     in each round of SECONDS some of the messages are
#                                                                           sent, one is killed with SIGKILL, and started
#                                                                           again when half of them have passed
#
# relays: one of the six at a time, at random; the messages outlast that, so every one has to be delivered.
# receiver: bob. What it took is in its log before it says so. Some times it has stopped taking, and is killed with messages in
# its inbox; some times its way back is cut, and it is killed with messages that it took, and nobody has heard of that. What
# was under way then ends as unknown; but what is said to be delivered must be in the log, what is said not to be must not, and
# nothing twice, over all bob's lives.
# SLOW_STREAM has more for the streams, such as "size=20000 ttl_ms=60000": see support/teller.c.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/killing_test.sh relays 10000 20 2
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
what=${1:?relays or receiver} count=${2:-900} rounds=${3:-3} period=${4:-1}
# shellcheck source=tests/support/mesh.sh
. "$(dirname "$0")/support/mesh.sh"
RANDOM=$seed
rate=$((count / rounds / period)) # a second
touch "$dir/bob.told"

start_network() {
    local name i=0
    local -A udp=() tcp=()
    ports_reserve || die "no ports"
    for name in a b c d e f; do
        udp[$name]=udp://127.0.0.1:$((ports + i)) tcp[$name]=tcp://127.0.0.1:$((ports + i++))
    done
    mesh_config a "${udp[a]}" "${udp[b]} ${udp[d]}" json
    mesh_config b "${udp[b]}" "${tcp[c]}"
    mesh_config c "${udp[c]} ${tcp[c]}" ''
    mesh_config d "${udp[d]}" "${tcp[e]}"
    mesh_config e "${udp[e]} ${tcp[e]}" ''
    mesh_config f "${udp[f]}" "${udp[c]} ${udp[e]}" json
    for name in c e b d a f; do router $name || die "$name does not start"; done
    mesh_config alice '' "${udp[a]}"
    proxy_start lane udp "${udp[f]}" --seed "$seed" || die "no proxy"
    mesh_config bob '' "$(proxy_address lane)"
    teller alice && teller bob || die "alice or bob does not start"
    within 20 knows alice bob || die "alice has no route to bob"
}

start_again() { # NAME
    if [[ $1 == bob ]]; then teller bob; else router "$1"; fi || die "$1 does not start again"
}

# ---- how one is to be found when it is killed ----

has_unread() { ctl bob --json peers | grep -Eq '"unread":[1-9][0-9]'; }
took_more() { (($(wc -l <"$dir/bob.told") >= $1 + 10)); }

# bob: as it was; with messages in the inbox; with messages that it took, and nobody heard of that. In turn.
before_stream() { # ROUND
    [[ $what == receiver ]] || return 0
    case $(($1 % 3)) in
    1) tell bob stall ;;
    2) proxy_tell lane silence up >/dev/null ;;
    esac
}
before_kill() { # ROUND TAKEN-BEFORE
    if [[ $what == receiver ]] && (($1 % 3 == 1)); then
        within 30 has_unread || die "nothing waits in the inbox of bob, who takes nothing"
    else
        within 30 took_more "$2" || die "bob takes nothing of stream r$1"
    fi
}

half_a_period() {
    local end=$((${EPOCHREALTIME/.} + period * 500000))
    while ((${EPOCHREALTIME/.} < end)) && ! all_done; do sleep 0.02; done
}
all_done() { (($(grep -c ^done "$dir/alice.out") == rounds)); }

kill_in_rounds() {
    local round victim before candidates=(a b c d e f)
    [[ $what == relays ]] || candidates=(bob)
    for ((round = 0; round < rounds; round++)); do
        victim=${candidates[RANDOM % ${#candidates[@]}]}
        before=$(wc -l <"$dir/bob.told")
        before_stream $round
        tell alice stream r$round bob count=$((count / rounds)) rate="$rate" "${SLOW_STREAM-}"
        before_kill $round "$before"
        end_hard "$victim"
        half_a_period
        proxy_tell lane silence off >/dev/null
        start_again "$victim"
        half_a_period
    done
    within 60 all_done || die "not every message has an outcome"
    echo "    killed $rounds times"
}

start_network
kill_in_rounds
counts=$(compare alice bob)
code=$?
echo "    $counts"
((code == 0)) || die "an outcome is not true"
count=$((count / rounds * rounds))
(($(figure sent "$counts") == count)) || die "not everything was sent"
if [[ $what == relays ]]; then
    (($(figure delivered "$counts") == count)) || die "not everything was delivered"
else
    (($(figure unknown_taken "$counts") > 0)) || die "all that was taken was heard of, so bob's deaths show little"
fi
echo "ok       outcomes_are_true_while_killing_$what (seed $seed)"
