#!/usr/bin/env bash
# Rules of the strategies are broken, one at a time, and the simulator has to say so: exit code 1, and the name of a
# rule that this breaks. Whoever loosens a check until nothing is ever found is found here.
#
#   negative_controls.sh SLOW-SIM FOLDER-OF-SCENARIOS [delivery-noise]
#
# With a third argument only the rules of reliable delivery, with security on: the checker sees through the seals.
set -uo pipefail
slow_sim=$1 scenarios=$2 only=${3-} modules=$(dirname "$1")/../tests/modules
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

if [[ -z $only ]]; then
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
fi
security=none
[[ -z $only ]] || security=noise

# Rules of reliable delivery, each broken by all junctions. What is named first is what a breach of it does to somebody.
delivery() { # BROKEN SCENARIO SEEDS CHECKS RULE...
    local broken=$1 scenario=$2 seeds=$3 checks=$4 output code rule
    shift 4
    jq --arg broken "$broken" --argjson checks "$checks" '. + {break: $broken, checks: $checks}' "$scenarios/$scenario.json" \
        > "$traces/broken.json"
    output=$("$slow_sim" run "$traces/broken.json" --routing distance-vector --security "$security" --seeds "$seeds" \
        --quiet --trace "$traces" 2>&1)
    code=$?
    for rule in "$@"; do
        if ((code == 1)) && grep -q "^$rule: seed " <<<"$output"; then
            echo "delivery, $broken, security $security: found, $(grep -m1 "^$rule: seed " <<<"$output")"
            return
        fi
    done
    echo "delivery, $broken in $scenario, seeds $seeds: NOT FOUND (exit code $code, expected 1 and one of: $*)"
    failed=1
}

delivery held-is-barred delivery-lossy-square 1-4 '{}' handed
delivery blind black-hole 1-1 '{}' undelivered
delivery window delivery-slow-reader 1-4 '{}' window
# What opens with the keys of another pair opens nothing: with security these two do nobody harm, but that they are seen.
[[ $security == noise ]] ||
    delivery numbers-by-start delivery-lossy-square 1-4 '{"number": "count"}' twice
delivery numbers-by-start delivery-lossy-square 1-4 '{}' number
[[ $security == noise ]] || delivery two-way delivery-churn 1-8 '{}' twice
delivery resend delivery-receiver-restarts 1-4 '{}' twice
delivery no-order delivery-lossy-square 1-4 '{}' order
delivery no-latest delivery-receiver-restarts 1-8 '{}' order

[[ -z $only ]] || exit "$failed"

# A member that lies about ids and numbers is believed where nobody has to prove anything.
for lie in false-id false-number; do
    for strategy in distance-vector link-state; do
        output=$("$slow_sim" run "$scenarios/rogue-$lie.json" --routing "$strategy" --security none --plugins "$modules" \
            --seed 1 --quiet --trace "$traces/rogue.json" 2>&1)
        code=$?
        if ((code == 1)) && grep -qE '^(misled|detour|missing|undelivered): seed ' <<<"$output"; then
            echo "rogue, $strategy, $lie: found, $(grep -m1 ': seed ' <<<"$output")"
        else
            echo "rogue, $strategy, $lie without security: NOT FOUND (exit code $code)"
            failed=1
        fi
    done
done

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
