# Sourced by failover.sh: BIRD's OSPFv2 (RFC 2328) with BFD (RFC 5880) at 100 ms, three of them lost = down. The cables are
# point to point, so that no designated router is waited for; hellos every second, dead after 4 s; equal paths are not used at
# once, since a pair's packets would then show only one of them. MinLSInterval (5 s) is fixed in BIRD: an event that comes
# sooner after the cold start would meet it, so it settles for longer.

bird_missing() { command -v bird > /dev/null || echo "bird is not installed (scripts/setup.sh --dev)"; }

bird_prepare() {
  local k
  settle=8 period=1 limit=60
  for ((k = 0; k < nodes; k++)); do
    cat > "$folder/$k.conf" <<CONF
router id 10.99.0.$((k + 1));
log stderr { warning, error, fatal, bug };
protocol device { }
protocol kernel { ipv4 { import none; export where source ~ [ RTS_OSPF, RTS_OSPF_IA ]; }; }
protocol bfd { interface "c*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }; }
protocol ospf v2 {
  ecmp off;
  ipv4 { import all; export none; };
  area 0 {
    interface "lo" { stub on; };
    interface "c*" { type ptp; hello 1; dead 4; cost 10; check link on; bfd on; };
  };
}
CONF
    daemon "$k" bird -f -c "$folder/$k.conf" -s "$folder/$k.ctl"
  done
  probe_kind=ip
}
