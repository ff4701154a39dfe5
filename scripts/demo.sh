#!/usr/bin/env bash
# Six routers on loopback, two ways between a and f that share no router:
#
#          b ----- c              - - -  JSON over UDP, at the edges
#      . '           ' .          -----  Protocol Buffers over TCP, in the middle
#    a                   f
#      ' .           . '
#          d ----- e
#
# Sends a real file through it, record by record, and compares; kills a router on the path and shows the new one; streams
# messages while one relay after the other is killed and started again, and counts what became of them; changes the routing
# strategy by one word of the configs, and sends the file again.
#
#   scripts/demo.sh [--keep]                          --keep leaves the mesh running, and prints what to try with it
#   scripts/demo.sh --stream [MESSAGES [SECONDS]]     the stream alone, of 10,000 messages, with a kill every 2 s
#
# Nothing but loopback is used. Every wait is for a condition, with a limit. $SLOW_BUILD is taken as it is where it is set;
# else this sets up, and builds the release preset.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C # a point in $EPOCHREALTIME
keep=no alone=no messages=1500 period=2
usage() { echo "demo.sh: $1; expected nothing, --keep, or --stream [MESSAGES [SECONDS]] in whole numbers from 1" >&2; exit 2; }
case ${1-} in
'') ;;
--keep) keep=yes ;;
--stream) alone=yes messages=${2-10000} period=${3-2} ;;
*) usage "unknown option $1" ;;
esac
[[ $messages =~ ^[1-9][0-9]{0,6}$ ]] || usage "$messages is no number of messages"
[[ $period =~ ^[1-9][0-9]{0,3}$ ]] || usage "$period is no number of seconds"
if [[ $alone == yes ]]; then (($# <= 3)); else (($# <= 1)); fi || usage "$# words are too many"

if [[ -z ${SLOW_BUILD-} ]]; then
    scripts/setup.sh
    scripts/build.sh release
    SLOW_BUILD=$PWD/build/release
fi
router=$SLOW_BUILD/bin/slow-router
countries=/usr/share/iso-codes/json/iso_3166-1.json
nodes=(a b c d e f)
rate=250 # messages of the stream a second
declare -A pid
# shellcheck source=tests/support/ports.sh
. tests/support/ports.sh
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

start() { # NODE...
    local node
    for node in "$@"; do
        "$router" -c "$dir/$node.json" 2>>"$dir/$node.log" 8>&- &
        pid[$node]=$!
    done
}
end_hard() { # NODE
    kill -KILL "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
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
    ports_reserve # a router that starts again is where it was
    local b=127.0.0.1:$ports c=127.0.0.1:$((ports + 1)) d=127.0.0.1:$((ports + 2)) e=127.0.0.1:$((ports + 3))
    config a json '' "udp://$b udp://$d"
    config b 'protobuf json' "udp://$b" "tcp://$c"
    config c 'protobuf json' "udp://$c tcp://$c" ''
    config d 'protobuf json' "udp://$d" "tcp://$e"
    config e 'protobuf json' "udp://$e tcp://$e" ''
    config f json '' "udp://$c udp://$e"
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

kill_middle() { # leaves who was killed in $victim
    local pings
    victim=$(ctl a --json trace f | jq -r '.hops[1].id')
    ctl a --json ping f -c 200 -i 0.02 --timeout 0.05 2>/dev/null > >(stamp >"$dir/pings") &
    pings=$!
    until_true 10 "a's pings are not answered" has_lines "$dir/pings" 50
    say "SIGKILL to $victim, in the middle of the path, while a pings f every 20 ms"
    end_hard "$victim"
    until_true 10 "there is no way around $victim" way_avoids "$victim"
    ctl a trace f
    wait "$pings" || true # it fails, since some pings were lost
    echo "longest gap between two answers: $(longest_gap "$dir/pings") ms;" \
        "$(grep -c error "$dir/pings") of $(wc -l <"$dir/pings") pings were lost"
    echo "(the kernel closes a killed router's sockets, so its neighbours hear of it at once; a cut cable they have to notice)"
}

# ---- the stream

# {"number": 1} and so on, at $rate, or as fast as they are taken.
numbers() {
    local n=0 began=${EPOCHREALTIME/.}
    while ((n < messages)); do
        while ((n < messages && n * 1000000 <= (${EPOCHREALTIME/.} - began) * rate)); do echo "{\"number\": $((++n))}"; done
        sleep 0.02
    done
}

sees_relays() { [[ $(trace_ids) =~ ^([bd])\ ([ce])\ f$ ]] && relays=("${BASH_REMATCH[@]:1}"); }
pause_until() { while ((${EPOCHREALTIME/.} < $1)); do sleep 0.02; done; } # MICROSECONDS

# While process $1 lives, kills one of the two relays on the way every $period s, and starts it again after half of that.
kill_relays() { # PID
    local victim relays next=${EPOCHREALTIME/.}
    killed=0
    while kill -0 "$1" 2>/dev/null; do
        until_true 20 "a sees no way to f" sees_relays
        victim=${relays[killed++ % 2]}
        end_hard "$victim"
        pause_until $((next + period * 500000))
        start "$victim"
        next=$((next + period * 1000000))
        pause_until $next
    done
}

# How many numbers f printed; with -u, how many different ones.
count_numbers() { sed -En 's/.*"payload":\{"number":([0-9]+)\}\}$/\1/p' "$dir/printed" | sort "$@" | wc -l; }

stream() {
    local sender receiver delivered printed once killed
    "$SLOW_BUILD/bin/slowctl" -s "$dir/f.sock" --json recv --follow >>"$dir/printed" & # itself, not a subshell: it is killed
    receiver=$!
    numbers | ctl a --json send f --lines >"$dir/outcomes" &
    sender=$!
    kill_relays $sender
    wait $sender || true # its outcomes are counted
    ctl f --json recv --follow --timeout 1 >>"$dir/printed" # a second copy would come late
    kill $receiver
    wait $receiver 2>/dev/null || true
    delivered=$(grep -c '"outcome":"delivered"' "$dir/outcomes") || true
    printed=$(count_numbers) once=$(count_numbers -u)
    echo "sent $(wc -l <"$dir/outcomes"), delivered $delivered, lost $((messages - once)), twice $((printed - once));" \
        "a relay on the way was killed $killed times"
    ((delivered == messages && once == messages && printed == messages)) || fail "not every message arrived, and once"
}

# ---- the show

write_configs
read_records
say "six routers start"
start "${nodes[@]}"
until_true 15 "not everybody has a route to everybody" all_know_all
echo "everybody has a route to everybody"

if [[ $alone == yes ]]; then
    say "a streams $messages messages to f; every $period s a relay on the way is killed, and starts again"
    stream
    exit
fi

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

say "$victim starts again; a streams $messages messages to f; every $period s a relay on the way is killed, and starts again"
start "$victim"
stream

say "one word is changed in each config: distance-vector -> flooding; all start again"
end_all
sed -i 's/routing-distance-vector/routing-flooding/' "$dir"/?.json
start "${nodes[@]}"
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
