#!/usr/bin/env bash
# slow-sim topology and compare at their command line: what is wrong is told in one line, with exit code 2 and before
# anything was run; a network that names itself in markup stays text in the page.
set -euo pipefail
build=${SLOW_BUILD:?the build folder}
sim=$(realpath "$build")/bin/slow-sim
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "experiment_test: $*"
    cat out err
    exit 1
}
ends() { # CODE REGEX-ON-STDERR ARGUMENT...
    local code=0 expected=$1 regex=$2
    shift 2
    timeout 60 "$sim" "$@" >out 2>err </dev/null || code=$?
    ((code == expected)) || fail "exit code $code instead of $expected: slow-sim $*"
    ((expected != 2 || $(wc -l <err) == 1)) || fail "not one line: slow-sim $*"
    ((expected != 2)) || [[ ! -s out ]] || fail "something on stdout: slow-sim $*"
    [[ -z $regex ]] || grep -qE -e "$regex" err || fail "no \"$regex\" on stderr: slow-sim $*"
}

ends 2 'which network' topology --routing flooding
ends 2 'which strategies' topology ring:4
ends 2 'nobody' topology ring:4 --routing flooding,nobody
ends 2 'learn' topology ring:4 --routing flooding:lern=true
ends 2 'ring' topology rong:4 --routing flooding
ends 2 'nowhere.json' topology nowhere.json --routing flooding
ends 2 'cut-every-link' topology ring:4 --routing flooding --event cut-every-lnk
ends 2 '--sample' topology ring:4 --routing flooding --sample 0
ends 2 '--seed' topology ring:4 --routing flooding --seed -1
ends 2 'no option' topology ring:4 --routing flooding --fast
ends 2 'missing' topology ring:4 --routing
ends 2 'compare' topology ring:4 ring:5 --routing flooding
ends 2 'where to' compare ring:4 --routing flooding
ends 2 'cannot be written' compare ring:4 --routing flooding --html nowhere/report.html
ends 2 'slow-sim topology --help' topology ring:4 --fast
ends 2 '^slow-sim: --routing: no plugin "routing-linkstate"; did you mean' topology ring:4 --routing linkstate
ends 2 '^slow-sim: --routing: lern: unknown key' topology ring:4 --routing flooding:lern=true
echo '{"name": "torn", "nodes": ["a", "b", "c"], "links": [[0, 1, 2.5]]}' >torn.json
ends 0 'torn is in 2 parts' topology torn.json --routing flooding
grep -q '^links of 2.5 ms$' out || fail "the header does not tell the latency"
ends 0 '' topology --help
grep -q 'partition-heals' out || fail "the help does not name the events"

# One strategy is an object, several are a list; names stand without "routing-".
ends 0 '' topology ring:4 --routing routing-flooding --json
grep -q '^{"topology":"ring:4","routing":"flooding",' out || fail "not the object"
ends 0 '' topology ring:4 --routing flooding,distance-vector --json
grep -q '^\[{"topology".*},{"topology":"ring:4","routing":"distance-vector".*\]$' out || fail "not the list"

# The same seed gives the same figures, and another seed another trace.
figures() { "$sim" topology geometric:12 --routing distance-vector --sample 2 --seed "$1" --json | grep -o '"trace_hash":"[0-9a-f]*"'; }
[[ $(figures 3) == "$(figures 3)" ]] || fail "one seed, two traces"
[[ $(figures 3) != "$(figures 4)" ]] || fail "two seeds, one trace"

cat >hostile.json <<'END'
{"name": "</script><script>alert(1)</script>", "nodes": ["<img src=x onerror=alert(2)>", "b", "c"],
 "links": [[0, 1, 5], [1, 2, 5], [2, 0, 5]]}
END
ends 0 '' compare hostile.json ring:4 --routing flooding,distance-vector --event cut-every-link,partition --html report.html
[[ $(grep -c '<script' report.html) == 2 ]] || fail "a name became a script"
grep -q '<img' report.html && fail "a name became an image"
grep -q '://' report.html && fail "the page wants something from elsewhere"
echo "experiment_test: all as it should be"
