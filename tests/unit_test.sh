#!/usr/bin/env bash
# The router as a service: under every restriction of etc/systemd/slow-router.service, which tests/support/confine.py reads
# and applies by hand, it listens, links up, carries messages and answers slowctl; and what the restrictions forbid is
# forbidden. The config is etc/systemd/router.json, with keys made as its comments say.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/unit_test.sh
# shellcheck disable=SC2015,SC2016 # A && B || die: it is to die when B fails too; perl and sh expand what they are given
set -u
export LC_ALL=C
skipped=77
source_folder=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/support/mesh.sh
. "$source_folder/tests/support/mesh.sh"

unit=$source_folder/etc/systemd/slow-router.service

die() {
    echo "NOT OK   $*"
    tail -n 5 "$dir"/*.log
    exit 1
}
skip() {
    echo "SKIPPED: $*"
    exit $skipped
}
confine() { python3 "$source_folder/tests/support/confine.py" "$unit" "$dir/root" "$SLOW_BUILD" "$@"; }
ok() { echo "ok       $*"; }

for tool in python3 systemd-analyze gcc perl; do
    command -v $tool >/dev/null || skip "no $tool here; scripts/setup.sh --dev names what is needed"
done
[[ -z ${SLOW_SANITIZE-} ]] || skip "a sanitizer needs more of the machine than the unit grants"

# ---- the unit itself

exposure=$(systemd-analyze security --offline=yes "$unit" 2>/dev/null | grep -Eo 'exposure level.*' | grep -Eo '[0-9]+\.[0-9]')
awk -v exposure="$exposure" 'BEGIN { exit !(exposure > 0 && exposure <= 2.0) }' || die "exposure is $exposure; expected 2.0 at most"
ok "systemd-analyze finds an exposure of $exposure"
wrong=$(systemd-analyze verify "$unit" 2>&1 | grep -v 'is not executable: No such file' || true)
[[ -z $wrong ]] || die "systemd-analyze verify: $wrong"
ok "systemd-analyze has nothing to say against it, but that the program is not installed"

# ---- a network of two: router-1 under the unit, and one outside

mkdir -p "$dir/root"/{etc,state,run} && chmod 755 "$dir" "$dir/root" "$dir/root/etc"
(umask 077 && head -c 32 /dev/urandom | base64 >"$dir/network.key") && cp -p "$dir/network.key" "$dir/root/state/" || die "no key"
"$bin/slowctl" keygen "$dir/root/state/identity" >/dev/null && "$bin/slowctl" keygen "$dir/two.key" >/dev/null || die "no keys"
key_of() { "$bin/slowctl" identity "$1" | grep -Eo '[A-Za-z0-9+/]{43}=' | head -n 1; }
members="{\"id\": \"router-1\", \"key\": \"$(key_of "$dir/root/state/identity")\"}, {\"id\": \"two\", \"key\": \"$(key_of "$dir/two.key")\"}"
sed -e "s|\"members\": \[\]|\"members\": [$members]|; s|://\*:4100|://*:0|" "$source_folder/etc/systemd/router.json" >"$dir/root/etc/router.json"
chmod 644 "$dir/root/etc/router.json"
chmod 700 "$dir/root/state"
chmod 750 "$dir/root/run"
[[ $(id -u) != 0 ]] || chown -R 65534:65534 "$dir/root/state" "$dir/root/run"

# ---- what is forbidden

confine /bin/true 2>"$dir/confine.log"
code=$?
((code != skipped)) || skip "$(tail -n 1 "$dir/confine.log")"
((code == 0)) || die "nothing runs under the unit: exit code $code: $(cat "$dir/confine.log")"

forbidden() { # WHAT COMMAND...
    local what=$1
    shift
    if confine "$@" >"$dir/said" 2>&1; then die "$what is not forbidden: $(cat "$dir/said")"; fi
    ok "forbidden: $what"
}
allowed() { # WHAT COMMAND...: so that the next is not forbidden for another reason
    local what=$1
    shift
    confine "$@" >"$dir/said" 2>&1 || die "$what is not allowed: $(cat "$dir/said")"
}
allowed "a UDP socket" /usr/bin/perl -MSocket -e 'socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!'
forbidden "a Bluetooth socket" /usr/bin/perl -MSocket -e 'socket(my $s, 31, SOCK_RAW, 0) or die $!'
forbidden "a packet socket" /usr/bin/perl -MSocket -e 'socket(my $s, 17, SOCK_RAW, 0) or die $!'
forbidden "a user namespace" /usr/bin/unshare -U /bin/true
forbidden "a mount" /bin/mount -t tmpfs none /tmp
forbidden "ptrace" /usr/bin/perl -e 'exit(syscall(101, 0, 0, 0, 0) == 0 ? 0 : 1)'
forbidden "to be another user" /usr/bin/perl -e '$! = 0; $< = 1; $> = 1; exit($! == 0 ? 0 : 1)'
forbidden "memory that is writable and executable" \
    /usr/bin/perl -e 'exit(syscall(9, 0, 4096, 7, 34, -1, 0) > 0 ? 0 : 1)'
allowed "memory that is writable" /usr/bin/perl -e 'exit(syscall(9, 0, 4096, 3, 34, -1, 0) > 0 ? 0 : 1)'
allowed "a file of the state directory" /bin/sh -c 'echo x >/var/lib/slow/x && rm /var/lib/slow/x'
allowed "a look at the plugins" /bin/sh -c 'test -n "$(ls -A /usr/local/lib)"'
forbidden "a file of the system" /bin/sh -c 'echo x >/usr/x'
forbidden "a file of the config's folder" /bin/sh -c 'echo x >/etc/slow/x'
forbidden "a look at a home" /bin/sh -c 'test -n "$(ls -A /home; ls -A /root)"'
forbidden "a look at the real /tmp" /bin/sh -c 'test -n "$(ls -A /tmp)"'
forbidden "a device" /bin/sh -c 'test -e /dev/mem || test -e /dev/sda || test -e /dev/kmsg'
forbidden "a capability" /bin/sh -c 'grep -E "Cap(Inh|Prm|Eff|Bnd|Amb):.*[1-9a-f]" /proc/self/status'
forbidden "new privileges" /bin/sh -c 'grep "NoNewPrivs:.*0" /proc/self/status'

# ---- what works

passes() { # FROM TO TEXT: delivered is what was taken
    ctl "$2" recv --timeout 30 >"$dir/taken" &
    local taker=$!
    ctl "$1" send "$2" "$3" >/dev/null && wait $taker && grep -qF "$3" "$dir/taken"
}

python3 "$source_folder/tests/support/confine.py" "$unit" "$dir/root" "$SLOW_BUILD" 2>"$dir/router-1.log" &
pids[router-1]=$!
ln -s root/run/router.sock "$dir/router-1"
within 10 ctl router-1 status || die "the router does not answer under the unit"
[[ $(readlink "/proc/${pids[router-1]}/exe") == *slow-router ]] || die "that is another program"
! grep -q warn "$dir/router-1.log" || die "it complains: $(grep warn "$dir/router-1.log")"
grep -q '^Seccomp:[[:space:]]*2' "/proc/${pids[router-1]}/status" || die "there is no filter"
for scheme in udp tcp; do
    port=$(bound_address router-1 $scheme | grep -Eo '[0-9]+$')
    mesh_config two '' "$scheme://127.0.0.1:$port"
    sed -i "1s|{|{\"security\": {\"plugin\": \"security-noise\", \"identity\": \"$dir/two.key\", \
\"network_key\": \"$dir/network.key\", \"members\": [$members]}, |" "$dir/two.json"
    router two && within 10 knows two router-1 || die "no link over $scheme"
    passes two router-1 '{"n":1}' || die "no message to the service over $scheme"
    passes router-1 two '{"n":2}' || die "no message from the service over $scheme"
    ctl router-1 ping two >/dev/null && ctl router-1 trace two >/dev/null || die "no ping over $scheme"
    ctl router-1 join "$scheme://localhost:1" >/dev/null && ctl router-1 leave "$scheme://localhost:1" >/dev/null || die "no join"
    end_well two || die "two ends badly"
    ok "a link over $scheme, messages both ways, slowctl, and a name looked up"
done
ctl router-1 routing add link-state >/dev/null && ctl router-1 routing >/dev/null || die "a plugin cannot be loaded"
ok "another plugin is loaded while it runs"
end_well router-1 || die "it ends with $?"
[[ ! -e $dir/root/run/router.sock ]] || die "it left its socket"
ok "SIGTERM ends it well"
