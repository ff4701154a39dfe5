# Sourced by failover.sh: a network of namespaces, one a node, made anew for every event, and what happens to it.
#
# A cable is a veth pair, called c0, c1 ... at both of its ends; cable c has 10.77.c.1 at its first end and 10.77.c.2 at its
# second. Node k's router address, which the IP routers announce, is 10.99.0.(k + 1) on its lo.
#
# Silence is the same for all systems: nftables drops, at the device's own hook, what comes in at both ends of a cable. So both
# ends keep carrier, multicast is swallowed as well (wrong neighbour entries would not do that), and no sender hears of an error
# (a drop on the way out would be told to it). A machine that dies is silent at all its ports, both ways, at one stroke.

# topology_read NAME: sets nodes, and cable_a and cable_b with the ends of each cable.
topology_read() {
  cable_a=() cable_b=()
  local k
  case $1 in
    ring)
      nodes=8
      for ((k = 0; k < nodes; k++)); do cable_a+=("$k") cable_b+=($(((k + 1) % nodes))); done ;;
    grid)
      nodes=16
      for ((k = 0; k < nodes; k++)); do
        if ((k % 4 < 3)); then cable_a+=("$k") cable_b+=($((k + 1))); fi
        if ((k < 12)); then cable_a+=("$k") cable_b+=($((k + 4))); fi
      done ;;
  esac
}

namespace() { echo "$prefix-$1"; }

# cables_of NODE: the numbers of its cables.
cables_of() {
  local c
  for ((c = 0; c < ${#cable_a[@]}; c++)); do
    if [ "${cable_a[c]}" = "$1" ] || [ "${cable_b[c]}" = "$1" ]; then echo "$c"; fi
  done
}
devices_of() { cables_of "$1" | sed 's/^/c/' | paste -sd, | sed 's/,/, /g'; }

# Leaves $folder/cables and $folder/namespaces for failover-probe. IPv6 addresses are not checked for doubles, which would take
# a second of each cold start, and nothing is said that no router said.
network_make() {
  local k c
  network_remove
  for ((k = 0; k < nodes; k++)); do
    ip netns add "$(namespace "$k")"
    ip netns exec "$(namespace "$k")" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
      net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0
    namespace "$k"
  done > "$folder/namespaces"
  for ((c = 0; c < ${#cable_a[@]}; c++)); do
    echo "${cable_a[c]} ${cable_b[c]}" >&3
    echo "link add c$c netns $(namespace "${cable_a[c]}") type veth peer name c$c netns $(namespace "${cable_b[c]}")"
  done 3> "$folder/cables" | ip -batch -
  for ((k = 0; k < nodes; k++)); do
    {
      echo "link set lo up"
      echo "address add 10.99.0.$((k + 1))/32 dev lo"
      for c in $(cables_of "$k"); do
        echo "address add 10.77.$c.$([ "${cable_a[c]}" = "$k" ] && echo 1 || echo 2)/30 dev c$c"
        echo "link set c$c up"
      done
    } | ip -n "$(namespace "$k")" -batch -
  done
}

network_remove() {
  local path
  for path in "/run/netns/$prefix"-*; do
    [ ! -e "$path" ] || ip netns del "${path##*/}"
  done
}

# ---- the events, as programs of their own, since failover-probe runs them ----

drop() { echo "add table netdev silence; add chain netdev silence $1 { type filter hook $1 devices = { $2 } priority 0; policy drop; };"; }

# event_write EVENT VICTIM: makes $folder/event, and sets what the probe is to be told of it. The victim is a number from
# which the cable or the node follows.
event_write() {
  local cable=$(($2 % ${#cable_a[@]})) node=$(($2 % nodes))
  local a b
  a=$(namespace "${cable_a[cable]}") b=$(namespace "${cable_b[cable]}")
  {
    echo '#!/bin/sh'
    case $1 in
      down)
        event_flags=(--cut "$cable")
        echo "exec ip -n $a link set c$cable down" ;;
      silent)
        event_flags=(--cut "$cable")
        echo "ip netns exec $a nft '$(drop ingress "c$cable")' & ip netns exec $b nft '$(drop ingress "c$cable")' && wait \$!" ;;
      machine)
        event_flags=(--dead "$node")
        echo "exec ip netns exec $(namespace "$node") nft '$(drop ingress "$(devices_of "$node")") $(drop egress "$(devices_of "$node")")'" ;;
      process)
        event_flags=(--dead "$node")
        echo "kill -9 $(cat "$folder/$node.pid")" ;;
    esac
  } > "$folder/event"
  chmod +x "$folder/event"
}

# idle_measure SECONDS: what all nodes say in that time, bytes of IP packets a second and node. A device counts the 14 bytes
# of Ethernet, too.
idle_measure() {
  local before after
  before=$(bytes_sent)
  sleep "$1"
  after=$(bytes_sent)
  echo $(((after - before) / $1 / nodes))
}
bytes_sent() {
  local k
  for ((k = 0; k < nodes; k++)); do
    ip netns exec "$(namespace "$k")" sh -c 'cat /sys/class/net/c*/statistics/tx_bytes; sed s/^/-/ /sys/class/net/c*/statistics/tx_packets'
  done | awk '{sum += $1 < 0 ? 14 * $1 : $1} END {printf "%.0f", sum}'
}

# ---- the daemons ----

# daemons_begin, then daemon NODE COMMAND... for each: makes $folder/start, the event of a cold start.
daemons_begin() {
  echo '#!/bin/sh' > "$folder/start"
  chmod +x "$folder/start"
}
# exec, so that the number written is the daemon's own.
daemon() {
  local node=$1
  shift
  echo "ip netns exec $(namespace "$node") sh -c 'echo \$\$ > $folder/$node.pid; exec $* > $folder/$node.log 2>&1' &" >> "$folder/start"
}

daemons_stop() {
  local pids pid
  mapfile -t pids < <(cat "$folder"/*.pid 2>/dev/null)
  rm -f "$folder"/*.pid
  [ "${#pids[@]}" -gt 0 ] || return 0
  kill -9 "${pids[@]}" 2>/dev/null || true
  for pid in "${pids[@]}"; do
    timeout 5 tail --pid="$pid" -f /dev/null || true
  done
  rm -f "$folder"/*.sock "$folder"/*.state "$folder"/*.ctl
}
