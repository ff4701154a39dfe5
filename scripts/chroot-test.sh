#!/usr/bin/env bash
# Shows that a bare Debian 12 is enough: debootstraps one, clones the repository into it, and runs scripts/demo.sh and
# scripts/test.sh in there.
#
#   scripts/chroot-test.sh [FOLDER] [-- TEST-OPTION...]     FOLDER: build/chroot; it is made anew each time
#
# What is tested is what is committed. It needs root, and debootstrap (scripts/setup.sh --dev). $SLOW_TESTDATA is taken along
# if it is set.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/bare.sh
. scripts/bare.sh
bare_unshare scripts/chroot-test.sh "$@"

folder=build/chroot
if (($# > 0)) && [[ $1 != -- ]]; then
    folder=$1
    shift
fi
[[ ${1-} != -- ]] || shift

bare_make "$folder"
git -c safe.directory='*' clone --quiet --no-hardlinks . "$folder/root/slow"
if [[ -n ${SLOW_TESTDATA-} ]]; then
    mkdir -p "$folder/root/shared/testdata"
    mount --bind -o ro "$SLOW_TESTDATA" "$folder/root/shared/testdata"
fi

bare_run slow/scripts/demo.sh
bare_run slow/scripts/test.sh "$@"
echo "chroot-test: a bare Debian 12 is enough"
