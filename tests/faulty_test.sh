#!/usr/bin/env bash
# Plugins that crash or hang in a call of their life: the router names the plugin and the call, and --check finds those in
# create() without starting anything. Run by ctest; by hand: SLOW_BUILD=build/dev tests/faulty_test.sh
set -u
# shellcheck source=/dev/null
. "$(dirname "$0")/support/routers.sh"
trap routers_end EXIT
failures=0
ulimit -c 0
needs="the plugin needs mending, or take it out of the config"
segv=$((128 + 11))

config() { # PLUGIN
    cat >"$dir/$1.json" <<EOF
{
    "id": "alice",
    "plugin_dirs": ["$SLOW_BUILD/tests/modules"],
    "transports": [{"plugin": "transport-udp", "listen": ["udp://127.0.0.1:0"]}],
    "routing": [{"plugin": "$1"}],
    "admin": {"socket": "$dir/$1"}
}
EOF
}

# judge WHAT CODE WORDS GOT FILE: it ended with that code, and the file has these words. A sanitizer ends a crash in a way of its
# own: there it only counts that it is told where.
judge() {
    local what=$1 code=$2 words=$3 got=$4
    if [[ -n ${SLOW_SANITIZE-} && $words == *crashed* ]]; then
        code=$got words=${words%% (*}
        [[ $what != --check* ]] || words=${words/crashed/ended the process}
    fi
    if [[ $got == "$code" && $got != 0 ]] && grep -qF -- "slow-router: $words" "$5"; then
        echo "ok       $what"
        return
    fi
    failures=$((failures + 1))
    echo "NOT OK   $what: expected exit code $code and \"slow-router: $words\"; got $got and"
    cat "$5"
}

checks() { # PLUGIN WORDS
    config "$1"
    timeout 60 "$bin/slow-router" --check "$dir/$1.json" >"$dir/out" 2>"$dir/err"
    judge "--check of $1" 1 "$1: $2; $needs" $? "$dir/err"
    [[ ! -s $dir/out ]] || { echo "NOT OK   --check of $1 says that it is well"; failures=$((failures + 1)); }
}

checks_well() { # PLUGIN: what only starting shows is not --check's, which starts nothing
    config "$1"
    if timeout 60 "$bin/slow-router" --check "$dir/$1.json" >"$dir/out" 2>"$dir/err" && grep -q ': ok$' "$dir/out"; then
        echo "ok       --check starts nothing: $1"
        return
    fi
    failures=$((failures + 1))
    echo "NOT OK   --check starts nothing: $1"
    cat "$dir/err"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

ended() { # NAME WHAT CODE WORDS: the router has ended so
    local pid=${pids[$1]}
    within 60 gone "$pid" || kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    judge "$2" "$3" "$4" $? "$dir/$1.log"
    unset "pids[$1]"
}

runs() { # PLUGIN CODE WORDS
    config "$1"
    start "$1" -c "$dir/$1.json"
    ended "$1" "running $1" "$2" "$1 $3"
}

ends() { # PLUGIN CODE WORDS: it is told to end
    config "$1"
    start "$1" -c "$dir/$1.json"
    within 10 ctl "$1" status || echo "$1 does not run"
    kill -TERM "${pids[$1]}"
    ended "$1" "ending $1" "$2" "$1 $3"
}

is_given() { # PLUGIN CODE WORDS: to a router that runs, on the junction's own thread
    config routing-distance-vector
    rm -f "$dir/routing-distance-vector.log"
    start routing-distance-vector -c "$dir/routing-distance-vector.json"
    within 10 ctl routing-distance-vector status || echo "routing-distance-vector does not run"
    ctl routing-distance-vector routing add "$1" >/dev/null
    ended routing-distance-vector "giving $1 to a router" "$2" "$1 $3"
}

checks routing-crashes-in-create "crashed in create() (signal 11, SIGSEGV)"
checks routing-recurses-in-create "crashed in create() (signal 11, SIGSEGV)"
checks routing-hangs-in-create "did not return from create() within 5 s"
checks routing-exits-in-create "ended the process in create()"
checks routing-crashes-in-destroy "crashed in destroy() (signal 11, SIGSEGV)"
checks_well routing-forks-in-create
checks_well routing-crashes-in-start
checks_well routing-hangs-in-start

runs routing-crashes-in-create $segv "crashed in create() (SIGSEGV)"
runs routing-recurses-in-create $segv "crashed in create() (SIGSEGV)"
runs routing-crashes-in-start $segv "crashed in start() (SIGSEGV)"
runs routing-hangs-in-create 1 "did not return from create() within 5 s; $needs"
runs routing-hangs-in-start 1 "did not return from start() within 5 s; $needs"
runs routing-exits-in-create 1 "ended the process in create(); $needs"
is_given routing-recurses-in-create $segv "crashed in create() (SIGSEGV)"
is_given routing-hangs-in-create 1 "did not return from create() within 5 s; $needs"
ends routing-crashes-in-destroy $segv "crashed in destroy() (SIGSEGV)"
ends routing-hangs-in-destroy 1 "did not return from destroy() within 5 s; $needs"

if ((failures > 0)); then
    echo "faulty_test: $failures failed"
    exit 1
fi
