#!/usr/bin/env bash
# What strangers build against an installed SDK, away from the tree and with nothing of it in reach: the templates,
# transport-unix and the examples of plugins. Each exports its entry alone and keeps the contract, and a mesh of three routers
# is made of them.
# Run by ctest; by hand: SLOW_PREFIX=PREFIX tests/sdk/plugins_test.sh
set -u
export LC_ALL=C
source_folder=$(cd "$(dirname "$0")/../.." && pwd)
prefix=$(realpath "${SLOW_PREFIX:?the prefix to which Slow was installed}")
dir=$(mktemp -d /tmp/slow-t-XXXXXX)
pids=()
clean_up() {
    ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null
    rm -rf "$dir"
}
trap clean_up EXIT

die() {
    echo "NOT OK   $*"
    tail -n 20 "$dir"/*.log 2>/dev/null
    exit 1
}
ok() { echo "ok       $*"; }
away() { (cd "$dir" && env -i PATH="$prefix/bin:$PATH" HOME="$dir" CC="${CC-cc}" CMAKE_PREFIX_PATH="$prefix" "$@"); }

[[ -z ${SLOW_SANITIZE-} ]] || { echo "SKIPPED: what strangers compile does not go with a program that has a sanitizer within"; exit 77; }

# ---- built: one project that takes all of them in, each by its own CMakeLists.txt

plugins=()
cp -r "$prefix"/share/slow/template/*/ "$prefix"/share/doc/libslow-dev/examples/plugins/*/ "$source_folder/plugins/transport-unix" "$dir"
rm "$dir"/transport-unix/*_test.c
{
    echo 'cmake_minimum_required(VERSION 3.16)'
    echo 'project(strangers C)'
    echo 'add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Werror)'
    for folder in "$dir"/*/CMakeLists.txt; do
        name=$(sed -n 's/^slow_add_plugin(\([a-z-]*\).*/\1/p' "$folder")
        plugins+=("$name")
        echo "add_subdirectory($(basename "$(dirname "$folder")"))"
    done
} >"$dir/CMakeLists.txt"
((${#plugins[@]} >= 6)) || die "only these are there: ${plugins[*]}"
away cmake -S . -B build -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$dir/lib" >"$dir/cmake.log" 2>&1 &&
    away cmake --build build -j2 >"$dir/cmake.log" 2>&1 || die "they do not build against $prefix"
for plugin in "${plugins[@]}"; do
    exported=$(nm -D --defined-only "$dir/lib/$plugin.so" | awk '{ print $3 }' | xargs)
    [[ $exported == slow_module_v1 ]] || die "$plugin exports $exported; expected slow_module_v1 alone"
    away slow-router --plugin-dir lib --describe "$plugin" >"$dir/describe.log" 2>&1 || die "slow-router does not take $plugin"
done
ok "built away from the tree: ${plugins[*]}"

if [[ -x $prefix/bin/slow-conform ]]; then
    for plugin in "${plugins[@]}"; do
        away slow-conform "lib/$plugin.so" >"$dir/conform.log" 2>&1 || die "$plugin does not keep the contract"
    done
    ok "all keep the contract"
else
    echo "SKIPPED: slow-conform is not installed"
fi

# ---- used: a line of three routers over the two transports, in the template's codec and behind its door

for name in door other; do away slowctl network-key "$name.secret" >"$dir/key.log" 2>&1 || die "no secret"; done
config() { # ID SECRET TRANSPORTS JOIN STRATEGY
    cat >"$dir/$1.json" <<END_OF_CONFIG
{"id": "$1", "plugin_dirs": ["lib"], "transports": [$3], "join": [$4], "routing": ["routing-$5"], "codecs": ["codec-template"],
 "security": {"plugin": "security-template", "secret": "$2.secret"}, "admin": {"socket": "$1.sock"}}
END_OF_CONFIG
    away slow-router --check "$1.json" >"$dir/check.log" 2>&1 || die "$1.json is refused"
}
router() { # ID
    cd "$dir" && exec env -i PATH="$prefix/bin:$PATH" slow-router "$1.json" 2>"$dir/$1.log"
}
ctl() { away slowctl -s "$1.sock" "${@:2}"; }
until_true() { # WHAT COMMAND...
    for ((i = 0; i < 200; i++)); do
        "${@:2}" >"$dir/answer" 2>&1 && return
        read -rt 0.1 _ <> <(:)
    done
    die "waited 20 s for: $1"
}
is_so() { grep -qE "$1" <(ctl "${@:2}" 2>&1); }
host=127.$(($$ % 200 + 20)).$(($$ / 200 % 250)).9
for strategy in template avoid; do
    config middle door "{\"plugin\": \"transport-template\", \"listen\": [\"template://$host:0\"]}, {\"plugin\": \"transport-unix\", \"listen\": [\"unix://$dir/middle.unix\"]}" "" "$strategy"
    router middle &
    pids=($!)
    until_true "a router of strangers' plugins" is_so template:// middle status
    address=$(ctl middle status | grep -oE "template://$host:[0-9]+" | head -1)
    config left door '"transport-template"' "\"$address\"" "$strategy"
    config right door '"transport-unix"' "\"unix://$dir/middle.unix\"" "$strategy"
    config stranger other '"transport-unix"' "\"unix://$dir/middle.unix\"" "$strategy"
    for id in left right stranger; do
        router "$id" &
        pids+=($!)
    done
    until_true "a way from left to right" ctl left ping right --timeout 1
    ctl right recv >"$dir/heard" 2>"$dir/recv.log" &
    receiver=$!
    ctl left send right '{"hello": "right"}' >"$dir/sent.log" 2>&1 || die "left's message does not get to right"
    wait "$receiver"
    grep -q '"hello":"right"' "$dir/heard" || die "right heard $(cat "$dir/heard")"
    ctl middle neighbours >"$dir/neighbours.log" || die "middle says nothing of its neighbours"
    grep -q "com.example.template" "$dir/neighbours.log" || die "the template's codec is not used"
    ! grep -q stranger "$dir/neighbours.log" || die "one with another secret got in"
    kill "${pids[@]}"
    wait "${pids[@]}" 2>/dev/null
    pids=()
    [[ ! -e $dir/middle.unix ]] || die "the socket's file was left behind"
    ok "three routers of transport-template, transport-unix, codec-template, security-template and routing-$strategy"
done
