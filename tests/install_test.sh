#!/usr/bin/env bash
# shellcheck disable=SC2012,SC2015,SC2016 # names of ours; A && B || die: it is to die when B fails too; cc's arguments are for sh
# An installed Slow, as strangers meet it: every file is where it belongs and nothing else is, the programs run, and a
# program and a plugin are compiled away from the tree, by pkg-config and by CMake, and work.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/install_test.sh
set -u
export LC_ALL=C
source_folder=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d /tmp/slow-test-XXXXXX)
trap 'rm -rf "$dir"' EXIT
prefix=$dir/prefix
libdir=$prefix/$(sed -n 's/^CMAKE_INSTALL_LIBDIR:[A-Z]*=//p' "$SLOW_BUILD/CMakeCache.txt")
plugindir=$libdir/slow/1

die() {
    echo "NOT OK   $*"
    [[ ! -s $dir/log ]] || tail -n 20 "$dir/log"
    exit 1
}
ok() { echo "ok       $*"; }
quietly() { "$@" >"$dir/log" 2>&1; }

[[ -z ${SLOW_SANITIZE-} ]] || { echo "SKIPPED: a library with a sanitizer within is not to be installed"; exit 77; }

# ---- what is there

quietly cmake --install "$SLOW_BUILD" --prefix "$prefix" || die "cmake --install fails"
while read -r pattern; do
    [[ -n $pattern ]] || continue
    compgen -G "$prefix/$pattern" >/dev/null || die "$pattern is not installed"
done <<LIST
bin/slow-router
bin/slowctl
bin/slow-sim
${libdir#"$prefix/"}/libslow.a
${libdir#"$prefix/"}/libslow.so
${libdir#"$prefix/"}/libslow.so.1
${libdir#"$prefix/"}/libslow.so.1.*
${libdir#"$prefix/"}/pkgconfig/slow.pc
${libdir#"$prefix/"}/pkgconfig/slow-plugin.pc
${libdir#"$prefix/"}/cmake/Slow/SlowConfig.cmake
${libdir#"$prefix/"}/cmake/SlowSDK/SlowSDKConfig.cmake
etc/slow/router.json
lib/systemd/system/slow-router.service
lib/sysusers.d/slow.conf
share/slow/template/*
share/slow/python/slow.py
share/doc/libslow-dev/examples/hello.c
share/doc/libslow-dev/wire.md
share/doc/slow-router/security.md
$([[ ! -e $SLOW_BUILD/docs/man/slowctl.1 ]] || printf 'share/man/%s\n' man8/slow-router.8 man1/slowctl.1 man1/slow-sim.1 man5/slow.json.5)
share/bash-completion/completions/slowctl
share/zsh/site-functions/_slowctl
share/fish/vendor_completions.d/slowctl.fish
share/doc/slow-router/examples/example.json
$(cd "$SLOW_BUILD/lib/slow/1" && ls | sed "s|^|${plugindir#"$prefix/"}/|")
$(cd "$source_folder" && ls sdk/slow/*.h core/include/slow/*.h | sed 's|.*/|include/slow/|')
LIST
stray=$(cd "$prefix" && find . ! -type d | sed 's|^\./||' | grep -Ev "^(bin/slow[a-z-]*|include/slow/[a-z]+\.h|etc/slow/router\.json|\
lib/systemd/system/slow-router\.service|lib/sysusers\.d/slow\.conf|share/(slow|doc)/.*|\
share/man/man[158]/slow[a-z.-]*\.[158]|share/bash-completion/completions/slow[a-z-]*|share/zsh/site-functions/_slow[a-z-]*|share/fish/vendor_completions.d/slow[a-z-]*\.fish|\
${libdir#"$prefix/"}/(libslow\.(a|so|so\.1|so\.1\.[0-9.]+)|pkgconfig/slow(-plugin)?\.pc|cmake/Slow(SDK)?/Slow[A-Za-z-]+\.cmake|\
slow/1/(transport|routing|codec|security)-[a-z-]+\.so))$")
[[ -z $stray ]] || die "these are installed, and this test does not know why: $stray"
ok "$(find "$prefix" ! -type d | wc -l) files are installed, each where it belongs"

tree=$(grep -rlF "$source_folder" "$prefix"/{etc,include,lib/systemd,share} "$libdir"/{cmake,pkgconfig})
[[ -z $tree ]] || die "these name the folder of the sources: $tree"
grep -q "^ExecStart=$prefix/bin/slow-router -c $prefix/etc/slow/router.json" "$prefix/lib/systemd/system/slow-router.service" ||
    die "the unit starts another program: $(grep ExecStart "$prefix/lib/systemd/system/slow-router.service")"
[[ $(readelf -d "$libdir/libslow.so.1" | grep SONAME) == *'[libslow.so.1]' ]] || die "libslow.so.1 has another name within"
echo '{"id": "mine"}' >"$prefix/etc/slow/router.json"
quietly cmake --install "$SLOW_BUILD" --prefix "$prefix" && grep -q mine "$prefix/etc/slow/router.json" ||
    die "a config that somebody had edited was lost when Slow was installed again"
ok "nothing leads back to the sources; an edited config survives an update"

# ---- from the prefix, with nothing of the build in reach

away() { (cd "$dir" && env -i PATH="$PATH" CMAKE_GENERATOR=Ninja LD_LIBRARY_PATH="${library_path-}" PKG_CONFIG_PATH="$libdir/pkgconfig" "$@"); }
for program in slow-router slowctl slow-sim; do
    quietly away "$prefix/bin/$program" --help || die "$program does not run from the prefix"
    quietly away ldd "$prefix/bin/$program"
    ! grep libslow "$dir/log" | grep -vF "$prefix/" || die "$program takes another libslow"
done
for plugin in "$plugindir"/*.so; do
    exported=$(nm -D --defined-only "$plugin" | awk '{ print $3 }' | xargs)
    [[ $exported == slow_module_v1 ]] || die "$plugin exports $exported; expected slow_module_v1 alone"
    quietly away "$prefix/bin/slow-router" --describe "$(basename "$plugin" .so)" || die "slow-router does not find its own $plugin"
done
ok "programs and plugins run from the prefix"

# ---- a program and a plugin, by pkg-config and by CMake

mkdir "$dir/stranger" && cp "$source_folder"/{tests/install/CMakeLists.txt,examples/hello.c,tests/modules/plugin.c} "$dir/stranger"
compile() { # ARGUMENTS... of cc, as a person would write them
    quietly away sh -c "cc -std=c11 -Wall -Wextra -Werror -pedantic $*"
}
says_hello() { # PROGRAM
    library_path=$libdir quietly away "$1" && grep -q 'alice hears {"hello":"yourself"} from bob' "$dir/log"
}
is_plugin() { # DIR
    exported=$(away nm -D --defined-only "$1/codec-good.so" | awk '{ print $3 }')
    [[ $exported == slow_module_v1 ]] || die "the stranger's plugin exports $exported"
    quietly away "$prefix/bin/slow-router" --plugin-dir "$1" --describe codec-good
}
cp "$dir/stranger/hello.c" "$dir/program.c"
line=$(grep -m 1 '^cc -std=c11 program\.c ' "$source_folder/README.md") || die "README.md says no line to compile a program with"
quietly away sh -c "$line" || die "no program by slow.pc, by the line in README.md: $line"
says_hello ./program || die "the program of slow.pc does not say hello"
compile "stranger/hello.c \$(pkg-config --cflags slow) $libdir/libslow.a" \
    '$(pkg-config --static --libs-only-l slow | sed s/-lslow//) -o hello-a' || die "no program by libslow.a"
compile '-DPLUGIN_ID=\"codec-good\" -shared -fPIC $(pkg-config --cflags slow-plugin) stranger/plugin.c -o codec-good.so' ||
    die "no plugin by slow-plugin.pc"
is_plugin . || die "slow-router does not take the plugin of slow-plugin.pc"
[[ $(away pkg-config --variable=plugindir slow-plugin) == "$plugindir" ]] || die "slow-plugin.pc has another plugindir"
[[ $(away pkg-config --variable=abi_major slow-plugin) == 1 ]] || die "slow-plugin.pc has another abi_major"
ok "a program and a plugin by pkg-config"

quietly away cmake -S stranger -B build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_C_FLAGS='-Wall -Wextra -Werror' && quietly away cmake --build build || die "no program and no plugin by CMake"
says_hello build/hello || die "the program of find_package(Slow) does not say hello"
is_plugin build || die "slow-router does not take the plugin of find_package(SlowSDK)"
quietly away cmake --install build && quietly away "$prefix/bin/slow-router" --describe codec-good ||
    die "a plugin that slow_add_plugin() installed is not found"
ok "a program and a plugin by CMake, and the plugin installed beside ours"
