#!/usr/bin/env bash
# slow-router and slowctl as a person uses them: routers on loopback sockets, alice -- relay -- bob, and every command.
# Each test is a function named for what it shows. Conditions are polled, with a bound.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/router_test.sh
set -u

for part in routers ports; do
    # shellcheck source=/dev/null
    . "$(dirname "$0")/support/$part.sh"
done
trap routers_end EXIT
failures=0

# ---- helpers ----

ms_of() { # COMMAND...: how long it took, in $ms; its exit code
    local from code
    from=$(date +%s%N)
    "$@"
    code=$?
    ms=$((($(date +%s%N) - from) / 1000000))
    return $code
}

# A busy machine is slow: what should take how long is told, and held in virtual time (link_scenario_test), not here.
told_ms() { # EXPECTED-MS
    echo "    took $ms ms; about $1 at most are expected"
}

says() { # PATTERN: stdin is one line that matches it
    local text
    text=$(cat)
    [[ $(wc -l <<<"$text") == 1 ]] && grep -Eq -- "$1" <<<"$text" && return
    echo "    expected one line like: $1"
    echo "    got: $text"
    return 1
}

exits() { # CODE COMMAND...
    local wanted=$1 code
    shift
    "$@" >"$dir/out" 2>"$dir/err"
    code=$?
    [[ $code == "$wanted" ]] && return
    echo "    expected exit code $wanted, got $code: $*"
    cat "$dir/out" "$dir/err"
    return 1
}

run() { # TEST
    local out
    if out=$("$1" 2>&1); then
        echo "ok       $1"
    else
        failures=$((failures + 1))
        echo "NOT OK   $1"
        echo "$out"
    fi
}

run_here() { # TEST ARGUMENTS...: the same in this shell, for a test that starts a router or waits for one
    if "$@" >"$dir/said" 2>&1; then
        echo "ok       $*"
    else
        failures=$((failures + 1))
        echo "NOT OK   $*"
        cat "$dir/said"
    fi
}

# ---- the network ----

start_relay() {
    start relay -c "$dir/relay.json"
    within 5 ctl relay status
}

start_network() {
    ports_reserve || return 1 # the relay is to be where it was when it starts again
    udp=udp://127.0.0.1:$ports tcp=tcp://127.0.0.1:$ports
    cat >"$dir/relay.json" <<END
{"id": "relay", "admin": {"socket": "$dir/relay"}, "log": {"level": "debug"},
 "transports": [{"plugin": "transport-udp", "listen": ["$udp"]},
                {"plugin": "transport-tcp", "listen": ["$tcp"]}]}
END
    start_relay || return 1
    cat >"$dir/alice.json" <<END
{"id": "alice", "admin": {"socket": "$dir/alice"}, "join": ["$udp"], "codecs": ["codec-json"]}
END
    start alice -c "$dir/alice.json"
    start bob --id bob --join "$tcp" --admin "$dir/bob" --log-format json
    within 5 ctl alice routes bob && within 5 ctl bob routes alice
}

# ---- what one sees ----

status_tells_of_the_junction() {
    local start='^\{"id":"relay","network":"slow","version":"[0-9.]+","uptime_ms":[0-9]+,"neighbours":2,'
    ctl relay --json status | says "$start" &&
        ctl relay --json status | says '"counters":\{.*"drop_package_no_route":0' &&
        ctl alice --json status | says "\"joins\":\[\{\"address\":\"$udp\",\"state\":\"linked\",\"peer\":\"relay\"" &&
        ctl relay status | grep -q '^network  *slow$'
}

neighbours_have_links_and_codecs() {
    local json='"id":"alice","cost":[0-9]+,.*"codec":"json".*"id":"bob",.*"remote":"tcp://.*"codec":"protobuf"'
    ctl relay --json neighbours | says "$json" &&
        ctl relay --json neighbours | says '"transit":\{"passed_on":[0-9]+,"not_passed_on":[0-9]+,"suspected_to":0,"suspected_ms":null,"shunned":false\}' &&
        ctl relay neighbours | grep -Eq ' PASSED ON +SECURITY' &&
        ctl relay neighbours | grep -Eq '^alice +udp://127.0.0.1:[0-9]+ +yes +json +[0-9.]+ ms '
}

routes_go_through_the_relay() {
    ctl alice --json routes |
        says '^\{"routes":\[\{"id":"bob","next_hop":"relay","metric":[0-9]+,.*\{"id":"relay","next_hop":"relay",' &&
        ctl alice --json routes bob | says '"candidates":\[\{"via":"relay","metric":[0-9]+,' &&
        exits 1 ctl alice routes nobody && ctl alice routes | grep -Eq '^bob +relay +[0-9.]+ ms '
}

plugins_are_listed() {
    ctl relay --json plugins | says '\{"id":"transport-udp","kind":"transport",.*"kind":"routing",.*"kind":"security"'
}

# ---- ping and trace ----

ping_counts_links() {
    ctl alice --json ping bob | says '^\{"id":"bob","seq":1,"rtt_ms":[0-9.]+,"hops":2\}$' &&
        [[ $(ctl alice --json ping bob -c 3 -i 0.01 | grep -c '"hops":2') == 3 ]] &&
        ctl alice ping relay | says '^relay: ping 1, [0-9.]+ ms, 1 hop$'
}

ping_without_a_route_says_so() {
    ms_of exits 1 ctl alice --json ping nobody && told_ms 1000 &&
        says '^\{"id":"nobody","seq":1,"error":"there is no route to nobody"\}$' <"$dir/out"
}

trace_names_every_hop() {
    ctl alice --json trace bob | says '"hops":\[\{"id":"relay",[^}]*\},\{"id":"bob",[^}]*\}\]' &&
        ctl alice trace bob | grep -Eq '^ +2 +bob +[0-9.]+ ms$'
}

# ---- messages ----

json_arrives_as_it_was_written() {
    local long=1234567890123456789012345678901234567890
    ctl alice send --no-wait bob "{\"n\": 1.0, \"e\": 1E2, \"long\": $long}" && ctl bob --json recv --timeout 5 |
        says '^\{"from":"alice","type":"json","channel":0,"payload":\{"n":1.0,"e":1E2,"long":'$long'\}\}$'
}

binary_and_control_messages_arrive_in_base64() {
    head -c 3000 /dev/zero >"$dir/zeros"
    ctl alice --json send bob --no-wait --binary -f "$dir/zeros" | says '"accepted":true,"bytes":3000' &&
        ctl bob --json recv --timeout 5 | says '^\{"from":"alice","type":"binary","channel":0,"payload":"A{4000}"\}$' &&
        ctl bob send alice --no-wait --control 0x8001 --channel 5 hi && ctl alice --json recv --timeout 5 |
        says '^\{"from":"bob","type":"control","kind":32769,"channel":5,"payload":"aGk="\}$'
}

what_is_not_json_is_refused_with_a_hint() {
    exits 2 "$bin/slowctl" -s "$dir/alice" send bob hello && says 'not JSON.*--binary' <"$dir/err"
}

lines_are_messages() {
    local lines=3000
    seq $lines | sed 's/.*/{"line": &}/' >"$dir/lines"
    ctl bob --json recv -n $lines --timeout 30 >"$dir/received" &
    local receiver=$!
    [[ $(ctl alice --json send bob --lines --ordered -f "$dir/lines" | grep -c '"outcome":"delivered","reason":null,') == "$lines" ]] &&
        wait $receiver && [[ $(wc -l <"$dir/received") == "$lines" ]] &&
        [[ $(sed 's/.*{"line":\([0-9]*\)}.*/\1/' "$dir/received" | sort -nc && echo sorted) == sorted ]] || return 1
    printf '1\n\nnot json\n3' >"$dir/lines"
    ctl bob --json recv -n 2 --timeout 10 >"$dir/received" &
    receiver=$!
    exits 1 "$bin/slowctl" -s "$dir/alice" --json send bob --lines -f "$dir/lines" &&
        grep -q '^{"message":3,"outcome":"not_delivered","reason":"refused: line 1: not JSON' "$dir/out" &&
        grep -q '^{"message":4,"outcome":"delivered",' "$dir/out" &&
        says 'lines:3: not delivered: refused: line 1: not JSON' <"$dir/err" && wait $receiver &&
        [[ $(grep -c payload "$dir/received") == 2 ]]
}

an_outcome_is_told_with_its_reason() {
    ctl bob --json recv --timeout 10 >"$dir/received" &
    local receiver=$!
    ctl alice --json send bob '"taken"' | says '^\{"message":1,"outcome":"delivered","reason":null,"rtt_ms":[0-9.]+\}$' &&
        wait $receiver && says '"payload":"taken"}$' <"$dir/received" &&
        exits 1 ctl alice --json send bob --ttl 0.3 '"too late"' &&
        says '^\{"message":1,"outcome":"not_delivered","reason":"expired: ' <"$dir/out" &&
        exits 1 ctl bob recv --timeout 0 && exits 1 ctl alice send nobody --ttl 0.1 1 &&
        says '^not delivered to nobody: expired: it could not be sent within 0.1 s' <"$dir/out" &&
        exits 1 ctl alice send nobody --fail-fast 1 && says '^not delivered to nobody: there is no route' <"$dir/out" &&
        exits 0 ctl alice send bob --best-effort 1 && says '^accepted for bob, as best effort$' <"$dir/out" &&
        ctl bob recv --timeout 5 && exits 2 ctl alice send bob --ordered --latest 1 && exits 2 ctl alice send bob --ttl x 1 &&
        exits 2 ctl alice send bob --channel 64 1
}

a_traced_message_shows_its_way() {
    local hop='"attempt":1,"offset":0' time='"time":"20[0-9-]+T[0-9:]+\.[0-9]{6}Z","queued_ms":[0-9.]+' how
    for how in "" --best-effort; do
        ctl bob --json recv --timeout 10 >"$dir/received" &
        # shellcheck disable=SC2086 # none, or one
        ctl alice --json send bob --trace $how '"traced"' >"$dir/way" && wait $! &&
            grep -Eq '^\{"message":1,"outcome":"delivered","reason":null,"rtt_ms":[0-9.]+\}$|^\{"to":"bob","accepted":true,"bytes":8\}$' <(sed -n 1p "$dir/way") &&
            sed -n 2p "$dir/way" | says '^\{"message":1,'$hop',"place":0,"id":"alice",'$time',"next":"relay","fate":"passed"\}$' &&
            sed -n 3p "$dir/way" | says '^\{"message":1,'$hop',"place":1,"id":"relay",'$time',"next":"bob","fate":"passed"\}$' &&
            sed -n 4p "$dir/way" | says '^\{"message":1,'$hop',"place":2,"id":"bob",'$time',"next":null,"fate":"arrived"\}$' &&
            [[ $(wc -l <"$dir/way") == 4 ]] || return 1
    done
    ctl bob recv --timeout 10 >"$dir/received" &
    ctl alice send bob --trace '"traced"' >"$dir/way" && wait $! && grep -Eq '^delivered to bob in ' "$dir/way" &&
        grep -Eq '^ +1 +1 +relay +[0-9:]+\.[0-9]{6}Z +[0-9.]+ ms +to bob$' "$dir/way" &&
        grep -Eq '^ +1 +2 +bob +[0-9:.]+Z +0.000 ms +arrived$' "$dir/way"
}

# A relay that stands still says nothing: the trace ends where the message was sent on to it. Of best effort there is no
# outcome, and hops are waited for 6 s.
a_trace_shows_how_far_a_lost_message_came() {
    ctl alice send nobody --trace --ttl 0.1 1 >"$dir/way"
    grep -Eq '^not delivered to nobody: expired: it could not be sent' "$dir/way" &&
        grep -Eq '^nothing of it was sent so far$' "$dir/way" || return 1
    kill -STOP "${pids[relay]}"
    ctl alice send bob --trace --best-effort 1 >"$dir/way"
    kill -CONT "${pids[relay]}"
    grep -Eq '^accepted for bob, as best effort$' "$dir/way" &&
        grep -Eq '^ +1 +0 +alice +[0-9:.]+Z +[0-9.]+ ms +to relay$' "$dir/way" &&
        grep -Eq '^ +1 +1 +relay +- +- +silent$' "$dir/way" && within 10 ctl alice ping bob &&
        exits 2 ctl alice send bob --trace --no-wait 1 && exits 2 ctl alice send bob --trace --lines -f /dev/null
}

peers_have_their_figures() {
    ctl alice --json peers | says '"id":"bob","paired":true,.*"rtt_ms":[0-9.]+,.*"cwnd":[0-9]+,"in_flight":' &&
        ctl alice peers | grep -Eq '^bob +yes +[0-9.]+ ms ' && ctl relay peers | says '^PEER +PAIR ' # it has none
}

recv_ends_at_its_time_with_what_came() {
    ctl alice send --no-wait bob 1 && ms_of exits 1 ctl bob --json recv -n 2 --timeout 0.3 && says '"payload":1}$' <"$dir/out" &&
        told_ms 300 && exits 0 ctl bob recv --follow --timeout 0.1 && exits 1 ctl bob recv --timeout 0
}

a_line_of_recv_is_for_reading() {
    ctl alice send --no-wait bob '{"hello":"bob"}' && ctl bob recv --timeout 5 | says '^alice json \{"hello":"bob"\}$'
}

# ---- HTTP ----

curl_is_a_client() {
    command -v curl >/dev/null || { echo "curl is not installed: SKIPPED" && return; }
    curl -sf --max-time 5 --unix-socket "$dir/alice" http://slow/v1/status | says '"id":"alice"' &&
        curl -sf --max-time 5 --unix-socket "$dir/alice" 'http://slow/v1/send?to=bob&no_wait=true' -d '[1, 2]' |
        says '"accepted":true' &&
        curl -sf --max-time 5 --unix-socket "$dir/bob" http://slow/v1/recv -d '{"n":1,"timeout_ms":5000}' |
        says '^\{"messages":\[\{"from":"alice","type":"json","channel":0,"payload":\[1,2\]\}\]\}$'
}

# ---- strategies ----

strategies_are_listed() {
    ctl relay --json routing |
        says '^\{"routing":\[\{"plugin":"routing-distance-vector","protocol":"distance-vector/1","preference":100,"chooses":false,"destinations":2,"in_use":2,"neighbours":\["alice","bob"\],"known":' &&
        ctl relay routing | grep -Eq '^distance-vector +distance-vector/1 +100 +no +2 +2 +2 '
}

strategies_come_and_go_while_links_stay() {
    ctl relay --json routing add flooding learn=false --preference 7 |
        says '"plugin":"routing-flooding","protocol":"flooding/1","preference":7,"chooses":true,' &&
        ctl relay routing prefer routing-flooding 300 | grep -A1 '^STRATEGY' | grep -q '^flooding .* 300 ' &&
        ctl relay routing remove flooding && [[ $(ctl relay routing | wc -l) == 2 ]] &&
        ctl relay --json status | says '"links_lost":0,'
}

a_strategy_that_comes_back_begins_anew() {
    ctl bob routing add flooding && ctl bob routing remove distance-vector &&
        within 5 speaks_with_relay 0 && ctl bob routing add distance-vector max_origins=1000 &&
        within 5 speaks_with_relay 1 && ctl bob routing remove flooding &&
        within 5 ctl bob routes alice && within 5 ctl alice routes bob
}
speaks_with_relay() { # 1 or 0: bob is among those that the relay's distance-vector sees
    [[ $(ctl relay --json routing | grep -c '"neighbours":\["alice","bob"\]') == "$1" ]]
}

mistakes_with_strategies_are_one_line() {
    local relay=("$bin/slowctl" -s "$dir/relay" routing)
    exits 1 "${relay[@]}" add floding && says 'did you mean "routing-flooding"' <"$dir/err" &&
        exits 1 "${relay[@]}" add transport-udp && says 'no plugin "routing-transport-udp"' <"$dir/err" &&
        exits 1 "${relay[@]}" add distance-vector && says 'routing-distance-vector runs already' <"$dir/err" &&
        exits 1 "${relay[@]}" add flooding lern=true && says 'lern: unknown key; did you mean "learn"' <"$dir/err" &&
        exits 1 "${relay[@]}" add flooding learn=perhaps && says 'learn: .*expected' <"$dir/err" &&
        exits 2 "${relay[@]}" add flooding learn && says 'KEY=VALUE' <"$dir/err" &&
        exits 2 "${relay[@]}" add flooding plugin=x && exits 2 "${relay[@]}" add &&
        exits 2 "${relay[@]}" add flooding --preference 70000 && says '0 to 65535' <"$dir/err" &&
        exits 1 "${relay[@]}" prefer flooding 5 && says 'no strategy "routing-flooding" runs here' <"$dir/err" &&
        exits 1 "${relay[@]}" prefer distance-vectr 5 && says 'did you mean "routing-distance-vector"' <"$dir/err" &&
        exits 2 "${relay[@]}" prefer distance-vector -- -5 && exits 2 "${relay[@]}" prefer distance-vector &&
        exits 1 "${relay[@]}" remove distance-vector && says 'is the only strategy that runs' <"$dir/err" &&
        exits 2 "${relay[@]}" remov flooding && exits 2 "${relay[@]}" --preference 5 &&
        exits 2 "$bin/slowctl" -s "$dir/relay" routes --preference 5
}

# ---- joins, and the end ----

joins_can_be_made_and_taken_back() {
    ctl bob --json join "$udp" | says '"joined":true' && within 5 two_links && ctl bob leave "$udp" &&
        within 5 one_link && exits 1 ctl bob leave "$udp" && exits 1 ctl bob join 'udp://127.0.0.1:70000'
}
two_links() { [[ $(ctl bob --json neighbours | grep -o '"remote"' | wc -l) == 2 ]]; }
one_link() { [[ $(ctl bob --json neighbours | grep -o '"remote"' | wc -l) == 1 ]]; }

sigterm_says_goodbye() {
    kill -HUP "${pids[bob]}" && within 5 grep -q 'SIGHUP is ignored' "$dir/bob.log" &&
        kill -TERM "${pids[bob]}" && ms_of within 20 gone_from_relay bob && told_ms 1000 &&
        grep -q 'bob is down: it said goodbye' "$dir/relay.log" && [[ ! -e $dir/bob ]]
}
gone_from_relay() { ! ctl relay --json neighbours | grep -q "\"id\":\"$1\""; }

its_log_is_json_when_asked_for() {
    ! grep -Evq '^\{"time":"[0-9TZ:.-]+","level":"[a-z]+","who":"[^"]+","text":".*"\}$' "$dir/bob.log"
}

a_router_that_was_killed_is_replaced() {
    kill -KILL "${pids[relay]}"
    wait "${pids[relay]}"
    [[ -S $dir/relay ]] &&
        exits 1 "$bin/slowctl" -s "$dir/relay" status && says 'nobody serves it any more' <"$dir/err" || return 1
    start_relay && within 10 ctl alice --json ping relay --timeout 0.5
}

ends_with_code_0() { # NAME
    local pid=${pids[$1]}
    kill -TERM "$pid" # a second time for one that was told already: it is gone by then, or on its way
    ms_of wait "$pid"
    local code=$?
    unset "pids[$1]"
    told_ms 1000 && ((code == 0))
}

# ---- mistakes ----

a_config_with_a_mistake_starts_nothing() {
    echo '{"id": "x", "admin": {"socket": "'"$dir"'/x"}, "routng": []}' >"$dir/x.json"
    exits 2 timeout 5 "$bin/slow-router" -c "$dir/x.json" && says 'x.json:1: routng: .*"?routing' <"$dir/err" &&
        [[ ! -e $dir/x ]] && exits 2 timeout 5 "$bin/slow-router" --check "$dir/x.json" &&
        exits 2 timeout 5 "$bin/slow-router" -c "$dir/none.json" &&
        exits 2 timeout 5 "$bin/slow-router" && exits 2 timeout 5 "$bin/slow-router" --id x --listen 127.0.0.1:1 &&
        exits 2 timeout 5 "$bin/slow-router" --id x --listen udp://0.0.0.0:0 &&
        exits 2 timeout 5 "$bin/slow-router" --id x --bogus &&
        says 'there is no option --bogus' <"$dir/err"
}

what_cannot_be_had_is_no_mistake_of_the_config() {
    exits 1 timeout 5 "$bin/slow-router" --id x --admin "$dir/relay" && says 'process [0-9]+ serves' <"$dir/err" &&
        exits 1 timeout 5 "$bin/slow-router" --id x --listen "$tcp" && says "$tcp" <"$dir/err"
}

the_example_is_a_config() {
    "$bin/slow-router" --genconf >"$dir/example.json" && exits 0 "$bin/slow-router" --check "$dir/example.json"
}

it_describes_itself() {
    exits 0 "$bin/slow-router" --help && exits 0 "$bin/slowctl" --help &&
        "$bin/slow-router" --version | says '^slow-router [0-9]' &&
        exits 0 "$bin/slow-router" --describe transport-udp && grep -q '"mtu"' "$dir/out" &&
        exits 0 "$bin/slow-router" --describe security-noise && grep -q '"security" takes keys.*identity, members' "$dir/out" &&
        exits 2 "$bin/slow-router" --describe noise && grep -q 'did you mean "security-noise"' "$dir/err" &&
        exits 2 "$bin/slow-router" --describe transport-pigeon
}

what_cannot_be_written_is_no_success() {
    exits 1 sh -c "'$bin/slow-router' --id x --check >/dev/full" && exits 1 sh -c "'$bin/slowctl' --help >/dev/full"
}

slowctl_says_what_is_missing() {
    exits 2 env -u SLOW_SOCKET "$bin/slowctl" status && says 'SLOW_SOCKET' <"$dir/err" &&
        exits 0 env SLOW_SOCKET="$dir/alice" "$bin/slowctl" status &&
        exits 1 "$bin/slowctl" -s "$dir/none" status && says 'no such socket' <"$dir/err" &&
        exits 2 "$bin/slowctl" -s "$dir/alice" statu && exits 2 "$bin/slowctl" -s "$dir/alice" ping bob --lines &&
        exits 2 "$bin/slowctl" -s "$dir/alice" ping && exits 2 "$bin/slowctl" -s "$dir/alice" recv -n 0 &&
        exits 2 "$bin/slowctl" status -s && says 'missing behind -s' <"$dir/err"
}

if ! start_network; then
    echo "NOT OK   the network did not come up"
    tail "$dir"/*.log
    exit 1
fi
for test in status_tells_of_the_junction neighbours_have_links_and_codecs routes_go_through_the_relay \
    plugins_are_listed ping_counts_links ping_without_a_route_says_so trace_names_every_hop \
    json_arrives_as_it_was_written binary_and_control_messages_arrive_in_base64 \
    what_is_not_json_is_refused_with_a_hint lines_are_messages an_outcome_is_told_with_its_reason a_traced_message_shows_its_way \
    peers_have_their_figures recv_ends_at_its_time_with_what_came \
    a_line_of_recv_is_for_reading curl_is_a_client strategies_are_listed \
    strategies_come_and_go_while_links_stay a_strategy_that_comes_back_begins_anew \
    mistakes_with_strategies_are_one_line joins_can_be_made_and_taken_back \
    a_config_with_a_mistake_starts_nothing what_cannot_be_had_is_no_mistake_of_the_config \
    the_example_is_a_config it_describes_itself what_cannot_be_written_is_no_success \
    slowctl_says_what_is_missing a_trace_shows_how_far_a_lost_message_came sigterm_says_goodbye \
    its_log_is_json_when_asked_for; do
    run $test
done
run_here ends_with_code_0 bob
run_here a_router_that_was_killed_is_replaced
run_here ends_with_code_0 relay
run_here ends_with_code_0 alice
((failures == 0)) || tail -n 20 "$dir"/*.log
exit $((failures > 0))
