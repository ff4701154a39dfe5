#!/usr/bin/env bash
# Two junctions in two processes, in C++ and in Python, each with each: the examples of docs/embedding.md that take an address.
# Bob listens and echoes, alice sends JSON and bytes and wants the same back; each tells its outcomes.
#
#   embed_processes_test.sh PYTHON
#
# SLOW_BUILD is the build folder; SLOW_PRELOAD is what Python must load first, for a sanitizer's library.
set -euo pipefail
build=$(realpath "${SLOW_BUILD:?the build folder}")
source=$(realpath "$(dirname "$0")/..")
python=${1:?python3}
# shellcheck source=support/ports.sh
. "$source/tests/support/ports.sh"
ports_reserve
work=$(mktemp -d)
bob=
clean_up() {
    [[ -z $bob ]] || kill -KILL "$bob" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

run() { # LANGUAGE WHO ADDRESS: in place of this shell
    case $1 in
    c++) exec timeout 60 "$build/examples/embed-exchange" "$2" "$3" 8>&- ;;
    python)
        export PYTHONPATH=$source/bindings/python SLOW_LIBRARY=$build/lib/libslow.so.1 PYTHONDONTWRITEBYTECODE=1
        exec timeout 60 env LD_PRELOAD="${SLOW_PRELOAD-}" "$python" "$source/examples/embed/python/$2.py" "$3" 8>&-
        ;;
    esac
}
tell() { # WHAT: and all there is to see
    echo "embed_processes_test: $1"
    tail -n 20 "$work"/*
    exit 1
}
expect() { # FILE LANGUAGE FROM: two messages with what they were, as that language prints it, and two outcomes
    local line bodies=('{"hello":"bob"}' '3 bytes')
    [[ $2 == python ]] && bodies=("{'hello': 'bob'}" "b'\\x00\\x01\\x02'")
    for line in "${bodies[@]}"; do
        grep -qF -- "from $3: $line" "$1" || tell "no \"from $3: $line\" in $1"
    done
    (($(grep -c 'delivered$' "$1") == 2)) || tell "not two deliveries in $1"
}
exchange() { # LANGUAGE-OF-ALICE LANGUAGE-OF-BOB PORT
    local address=udp://127.0.0.1:$3 name=$work/$1-$2
    (run "$2" bob "$address") >"$name.bob" 2>&1 &
    bob=$!
    # Alice may be the first: she dials until bob is there.
    (run "$1" alice "$address") >"$name.alice" 2>&1 &
    local alice=$!
    wait "$alice" || tell "alice in $1 fails"
    wait "$bob" || tell "bob in $2 fails"
    bob=
    expect "$name.alice" "$1" bob
    expect "$name.bob" "$2" alice
    [[ $(head -n 1 "$name.bob") == "$address" ]] || tell "bob in $2 does not say where he listens"
}

exchange c++ c++ "$ports"
exchange c++ python $((ports + 1))
exchange python c++ $((ports + 2))
exchange python python $((ports + 3))
echo "embed_processes_test: four pairs of processes exchanged JSON and bytes with outcomes, in C++ and in Python"
