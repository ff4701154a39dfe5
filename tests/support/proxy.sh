# shellcheck shell=bash
# proxy.sh - bad cables for tests that start real processes: sourced, by a script that has SLOW_BUILD in its environment.
#
#   proxy_start NAME udp|tcp TO [OPTION...]  starts one before TO, an address such as 127.0.0.1:4100 or udp://127.0.0.1:4100;
#                                            the options are those of fault-proxy --help. In this shell, not in a subshell
#   proxy_address NAME                       prints where it listens, with the scheme that TO had, if any
#   proxy_tell NAME COMMAND...               tells it "silence on", "loss 0.3", "reset"...; prints what follows "ok", and
#                                            fails, with its error, where it says one
#   proxy_figure NAME FIGURE                 prints one number of its stats, such as up_lost
#   proxy_stop NAME                          ends it; fails where it had ended before
#   proxy_stop_all                           for the trap on EXIT
#
# A proxy ends with its script, even one that was killed: the script alone holds the other end of its commands' pipe, as
# long as nothing else that outlives the script was started after the proxy.

declare -A proxy_pids=() proxy_in=() proxy_out=() proxy_addresses=()

proxy_start() { # NAME udp|tcp TO [OPTION...]
    local name=$1 kind=$2 to=${3#*://} scheme='' pipes in out line
    [[ $3 != *://* ]] || scheme=${3%%://*}://
    shift 3
    pipes=$(mktemp -d /tmp/slow-proxy-XXXXXX) && mkfifo "$pipes/in" "$pipes/out" || return
    # Open both ways: so neither end waits for the other to open it. The proxy gets ends of its own.
    exec {in}<>"$pipes/in" {out}<>"$pipes/out"
    "${SLOW_BUILD:?the build folder}/tests/fault-proxy" "$kind" --to "$to" "$@" \
        <"$pipes/in" >"$pipes/out" 8>&- {in}>&- {out}>&- &
    proxy_pids[$name]=$! proxy_in[$name]=$in proxy_out[$name]=$out
    # It does not answer when it was refused what it asked for: it has said why on stderr, and is gone.
    until read -r -t 0.1 -u "$out" line; do
        kill -0 "${proxy_pids[$name]}" 2>/dev/null || break
    done
    rm -rf "$pipes"
    proxy_addresses[$name]=$scheme${line#listening }
    [[ $line == "listening "* ]] || { proxy_stop "$name" 2>/dev/null; return 1; }
}

proxy_address() { # NAME
    echo "${proxy_addresses[$1]}"
}

proxy_tell() { # NAME COMMAND...
    local name=$1 line
    shift
    echo "$*" >&"${proxy_in[$name]}" || return
    read -r -t 5 -u "${proxy_out[$name]}" line || { echo "proxy $name does not answer: $*" >&2; return 1; }
    [[ $line == ok* ]] || { echo "proxy $name: $line" >&2; return 1; }
    line=${line#ok}
    echo "${line# }"
}

proxy_figure() { # NAME FIGURE
    local stats
    stats=$(proxy_tell "$1" stats) && [[ " $stats " =~ \ $2=([0-9]+)\  ]] && echo "${BASH_REMATCH[1]}"
}

proxy_stop() { # NAME
    local name=$1 in=${proxy_in[$1]} out=${proxy_out[$1]} code
    kill "${proxy_pids[$name]}" 2>/dev/null
    wait "${proxy_pids[$name]}"
    code=$?
    exec {in}>&- {out}>&-
    unset "proxy_pids[$name]" "proxy_in[$name]" "proxy_out[$name]" "proxy_addresses[$name]"
    return $code
}

proxy_stop_all() {
    local name
    for name in "${!proxy_pids[@]}"; do proxy_stop "$name"; done
}
