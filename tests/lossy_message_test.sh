#!/usr/bin/env bash
# One large message over a cable that loses a tenth of all datagrams, each way, and delays them by 20 ms, each way: it
# arrives intact, by its SHA-256, within its ttl of ten minutes.
#
#   alice - fault-proxy - bob
#
#   tests/lossy_message_test.sh [BYTES [DELAY-MS [LOSS]]]
#
# Its throughput stands beside what NewReno can have at that loss, 1.22 * 1,024 B / (RTT * sqrt(p)) (Mathis, Semke, Mahdavi,
# Ott: The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm, 1997). p is the share of datagrams from alice to
# bob that the proxy lost, all of them counted; the RTT is twice the delay, without what processes and timers add.
# Run by ctest; by hand: SLOW_BUILD=build/release tests/lossy_message_test.sh 16777216
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
size=${1:-262144} delay_ms=${2:-20} loss=${3:-0.1}
# shellcheck source=tests/support/mesh.sh
. "$(dirname "$0")/support/mesh.sh"

mesh_config bob 'udp://127.0.0.1:0' ''
teller bob || die "bob does not start"
proxy_start cable udp "$(bound_address bob udp)" --seed "$seed" --loss "$loss" --delay-ms "$delay_ms" || die "no proxy"
mesh_config alice '' "$(proxy_address cable)"
teller alice || die "alice does not start"
within 30 knows alice bob || die "alice has no route to bob"

tell alice stream large bob size="$size" ttl_ms=600000
within 615 done_line alice large || die "it has no outcome"
[[ -z ${SLOW_VERBOSE-} ]] || { ctl alice peers; ctl alice status; proxy_tell cable stats; }
done=$(done_line alice large)
counts=$(compare alice bob)
code=$?
echo "    $counts"
((code == 0)) || die "the outcome is not true, or it did not arrive intact"
(($(figure delivered "$counts") == 1)) || die "it was not delivered: $done"
(($(proxy_figure cable up_lost) > 0)) || die "nothing was lost, so this shows nothing"
awk -v size="$size" -v ms="$(figure ms "$done")" -v rtt=$((2 * delay_ms)) -v lost="$(proxy_figure cable up_lost)" \
    -v passed="$(proxy_figure cable up_passed)" 'BEGIN {
        p = lost / (lost + passed); bound = 1.22 * 1024 / (rtt / 1000 * sqrt(p)); got = size * 1000 / ms
        printf "    %d bytes in %.1f s: %.1f kB/s; Mathis'"'"' bound at p = %.3f and RTT = %d ms: %.1f kB/s; %.0f %% of it\n",
            size, ms / 1000, got / 1000, p, rtt, bound / 1000, got * 100 / bound
    }'
echo "ok       a_large_message_arrives_over_a_bad_cable (seed $seed)"
