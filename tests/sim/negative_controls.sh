#!/usr/bin/env bash
# Rules of the strategies are broken, one at a time, and the simulator has to say so: exit code 1, and the name of a
# rule that this breaks. Whoever loosens a check until nothing is ever found is found here.
#
#   negative_controls.sh SLOW-SIM FOLDER-OF-SCENARIOS
set -uo pipefail
slow_sim=$1 scenarios=$2 modules=$(dirname "$1")/../tests/modules
traces=$(mktemp -d)
trap 'rm -rf "$traces"' EXIT
failed=0

control() { # STRATEGY BREAK-RULE SCENARIO SEEDS RULE...
    local strategy=$1 broken=$2 scenario=$3 seeds=$4 output code rule
    shift 4
    output=$("$slow_sim" run "$scenarios/$scenario.json" --routing "$strategy" --option "break_rule=$broken" \
        --seeds "$seeds" --quiet --trace "$traces" 2>&1)
    code=$?
    for rule in "$@"; do
        if ((code == 1)) && grep -q "^$rule: seed " <<<"$output"; then
            echo "$strategy, $broken: found, $(grep -m1 "^$rule: seed " <<<"$output")"
            return
        fi
    done
    echo "$strategy, $broken in $scenario, seeds $seeds: NOT FOUND (exit code $code, expected 1 and one of: $*)"
    failed=1
}

control distance-vector no-feasibility partition-heals 1-8 loop feasibility
control distance-vector late-fd cut-every-link 1-8 loop
control distance-vector no-refilter reboot-without-memory 1-8 loop
control distance-vector lost-memory partition-heals 1-8 beliefs
control distance-vector foreign-bump churn 1-8 feasibility loop
control distance-vector swallow-requests cost-swings 1-8 missing suboptimal
control link-state one-sided-links two-with-one-id 1-8 missing suboptimal
control link-state skip-decrease cost-swings 1-8 suboptimal
control link-state no-exchange kill-every-junction 1-8 missing suboptimal
control link-state no-take-over churn 1-8 missing suboptimal

# Rules of reliable delivery, each broken by all junctions. What is named first is what a breach of it does to somebody.
delivery() { # BROKEN SCENARIO SEEDS CHECKS RULE...
    local broken=$1 scenario=$2 seeds=$3 checks=$4 output code rule
    shift 4
    jq --arg broken "$broken" --argjson checks "$checks" '. + {break: $broken, checks: $checks}' "$scenarios/$scenario.json" \
        > "$traces/broken.json"
    output=$("$slow_sim" run "$traces/broken.json" --routing distance-vector --seeds "$seeds" --quiet --trace "$traces" 2>&1)
    code=$?
    for rule in "$@"; do
        if ((code == 1)) && grep -q "^$rule: seed " <<<"$output"; then
            echo "delivery, $broken: found, $(grep -m1 "^$rule: seed " <<<"$output")"
            return
        fi
    done
    echo "delivery, $broken in $scenario, seeds $seeds: NOT FOUND (exit code $code, expected 1 and one of: $*)"
    failed=1
}

delivery held-is-barred delivery-lossy-square 1-4 '{}' handed
delivery window delivery-slow-reader 1-4 '{}' window
delivery numbers-by-start delivery-lossy-square 1-4 '{"number": "count"}' twice
delivery numbers-by-start delivery-lossy-square 1-4 '{}' number
delivery two-way delivery-churn 1-8 '{}' twice
delivery resend delivery-receiver-restarts 1-4 '{}' twice
delivery no-order delivery-lossy-square 1-4 '{}' order
delivery no-latest delivery-receiver-restarts 1-8 '{}' order

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
for strategy in distance-vector link-state; do
    output=$("$slow_sim" run "$scenarios/churn.json" --routing "$strategy" --option break_rule=none --seeds 1-3 --quiet \
        --trace "$traces" 2>&1) || { echo "$strategy unbroken, churn failed: $output"; failed=1; }
done
exit "$failed"
