#!/usr/bin/env bash
# A plugin of another version: one that was compiled against a later minor, whose tables are longer and who needs what is in
# them, and one of the next major. Both are refused, before any of their code has run that could go wrong, with both versions
# named, and what to do. A plugin of the later SDK that can do without is loaded.
# By hand: SLOW_BUILD=build/dev tests/abi/versions_test.sh
set -u
source=$(realpath "$(dirname "$0")/../..")
router=${SLOW_BUILD:?is not set: the build folder}/bin/slow-router
cc=${CC:-cc}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0
template=$(grep -rl --include='*.c' SLOW_ROUTING "$source/sdk/template" | sort | head -1)
id=$(sed -nE 's/^ *\.id = "([^"]+)",.*/\1/p' "$template" | head -1)
version_of() { sed -nE "s/^#define SLOW_ABI_$1 ([0-9]+)$/\1/p" "$source/sdk/slow/base.h"; }
major=$(version_of MAJOR) minor=$(version_of MINOR)

sdk() { # NAME SED-SCRIPT...: a copy of the SDK, changed; each change has to change something
    local name=$1 before script
    shift
    mkdir -p "$dir/$name"
    cp -r "$source/sdk/slow" "$dir/$name/"
    for script in "$@"; do
        before=$(cat "$dir/$name"/slow/*.h | cksum)
        sed -i -E "$script" "$dir/$name"/slow/*.h
        [[ $(cat "$dir/$name"/slow/*.h | cksum) != "$before" ]] || { echo "versions_test: nothing to change for $script"; exit 1; }
    done
}

build() { # NAME: the template against that SDK
    "$cc" -std=gnu11 -D_GNU_SOURCE -shared -fPIC -fvisibility=hidden -I "$dir/$1" -o "$dir/$1/$id.so" "$template" || exit 1
}

says() { # NAME CODE WORDS
    local got text
    echo "{\"id\": \"alice\", \"plugin_dirs\": [\"$dir/$1\"], \"routing\": [{\"plugin\": \"$id\"}]}" >"$dir/config.json"
    text=$("$router" --check "$dir/config.json" 2>&1)
    got=$?
    if [[ $got == "$2" && $text == *"$3" ]]; then
        echo "ok       $1: $text"
    else
        failures=$((failures + 1))
        echo "NOT OK   $1: expected exit code $2 and \"$3\"; got $got and $text"
    fi
}

later=(s/"^(#define SLOW_ABI_MINOR ).*"/"\\1$((minor + 1))"/ 's/^\} slow_routing_ops;/    void (*appended)(void *self);\n&/')
sdk later "${later[@]}"
content=$template template=$dir/later.c
sed "s/\.abi_minor_required = [^,]*,/.abi_minor_required = SLOW_ABI_MINOR,/" "$content" >"$template"
build later
says later 2 "needs plugin ABI $major.$((minor + 1)), this program has $major.$minor; take a newer Slow"

sdk content "${later[@]}"
template=$content
build content
says content 0 "ok"

next=$((major + 1))
sdk next "s/^(#define SLOW_ABI_MAJOR ).*/\\1$next/" "s/slow_module_v$major/slow_module_v$next/g"
build next
says next 2 "made for plugin ABI $next, this program has ABI $major; build it against this SDK"

exit $((failures > 0))
