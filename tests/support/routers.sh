# shellcheck shell=bash
# routers.sh - real routers for a test: sourced, by a script that has SLOW_BUILD in its environment. It makes the folder $dir;
# a trap on EXIT has to call routers_end.
#
#   start NAME ARGUMENTS...           slow-router, whose id is in $pids; what it says is appended to $dir/NAME.log
#   ctl NAME ARGUMENTS...             slowctl, where its admin socket is $dir/NAME; its complaints go to $dir/ctl.log
#   within SECONDS COMMAND...         until it succeeds
#   bound_address NAME SCHEME         where it listens, as the kernel chose. Who starts it again has its ports from ports.sh:
#                                     the kernel's choice may be another's by then
#   routers_end                       kills all in $pids, waits for all that runs in the background, and removes $dir

export LC_ALL=C # a point in $EPOCHREALTIME
bin=${SLOW_BUILD:?the build folder}/bin
dir=$(mktemp -d /tmp/slow-test-XXXXXX)
declare -A pids=()

routers_end() {
    local pid
    for pid in "${pids[@]}"; do kill -KILL "$pid"; done 2>/dev/null
    wait 2>/dev/null
    rm -rf "$dir"
}

start() { # NAME ARGUMENTS...
    local name=$1
    shift
    "$bin/slow-router" "$@" 2>>"$dir/$name.log" 8>&- &
    pids[$name]=$!
}

ctl() { # NAME ARGUMENTS...
    local name=$1
    shift
    timeout 60 "$bin/slowctl" -s "$dir/$name" "$@" 2>>"$dir/ctl.log"
}

within() { # SECONDS COMMAND...
    local end=$((${EPOCHREALTIME/.} + $1 * 1000000))
    shift
    until "$@" >/dev/null; do
        ((${EPOCHREALTIME/.} < end)) || return 1
        sleep 0.02
    done
}

bound_address() { # NAME SCHEME
    ctl "$1" --json status | grep -Eo "\"$2://[^\"]*\"" | head -1 | tr -d '"'
}
