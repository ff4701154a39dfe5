#!/usr/bin/env bash
# slow-conform at its command line: what it takes, what it says, and its exit codes.
#   command_test.sh SLOW_CONFORM FOLDER-OF-PLUGINS FOLDER-OF-FAULTY FOLDER-OF-MODULES FOLDER-OF-DOCUMENTS
set -uo pipefail
conform=$1 plugins=$2 faulty=$3 modules=$4 documents=$5
problems=0

problem() {
    echo "command_test.sh: $*"
    problems=$((problems + 1))
}

# says CODE PATTERN ARGUMENT...: both streams.
says() {
    local code=$1 pattern=$2 said got
    shift 2
    said=$("$conform" "$@" 2>&1)
    got=$?
    ((got == code)) || problem "slow-conform $*: exit code $got; expected $code: $said"
    grep -qE -- "$pattern" <<<"$said" || problem "slow-conform $*: no \"$pattern\" in: $said"
}

# ---- what it takes
says 0 '^slow-conform [0-9]+\.[0-9]+\.[0-9]+$' --version
says 0 '--option KEY=VALUE' --help
says 2 'expected one PLUGIN.so' # nothing
says 2 'nowhere.so: No such file' nowhere.so
says 2 'is not named after a plugin; expected ID.so' "$0"
says 2 '--seed x: expected a number' --seed x "$plugins/codec-json.so"
says 2 '--limit 0: expected 1..86400 seconds' --limit 0 "$plugins/codec-json.so"
says 2 'no test is called so' --only nothing "$plugins/codec-json.so"
says 2 'expected KEY=VALUE' --option learn "$plugins/routing-flooding.so"
says 2 'routing-flooding.so: --option: the plugin has no option "lern"' --option lern=true "$plugins/routing-flooding.so"
says 2 'learn.*expected true or false' --option learn=maybe "$plugins/routing-flooding.so"
says 0 'life-cycle +held' --only life-cycle --option learn=false --option max_learned=7 "$plugins/routing-flooding.so"

# ---- where a transport listens
says 0 'transport-frames +held' --only transport-frames --listen udp://127.0.0.2:0 "$plugins/transport-udp.so"
says 1 'an address that check\(\) allows.*failed at nowhere' --only transport-frames --listen nowhere "$plugins/transport-udp.so"

# ---- a plugin is called as its file: under another name it is another; a link is as good as the file
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$plugins/codec-json.so" "$folder/codec-mine.so"
ln -s "$plugins/codec-json.so" "$folder/codec-json.so"
says 2 'holds the plugin codec-json, not codec-mine' "$folder/codec-mine.so"
says 0 'exports +held' --only exports "$folder/codec-json.so"
(cd "$folder" && says 0 'exports +held' --only exports codec-json.so && exit "$problems") || problem "no plugin of this folder"

# ---- what cannot be loaded: both sides are named
says 2 'needs plugin ABI 1\.[1-9].*has 1\.0' "$modules/codec-newer.so"
says 2 'made for plugin ABI 2, this program has ABI 1' "$modules/codec-abi-two.so"
says 2 'made for plugin ABI 3, this program has ABI 1' "$modules/codec-relabelled.so"
says 2 '^slow-conform: [^:]*: cannot be loaded: [^:]*: this is no Slow plugin' "$modules/codec-no-entry.so" # the file once

# ---- which tests, and with which seed
listed=$("$conform" --list --only 'codec-*' "$plugins/codec-json.so")
grep -qx 'codec-round-trip' <<<"$listed" || problem "--list names no codec-round-trip"
grep -q 'life-cycle' <<<"$listed" && problem "--list --only 'codec-*' names life-cycle"
says 0 'seed 77$' --seed 77 --only exports "$plugins/codec-json.so"
says 0 '^2 held, 0 failed, 0 skipped$' --only exports --only codec-limits "$plugins/codec-json.so"

# ---- a failure is found again by its seed, and another seed finds it elsewhere
once=$("$conform" --seed 5 --only codec-peek "$faulty/codec-peeks-differently/codec-peeks-differently.so")
again=$("$conform" --seed 5 --only codec-peek "$faulty/codec-peeks-differently/codec-peeks-differently.so")
other=$("$conform" --seed 6 --only codec-peek "$faulty/codec-peeks-differently/codec-peeks-differently.so")
[[ $once == "$again" ]] || problem "one seed gives two findings: $once / $again"
[[ ${once#*FAILED} != "${other#*FAILED}" ]] || problem "two seeds give one finding: $once"

# ---- JSON, for programs
json=$("$conform" --json --only 'exports' --only imports "$faulty/codec-exports-more/codec-exports-more.so") &&
    problem "--json: exit code 0 for a plugin that failed"
python3 - "$json" <<'PYTHON' || problem "--json gives: $json"
import json, sys
said = json.loads(sys.argv[1])
first, second = said["tests"]
assert said["plugin"] == "codec-exports-more" and said["kind"] == "codec" and said["seed"] == 1, said
assert (said["held"], said["failed"], said["skipped"]) == (1, 1, 0), said
assert first["name"] == "exports" and first["outcome"] == "failed", first
assert first["where"] == "slow/plugin.h, SLOW_MODULE" and "codec_helper" in first["plugin"], first
assert second["name"] == "imports" and second["outcome"] == "held", second
PYTHON

# ---- the page has every test, and no other
page=$(grep -oE '^\|( `[a-z-]+`)+ \|' "$documents/conforming.md" | grep -oE '[a-z-]+' | sort)
for plugin in codec-json security-none routing-flooding transport-udp; do "$conform" --list "$plugins/$plugin.so"; done | sort -u |
    diff - <(echo "$page") || problem "docs/conforming.md and --list differ (< --list, > the page)"

((problems == 0)) || exit 1
echo "command_test.sh: all holds"
