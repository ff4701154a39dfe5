#!/bin/bash
# Slow and its peers on one hop, side by side: builds the release preset, then relay-bench. Its flags are passed on:
#
#   bench/relay.sh [--repetitions N] [--only TEXT]... [--json FILE] ...     (bench/relay.sh --help shows all)
#
# The rows "libslow ..." have libslow at both ends, the others raw frames or a broker's protocol. What reliable costs:
#
#   bench/relay.sh --only libslow --only nats
#
# The rows with "sealed" in their names have security-noise. What sealing costs on links:
#
#   bench/relay.sh --only "slow sealed" --only "slow tcp" --only "slow udp" --only nats --only "bare udp 64"
#
# Peers are taken as Debian has them: nats-server, libnng-dev, libzmq3-dev. What is missing is skipped, loudly.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build/release/CMakeCache.txt ] || cmake --preset release > /dev/null
cmake --build --preset release --target relay-bench > /dev/null
for peer in bare-relay nng-relay zmq-relay; do
  cmake --build --preset release --target "$peer" > /dev/null 2>&1 || echo "relay.sh: $peer cannot be built here" >&2
done
load=$(cut -d' ' -f1 /proc/loadavg)
if awk -v load="$load" 'BEGIN {exit !(load > 0.5)}'; then
  echo "relay.sh: the machine is busy (load $load): take the figures as provisional" >&2
fi
exec build/release/bin/relay-bench "$@"
