#!/usr/bin/env bash
# Secrets stay secret (S12), and relays learn nothing of what they carry (S5, by capture and by memory).
#
#   alice --- relay --- bob      a closed network, over UDP or TCP, all bytes of the loopback interface recorded
#
# A canary is a name that nothing else has: payloads are full of one. The network opens, routes, and carries it in JSON and
# in binary, best effort and reliable, both ways. Then no recorded byte may hold it, nor any of the relay's memory. The same
# with security off finds it in both: the hunt works. Secrets of keys may be nowhere but in their files and in the memory of
# their own process, which computes with them: not in logs, /proc, what slowctl shows, what --check and --genconf print, and
# not in a dump of the process's memory that the kernel writes: neither at rest nor while a link opens, which is most of the
# time where a neighbour is away.
#
#   tests/secrets_test.sh [udp|tcp]
#
# It runs in a network namespace of its own, or tells why it does not (77). By hand: SLOW_BUILD=build/dev tests/secrets_test.sh
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
export LC_ALL=C
skipped=77 scheme=${1:-udp}
here=$(cd "$(dirname "$0")" && pwd)
if [[ -z ${SLOW_IN_NAMESPACE-} ]]; then
    [[ -z ${SLOW_SANITIZE-} ]] || { echo "SKIPPED: a sanitizer keeps what was freed, and has more memory than can be read"; exit $skipped; }
    command -v python3 >/dev/null || { echo "SKIPPED: no python3 here"; exit $skipped; }
    unshare -rn true 2>/dev/null || { echo "SKIPPED: no user and network namespaces here"; exit $skipped; }
    SLOW_BUILD=$(cd "$SLOW_BUILD" && pwd) SLOW_IN_NAMESPACE=1 exec unshare -rn "$here/secrets_test.sh" "$@"
fi
# shellcheck source=tests/support/mesh.sh
. "$here/support/mesh.sh"
# shellcheck source=tests/support/closed.sh
. "$here/support/closed.sh"
trap 'kill "${capture_pid-0}" "${mute_pid-0}" 2>/dev/null; proxy_stop_all; routers_end' EXIT
cd "$dir" || exit 1 # where a core goes
python3 - <<'END' || exit 1
import fcntl, socket, struct
s = socket.socket()
name = struct.pack('16sH14x', b'lo', 0)
flags, = struct.unpack('16xH14x', fcntl.ioctl(s, 0x8913, name))
fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', flags | 1))  # up
END

die() {
    echo "NOT OK   $*"
    tail -n 5 "$dir"/*.log
    exit 1
}
ok() { echo "ok       $*"; }
hunt() { python3 "$here/support/hunt.py" "$dir/patterns" "$@"; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

# ---- files

"$bin/slowctl" keygen "$dir/a.key" >"$dir/keygen.out" || die "no key"
[[ $(stat -c %a "$dir/a.key") == 600 ]] || die "a key's file has mode $(stat -c %a "$dir/a.key"); expected 600"
"$bin/slowctl" keygen "$dir/a.key" >/dev/null 2>&1 && die "a key was overwritten"
for mode in 640 604 660; do
    chmod $mode "$dir/a.key"
    mesh_config a '' ''
    sed -i "1s|{|{\"security\": {\"plugin\": \"security-noise\", \"identity\": \"$dir/a.key\"}, |" "$dir/a.json"
    "$bin/slow-router" --check "$dir/a.json" >/dev/null 2>"$dir/said" && die "an identity of mode $mode is taken"
    grep -q "chmod 600 .*a.key" "$dir/said" || die "it does not say which file, and chmod: $(cat "$dir/said")"
done
ok "a key's file is made with 0600, and refused with more: $(cat "$dir/said")"

# ---- a network that carries a canary

canary=$(head -c 12 /dev/urandom | hex) # letters and digits: the same in JSON and in binary
payload=$(for _ in {1..30}; do printf '%s-' "$canary"; done)
printf '"%s"' "$payload" >"$dir/payload.json"
printf '%s' "$payload" >"$dir/payload.bin"

capture_start() {
    coproc CAPTURE { exec python3 "$here/support/hunt.py" capture "$dir/capture"; }
    # shellcheck disable=SC2153 # bash sets it
    capture_pid=$CAPTURE_PID
    local line
    read -r line <&"${CAPTURE[0]}" && [[ $line == capturing ]] || die "nothing can be recorded here"
}

take() { # NAME COUNT
    ctl "$1" recv -n "$2" --timeout 60 >"$dir/$1.taken" &
    takers+=($!)
}

carry() { # FROM TO: four messages
    ctl "$1" send "$2" -f "$dir/payload.json" >/dev/null && ctl "$1" send "$2" --binary -f "$dir/payload.bin" >/dev/null &&
        ctl "$1" send "$2" --best-effort -f "$dir/payload.json" >/dev/null &&
        ctl "$1" send "$2" --best-effort --binary -f "$dir/payload.bin" >/dev/null
}

exchange() { # open|closed CODEC
    local name later="$scheme://127.0.0.1:1" taker
    takers=()
    mesh_config relay "$scheme://127.0.0.1:0" '' "$2"
    for name in alice bob; do mesh_config $name '' "$later" "$2"; done
    rm -f "$dir"/{alice,relay,bob,network}.key "$dir"/*.log
    [[ $1 == open ]] || closed_network alice relay bob || die "no keys"
    for name in alice relay bob; do sed -i "1s|{|{\"log\": {\"level\": \"debug\"}, |" "$dir/$name.json"; done
    capture_start
    router relay || die "no relay"
    sed -i "s,$later,$(bound_address relay "$scheme")," "$dir/alice.json" "$dir/bob.json"
    router alice && router bob || die "not everybody could start"
    within 20 knows alice bob && within 20 knows bob alice || die "no routes"
    take bob 4
    take alice 4
    carry alice bob && carry bob alice || die "a message was not delivered"
    for taker in "${takers[@]}"; do wait "$taker"; done
    [[ $(grep -c "$canary" "$dir/bob.taken") -ge 2 && $(wc -l <"$dir/bob.taken") == 4 ]] || die "not everything came"
    kill "$capture_pid"
    wait "$capture_pid" 2>/dev/null
}

found() { # LABEL PATTERN: how often, in the line of a hunt
    figure "$1" " $2"
}
nothing_of() { # LABEL WHERE LINE
    [[ $(found "$1" "$3") == 0 ]] || die "$1 was found in $2, $(found "$1" "$3") times"
    ok "$1: 0 hits in $2 ($(found bytes "$3") bytes)"
}

printf 'canary hex %s\n' "$(printf %s "$canary" | hex)" >"$dir/patterns"
exchange open json
line=$(hunt files "$dir/capture")
(($(found canary "$line") > 20)) || die "the hunt does not work: with security off the canary is not in the capture: $line"
ok "with security off the canary is recorded $(found canary "$line") times over $scheme"
line=$(hunt memory "${pids[relay]}")
(($(found canary "$line") > 0)) || die "the hunt does not work: with security off the canary is not in the relay's memory"
ok "with security off the canary is in the relay's memory $(found canary "$line") times"
for name in alice relay bob; do end_well $name; done

for codec in json protobuf; do
    printf 'canary hex %s\n' "$(printf %s "$canary" | hex)" >"$dir/patterns"
    ulimit -c unlimited
    exchange closed $codec
    nothing_of canary "a capture of everything, codec-$codec over $scheme" "$(hunt files "$dir/capture")"
    nothing_of canary "the relay's memory" "$(hunt memory "${pids[relay]}")"
    if [[ $codec == json ]]; then
        for name in alice relay bob; do end_well $name; done
    fi
done

# ---- keys: the three are still running

for name in alice relay bob network; do
    printf '%s.key hex %s\n' $name "$(base64 -d "$dir/$name.key" | hex)"
done >>"$dir/patterns"
line=$(hunt memory "${pids[relay]}")
(($(found relay.key "$line") > 0)) || die "the hunt does not work: a router's key is not in its own memory"
nothing_of alice.key "the relay's memory" "$line"
for name in alice relay bob; do
    for path in status neighbours routes peers plugins routing members; do
        [[ $path == members || $path == peers ]] && ctl $name $path
        ctl $name --json $path
    done
    "$bin/slow-router" --check "$dir/$name.json"
    "$bin/slowctl" identity "$dir/$name.key"
done >"$dir/shown" 2>&1
"$bin/slow-router" --genconf >>"$dir/shown"
"$bin/slow-router" --describe security-noise >>"$dir/shown"
for pid in "${pids[@]}"; do cat "/proc/$pid"/{cmdline,environ,maps,status}; done >"$dir/proc"
for place in shown:"what slowctl, --check, --genconf and --describe print" proc:"/proc, but for memory" capture:"the capture"; do
    line=$(hunt files "$dir/${place%%:*}")
    for name in alice.key relay.key bob.key network.key canary; do nothing_of $name "${place#*:}" "$line"; done
done
line=$(hunt files "$dir"/{alice,relay,bob}.log)
for name in alice.key relay.key bob.key network.key canary; do nothing_of $name "logs at level debug" "$line"; done

dump() { # NAME: its core, in $core; it ends
    rm -f "$dir"/core*
    kill -ABRT "${pids[$1]}"
    wait "${pids[$1]}" 2>/dev/null
    unset "pids[$1]"
    core=$(find "$dir" -maxdepth 1 -name 'core*' -size +0 | head -n 1)
    [[ -n $core ]] || echo "SKIPPED: the kernel writes no core here: $(cat /proc/sys/kernel/core_pattern)"
}
dump relay
if [[ -n $core ]]; then
    line=$(hunt files "$core")
    for name in relay.key network.key canary; do nothing_of $name "a core of the relay" "$line"; done
fi

# ---- in the middle of an opening: nobody answers

coproc MUTE { exec python3 "$here/support/hunt.py" mute "$scheme"; }
# shellcheck disable=SC2153 # bash sets it
mute_pid=$MUTE_PID
read -r address <&"${MUTE[0]}"
mesh_config caller '' "$address"
closed_network caller || die "no keys"
router caller || die "no caller"
read -r -t 20 line <&"${MUTE[0]}" && [[ $line == called ]] || die "nobody called $address"
{
    python3 "$here/support/hunt.py" pairs "${pids[caller]}"
    for name in caller network; do printf '%s.key hex %s\n' $name "$(base64 -d "$dir/$name.key" | hex)"; done
} >"$dir/patterns"
[[ $(grep -c ^static "$dir/patterns") == 1 ]] || die "the hunt does not work: the caller has one static key in protected memory"
line=$(hunt memory "${pids[caller]}")
for name in static0 network.key; do
    (($(found $name "$line") > 0)) || die "the hunt does not work: $name is not in the caller's own memory"
done
dump caller
if [[ -n $core ]]; then
    line=$(hunt files "$core")
    for name in static0 caller.key network.key; do nothing_of $name "a core during an opening" "$line"; done
fi
