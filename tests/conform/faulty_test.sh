#!/usr/bin/env bash
# A plugin that breaks one rule, held against the contract: exactly the tests named fail, each for the right reason.
#   faulty_test.sh SLOW_CONFORM PLUGIN.so TESTS PATTERN [ARGUMENT...]
# TESTS: names with a space between, or "none"; PATTERN: an extended regular expression for what is said of the first.
set -uo pipefail
conform=$1 plugin=$2 tests=$3 pattern=$4
shift 4
said=$("$conform" "$@" "$plugin")
code=$?
echo "$said"
failed=$(awk '$2 ~ /^FAILED/ { printf "%s%s", sep, $1; sep = " " }' <<<"$said")
if [[ ${failed:-none} != "$tests" ]]; then
    echo "faulty_test.sh: failed are: ${failed:-none}; expected: $tests"
    exit 1
fi
if [[ $tests != none ]] && ! grep -m1 "FAILED" <<<"$said" | grep -qE -- "$pattern"; then
    echo "faulty_test.sh: the first is told otherwise; expected: $pattern"
    exit 1
fi
expected=$([[ $tests == none ]] && echo 0 || echo 1)
if ((code != expected)); then
    echo "faulty_test.sh: exit code $code; expected $expected"
    exit 1
fi
