#!/bin/bash
# How long until all pairs reach each other again? A ring of 8 junctions over real sockets, one network namespace each.
#
#   bench/failover.sh [-n REPETITIONS] [-b BIN-FOLDER]        as root, or a user who may make namespaces; else it skips
#
#   cold start    all eight are started at once
#   link down     `ip link set down` at one end: this end loses the interface, the other one the carrier
#   silent cut    both ends keep carrier, nothing arrives: their neighbour entries get a wrong hardware address
#   with data     the same, while data went over all links in the last 10 s, so that they probe faster
#   kill -9       a junction ends without a word
#
# Every event meets a ring that was started anew and has settled, so that one does not speak for the next (a link that came
# back would be held down for flapping). Cables are veth pairs; junction k's are "right" to k + 1 and "left" to k - 1. What is
# printed is the worst pair's time, medians over the repetitions (failover-probe.c says how it is taken).
set -euo pipefail

nodes=8 repetitions=5 settle=2
here=$(cd "$(dirname "$0")/.." && pwd)
bin=$here/build/release/bin
while getopts n:b: option; do
  case $option in
    n) repetitions=$OPTARG ;;
    b) bin=$(cd "$OPTARG" && pwd) ;;
    *) sed -n '2,5p' "$0" >&2; exit 2 ;;
  esac
done
for program in slow-router failover-probe; do
  [ -x "$bin/$program" ] || { echo "failover: there is no $bin/$program: cmake --preset release && cmake --build --preset release" >&2; exit 1; }
done
prefix=slowfo$$
if ! ip netns add "${prefix}t" 2>/dev/null; then
  echo "failover: SKIPPED: no right to make network namespaces here (ip netns add failed; try as root)" >&2
  exit 0
fi
ip netns del "${prefix}t"

folder=$(mktemp -d /tmp/slow-failover.XXXXXX)
name() { echo "$prefix-$(($1 % nodes))"; }

routers_stop() {
  local pids
  mapfile -t pids < <(cat "$folder"/*.pid 2>/dev/null)
  rm -f "$folder"/*.pid
  [ "${#pids[@]}" -gt 0 ] || return 0
  kill -9 "${pids[@]}" 2>/dev/null || true
  for pid in "${pids[@]}"; do
    timeout 5 tail --pid="$pid" -f /dev/null || true
  done
  rm -f "$folder"/*.sock
}
clean_up() {
  routers_stop
  for ((k = 0; k < nodes; k++)); do ip netns del "$(name "$k")" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

namespaces_make() {
  for ((k = 0; k < nodes; k++)); do
    ip netns del "$(name "$k")" 2>/dev/null || true
    ip netns add "$(name "$k")"
    ip -n "$(name "$k")" link set lo up
  done
  for ((k = 0; k < nodes; k++)); do
    ip link add right netns "$(name "$k")" type veth peer name left netns "$(name $((k + 1)))"
    ip -n "$(name "$k")" address add "10.77.$k.1/30" dev right
    ip -n "$(name $((k + 1)))" address add "10.77.$k.2/30" dev left
    ip -n "$(name "$k")" link set right up
    ip -n "$(name $((k + 1)))" link set left up
  done
}

configs_write() {
  for ((k = 0; k < nodes; k++)); do
    cat > "$folder/$k.json" <<JSON
{"id": "node-$k",
 "transports": [{"plugin": "transport-udp",
                 "listen": ["udp://10.77.$k.1:4100", "udp://10.77.$(((k + nodes - 1) % nodes)).2:4100"]}],
 "join": ["udp://10.77.$k.2:4100"],
 "security": {"plugin": "security-none", "insecure": true},
 "admin": {"socket": "$folder/$k.sock"},
 "log": {"level": "info", "format": "text"}}
JSON
  done
}

# The events, as programs of their own, since failover-probe runs them.
events_write() {
  {
    echo '#!/bin/bash'
    for ((k = 0; k < nodes; k++)); do
      # exec, so that the number written is the router's own
      echo "ip netns exec $(name "$k") sh -c 'echo \$\$ > $folder/$k.pid; exec $bin/slow-router -c $folder/$k.json > $folder/$k.log 2>&1' &"
    done
  } > "$folder/start"
  cat > "$folder/down" <<SH
#!/bin/bash
exec ip -n $prefix-\$1 link set right down
SH
  cat > "$folder/silence" <<SH
#!/bin/bash
set -e
other=\$(((\$1 + 1) % $nodes))
ip -n $prefix-\$1 neighbour replace 10.77.\$1.2 lladdr 02:00:00:00:00:01 dev right nud permanent
ip -n $prefix-\$other neighbour replace 10.77.\$1.1 lladdr 02:00:00:00:00:01 dev left nud permanent
SH
  cat > "$folder/kill" <<SH
#!/bin/bash
kill -9 \$(cat $folder/\$1.pid)
SH
  chmod +x "$folder"/{start,down,silence,kill}
}

probe() { "$bin/failover-probe" "$folder" "$nodes" "$@"; }

# ring_start [--quiet]: a new ring; prints the cold start's time. Old cables might be cut, so they are made anew as well.
ring_start() {
  routers_stop
  namespaces_make
  probe "$@" "$folder/start"
}

median() { sort -n | awk '{v[NR] = $1} END {if (NR) printf "%d ms (%d..%d, %d times)", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[1], v[NR], NR; else printf "none"}'; }

configs_write
events_write
touch "$folder"/{cold,down.ms,silence.ms,hot.ms,kill.ms}
measured=0
for ((repetition = 0; repetition < repetitions; repetition++)); do
  for event in "down down --cut --quiet" "silence silence --cut --quiet" "hot silence --cut" "kill kill --dead --quiet"; do
    read -r name command flag quiet <<< "$event"
    start=(); [ -z "$quiet" ] || start=("$quiet")
    victim=$((repetition * 3 % nodes))
    if ring_start "${start[@]}" >> "$folder/cold" && sleep "$settle" && probe "$flag" "$victim" "$folder/$command" "$victim" >> "$folder/$name.ms"; then
      measured=$((measured + 1))
    else
      echo "failover: repetition $repetition, event $name at $victim failed; the last lines of its log:" >&2
      tail -n 3 "$folder/$victim.log" >&2 || true
    fi
  done
done

echo "Ring of $nodes on $(uname -sr), $(nproc) cores, one namespace a junction, settled for $settle s; worst pair, median (least..most):"
printf '  %-12s %-36s target %s\n' \
  "cold start" "$(median < "$folder/cold")" "<= 1500 ms" \
  "link down" "$(median < "$folder/down.ms")" "<= 200 ms" \
  "silent cut" "$(median < "$folder/silence.ms")" "<= 800 ms" \
  "   with data" "$(median < "$folder/hot.ms")" "<= 500 ms" \
  "kill -9" "$(median < "$folder/kill.ms")" "<= 800 ms"
[ "$measured" -eq $((repetitions * 4)) ]
