#!/usr/bin/env bash
# A live network moves to another routing strategy and back: 16 slow-routers on loopback, a grid of 4 x 4, while five pairs
# send 100 messages a second each. Each step is one slowctl command a router: add the second strategy, let it converge,
# swap the preferences, remove the first. Counted at the receivers: nothing lost, nothing twice; and no router was started
# anew. Run by ctest; by hand: SLOW_BUILD=build/dev tests/live_switch_test.sh [FIRST SECOND [SCHEME]]
set -u

# shellcheck source=tests/support/routers.sh
. "$(dirname "$0")/support/routers.sh"
first=${1:-distance-vector} second=${2:-link-state} scheme=${3:-tcp}
[[ -n ${2-} || -e $SLOW_BUILD/lib/slow/1/routing-link-state.so ]] || second=flooding
width=4 rate=100 # messages a second, of each pair
pairs=("0 15" "3 12" "15 0" "12 3" "5 10")
routers=$(seq 0 $((width * width - 1)))
helpers=()

clean_up() {
    touch "$dir/stop"
    for pid in "${helpers[@]}"; do kill "$pid" 2>/dev/null; done
    routers_end
}
trap clean_up EXIT

# What flooding learns is a guess at the quickest way back. Where others go by costs it may point at where they come from.
options_of() { [[ $1 != flooding ]] || echo learn=false; }

# ---- helpers ----

die() {
    echo "NOT OK   $*"
    grep -h "is down" "$dir"/*.log | head -n 5
    tail -n 5 "$dir"/*.log
    exit 1
}

# ---- what a router says ----

routes_all() { # ROUTER STRATEGY: it has a route to each of the others by this strategy
    [[ $(ctl "$1" routes | awk -v s="routing-$2" '$5 == s' | wc -l) == $((width * width - 1)) ]]
}

chooses() { ctl 0 --json routing | grep -Eq "\"plugin\":\"routing-$1\"[^}]*\"chooses\":true"; }

knows_all() { # ROUTER STRATEGY: it offers a route to each of the others
    ctl "$1" --json routing | grep -Eq "\"plugin\":\"routing-$2\"[^}]*\"destinations\":$((width * width - 1)),"
}

decides() { # ROUTER STRATEGY: it has the highest preference, and what is in the table is its own
    ctl "$1" --json routing | grep -Eq "^\{\"routing\":\[\{\"plugin\":\"routing-$2\"" &&
        { chooses "$2" || routes_all "$1" "$2"; }
}

# ---- the grid ----

start_grid() {
    local i address pair learn=
    [[ $first != flooding ]] || learn=', "learn": false'
    for i in $routers; do
        cat >"$dir/$i.json" <<END
{"id": "n$i", "admin": {"socket": "$dir/$i"}, "routing": [{"plugin": "routing-$first"$learn}],
 "transports": [{"plugin": "transport-$scheme", "listen": ["$scheme://127.0.0.1:0"]}]}
END
        start "$i" -c "$dir/$i.json"
    done
    for i in $routers; do
        within 10 ctl "$i" status || die "n$i did not start"
        address=$(bound_address "$i" "$scheme")
        ((i % width == 0)) || ctl $((i - 1)) join "$address" >/dev/null || die "no link n$((i - 1)) - n$i"
        ((i < width)) || ctl $((i - width)) join "$address" >/dev/null || die "no link n$((i - width)) - n$i"
    done
    for i in $routers; do
        within 20 decides "$i" "$first" || die "n$i has not found all the others"
    done
    for pair in "${pairs[@]}"; do
        within 20 ctl "${pair% *}" ping "n${pair#* }" || die "nothing comes from n${pair% *} to n${pair#* }"
    done
}

# ---- traffic ----

# Numbered lines at the rate, whatever a turn takes, until told to stop.
lines() { # PAIR
    local n=0 now start=${EPOCHREALTIME/./}
    exec 9<> <(:) # nothing ever comes here: a sleep without a process
    while [[ ! -e $dir/stop ]]; do
        now=${EPOCHREALTIME/./}
        while ((n < (now - start) * rate / 1000000)); do echo "[$1,$((n++))]"; done
        read -r -t 0.01 -u 9
    done
}

start_traffic() {
    local pair from to
    for pair in "${!pairs[@]}"; do
        read -r from to <<<"${pairs[pair]}"
        "$bin/slowctl" -s "$dir/$to" --json recv --follow >"$dir/received.$pair" &
        helpers+=($!)
        lines "$pair" | "$bin/slowctl" -s "$dir/$from" --json send "n$to" --lines --best-effort >"$dir/sent.$pair" &
        helpers+=($!)
    done
}

numbers_of() { grep -Eo "\"payload\":\[$1,[0-9]+\]" "$dir/received.$1" | grep -Eo '[0-9]+\]'; }

all_came() { # PAIR
    local sent
    sent=$(grep -c '"accepted":true' "$dir/sent.$1")
    ((sent > 0)) && [[ $(numbers_of "$1" | sort -u | wc -l) == "$sent" ]]
}

# ---- the move ----

everywhere() { # ARGUMENTS OF slowctl routing...
    local i
    for i in $routers; do ctl "$i" routing "$@" >/dev/null || die "n$i: slowctl routing $*"; done
}

move() { # FROM TO
    local i from=$1 to=$2
    everywhere add "$to" $(options_of "$to") --preference 50
    for i in $routers; do
        chooses "$to" || within 20 knows_all "$i" "$to" || die "n$i: $to does not converge"
    done
    everywhere prefer "$to" 200
    for i in $routers; do within 10 decides "$i" "$to" || die "n$i: $to does not decide"; done
    everywhere remove "$from"
    for i in $routers; do
        within 10 decides "$i" "$to" || die "n$i: $to does not decide alone"
        ctl "$i" routing | grep -q "^$from " && die "n$i: $from is still there"
    done
    everywhere prefer "$to" 100
    echo "    moved from $from to $to, $((($(date +%s%N) - began) / 1000000)) ms after the first message"
}

traffic_flows() {
    for pair in "${!pairs[@]}"; do
        [[ -s $dir/sent.$pair ]] || return 1
    done
}

# ---- what is asked ----

start_grid
declare -A start_of=()
for pid in "${pids[@]}"; do start_of[$pid]=$(awk '{print $22}' "/proc/$pid/stat"); done
began=$(date +%s%N)
start_traffic
within 5 traffic_flows
move "$first" "$second"
move "$second" "$first"
touch "$dir/stop"
took=$((($(date +%s%N) - began) / 1000000)) # ms
for pair in "${!pairs[@]}"; do within 5 all_came "$pair"; done

sent=0 lost=0 twice=0 bad=0
for pair in "${!pairs[@]}"; do
    accepted=$(grep -c '"accepted":true' "$dir/sent.$pair")
    came=$(numbers_of "$pair" | wc -l)
    different=$(numbers_of "$pair" | sort -u | wc -l)
    sent=$((sent + accepted)) lost=$((lost + accepted - different)) twice=$((twice + came - different))
    bad=$((bad + $(grep -vc '"accepted":true' "$dir/sent.$pair")))
done
restarts=0
for pid in "${pids[@]}"; do
    [[ $(awk '{print $22}' "/proc/$pid/stat" 2>/dev/null) == "${start_of[$pid]}" ]] || restarts=$((restarts + 1))
done
closed=$(for i in $routers; do ctl "$i" --json status; done | grep -Eo '"links_lost":[0-9]+' | awk -F: '{n += $2} END {print n}')
echo "$first -> $second -> $first over $scheme: $sent messages in $took ms, lost $lost, duplicates $twice, refused $bad," \
    "links lost $closed, routers started anew $restarts"
((sent * 1000 > rate * ${#pairs[@]} * took * 9 / 10)) || die "that is not the traffic that was to be"
((lost == 0 && twice == 0)) ||
    for i in $routers; do ctl "$i" --json status; done | grep -Eo '"drop_[a-z_]+":[1-9][0-9]*' | tr -d '"' |
    awk -F: '{n[$1] += $2} END {for (name in n) print "    " name, n[name]}'
((lost == 0 && twice == 0 && bad == 0 && restarts == 0)) || die "messages, or routers, were lost"
