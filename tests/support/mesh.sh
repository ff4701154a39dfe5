# shellcheck shell=bash
# mesh.sh - routers and tellers on loopback, and bad cables, for tests that kill them: sourced, by a script that has SLOW_BUILD
# in its environment. It sources routers.sh, ports.sh and proxy.sh beside it, which say what they have. What was started ends
# with the script. $seed is SLOW_SEED, or 7.
#
#   mesh_config NAME LISTEN JOIN      writes $dir/NAME.json; each a list of addresses, in one word
#   router NAME                       starts it, or starts it again, and waits until it answers
#   teller NAME                       the same for the application of tests/support/teller.c; its log is $dir/NAME.told
#   tell NAME COMMAND...              gives a teller a command
#   done_line NAME STREAM             the line of figures of that stream, once it is there
#   was_refused NAME STREAM           that stream was told SLOW_E_AGAIN
#   figure KEY LINE                   the number behind KEY= in such a line
#   end_hard NAME, end_well NAME      SIGKILL, and SIGTERM (to a teller: quit); both wait for the end
#   knows NAME ID                     it has a route to there
#   memory_kib NAME                   resident
#   compare SENDER RECEIVER           holds the outcomes that the sender was told against what the receiver took; prints a
#                                     line of counts, and fails where one outcome is missing, came twice, or is not true,
#                                     or where something was taken twice, or is not what was sent
#   die WHAT...                       ends the test as failed, with what there is to see: cables, alice's peers, all logs

for part in routers ports proxy; do
    # shellcheck source=/dev/null
    . "${BASH_SOURCE[0]%/*}/$part.sh"
done
seed=${SLOW_SEED:-7}
declare -A stdins=()
trap 'proxy_stop_all; routers_end' EXIT

die() {
    local name
    echo "NOT OK   $* (seed $seed)"
    for name in "${!proxy_pids[@]}"; do echo "    $name: $(proxy_tell "$name" stats)"; done
    ctl alice peers
    tail -n 10 "$dir"/*.log
    exit 1
}

mesh_config() { # NAME LISTEN JOIN [CODECS]
    local name=$1 listen=$2 join=$3 codecs=${4-protobuf json} list=''
    quoted() { local word; list=''; for word in "$@"; do list+="${list:+, }\"$word\""; done; }
    # shellcheck disable=SC2046,SC2086 # lists of words
    {
        echo "{\"id\": \"$name\", \"admin\": {\"socket\": \"$dir/$name\"}, \"transports\": ["
        quoted $(printf '%s\n' $listen | grep ^udp:) && echo "  {\"plugin\": \"transport-udp\", \"listen\": [$list]},"
        quoted $(printf '%s\n' $listen | grep ^tcp:) && echo "  {\"plugin\": \"transport-tcp\", \"listen\": [$list]}],"
        quoted $join && echo " \"join\": [$list],"
        quoted $(printf 'codec-%s\n' $codecs) && echo " \"codecs\": [$list]}"
    } >"$dir/$name.json"
}

router() { # NAME
    start "$1" -c "$dir/$1.json"
    within 10 ctl "$1" status
}

is_ready() { grep -qs ready "$dir/$1.out"; }

teller() { # NAME
    local in
    rm -f "$dir/$1.in" "$dir/$1.out"
    mkfifo "$dir/$1.in" && exec {in}<>"$dir/$1.in" || return
    "$SLOW_BUILD/tests/teller" "$dir/$1.json" "$dir/$1.told" <"$dir/$1.in" >"$dir/$1.out" 2>>"$dir/$1.log" 8>&- {in}>&- &
    pids[$1]=$! stdins[$1]=$in
    within 10 is_ready "$1"
}

tell() { # NAME COMMAND...
    local name=$1
    shift
    echo "$*" >&"${stdins[$name]}"
}

done_line() { grep "^done $2 " "$dir/$1.out"; }

was_refused() { grep -q "^full $2\$" "$dir/$1.out"; }

figure() { # KEY LINE
    [[ " $2 " =~ \ $1=([0-9]+)\  ]] && echo "${BASH_REMATCH[1]}"
}

close_stdin() {
    local in=${stdins[$1]-}
    [[ -z $in ]] || exec {in}>&-
    unset "stdins[$1]"
}

end_hard() { # NAME
    kill -KILL "${pids[$1]}" 2>/dev/null
    wait "${pids[$1]}" 2>/dev/null
    unset "pids[$1]"
    close_stdin "$1"
}

end_well() { # NAME
    if [[ -n ${stdins[$1]-} ]]; then tell "$1" quit; else kill -TERM "${pids[$1]}"; fi
    close_stdin "$1"
    wait "${pids[$1]}"
    local code=$?
    unset "pids[$1]"
    return $code
}

knows() { ctl "$1" --json routes "$2"; }

memory_kib() { awk '/^VmRSS/ { print $2 }' "/proc/${pids[$1]}/status"; }

compare() { # SENDER RECEIVER
    awk '
        function wrong(what) { bad++; if (bad <= 10) print "    " what }
        { key = $2 " " $3 }
        $1 == "sent" { sent[key] = $4 " " $5; count["sent"]++ }
        $1 == "outcome" { outcome[key] = $4; told[key]++; count[$4]++; if ($5 != "none") reasons[$4 " " $5]++ }
        $1 == "taken" { taken[key]++; what[key] = $4 " " $5 }
        END {
            for (key in sent) {
                if (told[key] != 1) wrong(key ": " told[key] + 0 " outcomes")
                if (outcome[key] == "delivered" && !(key in taken)) wrong(key ": delivered, and nobody took it")
                if (outcome[key] == "not_delivered" && key in taken) wrong(key ": not delivered, and it was taken")
                if (outcome[key] == "unknown") count[key in taken ? "unknown_taken" : "unknown_not_taken"]++
            }
            for (key in taken) {
                if (taken[key] != 1) wrong(key ": taken " taken[key] " times")
                if (!(key in sent)) wrong(key ": taken, and nobody sent it")
                else if (what[key] != sent[key]) wrong(key ": taken as " what[key] ", sent as " sent[key])
                all++
            }
            printf "sent=%d delivered=%d not_delivered=%d unknown=%d taken=%d unknown_taken=%d wrong=%d", count["sent"],
                count["delivered"], count["not_delivered"], count["unknown"], all, count["unknown_taken"], bad
            for (r in reasons) { name = r; sub(" ", "_", name); printf " %s=%d", name, reasons[r] }
            print " "
            exit bad > 0
        }' "$dir/$1.told" "$dir/$2.told"
}
