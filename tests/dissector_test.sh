#!/usr/bin/env bash
# The dissector of tools/wireshark, run by tshark.
#
#   dissector_test.sh vectors          the vectors of docs/vectors, each in a packet of its own: what they say is shown
#   dissector_test.sh hostile [N]      N files of each fuzz corpus, 10 without, as they are and mangled: no Lua error. The seed is
#                                      SLOW_SEED, or 7
#   dissector_test.sh mesh STRATEGY    distance-vector or link-state: the mesh of scripts/demo.sh, recorded
#   dissector_test.sh sealed           two junctions with keys, over UDP and TCP: what is open is shown, and nothing else
#
#          b ----- c              - - -  JSON over UDP, at the edges
#      . '           ' .          -----  Protocol Buffers over TCP, in the middle
#    a                   f
#      ' .           . '
#          d ----- e
#
# The mesh listens on ports that the dissector does not know, so its frames have to be found by their shape. Recorded is the
# loopback interface of a network namespace of the test's own. By hand: SLOW_BUILD=build/dev tests/dissector_test.sh mesh link-state
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
export LC_ALL=C
skipped=77 topic=${1:-} strategy=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
source_dir=$(dirname "$here")
case $topic in
vectors | hostile | sealed) ;;
mesh) [[ $strategy == distance-vector || $strategy == link-state ]] || { echo "dissector_test.sh: no strategy $strategy; expected distance-vector or link-state"; exit 2; } ;;
*) echo "dissector_test.sh: no part \"$topic\"; expected vectors, hostile, mesh or sealed"; exit 2 ;;
esac
for tool in tshark python3; do
    command -v $tool >/dev/null || { echo "SKIPPED: no $tool here: scripts/setup.sh installs it"; exit $skipped; }
done
if [[ $topic == mesh || $topic == sealed ]] && [[ -z ${SLOW_IN_NAMESPACE-} ]]; then
    unshare -rn true 2>/dev/null || { echo "SKIPPED: no user and network namespaces here"; exit $skipped; }
    SLOW_BUILD=$(cd "$SLOW_BUILD" && pwd) SLOW_IN_NAMESPACE=1 exec unshare -rn "$here/dissector_test.sh" "$@"
fi
# shellcheck source=tests/support/mesh.sh
. "$here/support/mesh.sh"
# shellcheck source=tests/support/closed.sh
. "$here/support/closed.sh"
trap '[[ -z ${capture_pid-} ]] || kill "$capture_pid"; routers_end' EXIT

die() {
    echo "NOT OK   $*"
    head -n 20 "$dir"/*.said "$dir"/*.log 2>/dev/null
    exit 1
}
ok() { echo "ok       $*"; }

# show FILE ARGUMENTS...: tshark with the dissector. HOME is the test's: nobody's preferences and plugins count.
show() {
    local file=$1
    shift
    HOME=$dir timeout 300 tshark -n -X "lua_script:$source_dir/tools/wireshark/slow.lua" -r "$file" "$@" 2>"$dir/tshark.said"
}
no_lua_error() { # FILE ARGUMENTS...: with everything that can be shown of it
    show "$@" -V >"$dir/shown" || die "tshark failed"
    ! grep -q 'Lua' "$dir/tshark.said" || die "the dissector does not load, or failed: $(grep -m 3 Lua "$dir/tshark.said")"
    ! grep -q 'Lua Error' "$dir/shown" || die "$(grep -m 3 'Lua Error' "$dir/shown")"
}
count() { show "$1" -Y "$2" | wc -l; } # FILE FILTER
is_none() { # FILE FILTER WHAT
    local n
    n=$(count "$1" "$2")
    ((n == 0)) || die "$n packets $3, such as: $(show "$1" -Y "$2" | head -n 3)"
}

# tabulate FILE: $dir/table has a line for each packet, with its column Info, and of these fields all values
fields=(claim.id claim.network claim.protocol frame.kind route.name dv.id ls.id ls.link)
tabulate() {
    local field wanted=(-e _ws.col.Info)
    for field in "${fields[@]}"; do wanted+=(-e "slowmesh.$field"); done
    show "$1" -T fields "${wanted[@]}" >"$dir/table" || die "tshark failed"
}
words() { # FIELD: its values
    local at
    for at in "${!fields[@]}"; do [[ ${fields[at]} != "$1" ]] || break; done
    awk -F '\t' -v at=$((at + 2)) '{ n = split($at, w, ","); for (i = 1; i <= n; i++) print w[i] }' "$dir/table" | sort -u | paste -sd ' '
}
has() { # FIELD WORDS: exactly these values
    local got
    got=$(words "$1")
    [[ $got == "$2" ]] || die "slowmesh.$1 is $got; expected $2"
}
line_with() { cut -f 1 "$dir/table" | grep -Eo -m 1 "$1.*"; } # PATTERN: from there on, in the first Info that has it

# ---- without routers

if [[ $topic == vectors ]]; then
    HOME=$dir python3 "$here/support/dissected.py" "$source_dir/docs/vectors" "$source_dir/tools/wireshark/slow.lua" "$dir/vectors.pcap" ||
        die "vectors are not shown as they are"
    plugins=$dir/.local/lib/wireshark/plugins # where a person would put it: loaded without being asked for
    mkdir -p "$plugins" && cp -r "$source_dir"/tools/wireshark/* "$plugins" || die "no plugins"
    HOME=$dir tshark -n -r "$dir/vectors.pcap" -Y slowmesh.claim.id >"$dir/shown" 2>"$dir/tshark.said"
    ! grep -q Lua "$dir/tshark.said" && (($(wc -l <"$dir/shown") > 100)) || die "the dissector does not work as a plugin"
    exit
fi
if [[ $topic == hostile ]]; then
    corpora=("$source_dir"/fuzz/corpus/{link_frame,link_wire,codec_json_decode,codec_protobuf,delivery_wire,distance_vector_message,link_state_message,sealed_wire,noise_handshake})
    packets=$(python3 "$here/support/pcap.py" "$dir/hostile.pcap" "$seed" "${2:-10}" "${corpora[@]}") || die "no hostile bytes"
    no_lua_error "$dir/hostile.pcap"
    marked=$(grep -c 'Expert Info (Error/Malformed)' "$dir/shown")
    ((marked > packets / 4)) || die "only $marked of $packets packets are marked as malformed: the bytes do not get far"
    ok "$packets hostile packets (seed $seed), no Lua error; $marked marks of what is malformed"
    exit
fi

# ---- with them

python3 - <<'END' || exit 1
import fcntl, socket, struct
s = socket.socket()
name = struct.pack('16sH14x', b'lo', 0)
flags, = struct.unpack('16xH14x', fcntl.ioctl(s, 0x8913, name))
fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', flags | 1))  # up
END
capture=$dir/capture.pcap
# all that has a frame, or the end of one. An ICMP error quotes a datagram
ours='!icmp && (udp || (tcp.len > 0 && !tcp.reassembled_in && !tcp.analysis.retransmission))'

capture_start() {
    coproc CAPTURE { exec python3 "$here/support/pcap.py" capture "$capture"; }
    # shellcheck disable=SC2153 # bash sets it
    capture_pid=$CAPTURE_PID
    local line
    read -r line <&"${CAPTURE[0]}" && [[ $line == capturing ]] || die "nothing can be recorded here"
}
capture_end() {
    kill "$capture_pid"
    wait "$capture_pid" 2>/dev/null
    unset capture_pid
}
all_know_all() {
    local from to
    for from in "$@"; do
        for to in "$@"; do [[ $from == "$to" ]] || knows "$from" "$to" || return 1; done
    done
}
take() { # NAME COUNT
    ctl "$1" recv -n "$2" --timeout 60 >"$dir/$1.taken" &
    taker=$!
}
all_is_ours() {
    no_lua_error "$capture"
    is_none "$capture" "($ours && !slowmesh) || (!icmp && (slowmesh.malformed || slowmesh.unknown || slowmesh.cut || _ws.malformed))" \
        "are not shown as Slow's, or as malformed"
    tabulate "$capture"
}

if [[ $topic == sealed ]]; then
    for scheme in udp tcp; do
        mesh_config alice "$scheme://127.0.0.1:5001" ''
        mesh_config bob '' "$scheme://127.0.0.1:5001"
        closed_network alice bob || die "no keys"
        capture_start
        router alice && router bob || die "not everybody could start"
        within 20 all_know_all alice bob || die "no routes"
        take alice 1
        ctl bob send alice '{"hello":"alice"}' >/dev/null || die "a message was not delivered"
        wait "$taker"
        end_well alice && end_well bob || die "not everybody ended well"
        capture_end
        all_is_ours
        is_none "$capture" 'slowmesh.claim.id || slowmesh.package.from || slowmesh.probe.keep || slowmesh.route.seq' "show what is sealed"
        (($(count "$capture" "$scheme && slowmesh.frame.sealed") > 5)) || die "no sealed frames"
        ok "a sealed link over $scheme: kinds $(words frame.kind)"
        rm -f "$dir"/*.key
    done
    exit
fi

at() { echo "$2://127.0.0.1:50${1}"; } # NUMBER SCHEME
mesh_config a '' "$(at 02 udp) $(at 04 udp)" json
mesh_config b "$(at 02 udp)" "$(at 03 tcp)"
mesh_config c "$(at 03 udp) $(at 03 tcp)" ''
mesh_config d "$(at 04 udp)" "$(at 05 tcp)"
mesh_config e "$(at 05 udp) $(at 05 tcp)" ''
mesh_config f '' "$(at 03 udp) $(at 05 udp)" json
nodes=(a b c d e f)
capture_start
for name in c e b d a f; do
    sed -i "1s|{|{\"routing\": [{\"plugin\": \"routing-$strategy\"}], |" "$dir/$name.json"
    router "$name" || die "$name does not start"
done
within 30 all_know_all "${nodes[@]}" || die "not everybody has a route to everybody"
take f 22
ctl a send f '{"hello":"f"}' >/dev/null && printf 'hello' | ctl a send f --binary -f - >/dev/null || die "a message was not delivered"
for n in {1..20}; do echo "{\"n\":$n}"; done | ctl a send f --lines >/dev/null || die "a message was not delivered"
wait "$taker" || die "not everything was taken"
ctl a ping f >/dev/null && ctl a trace f >"$dir/trace.said" || die "no way to f"
for name in "${nodes[@]}"; do end_well "$name" || die "$name did not end well"; done
capture_end

all_is_ours
has claim.id "a b c d e f"
has claim.network slow
has claim.protocol "$strategy/1"
[[ $(words frame.kind) == "1 3 4 5 6 7 8 9" ]] || die "kinds are $(words frame.kind)"
ok "$(wc -l <"$dir/table") packets of ${#nodes[@]} junctions, all of them ours and none malformed"

has route.name "$strategy/1"
if [[ $strategy == distance-vector ]]; then
    has dv.id "a b c d e f"
    routing='ORIGIN . seq 1 0.0 ms'
else
    has ls.id "a b c d e f"
    has ls.link "a b c d e f"
    routing='LSA . seq [0-9]+: . [0-9.]+ ms'
fi
line=$(line_with "ROUTE $strategy/1 epoch [0-9]+ seq [0-9]+: .*$routing") || die "no routing message is shown with $routing"
ok "messages of $strategy, such as: ${line:0:120}"

payload='slowmesh.package.json == "{\"hello\":\"f\"}"'
# each of the three links of the way, in its codec
for link in 1:json:udp 2:protobuf:tcp 3:json:udp; do
    IFS=: read -r hops codec transport <<<"$link"
    filter="$transport && slowmesh.package.from == \"a\" && slowmesh.package.to == \"f\" && slowmesh.package.type == 1"
    (($(count "$capture" "$filter && slowmesh.package.hops == $hops && slowmesh.package.codec == \"$codec\" && $payload") > 0)) ||
        die "the message is not shown on its link $hops, in $codec over $transport"
done
line=$(line_with 'BUNDLE a > f json 13 B, hops 1') || die "the message has no line of its own"
ok "a message from a to f, in JSON and in Protocol Buffers, with hops 1 2 3: $line"
for kind in OPEN1 OPEN2 OPEN3 STATE ECHO ECHO_REPLY TRACE TRACE_HOP; do
    grep -q "Package: . > . $kind" "$dir/shown" || die "no $kind is shown"
done
ok "control packages: $(grep -Eo 'Package: . > . [A-Z][A-Z_0-9]+' "$dir/shown" | awk '{ print $5 }' | sort | uniq -c | awk '{ printf "%s %s, ", $1, $2 }')"

# the commands of docs/wire.md, on this capture; dumpcap for a moment, and into another file
cp "$capture" "$dir/mesh.pcapng"
ln -s "$source_dir/tools" "$dir/tools"
cd "$dir" || exit 1
# shellcheck disable=SC2016 # backquotes of the page
mapfile -t commands < <(sed -n '/^## 7/,$ { /^```sh$/,/^```$/p }' "$source_dir/docs/wire.md" | grep -v '^```')
((${#commands[@]} == 6)) || die "docs/wire.md has ${#commands[@]} commands; expected 6"
for command in "${commands[@]}"; do
    if [[ $command == dumpcap* ]]; then
        eval "$(sed 's/duration:10/duration:1/; s/mesh.pcapng/other.pcapng/' <<<"$command")" >"$dir/command.said" 2>&1 ||
            echo "SKIPPED: dumpcap may not record here: $(tail -n 1 "$dir/command.said")"
        continue
    fi
    HOME=$dir eval "$command" >"$dir/command.out" 2>"$dir/command.said" || die "this fails: $command"
    [[ -s $dir/command.out ]] && ! grep -q Lua "$dir/command.said" || die "this shows nothing: $command"
done
grep -q "slowmesh.package.from" <(tshark -G fields -X lua_script:tools/wireshark/slow.lua 2>/dev/null) || die "tshark -G fields does not know them"
ok "the commands of docs/wire.md"

# the second half alone: its links were opened before, and whoever looks says where they are
late=$dir/late.pcap
show "$capture" -Y "frame.number > $(($(wc -l <"$dir/table") / 2))" -w "$late" || die "no second half"
no_lua_error "$late"
told=(-d "tcp.port==5003,slowmesh" -d "tcp.port==5005,slowmesh")
for n in 02 03 04 05; do told+=(-d "udp.port==50$n,slowmesh"); done
no_lua_error "$late" "${told[@]}"
n=$(show "$late" "${told[@]}" -Y "slowmesh.malformed || ($ours && !slowmesh)" | wc -l)
((n == 0)) || die "$n packets of the second half are not understood"
n=$(show "$late" "${told[@]}" -Y 'slowmesh.package.hops && tcp' | wc -l)
((n > 0)) || die "no packages in the second half"
ok "a capture that begins in the middle is read too"
