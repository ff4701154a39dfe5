#!/usr/bin/env bash
# What was built against the headers of a release runs with the core of today: for each snapshot in tests/abi, the templates of
# plugins are compiled against it alone, loaded and made, and an application is compiled, linked with today's library, and run.
# By hand: SLOW_BUILD=build/dev tests/abi/snapshot_test.sh
set -u
source=$(realpath "$(dirname "$0")/../..")
build=${SLOW_BUILD:?is not set: the build folder}
cc=${CC:-cc}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
(umask 077 && printf '%032d' 7 | base64 >"$dir/secret.key")
failures=0
count=0

failed() { # WHAT
    failures=$((failures + 1))
    echo "NOT OK   $1"
    cat "$dir/said"
}

id_of() { sed -nE 's/^ *\.id = "([^"]+)",.*/\1/p' "$1" | head -1; }

# A config for alice in which the plugin has its place, and all others are today's. A template may want a file with a secret.
config_with() { # ID SOURCE
    local use="{\"plugin\": \"$1\"}" part
    ! grep -q '\.key = "secret"' "$2" || use="{\"plugin\": \"$1\", \"secret\": \"$dir/secret.key\"}"
    case $1 in
    transport-*) part="\"transports\": [$use]" ;;
    routing-*) part="\"routing\": [$use]" ;;
    codec-*) part="\"codecs\": [\"$1\"]" ;;
    security-*) part="\"security\": $use" ;;
    esac
    echo "{\"id\": \"alice\", \"plugin_dirs\": [\"$dir/$release\"], $part}"
}

plugin() { # SOURCE
    local id
    id=$(id_of "$1")
    count=$((count + 1))
    "$cc" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -Wl,-z,nodelete -Wl,-z,defs \
        -I "$snapshot" -o "$dir/$release/$id.so" "$1" >"$dir/said" 2>&1 || { failed "$id compiles against $release"; return; }
    "$build/bin/slow-router" --describe "$id" --plugin-dir "$dir/$release" >"$dir/said" 2>&1 ||
        { failed "$id of $release is loaded"; return; }
    config_with "$id" "$1" >"$dir/config.json"
    "$build/bin/slow-router" --check "$dir/config.json" >"$dir/said" 2>&1 || { failed "$id of $release is made"; return; }
    if [[ -x $build/bin/slow-conform ]]; then
        "$build/bin/slow-conform" "$dir/$release/$id.so" >"$dir/said" 2>&1 || { failed "$id of $release conforms"; return; }
    fi
    echo "ok       $id, compiled against $release"
}

application() {
    "$cc" -std=c11 -Wall -Wextra -Werror -I "$snapshot" -o "$dir/hello" "$source/examples/hello.c" -L "$build/lib" -lslow \
        -Wl,-rpath,"$build/lib" >"$dir/said" 2>&1 || { failed "examples/hello.c compiles against $release"; return; }
    "$dir/hello" >"$dir/said" 2>&1 || { failed "examples/hello.c of $release runs"; return; }
    echo "ok       examples/hello.c, compiled against $release"
}

for snapshot in "$source"/tests/abi/[0-9]*.[0-9]*; do
    release=${snapshot##*/}
    mkdir -p "$dir/$release"
    while IFS= read -r template; do
        plugin "$template"
    done < <(find "$source/sdk/template" -name '*.c' | sort)
    application
done
if ((count == 0)); then
    echo "snapshot_test: no snapshot, or no template"
    exit 1
fi
exit $((failures > 0))
