#!/usr/bin/env bash
# Rules of the distance vector are broken, one at a time, and the simulator has to say so: exit code 1, and the name of a
# rule that this breaks. Whoever loosens a check until nothing is ever found is found here.
#
#   negative_controls.sh SLOW-SIM FOLDER-OF-SCENARIOS
set -uo pipefail
slow_sim=$1 scenarios=$2
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

# And unbroken nothing is found where they were.
output=$("$slow_sim" run "$scenarios/churn.json" --routing distance-vector --option break_rule=none --seeds 1-3 --quiet \
    --trace "$traces" 2>&1) || { echo "unbroken, churn failed: $output"; failed=1; }
exit "$failed"
