# shellcheck shell=bash
# bare.sh - a bare Debian 12 to try something in: sourced by scripts that run as root and have called bare_unshare.
#
#   bare_unshare "$0" "$@"       begins the script anew in a mount namespace of its own: its mounts are gone when it ends,
#                                however it ends
#   bare_make FOLDER             debootstraps one, anew each time, with this machine's sources of packages; $folder is its
#                                absolute name
#   bare_run COMMAND...          in there, in /root, with an environment of its own
#
# It needs debootstrap (scripts/setup.sh --dev). The packages come from where this machine gets its own.

bare_unshare() {
    local name
    name=$(basename "$1")
    ((EUID == 0)) || { echo "$name: needs root, to mount and to chroot; try sudo $1" >&2; exit 1; }
    command -v debootstrap >/dev/null || { echo "$name: no debootstrap; run scripts/setup.sh --dev" >&2; exit 1; }
    if [[ -z ${SLOW_UNSHARED-} ]]; then
        SLOW_UNSHARED=yes exec unshare --mount --propagation private "$@"
    fi
}

bare_make() { # FOLDER
    local marker=.slow-chroot mirror proxy file
    folder=$1
    if [[ -e $folder/$marker ]]; then
        rm -rf --one-file-system "$folder"
    elif [[ -e $folder ]]; then
        echo "$(basename "$0"): $folder exists and is not of my making; name another folder, or remove it" >&2
        exit 1
    fi
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    touch "$folder/$marker"

    mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | awk '$1 == "bookworm" { print $2; exit }')
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -z ${proxy-} ]] || export http_proxy=$proxy

    echo "$(basename "$0" .sh): a bare Debian 12 in $folder"
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

    mount -t proc proc "$folder/proc"
    mount --rbind /sys "$folder/sys"
    mount --rbind /dev "$folder/dev"
}

bare_run() { # COMMAND...
    chroot "$folder" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        bash -c 'cd /root && exec "$@"' bash "$@"
}
