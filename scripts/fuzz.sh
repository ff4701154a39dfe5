#!/bin/sh
# Fuzzes: scripts/fuzz.sh [SECONDS] [TARGET...]    (default: 60 seconds, all targets of fuzz/)
#
# Builds the preset fuzz (clang, libFuzzer, address and undefined-behaviour sanitizers) and runs each target for SECONDS
# from its corpus in fuzz/corpus/TARGET. New inputs go to the build folder; findings, too, and one is worth a file in
# fuzz/corpus/TARGET once it is mended, where every build replays it. Dictionaries come from SLOW_TESTDATA. One line a
# target; the exit status is 1 when something was found.
set -eu
cd "$(dirname "$0")/.."

seconds=60
case ${1:-} in
'') ;;
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
    case $1 in
    codec_json_decode | config) echo "$testdata/corpora/json.dict" ;;
    codec_protobuf) echo "$testdata/corpora/protobuf.dict" ;;
    esac
}

last() { # the last number behind a word of the log
    sed -n "s/.*$2 *\([0-9][0-9]*\).*/\1/p" "$1" | tail -n 1
}

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target $(printf 'fuzz_%s ' "$@") >/dev/null

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
