#!/bin/sh
# Fuzzes: scripts/fuzz.sh [SECONDS | --minimise] [TARGET...]    (default: 60 seconds, all targets of fuzz/)
#
# Builds the preset fuzz (clang, libFuzzer, address and undefined-behaviour sanitizers) and runs each target for SECONDS
# from its corpus in fuzz/corpus/TARGET. New inputs go to the build folder; findings, too, and one is worth a file in
# fuzz/corpus/TARGET once it is mended, where every build replays it. Dictionaries are fuzz/TARGET.dict, or come from
# SLOW_TESTDATA. One line a target; the exit status is 1 when something was found. With --minimise first, nothing is run:
# each corpus is replaced by the least of it and of what was found meanwhile that covers as much.
set -eu
cd "$(dirname "$0")/.."

seconds=60 minimise=false
case ${1:-} in
'') ;;
--minimise)
    minimise=true
    shift
    ;;
*[!0-9]*) ;;
*)
    seconds=$1
    shift
    ;;
esac
if [ $# -eq 0 ]; then
    set -- $(cd fuzz && ls *.c | sed -e 's/\.c$//' -e '/^replay$/d')
fi
testdata=${SLOW_TESTDATA:-../shared/testdata}
out=build/fuzz/fuzz

dictionary() {
    [ ! -f "fuzz/$1.dict" ] || { echo "fuzz/$1.dict" && return; }
    case $1 in
    codec_json_decode | config | message_json | slowctl_answer) echo "$testdata/corpora/json.dict" ;;
    codec_protobuf) echo "$testdata/corpora/protobuf.dict" ;;
    esac
}

last() { # the last number behind a word of the log
    sed -n "s/.*$2 *\([0-9][0-9]*\).*/\1/p" "$1" | tail -n 1
}

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target $(printf 'fuzz_%s ' "$@") >"build/fuzz/build.log" || {
    grep -E 'error|FAILED' build/fuzz/build.log >&2
    exit 2
}

# libFuzzer takes of the folders behind the first what adds to it. Inputs with a name of their own were findings: they stay.
if $minimise; then
    for target in "$@"; do
        least=$out/least/$target
        rm -rf "$least"
        mkdir -p "$least" "$out/corpus/$target"
        "$out/fuzz_$target" -set_cover_merge=1 -timeout=20 "$least" "fuzz/corpus/$target" "$out/corpus/$target" \
            >"$out/$target.merge.log" 2>&1
        find "fuzz/corpus/$target" -type f | grep -E '/[0-9a-f]{40}$' | xargs -r rm
        names=$(sha1sum "fuzz/corpus/$target"/* | cut -d' ' -f1) # libFuzzer names its inputs so
        for input in "$least"/*; do
            case $names in
            *"${input##*/}"*) ;;
            *) cp "$input" "fuzz/corpus/$target/" ;;
            esac
        done
        printf '%-24s %5s inputs\n' "$target" "$(ls "fuzz/corpus/$target" | wc -l)"
    done
    exit 0
fi

found=0
for target in "$@"; do
    mkdir -p "$out/corpus/$target" "$out/findings"
    log=$out/$target.log
    dict=$(dictionary "$target")
    [ -f "$dict" ] && dict=-dict=$dict || dict=
    verdict="nothing found"
    "$out/fuzz_$target" -max_total_time="$seconds" -rss_limit_mb=2048 -max_len=4096 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$out/findings/$target-" $dict "$out/corpus/$target" "fuzz/corpus/$target" >"$log" 2>&1 || {
        found=1
        verdict="FOUND: $(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1), see $log"
    }
    printf '%-24s %10s runs, coverage %6s: %s\n' "$target" "$(last "$log" 'number_of_executed_units:')" \
        "$(last "$log" 'cov:')" "$verdict"
done
exit $found
