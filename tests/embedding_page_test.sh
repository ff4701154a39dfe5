#!/usr/bin/env bash
# docs/embedding.md, held against what it speaks of. Each program that it shows is the file that it names, line by line, and no
# program of examples/embed is left out; the commands of its blocks "sh run" work as a reader would type them, beside
# those files and slow.py, with a slow.pc that leads to the build folder, and on ports of the test's own; what they print is
# what the page says; and where it says ten lines, there are no more.
#
#   embedding_page_test.sh PYTHON
#
# SLOW_BUILD is the build folder; SLOW_PRELOAD is what Python must load first, for a sanitizer's library.
set -euo pipefail
build=$(realpath "${SLOW_BUILD:?the build folder}")
source=$(realpath "$(dirname "$0")/..")
page=$source/docs/embedding.md
# shellcheck source=support/ports.sh
. "$source/tests/support/ports.sh"
ports_reserve
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tell() { # WHAT
    echo "embedding_page_test: $1"
    exit 1
}

# ---- what is shown: a fence's second word is a path

awk -v work="$work/shown" '
    /^```[a-z+]+ [a-z]+\// { file = work "/" $2; folder = file; sub("/[^/]*$", "", folder); system("mkdir -p " folder); next }
    /^```/ { file = "" }
    file { print > file }' "$page"
shown=0
while IFS= read -r path; do
    diff -u "$source/$path" "$work/shown/$path" || tell "docs/embedding.md shows another $path than the one that is built"
    shown=$((shown + 1))
done < <(cd "$work/shown" && find . -type f -printf '%P\n' | sort)
programs=("$source"/examples/embed/*.c "$source"/examples/embed/*/*.{cc,py})
for path in "${programs[@]}"; do
    [[ -f $work/shown/${path#"$source/"} ]] || tell "docs/embedding.md does not show ${path#"$source/"}"
done

# ---- what is typed

mkdir "$work/bin" "$work/typed"
cp "${programs[@]}" "$source/bindings/python/slow.py" "$work/typed"
wrap() { # NAME COMMAND: as the reader's NAME
    printf '#!/bin/sh\nexec %s "$@"\n' "$2" >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}
sanitize=${SLOW_SANITIZE:+-fsanitize=$SLOW_SANITIZE}
wrap cc "$(command -v "${CC:-cc}") $sanitize"
wrap c++ "$(command -v "${CXX:-c++}") $sanitize"
wrap python3 "env -u PYTHONUNBUFFERED LD_PRELOAD=${SLOW_PRELOAD-} PYTHONDONTWRITEBYTECODE=1 ${1:?python3}"
cat >"$work/slow.pc" <<END
Name: slow
Description: the build folder
Version: 1
Cflags: -I$source/sdk -I$source/core/include
Libs: -L$build/lib -lslow
END
export PATH=$work/bin:$PATH PKG_CONFIG_PATH=$work LD_LIBRARY_PATH=$build/lib
unset SLOW_LIBRARY # the loader finds it
cd "$work/typed"
awk '/^```sh run$/ { file = sprintf("%02d.run", ++n); next } /^```/ { file = "" } file { print > file }' "$page"
blocks=0
for block in [0-9][0-9].run; do
    sed -i "s/127\.0\.0\.1:4100/127.0.0.1:$((ports + blocks))/g" "$block"
    timeout 60 bash -eu "$block" >"$block.out" 2>&1 </dev/null 8>&- || { cat "$block.out"; tell "$block fails: $(cat "$block")"; }
    blocks=$((blocks + 1))
done
((shown >= 9 && blocks == 4)) || tell "$shown files and $blocks blocks were found in $page"
says() { # BLOCK LINE TIMES
    (($(grep -cxF -- "$2" "$1.run.out") == $3)) || { cat "$1.run.out"; tell "block $1 does not print \"$2\" $3 times"; }
}
says 01 'bob hears {"dinner":"at eight"} from alice' 1
says 02 '3 of 3 ticks were heard, 3 delivered' 1
says 03 'from bob: {"hello":"bob"}' 1
says 03 'from alice: 3 bytes' 1
says 04 "from bob: {'hello': 'bob'}" 1
says 04 delivered 4

# ---- ten lines

for who in alice bob; do
    (($(grep -c . "$source/examples/embed/python/$who.py") <= 10)) || tell "$who.py has more than ten lines"
done
echo "embedding_page_test: $shown programs are as they are shown, and $blocks blocks of commands do what they say"
