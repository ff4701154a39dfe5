#!/usr/bin/env bash
# Shows that a bare Debian 12 is enough: debootstraps one, clones the repository into it, and runs scripts/demo.sh and
# scripts/test.sh in there.
#
#   scripts/chroot-test.sh [FOLDER] [-- TEST-OPTION...]     FOLDER: build/chroot; it is made anew each time
#
# What is tested is what is committed. It needs root, and debootstrap (scripts/setup.sh --dev). The packages come from where
# this machine gets its own. The mounts are made in a mount namespace of their own, so that they are gone when this ends,
# however it ends. $SLOW_TESTDATA is taken along if it is set.
set -euo pipefail
cd "$(dirname "$0")/.."
marker=.slow-chroot

((EUID == 0)) || { echo "chroot-test.sh: needs root, to mount and to chroot; try sudo $0" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "chroot-test.sh: no debootstrap; run scripts/setup.sh --dev" >&2; exit 1; }
if [[ -z ${SLOW_UNSHARED-} ]]; then
    SLOW_UNSHARED=yes exec unshare --mount --propagation private "$0" "$@"
fi

folder=build/chroot
if (($# > 0)) && [[ $1 != -- ]]; then
    folder=$1
    shift
fi
[[ ${1-} != -- ]] || shift

if [[ -e $folder/$marker ]]; then
    rm -rf --one-file-system "$folder"
elif [[ -e $folder ]]; then
    echo "chroot-test.sh: $folder exists and is not of my making; name another folder, or remove it" >&2
    exit 1
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
touch "$folder/$marker"

mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | awk '$1 == "bookworm" { print $2; exit }')
eval "$(apt-config shell proxy Acquire::http::Proxy)"
[[ -z ${proxy-} ]] || export http_proxy=$proxy

echo "chroot-test: a bare Debian 12 in $folder"
debootstrap --variant=minbase --include=ca-certificates bookworm "$folder" "${mirror:-http://deb.debian.org/debian}" \
    >"$folder.log" 2>&1 || { tail -n 20 "$folder.log" >&2; exit 1; }
rm "$folder.log"

# Debian's sources alone: no other is of a bare Debian.
rm -f "$folder/etc/apt/sources.list"
for file in sources.list sources.list.d/debian.sources apt.conf.d; do
    [[ ! -e /etc/apt/$file ]] || cp -aT "/etc/apt/$file" "$folder/etc/apt/$file"
done
cp -a /usr/share/keyrings/debian-archive-* "$folder/usr/share/keyrings/"
cp -L /etc/resolv.conf /etc/hosts "$folder/etc/"

git -c safe.directory='*' clone --quiet --no-hardlinks . "$folder/root/slow"
mount -t proc proc "$folder/proc"
mount --rbind /sys "$folder/sys"
mount --rbind /dev "$folder/dev"
if [[ -n ${SLOW_TESTDATA-} ]]; then
    mkdir -p "$folder/root/shared/testdata"
    mount --bind -o ro "$SLOW_TESTDATA" "$folder/root/shared/testdata"
fi

inside() {
    chroot "$folder" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        bash -c 'cd /root/slow && exec "$@"' bash "$@"
}
inside scripts/demo.sh
inside scripts/test.sh "$@"
echo "chroot-test: a bare Debian 12 is enough"
