#!/usr/bin/env bash
# Installs what building and testing need, on a bare Debian 12. Asks no questions, and is done at once when all is there.
#
#   scripts/setup.sh          what scripts/build.sh, test.sh and demo.sh need
#   scripts/setup.sh --dev    and what format.sh, lint.sh, fuzzing and the benchmarks' peers need
#
# Debian's own packages only: nothing is fetched from anywhere else, so the versions are those of the release.
set -euo pipefail

build=(cmake ninja-build gcc g++ libc6-dev pkg-config)
libraries=(libevent-dev libjansson-dev libprotobuf-c-dev libsodium-dev libssl-dev libcurl4-openssl-dev libexpat1-dev libjemalloc-dev libcmocka-dev)
[[ $(dpkg --print-architecture) != amd64 ]] || libraries+=(libipsec-mb-dev) # there is none for others
generators=(protobuf-c-compiler scdoc)                 # protoc-c has its parser within: protoc itself is not needed
testing=(python3 curl jq iso-codes ca-certificates make) # make: the tutorials build as CMake does where nothing is said
testing+=(tshark)  # 21 MB, 127 MB installed: tests/dissector_test.sh
testing+=(doxygen) # scripts/reference.sh, whose test counts comments
developing=(git clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev cppcheck valgrind linux-perf ccache systemd perl)
peers=(nats-server libnng-dev libzmq3-dev babeld bird2) # the benchmarks compare with them
cutting=(iproute2 nftables)                            # bench/failover.sh has cables, and silences them
scratch=(debootstrap)                                  # scripts/chroot-test.sh, scripts/packages-test.sh
packing=(dpkg-dev file lintian)                        # cpack -G DEB
shells=(fish zsh groff-base)                           # completions and manuals are read by what they are for

wanted=("${build[@]}" "${libraries[@]}" "${generators[@]}" "${testing[@]}")
case ${1-} in
'') ;;
--dev) wanted+=("${developing[@]}" "${peers[@]}" "${cutting[@]}" "${scratch[@]}" "${packing[@]}" "${shells[@]}") ;;
*) echo "setup.sh: unknown option $1; expected nothing, or --dev" >&2; exit 2 ;;
esac

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing=()
for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    echo "setup: all ${#wanted[@]} packages are there"
    exit 0
fi

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "setup.sh: missing ${missing[*]}; run this as root, or install sudo" >&2; exit 1; }
    as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"

# Routers that nobody asked for would change this machine's routes. Debian starts them as they are installed, and at each boot:
# what is new here is not started (policy-rc.d, see invoke-rc.d(8); one that is there already is left as it is), and not at
# the next boot either.
policy=/usr/sbin/policy-rc.d
routers=()
for package in "${missing[@]}"; do
    case $package in
    babeld) routers+=(babeld) ;;
    bird2) routers+=(bird) ;;
    esac
done
if ((${#routers[@]} > 0)) && [[ ! -e $policy ]]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
fi

"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
for router in "${routers[@]}"; do
    "${as_root[@]}" update-rc.d "$router" disable
done
echo "setup: done"
