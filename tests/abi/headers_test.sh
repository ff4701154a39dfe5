#!/usr/bin/env bash
# The public headers in every language that may include them: each one alone, twice over, and all of their macros in use, as C11,
# C17, C2x, C++11, C++17 and C++20, by gcc and by clang, without a warning. clang is asked for all that it can say
# (-Weverything) but what is in disabled_warnings.txt, with a reason for each.
#
#   headers_test.sh C-COMPILER C++-COMPILER     "gcc g++" or "clang clang++"
set -u
here=$(realpath "$(dirname "$0")")
source=$(realpath "$here/../..")
cc=${1:?expected a C compiler} cxx=${2:?expected a C++ compiler}
for compiler in "$cc" "$cxx"; do
    command -v "$compiler" >/dev/null || { echo "SKIPPED: no $compiler; run scripts/setup.sh --dev"; exit 77; }
done
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0
count=0

disabled=()
if "$cc" --version | grep -q clang; then
    strict=(-Weverything)
    mapfile -t disabled < <(sed -nE 's/^(-Wno-[a-z0-9+-]+):.*/\1/p' "$here/disabled_warnings.txt")
else
    strict=(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wcast-qual -Wcast-align -Wwrite-strings
        -Wpointer-arith -Wredundant-decls -Wswitch-enum -Wnull-dereference)
fi

# compiles LANGUAGE STANDARD FILE FLAG...
compiles() {
    local language=$1 standard=$2 file=$3 compiler=$cc
    shift 3
    [[ $language == c ]] || compiler=$cxx
    "$compiler" -x "$language" -std="$standard" -Werror "${strict[@]}" -I "$source/sdk" -I "$source/core/include" "$@" \
        -fsyntax-only "$file" >"$dir/said" 2>&1
}

matrix() { # FILE WHAT
    local pair
    for pair in "c c11" "c c17" "c c2x" "c++ c++11" "c++ c++17" "c++ c++20"; do
        count=$((count + 1))
        # shellcheck disable=SC2086
        compiles $pair "$1" "${disabled[@]}" && continue
        failures=$((failures + 1))
        echo "NOT OK   $2 as ${pair#* } by ${pair% *} of $cc:"
        head -20 "$dir/said"
    done
}

for header in "$source"/sdk/slow/*.h "$source"/core/include/slow/*.h; do
    name=${header##*/}
    printf '#include <slow/%s>\n#include <slow/%s>\n' "$name" "$name" >"$dir/$name.c"
    matrix "$dir/$name.c" "slow/$name"
done
matrix "$here/macros.h" "macros.h"

# The list of what is not followed is no longer than it has to be.
for one in "${disabled[@]}"; do
    needed=0
    for pair in "c c11" "c c2x" "c++ c++11" "c++ c++20"; do
        # shellcheck disable=SC2086
        compiles $pair "$here/macros.h" "${disabled[@]}" "-W${one#-Wno-}" || needed=1
    done
    ((needed)) || { failures=$((failures + 1)); echo "NOT OK   $one is disabled, and need not be"; }
done

# It can fail.
printf '#include <slow/base.h>\nint f(int a) { return a; }\nint g(long a) { return f(a); }\n' >"$dir/control.c"
if compiles c c11 "$dir/control.c" "${disabled[@]}"; then
    failures=$((failures + 1))
    echo "NOT OK   a lossy conversion is compiled without a warning"
fi
echo "headers: $count times compiled by $cc and $cxx, $failures failed"
exit $((failures > 0))
