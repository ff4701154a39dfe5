# shellcheck shell=bash
# ports.sh - ports for routers that are to be found where they were when they start again: sourced.
#
#   ports_reserve        into $ports: the first of 64 that are this script's own, over UDP and TCP, until it ends
#   8>&-                 behind what a script starts and may outlive it: descriptor 8 holds the ports
#
# A port that the kernel chose (:0) is anybody's as soon as its router is dead, and a test beside this one takes it. These are
# none of those that the kernel hands out (ip_local_port_range), and each 64 are locked by a file in /tmp, whatever TMPDIR
# says, since all who would want the same ports have to meet there. The files stay: to remove one that another is just
# opening would make two locks of it. Ports that somebody has who does not ask here are passed over when they are reserved;
# bench/ has 24800 to 25727. Where the kernel hands out all the ports there are, so are these, and the lock has to do.

ports_in_use() { # FIRST LAST: one of them is bound, or was a moment ago
    local first last
    printf -v first %04X "$1"
    printf -v last %04X "$2"
    awk -v first="$first" -v last="$last" '{ n = split($2, at, ":"); port = at[n] "" } # four hexadecimal digits
        port >= first && port <= last { found = 1 } END { exit !found }' /proc/net/tcp* /proc/net/udp* # with 6, where it is
}

ports_try() { # FIRST
    local lock=/tmp/slow-ports-$1.lock
    [[ -L $lock || (-e $lock && ! -O $lock) ]] && return 1 # another user's, or made to lead somewhere
    { exec 8>>"$lock"; } 2>/dev/null || return
    flock -n 8 && ! ports_in_use "$1" $(($1 + 63)) && return
    exec 8>&-
    return 1
}

ports_reserve() {
    local low high inside
    read -r low high </proc/sys/net/ipv4/ip_local_port_range
    for inside in 0 1; do
        for ((ports = 10240; ports + 63 < 24800; ports += 64)); do
            (((ports <= high && ports + 63 >= low) == inside)) && ports_try $ports && return
        done
    done
    echo "ports.sh: from 10240 to 24800 all ports are in use, or other users' by /tmp/slow-ports-*.lock; expected 64 free" >&2
    return 1
}
