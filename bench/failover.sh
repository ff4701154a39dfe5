#!/bin/bash
# How long until all pairs reach each other again? Slow, babeld, and BIRD's OSPF with BFD, over real sockets, one network
# namespace a node, in one run.
#
#   bench/failover.sh [-n REPETITIONS] [-b BIN-FOLDER] [--topology ring|grid] [--only SYSTEM] [--sequential] [--json FILE]
#
# As root, or a user who may make namespaces; else it skips. Topologies: a ring of 8, a grid of 4 x 4; --topology and --only
# may be given several times. Systems: slow-distance-vector, slow-link-state, both also with +data behind the name, babeld,
# babeld-1s, bird; what is not installed is left out, loudly. failover/slow.sh, babeld.sh and bird.sh say how each is set up.
#
#   cold start      all are started at once
#   link down       `ip link set down` at one end: this end loses the interface, the other one the carrier
#   silent cut      both ends keep carrier, nothing arrives
#   machine dies    all its ports fall silent, and the others keep carrier
#   process killed  kill -9 (Slow alone: an IP router's kernel keeps forwarding without its daemon)
#   idle            what a settled node sends, bytes of IP packets a second
#   loops           events during which a packet ran out of hops
#
# Every event meets a network that was started anew and has settled, so that one does not speak for the next (a link that came
# back would be held down for flapping). What counts is the worst pair's time, from the start of the command that makes the
# event, until all pairs reach each other and do so for a second more; medians over the repetitions. IP routers are watched by
# a UDP packet from each node to each other one every 10 ms (20 ms in the grid; loops are seen by the same packets), Slow's
# junctions by their routes, as often, so that the links stay without data but in the rows +data (loops are seen there alone).
#
# Repetitions are the outer loop, systems the inner one. Nearly all of a run is waiting, babeld's most of all; so babeld's ring,
# babeld's grid, the other two peers, and Slow run beside each other, in networks of their own, unless --sequential or --only
# is given. The end says how much of the processors was idle meanwhile.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=$here/../build/release/bin
repetitions=5 sequential='' json='' topologies=() only=()
usage() { sed -n '5p' "$0" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --sequential) sequential=yes; shift; continue ;;
    -n | -b | --topology | --only | --json) [ $# -ge 2 ] || usage ;;
    *) usage ;;
  esac
  case $1 in
    -n) repetitions=$2 ;;
    -b) bin=$(cd "$2" && pwd) ;;
    --topology) topologies+=("$2") ;;
    --only) only+=("$2") ;;
    --json) json=$2 ;;
  esac
  shift 2
done
[[ $repetitions =~ ^[1-9][0-9]*$ ]] || usage
[ "${#topologies[@]}" -gt 0 ] || topologies=(ring grid)
for topology in "${topologies[@]}"; do [[ $topology =~ ^(ring|grid)$ ]] || usage; done
ours="slow-distance-vector slow-distance-vector+data slow-link-state slow-link-state+data"
each="${topologies[*]}"
lanes=() # "TOPOLOGIES:SYSTEMS"
if [ "${#only[@]}" -gt 0 ]; then
  lanes=("$each:${only[*]}")
elif [ -n "$sequential" ]; then
  lanes=("$each:babeld babeld-1s bird $ours")
else
  for topology in "${topologies[@]}"; do lanes+=("$topology:babeld"); done
  lanes+=("$each:babeld-1s bird" "$each:$ours")
fi

[ -x "$bin/failover-probe" ] || { echo "failover: there is no $bin/failover-probe: scripts/build.sh release" >&2; exit 1; }
for program in ip nft jq; do
  command -v "$program" > /dev/null || { echo "failover: SKIPPED: there is no $program: scripts/setup.sh --dev" >&2; exit 0; }
done
run=slowfo$$
if ! ip netns add "${run}t" 2>/dev/null; then
  echo "failover: SKIPPED: no right to make network namespaces here (ip netns add failed; try as root)" >&2
  exit 0
fi
ip netns del "${run}t"

for part in network slow babeld bird; do
  # shellcheck source=/dev/null
  . "$here/failover/$part.sh"
done
top=$(mktemp -d /tmp/slow-failover.XXXXXX)
results=$top/results

# ---- one system, one event ----

kind_of() { case $1 in slow-*) echo slow ;; babeld*) echo babeld ;; bird) echo bird ;; *) return 1 ;; esac; }
probe() { "$bin/failover-probe" "$probe_kind" "$folder" --limit $((limit * 1000)) "${probe_flags[@]}" "$@"; }

# note COLUMN VALUE LOOPS: a line of the results. Loops can be seen only where packets flow.
note() {
  local loops=$3
  if [ "$probe_kind" = slow ] && [[ $system != *+data ]]; then loops=-; fi
  echo "$topology $system $1 $2 $loops" >> "$results"
}
# An event must not always meet the same phase of a router's timer: BIRD reckons its routes once a second. The golden ratio
# spreads the repetitions evenly over the period.
settle_for() { awk -v settle="$settle" -v period="$period" -v turn="$1" 'BEGIN {print settle + period * (turn * 0.618 % 1)}'; }
seconds() { awk -v ms="$1" 'BEGIN {printf "%.3f", ms / 1000}'; }

# measure SYSTEM EVENT REPETITION
measure() {
  local system=$1 event=$2 result ms loops
  network_make
  daemons_begin
  probe_flags=(--interval "$([ "$topology" = grid ] && echo 20 || echo 10)")
  "$(kind_of "$system")_prepare" "$system"
  result=$(probe "$folder/start") || return 1
  read -r ms loops <<< "$result"
  note cold "$(seconds "$ms")" "$loops"
  sleep "$(settle_for "$3")"
  if [ "$event" = down ] && [[ $system != *+data ]]; then note idle "$(idle_measure 16)" -; fi
  event_write "$event" $(($3 * 3 + 1))
  result=$(probe --before 1000 "${event_flags[@]}" "$folder/event") || return 1
  read -r ms loops <<< "$result"
  note "$event" "$(seconds "$ms")" "$loops"
}

# ---- lanes ----

lane_end() {
  daemons_stop
  network_remove
}

# lane NUMBER TOPOLOGIES SYSTEM...
lane() {
  local number=$1 chosen=$2 system event repetition events
  shift 2
  trap lane_end EXIT
  trap 'exit 130' INT TERM
  for topology in $chosen; do
    topology_read "$topology"
    folder=$top/$number prefix=$run-$number
    for ((repetition = 0; repetition < repetitions; repetition++)); do
      for system in "$@"; do
        events=(down silent machine)
        [[ $system != slow-* ]] || events+=(process)
        for event in "${events[@]}"; do
          mkdir -p "$folder"
          if ! measure "$system" "$event" "$repetition"; then
            echo "failover: $topology, $system, repetition $repetition, event $event failed; the last lines of a log:" >&2
            tail -n 3 "$folder/0.log" >&2 || true
            echo "$topology $system $event" >> "$top/failed"
          fi
          lane_end
          rm -rf "$folder"
        done
      done
    done
  done
}

# Each lane is a process group, so that what it waits for ends with it; then it cleans up after itself.
lane_pids=() # their indices are the lanes' numbers
clean_up() {
  local pid
  for pid in "${lane_pids[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  wait
  rm -rf "$top"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- the run ----

cpu_times() { awk '/^cpu / {idle = $5 + $6; for (i = 2; i <= 9; i++) all += $i; print idle, all}' /proc/stat; }

touch "$results" "$top/failed"
all=()
read -r idle_before cpu_before < <(cpu_times)
began=$SECONDS
set -m
for plan in "${lanes[@]}"; do
  there=()
  for system in ${plan#*:}; do
    kind=$(kind_of "$system") || { echo "failover: $system is unknown; expected slow-STRATEGY, babeld, babeld-1s or bird" >&2; exit 2; }
    missing=$("${kind}_missing" "$system")
    if [ -n "$missing" ]; then
      echo "failover: $system SKIPPED: $missing" >&2
    else
      there+=("$system")
    fi
  done
  [ "${#there[@]}" -gt 0 ] || continue
  for system in "${there[@]}"; do [[ " ${all[*]} " == *" $system "* ]] || all+=("$system"); done
  lane "${#lane_pids[@]}" "${plan%%:*}" "${there[@]}" &
  lane_pids+=("$!")
done
set +m
wait
read -r idle_after cpu_after < <(cpu_times)

# ---- the table ----

jq -nR -f "$here/failover/report.jq" < "$results" > "$top/json"
[ -z "$json" ] || cp "$top/json" "$json"
sources=(ring "Ring of 8" grid "Grid of 4 x 4")
for ((i = 0; i < ${#sources[@]}; i += 2)); do
  grep -q "^${sources[i]} " "$results" || continue
  echo "${sources[i + 1]}: median (least..most) of $repetitions; a star: the target is missed"
  jq -r --arg topology "${sources[i]}" --arg systems "${all[*]}" -f "$here/failover/table.jq" "$top/json" |
    awk -F'\t' '{for (i = 1; i <= NF; i++) {cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i)}}
      END {for (n = 1; n <= NR; n++) {line = ""; for (i = 1; i <= NF; i++) line = line sprintf("%-*s  ", width[i], cell[n, i]); sub(/ +$/, "", line); print line}}'
  echo
done
echo "$(uname -sr), $(nproc) processors, idle $(((idle_after - idle_before) * 100 / (cpu_after - cpu_before))) % of the time; $((SECONDS - began)) s;" \
  "$(wc -l < "$top/failed") events failed"
[ ! -s "$top/failed" ]
