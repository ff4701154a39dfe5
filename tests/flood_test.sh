#!/usr/bin/env bash
# A flood of forged INITs at a junction that works: S8 of the promises, and S7 over UDP.
#
#   tests/flood_test.sh [COUNT [RATE [LIVE]]]     100,000 at 20,000 a second; the promise's own are 1200000 20000
#
# alice has a network key and members; bob sends her LIVE messages a second (2,000; 0: as fast as they are taken). The same flood goes first to a port
# where nobody is, which costs the machine what it costs, and then to hers: the rates beside each other are what she pays.
# In the middle of it carol joins. Then somebody says an INIT of carol's again and again, which alice never heard: it is good
# once. Then the flood comes from somebody who has the network key: every INIT is good, and an answer of hers is a cookie or
# one of 256 entries. Then what an address gets that has proved nothing, from a junction without a network key.
# How long something took is told and held against nothing: what is held are answers, bytes, memory, and that carol is there.
# Run by ctest; by hand: SLOW_BUILD=build/release tests/flood_test.sh 1200000
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
export LC_ALL=C
count=${1:-100000} rate=${2:-20000} live=${3:-2000}
growth_kib=1024
here=$(dirname "$0")
# shellcheck source=tests/support/mesh.sh
. "$here/support/mesh.sh"

die() {
    echo "NOT OK   $*"
    tail -n 5 "$dir"/*.log
    exit 1
}

# ---- keys ----

secret() { (umask 077 && head -c 32 /dev/urandom | base64 >"$1"); }
key_of() { "$bin/slowctl" identity "$dir/$1.id" | grep -Eo '[A-Za-z0-9+/]{43}=' | head -1; }
members() {
    local name list=''
    for name in alice bob carol; do list+="${list:+, }{\"id\": \"$name\", \"key\": \"$(key_of $name)\"}"; done
    echo "$list"
}
secure() { # NAME [NETWORK-KEY-FILE]: adds it to the config of mesh.sh
    local key=${2:+, \"network_key\": \"$2\"}
    sed -i "1s|^{|{\"security\": {\"plugin\": \"security-noise\", \"identity\": \"$dir/$1.id\", \"members\": [$list]$key},\n|" \
        "$dir/$1.json"
}

# ---- figures ----

port_of() { bound_address "$1" udp | grep -Eo '[0-9]+$'; }
counter() { ctl "$1" --json status | grep -Eo "\"$2\":[0-9]+" | cut -d: -f2; }
dead_port() { # one where nobody is
    local port=20000
    while grep -q "$(printf ':%04X ' "$port")" /proc/net/udp; do port=$((port + 1)); done
    echo "$port"
}
flood() { # PORT [capture | inside [KEY-FILE]]
    "$SLOW_BUILD/tests/flooder" "$1" "$rate" "$count" "${@:2}"
}
says_capture() { grep -qs '^capture=' "$dir/flood.out"; }
flood_of_a_recording() { # NAME NETWORK-KEY-FILE
    rm -f "$dir/flood.out"
    flood "$(port_of "$1")" capture >"$dir/flood.out" &
    flooding=$!
    within 10 says_capture || die "there is no port to capture at"
    mesh_config carol '' "udp://127.0.0.1:$(grep ^capture= "$dir/flood.out" | cut -d= -f2)"
    secure carol "$2"
    router carol || die "carol does not start again"
    wait $flooding || die "the flood failed"
    end_well carol
    flooded=$(grep sent= "$dir/flood.out")
}
rate_of() { # STREAM: of bob's to alice, for as long as the flood lasts
    within 120 done_line bob "$1" || die "stream $1 is not over"
    figure per_second "$(done_line bob "$1")"
}
overflows() { # datagrams that her socket had no room for
    awk -v at="$(printf ':%04X$' "$(port_of "$1")")" '$2 ~ at { print $NF }' /proc/net/udp
}
is_flooded() { (($(counter alice drop_opening_malformed) > $1)); } # since it was that many
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/${pids[$1]}/stat"; } # of 10 ms
per_cent() { echo $((100 * $1 / ($2 > 0 ? $2 : 1))); }
seconds=$(((count + rate - 1) / rate))

for name in alice bob carol dave; do secret "$dir/$name.id"; done
secret "$dir/network"
list=$(members)
mesh_config alice udp://127.0.0.1:0 ''
secure alice "$dir/network"
teller alice || die "alice does not start"
alice=$(bound_address alice udp)
for name in bob carol; do
    mesh_config $name '' "$alice"
    secure $name "$dir/network"
done
teller bob || die "bob does not start"
within 10 knows bob alice || die "bob has no link to alice"

# ---- what one costs her, whatever else the machine does ----

ticks=$(cpu_ticks alice)
flood "$(port_of alice)" >/dev/null || die "the flood failed"
ticks=$(($(cpu_ticks alice) - ticks)) read=$(counter alice drop_opening_malformed)
echo "    alone: alice read $read of $count INITs in $((ticks * 10)) ms of processor," \
    "$((ticks * 10000 / (read > 0 ? read : 1))) microseconds each"

# ---- beside the same flood at a dead port ----

tell bob stream warm alice seconds=1 size=256
rate_of warm >/dev/null
tell bob stream dead alice "seconds=$seconds" "rate=$live" size=256
dead=$(flood "$(dead_port)")
beside_dead=$(rate_of dead)
before=$(memory_kib alice)
lost=$(overflows alice)
tell bob stream flooded alice "seconds=$seconds" "rate=$live" size=256
flood "$(port_of alice)" >"$dir/flood.out" &
flooding=$!
within 60 is_flooded "$read" || die "nothing of the flood comes to her"
began=${EPOCHREALTIME/[.,]/}
teller carol || die "carol does not start"
within 60 knows carol alice || die "carol cannot join"
joined_ms=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
wait $flooding || die "the flood failed"
flooded=$(<"$dir/flood.out")
beside=$(rate_of flooded)
after=$(memory_kib alice)
echo "    dead port: $dead; $beside_dead messages a second"
echo "    alice:     $flooded; $beside messages a second, $(per_cent "$beside" "$beside_dead") %"
echo "    memory of alice: $before KiB before, $after after; carol joined after $joined_ms ms"
echo "    she refused $(($(counter alice drop_opening_malformed) - read)) INITs; $(($(overflows alice) - lost)) datagrams found her socket full"
(($(figure answers "$flooded") == 0)) || die "strangers were answered"
[[ -n ${SLOW_SANITIZE-} ]] || ((after <= before + growth_kib)) || die "alice grew by $((after - before)) KiB"
end_well carol || die "carol does not end well"
echo "ok       a_flood_of_strangers_is_not_answered_and_stops_nobody"

# ---- by somebody who has heard somebody ----

flood_of_a_recording alice "$dir/network"
echo "    a recording: $flooded; $(counter alice drop_opening_replayed) replays refused"
((1 <= $(figure answers "$flooded") && $(figure answers "$flooded") <= 9)) || die "a recorded INIT is good for once"
echo "ok       a_recorded_init_is_good_once"

# ---- by somebody who has the network key ----

before=$(memory_kib alice)
tell bob stream inside alice "seconds=$seconds" "rate=$live" size=256
flooded=$(flood "$(port_of alice)" inside "$dir/network") || die "the flood failed"
beside=$(rate_of inside)
after=$(memory_kib alice)
echo "    from inside: $flooded; $beside messages a second, $(per_cent "$beside" "$beside_dead") %"
echo "    memory of alice: $before KiB before, $after after; $(counter alice drop_opening_cookie) cookies"
(($(figure answers "$flooded") > 0 && $(counter alice drop_opening_cookie) > 0)) || die "good INITs were not answered"
(($(figure in "$flooded") <= $(figure out "$flooded"))) || die "more came back than was sent"
[[ -n ${SLOW_SANITIZE-} ]] || ((after <= before + growth_kib)) || die "alice grew by $((after - before)) KiB"
knows bob alice >/dev/null || die "bob's link is gone"
echo "ok       a_flood_from_inside_is_answered_by_cookies"

# ---- no network key: what an unproved address gets ----

mesh_config dave udp://127.0.0.1:0 ''
list="{\"id\": \"dave\", \"key\": \"$(key_of dave)\"}"
secure dave
router dave || die "dave does not start"
flooded=$(flood "$(port_of dave)" inside) || die "the flood failed"
echo "    without a network key: $flooded"
(($(figure answers "$flooded") > 0)) || die "nobody was answered: this shows nothing"
(($(figure in "$flooded") <= $(figure out "$flooded"))) || die "more came back than was sent"
for name in bob alice dave; do end_well $name || die "$name does not end well"; done
echo "ok       an_unproved_address_gets_less_than_it_sent"
