#!/bin/bash
# What an idle router costs: memory and wake-ups, with 0, 1 and 4 links. Wants: <= 4 MB, no wake-up closer than a second.
#
#   bench/idle.sh [-t SECONDS] [-b BIN-FOLDER]
#
# The three routers run at the same time, with neighbours that are as idle as they are. Memory is Rss of smaps_rollup (also
# told: Pss, in which shared libraries count by halves), wake-ups are the voluntary context switches of all its threads.
set -euo pipefail

seconds=30 settle=15 port=25700
here=$(cd "$(dirname "$0")/.." && pwd)
bin=$here/build/release/bin
while getopts t:b: option; do
  case $option in
    t) seconds=$OPTARG ;;
    b) bin=$(cd "$OPTARG" && pwd) ;;
    *) sed -n '2,4p' "$0" >&2; exit 2 ;;
  esac
done
[ -x "$bin/slow-router" ] || { echo "idle: there is no $bin/slow-router: cmake --preset release && cmake --build --preset release" >&2; exit 1; }

folder=$(mktemp -d /tmp/slow-idle.XXXXXX)
pids=()
clean_up() {
  kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

start() { # ID FLAGS...: leaves the process in $started
  local id=$1
  shift
  "$bin/slow-router" --id "$id" --log-level warn --admin "$folder/$id.sock" "$@" 2>> "$folder/log" &
  started=$!
  pids+=("$started")
}
links_of() { "$bin/slowctl" -s "$folder/$1.sock" --json status 2>/dev/null | sed -n 's/.*"neighbours": *\([0-9]*\).*/\1/p' | head -n 1; }
wake_ups() { cat /proc/"$1"/task/*/status | awk '/^voluntary_ctxt_switches/ {n += $2} END {print n}'; }
ticks() { awk '{print $14 + $15}' /proc/"$1"/stat; }
kib() { awk -v key="$2:" '$1 == key {print $2}' /proc/"$1"/smaps_rollup; }

declare -A router
for links in 0 1 4; do
  start "router-$links" --listen "udp://127.0.0.1:$((port + links))"
  router[$links]=$started
  for ((i = 0; i < links; i++)); do
    start "neighbour-$links-$i" --join "udp://127.0.0.1:$((port + links))"
  done
done
for links in 0 1 4; do
  for ((tries = 0; tries < 100; tries++)); do
    [ "$(links_of "router-$links")" = "$links" ] && break
    sleep 0.1
  done
  [ "$(links_of "router-$links")" = "$links" ] || { echo "idle: router-$links did not get its $links links:" >&2; cat "$folder/log" >&2; exit 1; }
done
sleep "$settle"
declare -A wakes cpu
for links in 0 1 4; do wakes[$links]=$(wake_ups "${router[$links]}"); cpu[$links]=$(ticks "${router[$links]}"); done
sleep "$seconds"
echo "An idle slow-router on $(uname -sr), $seconds s, UDP links on loopback, distance-vector:"
for links in 0 1 4; do
  pid=${router[$links]}
  awk -v l="$links" -v w="$(($(wake_ups "$pid") - wakes[$links]))" -v c="$(($(ticks "$pid") - cpu[$links]))" -v s="$seconds" \
    -v hz="$(getconf CLK_TCK)" -v rss="$(kib "$pid" Rss)" -v pss="$(kib "$pid" Pss)" \
    'BEGIN {printf "  %d links: RSS %.1f MB (PSS %.1f MB), %.2f wake-ups/s, %.3f %% of a core\n", l, rss / 1024, pss / 1024, w / s, 100 * c / hz / s}'
done
