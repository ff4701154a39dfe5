#!/usr/bin/env bash
# The commands of docs/simulating.md, as a reader would type them, in a folder of their own: blocks marked "sh run" have to
# succeed, those marked "sh fails" to end with exit code 1. Then a few lines that the page speaks of.
set -euo pipefail
build=${SLOW_BUILD:?the build folder}
page=$(dirname "$0")/../docs/simulating.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
page=$(realpath "$page")
PATH=$(realpath "$build")/bin:$PATH
cd "$work"

# Each marked block to a file of its own: NN.run or NN.fails.
awk '/^```sh (run|fails)$/ { file = sprintf("%02d.%s", ++n, $2); next } /^```/ { file = "" } file { print > file }' "$page"
blocks=0
for block in [0-9][0-9].*; do
    expected=0
    [[ $block == *.fails ]] && expected=1
    code=0
    bash -eu "$block" >"$block.out" 2>"$block.err" || code=$?
    if ((code != expected)); then
        echo "simulating_test: exit code $code instead of $expected of:"
        cat "$block" "$block.out" "$block.err"
        exit 1
    fi
    blocks=$((blocks + 1))
done

says() { # FILES REGEX
    grep -qE "$2" $1 || { echo "simulating_test: no \"$2\" in"; cat $1; exit 1; }
}
((blocks >= 9)) || { echo "simulating_test: only $blocks blocks were found in $page"; exit 1; }
says '02.run.out' '^coast.graphml: 3 junctions, 3 links'
says '03.run.out' '^office: 5 junctions, 5 links, seed 1$'
says '03.run.out' '^cut-every-link: 5 events, 1 of which split the network'
says '03.run.out' '^checks +held +held +held$'
says '04.run.out' '^kill-every-junction: 5 events'
says '05.run.out' '^\[\{"topology":"ring:6","routing":"flooding",.*"routing":"flooding:learn=false"'
says '03.run.out' '^links of 1.0 to 5.0 ms$'
says '06.run.out' '^report.html'
says 'report.html' '<!doctype html>'
failed=$(ls [0-9][0-9].fails.err | head -1)
says "$failed" 'to see it again: slow-sim run '
echo "simulating_test: $blocks blocks of docs/simulating.md did what they say"
