#!/usr/bin/env bash
# Six routers on loopback, two ways between a and f that share no router:
#
#          b ----- c              - - -  JSON over UDP, at the edges
#      . '           ' .          -----  Protocol Buffers over TCP, in the middle
#    a                   f
#      ' .           . '
#          d ----- e
#
# Sends a real file through it, record by record, and compares; kills a router on the path and shows the new one; changes the
# routing strategy by one word of the configs, and sends the file again.
#
#   scripts/demo.sh [--keep]     --keep leaves the mesh running, and prints what to try with it
#
# Nothing but loopback is used. Every wait is for a condition, with a limit. $SLOW_BUILD is taken as it is where it is set;
# else this sets up, and builds the release preset.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C # a point in $EPOCHREALTIME
keep=no
case ${1-} in
'') ;;
--keep) keep=yes ;;
*) echo "demo.sh: unknown option $1; expected nothing, or --keep" >&2; exit 2 ;;
esac

if [[ -z ${SLOW_BUILD-} ]]; then
    scripts/setup.sh
    scripts/build.sh release
    SLOW_BUILD=$PWD/build/release
fi
router=$SLOW_BUILD/bin/slow-router
countries=/usr/share/iso-codes/json/iso_3166-1.json
nodes=(a b c d e f)
declare -A pid port
dir=$(mktemp -d "${TMPDIR:-/tmp}/slow-demo.XXXXXX")

say() { printf '\n== %s\n' "$*"; }
fail() { echo "demo.sh: $*; the logs were:" >&2; tail -n 3 "$dir"/*.log >&2; exit 1; }
ctl() { "$SLOW_BUILD/bin/slowctl" -s "$dir/$1.sock" "${@:2}"; }

# ---- life

end_all() {
    local node
    for node in "${!pid[@]}"; do
        kill -TERM "${pid[$node]}" 2>/dev/null || true
    done
    for node in "${!pid[@]}"; do
        wait "${pid[$node]}" 2>/dev/null || true
        unset "pid[$node]"
    done
}
clean_up() {
    local code=$?
    end_all
    rm -rf "$dir"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

start_all() {
    local node
    for node in "${nodes[@]}"; do
        "$router" -c "$dir/$node.json" 2>>"$dir/$node.log" &
        pid[$node]=$!
    done
}

# until_true SECONDS WHAT COMMAND...: asks again and again until COMMAND succeeds.
until_true() {
    local give_up=$((${EPOCHREALTIME/./} + $1 * 1000000)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((${EPOCHREALTIME/./} < give_up)) || fail "gave up: $what"
        sleep 0.05
    done
}

# ---- configs

# A port that nobody listens on, over UDP or TCP.
free_port() {
    local number
    while :; do
        number=$((20000 + RANDOM % 10000))
        [[ " ${port[*]-} " == *" $number "* ]] && continue
        [[ -n $(ss -Hlntu "sport = :$number") ]] || break
    done
    port[$1]=$number
}

# config NODE CODECS LISTEN JOIN, each a list of words
config() {
    jq -n --arg id "$1" --arg codecs "$2" --arg listen "$3" --arg join "$4" --arg socket "$dir/$1.sock" '
        def words: split(" ") | map(select(. != ""));
        {id: $id, network: "demo",
         transports: [("udp", "tcp") as $t | {plugin: "transport-\($t)", listen: ($listen | words | map(select(startswith($t))))}],
         join: ($join | words),
         routing: [{plugin: "routing-distance-vector"}],
         codecs: ($codecs | words | map("codec-" + .)),
         admin: {socket: $socket}}' >"$dir/$1.json"
}

write_configs() {
    local node host=127.0.0.1
    for node in b c d e; do free_port "$node"; done
    config a json '' "udp://$host:${port[b]} udp://$host:${port[d]}"
    config b 'protobuf json' "udp://$host:${port[b]}" "tcp://$host:${port[c]}"
    config c 'protobuf json' "udp://$host:${port[c]} tcp://$host:${port[c]}" ''
    config d 'protobuf json' "udp://$host:${port[d]}" "tcp://$host:${port[e]}"
    config e 'protobuf json' "udp://$host:${port[e]} tcp://$host:${port[e]}" ''
    config f json '' "udp://$host:${port[c]} udp://$host:${port[e]}"
}

# ---- conditions

knows_all() { (($(ctl "$1" --json routes | jq '.routes | length') == ${#nodes[@]} - 1)); }
all_know_all() { for node in "${nodes[@]}"; do knows_all "$node" || return 1; done; }
trace_ids() { ctl a --json trace f --timeout 1 | jq -r '[.hops[].id // "?"] | join(" ")'; }
way_avoids() { local way; way=$(trace_ids) && [[ " $way " != *" $1 "* && $way == *f ]]; }
has_lines() { (($(grep -c rtt_ms "$1") >= $2)); }

# ---- the file

# Each record on a line, with the white space that it has in the file.
read_records() {
    awk '/^    {/ { record = "" } { record = record $0 } /^    },?$/ { sub(/,$/, "", record); print record }' \
        "$countries" >"$dir/sent"
    jq -c . "$dir/sent" >"$dir/expected" # less white space
    jq -e --argjson n "$(wc -l <"$dir/sent")" '."3166-1" | length == $n' "$countries" >/dev/null ||
        fail "$countries is not laid out as expected"
}

# With two ways records may overtake each other, so both sides are sorted.
send_file() {
    local count receiver
    count=$(wc -l <"$dir/sent")
    ctl f --json recv -n "$count" --timeout 40 >"$dir/received" &
    receiver=$!
    ctl a send f --lines -f "$dir/sent" || fail "not all of $count records were delivered"
    wait $receiver || fail "not all of $count records arrived"
    sed -E 's/^.*"payload":(\{.*\})\}$/\1/' "$dir/received" | sort >"$dir/got"
    sort "$dir/expected" | cmp - "$dir/got" || fail "what arrived is not what was sent"
    echo "$count of $count records arrived at f, byte for byte what a sent, less white space ($(wc -c <"$dir/got") bytes)"
}

# ---- the gap

stamp() { while IFS= read -r line; do printf '%s %s\n' "$EPOCHREALTIME" "$line"; done; }

# The longest time between two answers, in ms.
longest_gap() {
    awk '/rtt_ms/ { if (last && $1 - last > most) most = $1 - last; last = $1 } END { printf "%.0f\n", most * 1000 }' "$1"
}

kill_middle() {
    local victim pings
    victim=$(ctl a --json trace f | jq -r '.hops[1].id')
    ctl a --json ping f -c 200 -i 0.02 --timeout 0.05 2>/dev/null > >(stamp >"$dir/pings") &
    pings=$!
    until_true 10 "a's pings are not answered" has_lines "$dir/pings" 50
    say "SIGKILL to $victim, in the middle of the path, while a pings f every 20 ms"
    kill -KILL "${pid[$victim]}"
    wait "${pid[$victim]}" 2>/dev/null || true
    unset "pid[$victim]"
    until_true 10 "there is no way around $victim" way_avoids "$victim"
    ctl a trace f
    wait "$pings" || true # it fails, since some pings were lost
    echo "longest gap between two answers: $(longest_gap "$dir/pings") ms;" \
        "$(grep -c error "$dir/pings") of $(wc -l <"$dir/pings") pings were lost"
    echo "(the kernel closes a killed router's sockets, so its neighbours hear of it at once; a cut cable they have to notice)"
}

# ---- the show

write_configs
read_records
say "six routers start"
start_all
until_true 15 "not everybody has a route to everybody" all_know_all
echo "everybody has a route to everybody"

say "who is linked to b, and in which codec"
ctl b neighbours
say "a's routes"
ctl a routes
say "the way from a to f"
ctl a trace f

say "a sends $countries to f, record by record"
send_file

kill_middle

say "a sends it again, the other way"
send_file

say "one word is changed in each config: distance-vector -> flooding; all start again"
end_all
sed -i 's/routing-distance-vector/routing-flooding/' "$dir"/?.json
start_all
until_true 15 "a does not reach f by flooding" ctl a ping f
ctl a plugins | grep -E 'KIND|routing-'
send_file

if [[ $keep == yes ]]; then
    trap - EXIT
    say "the mesh runs on; try"
    for line in "status" "neighbours" "trace f" "ping f -c 5" "peers" "send f '{\"hello\": \"f\"}'"; do
        echo "  $SLOW_BUILD/bin/slowctl -s $dir/a.sock $line"
    done
    echo "  $SLOW_BUILD/bin/slowctl -s $dir/f.sock recv   (in another shell, before the message expires)"
    echo "and end it with: kill ${pid[*]}; rm -r $dir"
else
    say "done"
fi
