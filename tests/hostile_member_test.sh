#!/usr/bin/env bash
# A member does its worst to a router, while two others speak through it (S9 of the promises).
#
#   alice --- relay --- bob
#               ' - rogue
#
#   tests/hostile_member_test.sh [COUNT [udp|tcp [closed|open]]]
#
# The rogue (tests/support/rogue.c) sends COUNT of each kind that it knows: packages from made-up names, openings in their
# names, fragments of messages that never end, packages with every field drawn, bytes that are no package, strategy messages
# that are none; and in a pair of its own, messages of 4 MiB whose last fragment never comes. Then alice sends to the rogue,
# which never reads; and then it stops altogether, as a process that was stopped does, with its link open.
#
# Of each flood a line tells what the relay holds, and what alice got through to bob meanwhile beside what she did before.
# Held: everything that alice was promised comes; of her link and bob's two are lost at most, since a machine that gives a
# process no time for a third of a second costs a link; and the relay's memory stays within what it grants a member (below),
# and a fifth. A sanitizer's build keeps what was freed, so there memory is only told.
# Run by ctest; by hand: SLOW_BUILD=build/release tests/hostile_member_test.sh 1000000
# shellcheck disable=SC2015 # A && B || die: it is to die when B fails too
set -u
export LC_ALL=C
count=${1:-20000} scheme=${2:-udp} kind_of_network=${3:-closed} seed=${SLOW_SEED:-7}
export SLOW_SEED=$seed
rate=300 stream_size=512 seconds=1 lost_most=2
# What a router grants, in KiB: fragments of best effort 4,096; queues of its own 5,120; the memory of 4,096 pairs and of as
# many sources 16,384; and four links' queues 4,096. Messages in pairs have a budget of their own.
granted_kib=$((4096 + 5120 + 16384 + 4096)) messages_kib=65536
here=$(dirname "$0")
# shellcheck source=tests/support/mesh.sh
. "$here/support/mesh.sh"
# shellcheck source=tests/support/closed.sh
. "$here/support/closed.sh"
trap 'kill -CONT "${pids[rogue]-}" 2>/dev/null; proxy_stop_all; routers_end' EXIT

die() {
    echo "NOT OK   $* (seed $seed)"
    ctl relay status
    tail -n 5 "$dir"/*.log
    exit 1
}

rogue_start() {
    local in
    mkfifo "$dir/rogue.in" && exec {in}<>"$dir/rogue.in" || return
    "$SLOW_BUILD/tests/rogue" "$dir/rogue.json" relay <"$dir/rogue.in" >"$dir/rogue.out" 2>>"$dir/rogue.log" {in}>&- &
    pids[rogue]=$! stdins[rogue]=$in
    within 10 is_ready rogue
}

flood_ended() { grep -q "^done $1 " "$dir/rogue.out"; }
counters() { ctl relay --json status | grep -Eo '"(drop|refused)_[a-z_]*":[0-9]+' | tr -d '"'; }
drops() { # FILE: what was counted since
    counters | awk -F: 'NR == FNR { was[$1] = $2; next } $2 > was[$1] { printf " %s=%d", $1, $2 - was[$1] }' "$1" -
}
links_opened() { ctl "$1" --json status | grep -Eo '"links_opened":[0-9]+' | cut -d: -f2; }
peak_kib() { awk '/^VmHWM/ { print $2 }' "/proc/${pids[relay]}/status"; }

honest() { # STREAM: what alice gets through to bob in some seconds; everything she was promised has to come
    tell alice stream "$1" bob seconds=$seconds size=$stream_size rate=$rate
    within 60 done_line alice "$1" || die "alice's stream $1 has no end"
    local line
    line=$(done_line alice "$1")
    [[ $(figure delivered "$line") == "$(figure accepted "$line")" ]] || die "alice was promised more than came: $line"
    got=$(figure per_second "$line")
}

within_grant() { # WHAT GRANTED
    local most=$((before_kib + $2 * 6 / 5)) peak
    peak=$(peak_kib)
    [[ -n ${SLOW_SANITIZE-} ]] || ((peak <= most)) || die "$1: the relay had $peak KiB; expected $most at most"
}

report() { # WHAT
    printf '    %-10s relay %6d KiB, at most %6d; alice to bob %3d %% of before; dropped:%s\n' "$1" "$(memory_kib relay)" \
        "$(peak_kib)" $((100 * got / usual)) "$(drops "$dir/counters")"
}

attack() { # KIND COUNT GRANTED
    counters >"$dir/counters"
    tell rogue flood "$1" "$2"
    honest "$1"
    within 600 flood_ended "$1" || die "the flood of $1 has no end"
    within_grant "$1" "$3"
    report "$1 ($(grep "^done $1 " "$dir/rogue.out" | grep -Eo 'sent=[0-9]+'))"
}

later="$scheme://127.0.0.1:1" # where the relay will listen
mesh_config relay "$scheme://127.0.0.1:0" ''
for name in alice bob rogue; do mesh_config $name '' "$later"; done
[[ $kind_of_network == open ]] || closed_network relay alice bob rogue || die "no keys"
router relay || die "no relay"
address=$(bound_address relay "$scheme")
for name in alice bob rogue; do sed -i "s,$later,$address," "$dir/$name.json"; done
teller alice && teller bob && rogue_start || die "not everybody could start"
within 10 knows alice bob && within 10 knows relay rogue && within 10 knows alice rogue || die "no routes"
tell bob take

echo "a $kind_of_network network over $scheme, $count of each kind, seed $seed"
honest warm
honest before
usual=$got before_kib=$(memory_kib relay)
links=$(($(links_opened alice) + $(links_opened bob)))
echo "    before     relay $before_kib KiB; alice to bob $usual messages of $stream_size bytes in a second, of $rate"
for kind in sources fragments openings knocks fields records route frames; do
    attack $kind "$count" $granted_kib
done
attack messages 32 $((granted_kib + messages_kib))

# A receiver that never reads: what alice has for it waits with alice.
counters >"$dir/counters"
tell alice stream deaf rogue seconds=$seconds size=1024 ttl_ms=2000
honest unread
within_grant unread $((granted_kib + messages_kib))
report unread
# And one that does not even take its frames.
kill -STOP "${pids[rogue]}"
tell alice stream stopped rogue seconds=$seconds size=1024 ttl_ms=2000
honest stopped
within_grant stopped $((granted_kib + messages_kib))
report stopped
kill -CONT "${pids[rogue]}"
# Last, for after it the rogue speaks no protocol that anybody knows.
attack protocols "$count" $((granted_kib + messages_kib))

lost=$(($(links_opened alice) + $(links_opened bob) - links))
((lost <= lost_most)) || die "honest links were lost: $lost"
echo "ok       the relay had $(peak_kib) KiB at most, $before_kib before; granted are $((granted_kib + messages_kib)) more, and a" \
    "fifth; $lost honest links were lost"
