#!/usr/bin/env bash
# A core to come, in which every table has grown by a member, with the plugins of today: it makes all of them, and a reliable
# message goes to another junction and back through those of the default config. By hand: SLOW_BUILD=build/dev
# tests/abi/grown_test.sh
set -u
build=${SLOW_BUILD:?is not set: the build folder}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0

config() { # TRANSPORT ROUTING SECURITY
    cat <<EOF
{
    "id": "alice",
    "plugin_dirs": ["$build/lib/slow/1", "$build/tests/modules"],
    "transports": [{"plugin": "$1"}],
    "codecs": ["codec-protobuf", "codec-json"],
    "routing": [{"plugin": "$2"}],
    "security": {"plugin": "$3"}
}
EOF
}

says() { # WHAT WORDS COMMAND...
    local what=$1 words=$2 text
    shift 2
    text=$("$@" 2>&1)
    if [[ $text == *"$words"* ]]; then
        echo "ok       $what: ${text##*$'\n'}"
    else
        failures=$((failures + 1))
        echo "NOT OK   $what: expected $words, got: $text"
    fi
}

minor=$(("$(sed -nE 's/^#define SLOW_ABI_MINOR ([0-9]+)$/\1/p' "$(dirname "$0")/../../sdk/slow/base.h")" + 1))
says "it is another" ".$minor)" "$build/tests/slow-router-grown" --version
for routing in distance-vector link-state flooding template; do
    for transport in udp tcp; do
        for security in none noise; do
            config transport-$transport routing-$routing security-$security >"$dir/config.json"
            says "$transport, $routing, $security" ": ok" "$build/tests/slow-router-grown" --check "$dir/config.json"
        done
    done
done
says "there and back" 'alice hears {"hello":"yourself"} from bob' "$build/tests/hello-grown"
exit $((failures > 0))
