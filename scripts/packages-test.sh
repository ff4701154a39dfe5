#!/usr/bin/env bash
# Shows the Debian packages at work in a bare Debian 12: they are installed there; each template of a plugin and each example
# plugin that libslow-dev brings is built away from its sources, with a compiler, CMake and libslow-dev, and held against
# slow-conform; an example strategy is put into the configs of three routers by one word, and routes; and when the packages
# are purged, not one file is there that was not there before.
#
#   scripts/packages-test.sh [FOLDER]     FOLDER: build/packages-chroot; it is made anew each time
#
# The packages are built first, in build/release. It needs root, and debootstrap and iproute2 (scripts/setup.sh --dev). The
# routers run in a network namespace of their own: loopback alone.
set -euo pipefail
packages=(slow-router libslow1 slow-plugins libslow-dev)
ours=$(IFS='|'; echo "${packages[*]}")

step() { echo "packages-test: $*"; }
die() { echo "packages-test: $*" >&2; exit 1; }

# ---- in the bare Debian

files() { # What is there, but for what apt and dpkg keep for themselves, the copies that userdel makes of its files, and scratch.
    {
        find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /root -o -path /var/cache -o -path /var/log \
            -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path '/etc/*shadow-' \) -prune -o -printf '%p %y\n'
        cat /etc/passwd /etc/group
    } | sort
}

inside_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends gcc libc6-dev make cmake pkg-config >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }
    # What the packages need comes first: so that what is new after them is theirs.
    apt-get install -s /root/*.deb | awk '$1 == "Inst" { print $2 }' | grep -Evx "$ours" | xargs -r apt-get install -qq -y >/tmp/apt.log 2>&1 ||
        { cat /tmp/apt.log; exit 1; }
    files >/tmp/before
    apt-get install -qq -y /root/*.deb >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }
    files >/tmp/between
    slow-router --version
    slowctl --version
    slow-sim --help >/dev/null
    getent passwd slow >/dev/null || die "there is no user slow"
    ldconfig -p | grep -q 'libslow\.so\.1 ' || die "the dynamic linker does not know libslow.so.1"
    step "$(dpkg-query -W -f '${Package} ${Version}, ' "${packages[@]}")$(comm -13 /tmp/before /tmp/between | wc -l) files and folders"
}

build_plugin() { # FOLDER: copied away, built, and judged; what it makes is in $made
    local away
    away=/tmp/stranger/$(basename "$1")
    mkdir -p /tmp/stranger
    cp -r "$1" "$away"
    { cmake -S "$away" -B "$away/build" && cmake --build "$away/build"; } >/tmp/build.log 2>&1 || { cat /tmp/build.log; die "$1 does not build"; }
    made=$(find "$away/build" -maxdepth 1 -name '*.so')
    [[ -n $made ]] || die "$1 was built, and there is no plugin"
    slow-router --plugin-dir "$away/build" --describe "$(basename "$made" .so)" >/dev/null
    if command -v slow-conform >/dev/null; then
        slow-conform "$made" >/tmp/conform.log 2>&1 || { tail -n 30 /tmp/conform.log; die "$(basename "$made") does not conform"; }
        step "$(basename "$made") is built from $1, and conforms: $(tail -n 1 /tmp/conform.log)"
    else
        step "$(basename "$made") is built from $1; SKIPPED: there is no slow-conform"
    fi
}

inside_build() {
    local project strategy=
    for project in /usr/share/slow/template /usr/share/slow/template/* /usr/share/doc/libslow-dev/examples/plugins/*; do
        [[ -e $project/CMakeLists.txt ]] || continue
        ! compgen -G "$project/*/CMakeLists.txt" >/dev/null || continue # a folder of folders
        build_plugin "$project"
        [[ $(basename "$made") != routing-* ]] || strategy=$made
    done
    [[ -n $strategy ]] || die "no strategy was among the templates and the examples"
    cmake --install "$(dirname "$strategy")" >/tmp/build.log || { cat /tmp/build.log; die "$strategy cannot be installed"; }
    basename "$strategy" .so >/tmp/strategy
}

within() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || die "this did not come true: $*"
        sleep 0.1
    done
}

end_all() {
    jobs -p | xargs -r kill 2>/dev/null
    wait
}

# alice -- relay -- bob, by the sample configs; of each one word is changed.
inside_route() {
    local strategy name
    strategy=$(cat /tmp/strategy)
    mkdir -p /tmp/routers && cd /tmp/routers
    for name in relay junction junction-tcp; do
        sed "s/routing-distance-vector/$strategy/" "/usr/share/doc/slow-router/examples/$name.json" >"$name.json"
        diff "/usr/share/doc/slow-router/examples/$name.json" "$name.json" >/tmp/diff || true
        (($(grep -c '^>' /tmp/diff) == 1)) || die "$name.json has no one line to be changed"
        slow-router --check "$name.json"
        slow-router "$name.json" 2>"$name.log" &
    done
    trap end_all EXIT
    step "in three configs: $(grep '^>' /tmp/diff)"
    within 20 slowctl -s slow-alice.sock routes bob
    slowctl -s slow-alice.sock routes bob
    slowctl -s slow-bob.sock recv --timeout 30 >taken &
    local taker=$!
    slowctl -s slow-alice.sock send bob '{"by": "a strategy of a stranger"}'
    wait $taker
    cat taken
    grep -q stranger taken || die "bob has not got it"
    slowctl -s slow-alice.sock trace bob
    slowctl -s slow-relay.sock plugins | grep -q "$strategy" || die "the relay does without $strategy"
    end_all
    trap - EXIT
    step "$strategy has routed"
}

inside_purge() {
    local build
    build=$(dirname "$(find /tmp/stranger -name install_manifest.txt)")
    xargs rm <"$build/install_manifest.txt" # what was installed beside the packages is no package's to remove
    rmdir /usr/local/lib/slow/1 /usr/local/lib/slow
    echo '// edited' >>/etc/slow/router.json
    install -d -o slow -g slow -m 700 /var/lib/slow
    slowctl keygen /var/lib/slow/identity >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get purge -qq -y "${packages[@]}" >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }
    files >/tmp/after
    diff /tmp/before /tmp/after || die "purging the packages does not leave what was there before"
    ! grep -rlw slow-router /etc /var/lib/dpkg/info || die "there are traces of slow-router"
    step "purged: of $(grep -c ' ' /tmp/before) files and folders not one is there more or less"
}

if [[ ${1-} == --inside ]]; then
    export LC_ALL=C.UTF-8
    "inside_$2"
    exit
fi

# ---- outside

cd "$(dirname "$0")/.."
# shellcheck source=scripts/bare.sh
. scripts/bare.sh
bare_unshare scripts/packages-test.sh "$@"
command -v ip >/dev/null || die "no ip; run scripts/setup.sh --dev"

scripts/build.sh release
(cd build/release && rm -f ./*.deb && cpack -G DEB) >build/release/cpack.log 2>&1 || { tail -n 20 build/release/cpack.log; exit 1; }
bare_make "${1:-build/packages-chroot}"
cp build/release/*.deb scripts/packages-test.sh "$folder/root/"
bare_run ./packages-test.sh --inside install
bare_run ./packages-test.sh --inside build
export folder
export -f bare_run
unshare --net bash -c 'ip link set lo up && bare_run ./packages-test.sh --inside route'
bare_run ./packages-test.sh --inside purge
step "the packages do what they should in a bare Debian 12"
