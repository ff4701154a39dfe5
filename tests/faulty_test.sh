#!/usr/bin/env bash
# Plugins that crash or hang in a call of their life: the router names the plugin and the call, and --check finds those in
# create() without starting anything. Run by ctest; by hand: SLOW_BUILD=build/dev tests/faulty_test.sh
set -u
router=${SLOW_BUILD:?is not set: the build folder}/bin/slow-router
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0
ulimit -c 0

config() { # PLUGIN: of a junction that listens, so that what is started can be seen
    cat >"$dir/$1.json" <<EOF
{
    "id": "alice",
    "plugin_dirs": ["$SLOW_BUILD/tests/modules"],
    "transports": [{"plugin": "transport-udp", "listen": ["udp://127.0.0.1:0"]}],
    "routing": [{"plugin": "$1"}]
}
EOF
}

# expect NAME CODE WORDS COMMAND...: it ends with that code, and says these words. A sanitizer ends a crash in a way of its own:
# there it only counts that it is told where.
expect() {
    local name=$1 code=$2 words=$3 got
    shift 3
    timeout -k 1 60 "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    if [[ -n ${SLOW_SANITIZE-} && $words == *crashed* ]]; then
        code=$got words=${words%% (*}
        [[ $name != --check* ]] || words=${words/crashed/ended the process}
    fi
    if [[ $got == "$code" && $got != 0 ]] && grep -qF -- "slow-router: $words" "$dir/err"; then
        echo "ok       $name"
        return
    fi
    failures=$((failures + 1))
    echo "NOT OK   $name: expected exit code $code and \"slow-router: $words\"; got $got and"
    cat "$dir/out" "$dir/err"
}

checks() { # PLUGIN WORDS
    config "$1"
    expect "--check of $1" 1 "$1: $2" "$router" --check "$dir/$1.json"
    [[ ! -s $dir/out ]] || { echo "NOT OK   --check of $1 says that it is well"; failures=$((failures + 1)); }
}

runs() { # PLUGIN CODE WORDS
    config "$1"
    expect "running $1" "$2" "$1 $3" "$router" -c "$dir/$1.json"
}

needs="the plugin needs mending, or take it out of the config"
checks routing-crashes-in-create "crashed in create() (signal 11, SIGSEGV); $needs"
checks routing-recurses-in-create "crashed in create() (signal 11, SIGSEGV); $needs"
checks routing-hangs-in-create "did not return from create() within 5 s; $needs"
checks routing-exits-in-create "ended the process in create(); $needs"
checks routing-crashes-in-destroy "crashed in destroy() (signal 11, SIGSEGV); $needs"

# What only starting shows is not --check's: it starts nothing.
for plugin in routing-crashes-in-start routing-hangs-in-start; do
    config $plugin
    if "$router" --check "$dir/$plugin.json" >"$dir/out" 2>"$dir/err" && grep -q ': ok$' "$dir/out"; then
        echo "ok       --check starts nothing: $plugin"
    else
        failures=$((failures + 1))
        echo "NOT OK   --check starts nothing: $plugin"
        cat "$dir/err"
    fi
done

segv=$((128 + 11))
runs routing-crashes-in-create $segv "crashed in create() (SIGSEGV)"
runs routing-recurses-in-create $segv "crashed in create() (SIGSEGV)"
runs routing-crashes-in-start $segv "crashed in start() (SIGSEGV)"
runs routing-hangs-in-create 1 "did not return from create() within 5 s; $needs"
runs routing-hangs-in-start 1 "did not return from start() within 5 s; $needs"

# destroy() is called on the junction's own thread or after it, when the router is told to end.
ends() { # PLUGIN CODE WORDS
    config "$1"
    expect "ending $1" "$2" "$1 $3" bash -c '
        "$0" -c "$1" 2> >(tee "$2" >&2) & router=$!
        until grep -q "listening\|listens" "$2" 2>/dev/null; do kill -0 $router || exit 99; done
        kill -TERM $router; wait $router' "$router" "$dir/$1.json" "$dir/log"
    rm -f "$dir/log"
}
ends routing-crashes-in-destroy $segv "crashed in destroy() (SIGSEGV)"
ends routing-hangs-in-destroy 1 "did not return from destroy() within 5 s; $needs"

if ((failures > 0)); then
    echo "faulty_test: $failures failed"
    exit 1
fi
