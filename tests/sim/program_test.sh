#!/usr/bin/env bash
# slow-sim run as a program: exit codes, errors, the same run twice, and a failure whose trace shows it again.
#
#   program_test.sh SLOW-SIM FOLDER-OF-SCENARIOS
set -uo pipefail
slow_sim=$1 scenarios=$2 modules=$(dirname "$1")/../tests/modules
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

wrong() {
    echo "NOT SO: $*"
    failed=1
}

expect_usage() { # TEXT, then arguments: exit code 2, and that one line on stderr
    local text=$1 output code
    shift
    output=$("$slow_sim" "$@" 2>&1 >/dev/null)
    code=$?
    [[ $code == 2 && $output == "slow-sim: $text" ]] || wrong "$*: exit code $code, \"$output\" instead of \"$text\""
}

expect_usage 'expected a command; see slow-sim --help'
expect_usage 'there is no command "rnu"; see slow-sim --help' rnu
expect_usage "expected a scenario's file; see slow-sim run --help" run
expect_usage "$work/none.json: cannot be read: No such file or directory" run "$work/none.json"
expect_usage 'unknown flag --sed; see slow-sim run --help' run x.json --sed 1
expect_usage '--seeds: expected FIRST-LAST, not 5-1; see slow-sim run --help' run x.json --seeds 5-1
echo '{"topology": "ring:8", "timeline": [{"at": "1s", "kil": 3}]}' >"$work/typo.json"
expect_usage "$work/typo.json:1: timeline[0].kil: unknown key; did you mean \"kill\"?" run "$work/typo.json"

expect_usage '--option: expected KEY=VALUE, not learn; see slow-sim run --help' run x.json --option learn
expect_usage '--option: expected KEY=VALUE, not =1; see slow-sim run --help' run x.json --option =1
expect_usage '--routing: expected NAME[,NAME...], not flooding,; see slow-sim run --help' run x.json --routing flooding,

expect_usage '--security: expected noise or none, not nois; see slow-sim run --help' run x.json --security nois
expect_usage '--security: expected noise or none, not nois; see slow-sim topology --help' \
    topology ring:4 --routing flooding --security nois

# What is wrong with an option of the command line is said to be there, whatever else was given, and before anything runs.
echo '{"topology": "ring:4"}' >"$work/ring.json"
for more in "" "--seed 3" "--routing flooding" "--routing distance-vector,flooding --option max_origins=9"; do
    output=$("$slow_sim" run "$work/ring.json" --option lern=true $more 2>&1)
    [[ $? == 2 && $output == "slow-sim: --option."*": unknown key; "* && $output != *$'\n'* ]] ||
        wrong "a wrong --option with \"$more\": $output"
done

# A strategy that comes later is looked for where --plugins says.
echo '{"topology": "ring:4", "routing": "flooding", "timeline": [{"at": "1s", "routing": {"add": "liar"}, "at_junction": 1}]}' >"$work/later.json"
output=$("$slow_sim" run "$work/later.json" --plugins "$modules" --json 2>&1)
[[ $(jq .actions <<<"$output") == 1 ]] || wrong "a strategy of --plugins is added later: $output"

# A trace of a run with security is one with security, and shows the same.
"$slow_sim" run "$scenarios/partition-heals.json" --option break_rule=no-feasibility --security noise --seed 1 --quiet \
    --trace "$work/sealed.json" >/dev/null 2>&1
output=$("$slow_sim" run "$work/sealed.json" --json --trace "$work/again.json")
[[ $(jq -r .security "$work/sealed.json") == noise && $(jq .failure.as_expected <<<"$output") == true ]] ||
    wrong "a trace with security: $output"

# A trace that cannot be written is told, and nothing promised of it.
output=$("$slow_sim" run "$scenarios/partition-heals.json" --option break_rule=no-feasibility --seed 1 \
    --trace "$work/none/trace.json" 2>&1)
[[ $? == 1 && $output == *"$work/none/trace.json: cannot be written: No such file or directory; expected a place"* &&
    $output != *"shows it again"* ]] || wrong "no trace: $output"
output=$("$slow_sim" topology random:14:4 --routing distance-vector:break_rule=no-feasibility --sample 1 \
    --trace "$work/none" 2>&1)
[[ $? == 1 && $output == *"cannot be written: No such file or directory; expected a folder"* &&
    $output != *"to see it again"* ]] || wrong "no trace of topology: $output"

field() { jq -r ".$1" <<<"$2"; }

# The same seed gives the same trace, another gives another; with or without "routing-" it is the same strategy.
one=$("$slow_sim" run "$scenarios/churn.json" --seed 7 --json --routing distance-vector)
two=$("$slow_sim" run "$scenarios/churn.json" --seed 7 --json --routing routing-distance-vector)
other=$("$slow_sim" run "$scenarios/churn.json" --seed 8 --json)
[[ $(field trace_hash "$one") =~ ^[0-9a-f]{16}$ ]] || wrong "a trace hash of 16 digits: $one"
[[ $(field trace_hash "$one") == $(field trace_hash "$two") ]] || wrong "the same seed gives the same trace"
[[ $(field trace_hash "$one") != $(field trace_hash "$other") ]] || wrong "another seed gives another trace"
[[ $(field routing "$two") == distance-vector && $(field held "$one") == true ]] || wrong "it holds: $two"

# Several at once are a list.
list=$("$slow_sim" run "$scenarios/cold-start.json" --seeds 1-2 --json --routing distance-vector,flooding)
[[ $(jq -r 'map(.routing) | join(" ")' <<<"$list") == "distance-vector distance-vector flooding flooding" ]] ||
    wrong "one object a run: $list"

# A failure in the middle, of drawn actions, and one at rest, each shown again by its trace: rule, time and trace hash.
replay() { # BREAK-RULE SCENARIO SEED
    local trace="$work/$1.trace.json" first again
    first=$("$slow_sim" run "$scenarios/$2.json" --routing distance-vector --option "break_rule=$1" --seed "$3" \
        --trace "$trace" --json)
    [[ $? == 1 ]] || wrong "$1 in $2 fails with exit code 1"
    again=$("$slow_sim" run "$trace" --json)
    [[ $? == 1 ]] || wrong "the trace of $1 fails with exit code 1"
    for what in failure.rule failure.at_s failure.text trace_hash; do
        [[ $(field $what "$first") == $(field $what "$again") ]] ||
            wrong "$what of the trace of $1: $(field $what "$again") instead of $(field $what "$first")"
    done
    [[ $(field failure.as_expected "$again") == true ]] || wrong "the trace of $1 fails as it expects"
    echo "$1: $(field failure.rule "$first") at $(field failure.at_s "$first") s after $(field actions "$first") actions," \
        "and again by its trace"
    # Another seed is another run: the trace says so.
    again=$("$slow_sim" run "$trace" --seed 999 --json --trace "$work/other.json")
    [[ $(field failure.as_expected "$again") != true ]] || wrong "another seed than the trace's is as expected"
}
replay no-refilter churn 3
replay foreign-bump churn 4
replay swallow-requests cost-swings 1

# What an experiment finds by sending packages is shown again too: they are in its trace.
first=$("$slow_sim" topology ring:5 --routing mute --plugins "$modules" --sample 1 --trace "$work" 2>&1 >/dev/null)
code=$?
again=$("$slow_sim" run "$work"/ring-5-mute-1.trace.json --plugins "$modules" --json)
[[ $code == 1 && $? == 1 && $(field failure.rule "$again") == lost && $(field failure.as_expected "$again") == true &&
    $first == *"lost: $(field failure.text "$again")"* ]] || wrong "nothing arrives: $first, and again $again"
echo "mute: $(field failure.text "$again"), and again by its trace"

# Where the way is long, what is on it is not lost; and a link too long for the core is told as what it is.
echo '{"nodes": ["a", "b", "c", "d"], "links": [[0, 1, 900], [1, 2, 900], [2, 3, 900]]}' >"$work/far.json"
output=$("$slow_sim" topology "$work/far.json" --routing distance-vector,flooding --event cold-start --trace "$work" 2>&1) ||
    wrong "a long way: $output"
echo '{"nodes": ["a", "b"], "links": [[0, 1, 20000]]}' >"$work/moon.json"
output=$("$slow_sim" topology "$work/moon.json" --routing distance-vector --event cold-start --trace "$work" 2>&1 >/dev/null)
[[ $? == 1 && $output == "slow-sim: distance-vector on "*": 1 of 1 links did not come up within 180 s"* &&
    $output != *$'\n'* ]] || wrong "a link that is too long: $output"
exit "$failed"
