#!/usr/bin/env bash
# Rules of the distance vector are broken, one at a time, and the simulator has to say so: exit code 1, and the name of a
# rule that this breaks. Whoever loosens a check until nothing is ever found is found here.
#
#   negative_controls.sh SLOW-SIM FOLDER-OF-SCENARIOS
set -uo pipefail
slow_sim=$1 scenarios=$2 modules=$(dirname "$1")/../tests/modules
traces=$(mktemp -d)
trap 'rm -rf "$traces"' EXIT
failed=0

control() { # BREAK-RULE SCENARIO SEEDS RULE...
    local broken=$1 scenario=$2 seeds=$3 output code rule
    shift 3
    output=$("$slow_sim" run "$scenarios/$scenario.json" --routing distance-vector --option "break_rule=$broken" \
        --seeds "$seeds" --quiet --trace "$traces" 2>&1)
    code=$?
    for rule in "$@"; do
        if ((code == 1)) && grep -q "^$rule: seed " <<<"$output"; then
            echo "$broken: found, $(grep -m1 "^$rule: seed " <<<"$output")"
            return
        fi
    done
    echo "$broken in $scenario, seeds $seeds: NOT FOUND (exit code $code, expected 1 and one of: $*)"
    failed=1
}

control no-feasibility partition-heals 1-8 loop feasibility
control late-fd cut-every-link 1-8 loop
control no-refilter reboot-without-memory 1-8 loop
control lost-memory partition-heals 1-8 beliefs
control foreign-bump churn 1-8 feasibility loop
control swallow-requests cost-swings 1-8 missing suboptimal

# A strategy that holds more than any may, and one that does not but is as useless.
output=$("$slow_sim" run "$scenarios/cold-start.json" --routing hoarder --plugins "$modules" --quiet --trace "$traces/h.json" 2>&1)
code=$?
if ((code == 1)) && grep -q '^bounds: seed .* bytes of a strategy of n0: 2000000, and at most 1048576' <<<"$output"; then
    echo "hoarder: found, $(grep -m1 '^bounds: ' <<<"$output")"
else
    echo "hoarder: NOT FOUND (exit code $code): $output"
    failed=1
fi
output=$("$slow_sim" run "$scenarios/cold-start.json" --routing mute --plugins "$modules" --json --trace "$traces/m.json")
[[ $(jq -r '"\(.failure.rule) \(.checks.bounds)"' <<<"$output") == "lost 0" ]] || { echo "mute breaks a bound: $output"; failed=1; }

# And unbroken nothing is found where they were.
output=$("$slow_sim" run "$scenarios/churn.json" --routing distance-vector --option break_rule=none --seeds 1-3 --quiet \
    --trace "$traces" 2>&1) || { echo "unbroken, churn failed: $output"; failed=1; }
exit "$failed"
