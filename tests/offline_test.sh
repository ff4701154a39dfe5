#!/usr/bin/env bash
# A thousand messages wait for somebody who is not there, and cost the others nothing.
#
#   alice - fault-proxy - relay - bob
#                             ' - carol, later
#
#   tests/offline_test.sh [SECONDS [PROXY-OPTION...]]
#
# The cable has a rate, so that what alice gets through to bob is the cable's figure and not the machine's. Carol comes up
# inside the deadline, and gets all; dave never does, and all end as not delivered: expired. When dave comes up after that,
# he gets what is sent then, and nothing of what was given up.
# Run by ctest; by hand: SLOW_BUILD=build/release tests/offline_test.sh 10
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
seconds=${1:-1} size=1024 waiting=1000
shift $(($# < 1 ? $# : 1))
(($# > 0)) || set -- --rate 20M --delay-ms 2 --queue 100k
# shellcheck source=tests/support/mesh.sh
. "$(dirname "$0")/support/mesh.sh"

done_of() { # STREAM SECONDS: its figures into $figures
    within "$2" done_line alice "$1" || die "$1 is not over"
    figures=$(done_line alice "$1")
    echo "    $figures"
}
waits_for() { # ID: all of them
    ctl alice --json peers | grep -Eq "\"id\":\"$1\"[^}]*\"waiting\":$waiting,"
}
rate_to_bob() { # STREAM: into $rate
    tell alice stream "$1" bob seconds="$seconds" size=$size
    done_of "$1" 120
    rate=$(figure per_second "$figures")
}

mesh_config relay udp://127.0.0.1:0 ''
router relay || die "the relay does not start"
relay=$(bound_address relay udp)
proxy_start cable udp "$relay" --seed "$seed" "$@" || die "no proxy"
mesh_config alice '' "$(proxy_address cable)"
for name in bob carol dave; do mesh_config $name '' "$relay"; done
teller alice && teller bob || die "alice or bob does not start"
within 10 knows alice bob || die "alice has no route to bob"

tell alice stream warm_up bob count=500 size=$size
done_of warm_up 60
rate_to_bob alone
alone=$rate
tell alice stream carol carol count=$waiting size=$size ttl_ms=300000
tell alice stream dave dave count=$waiting size=$size ttl_ms=$((seconds * 1000 + 2000))
within 20 waits_for carol || die "not all wait for carol"
rate_to_bob beside
echo "    bob's rate beside $((2 * waiting)) that wait for others: $((100 * rate / (alone > 0 ? alone : 1))) % of before"
echo "ok       who_is_not_there_costs_the_others_nothing"

waits_for carol || die "what waits for carol did not wait"
teller carol || die "carol does not start"
done_of carol 60
(($(figure delivered "$figures") == waiting)) || die "not all were delivered to carol, who came in time"
echo "ok       all_arrive_at_who_comes_in_time"

done_of dave 60
(($(figure not_delivered "$figures") == waiting)) || die "not all for dave ended as not delivered"
teller dave || die "dave does not start"
tell alice stream late dave count=10
done_of late 60
(($(figure delivered "$figures") == 10)) || die "dave does not get what was sent after he came"

cat "$dir"/{bob,carol,dave}.told >"$dir/all.told"
counts=$(compare alice all)
code=$?
echo "    $counts"
((code == 0)) || die "an outcome is not true"
for name in alice bob carol dave relay; do end_well $name || die "$name does not end well"; done
(($(figure not_delivered_expired "$counts") == waiting)) || die "the reason is not that they expired"
echo "ok       all_expire_of_who_does_not_come (seed $seed)"
