# Sourced by failover.sh: babeld (RFC 8966), as it comes ("babeld": hellos every 4 s, updates every 16 s on a wired link), and
# with all its times a quarter of that ("babeld-1s": hellos every second, updates every 4 s, babeld keeping four hellos an
# update by itself). The cables are told to be wired. Only the router addresses are announced. It settles for
# longer than an update's interval: until then some pairs still go the long way round, and a cut might hit nothing.

babeld_missing() { command -v babeld > /dev/null || echo "babeld is not installed (scripts/setup.sh --dev)"; }

babeld_prepare() {
  local k times=
  settle=20 period=4 limit=90
  if [ "$1" = babeld-1s ]; then times="hello-interval 1 update-interval 4" settle=6 period=1 limit=40; fi
  for ((k = 0; k < nodes; k++)); do
    {
      echo "default type wired $times"
      cables_of "$k" | sed 's/^/interface c/'
      echo "redistribute local ip 10.99.0.0/16 allow"
      echo "redistribute local deny"
    } > "$folder/$k.conf"
    daemon "$k" babeld -c "$folder/$k.conf" -S "$folder/$k.state" -I "$folder/$k.babeld"
  done
  rm -f "$folder"/*.babeld
  probe_kind=ip
}
