# Sourced by failover.sh: Slow, as slow-distance-vector, slow-link-state, or any other strategy by its name. With "+data"
# behind it, messages flow between all pairs, so that the links are hot; without it, nothing but the routers' own traffic does.

slow_strategy() { local name=${1#slow-}; echo "routing-${name%+data}"; }

slow_missing() {
  local plugin
  plugin=$(slow_strategy "$1")
  [ -x "$bin/slow-router" ] || echo "there is no $bin/slow-router (scripts/build.sh release)"
  [ -e "$bin/../lib/slow/1/$plugin.so" ] || echo "there is no plugin $plugin beside $bin/slow-router"
}

slow_prepare() {
  local k c listen join
  for ((k = 0; k < nodes; k++)); do
    listen=() join=()
    for c in $(cables_of "$k"); do
      if [ "${cable_a[c]}" = "$k" ]; then
        listen+=("\"udp://10.77.$c.1:4100\"") join+=("\"udp://10.77.$c.2:4100\"")
      else
        listen+=("\"udp://10.77.$c.2:4100\"")
      fi
    done
    cat > "$folder/$k.json" <<JSON
{"id": "node-$k",
 "transports": [{"plugin": "transport-udp", "listen": [$(IFS=,; echo "${listen[*]}")]}],
 "join": [$(IFS=,; echo "${join[*]}")],
 "routing": ["$(slow_strategy "$1")"],
 "security": {"plugin": "security-none", "insecure": true},
 "admin": {"socket": "$folder/$k.sock"},
 "log": {"level": "info", "format": "text"}}
JSON
    daemon "$k" "$bin/slow-router" -c "$folder/$k.json"
  done
  settle=2 period=1 limit=20
  probe_kind=slow
  case $1 in
    *+data) probe_flags=(--data 1000) ;;
    *) probe_flags=(--quiet) ;;
  esac
}
