#!/usr/bin/env bash
# A router whose plugins are linked in is one file: copied alone to an empty folder it describes each plugin, and two of it
# link up, by either codec and sealed, and pass a message, with no shared object of ours mapped.
#
#   static_plugins_test.sh ROUTER     that one
#   static_plugins_test.sh            one that is built for this, with -DSLOW_STATIC_PLUGINS=ON
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/static_plugins_test.sh build/dev/tests/static-router
set -u
source_folder=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/support/routers.sh
. "$source_folder/tests/support/routers.sh"
trap routers_end EXIT

die() {
    echo "NOT OK   $*"
    tail -n 5 "$dir"/*.log
    exit 1
}
ok() { echo "ok       $*"; }

router=${1-}
if [[ -z $router ]]; then
    build=$SLOW_BUILD/tests/configured-static
    { cmake -S "$source_folder" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DSLOW_STATIC_PLUGINS=ON -DSLOW_TESTS=OFF &&
        cmake --build "$build" --target slow-router; } >"$dir/build.log" 2>&1 || die "it does not build"
    router=$build/bin/slow-router
    [[ ! -e $build/lib/slow ]] || die "there is a folder of plugins all the same"
    ok "slow-router is built with its plugins within"
fi
mkdir "$dir/alone"
cp "$router" "$dir/alone/slow-router"
bin=$dir/alone # where start finds slow-router
! ldd "$bin/slow-router" | grep libslow || die "it needs libslow"
plugins=$(for archive in "$SLOW_BUILD"/lib/lib*-objects.a; do basename "$archive" -objects.a | sed 's/^lib//'; done)
for plugin in $plugins; do
    "$bin/slow-router" --describe "$plugin" >"$dir/describe.log" 2>&1 || die "it has no $plugin"
done
ok "one file has all $(wc -w <<<"$plugins") plugins"

head -c 32 /dev/urandom | base64 >"$dir/network.key" && chmod 600 "$dir/network.key"
for name in alice bob; do
    "$SLOW_BUILD/bin/slowctl" keygen "$dir/$name.key" >/dev/null || die "no key"
done
key_of() { "$SLOW_BUILD/bin/slowctl" identity "$dir/$1.key" | grep -Eo '[A-Za-z0-9+/]{43}=' | head -n 1; }
config() { # NAME CODEC STRATEGY WHERE
    cat >"$dir/$1.json" <<END
{"id": "$1", "codecs": ["$2"], "routing": ["$3"], "admin": {"socket": "$dir/$1"}, $4,
 "security": {"plugin": "security-noise", "identity": "$dir/$1.key", "network_key": "$dir/network.key",
              "members": [{"id": "alice", "key": "$(key_of alice)"}, {"id": "bob", "key": "$(key_of bob)"}]}}
END
}
ctl() { # NAME ARGUMENTS...
    local name=$1
    shift
    timeout 60 "$SLOW_BUILD/bin/slowctl" -s "$dir/$name" "$@" 2>>"$dir/ctl.log"
}
for made in udp:codec-json:routing-link-state tcp:codec-protobuf:routing-distance-vector; do
    IFS=: read -r scheme codec strategy <<<"$made"
    config alice "$codec" "$strategy" "\"transports\": [{\"plugin\": \"transport-$scheme\", \"listen\": [\"$scheme://127.0.0.1:0\"]}]"
    start alice "$dir/alice.json"
    within 10 ctl alice status || die "alice does not start"
    config bob "$codec" "$strategy" "\"join\": [\"$(bound_address alice $scheme)\"]"
    start bob "$dir/bob.json"
    within 10 ctl bob status || die "bob does not start"
    ctl bob recv --timeout 30 >"$dir/taken" &
    taker=$!
    ctl alice send bob '{"n":1}' >/dev/null && wait $taker && grep -q '"n":1' "$dir/taken" || die "no message by $made"
    for name in alice bob; do
        ! grep -E 'libslow|slow/1/' "/proc/${pids[$name]}/maps" || die "$name has mapped a shared object of ours"
        kill "${pids[$name]}"
        wait "${pids[$name]}" || die "$name ends with $?"
        unset "pids[$name]"
    done
    ok "a sealed message by $made"
done
