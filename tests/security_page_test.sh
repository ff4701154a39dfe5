#!/usr/bin/env bash
# The commands of docs/security.md, as a reader would type them, in a folder of their own: blocks marked "sh run" have to
# succeed, those marked "sh fails" to end with exit code 1. Then what the page speaks of. The routers run on a loopback
# address that no other test uses, and are ended by their ids.
set -euo pipefail
build=$(realpath "${SLOW_BUILD:?the build folder}")
page=$(realpath "$(dirname "$0")/../docs/security.md")
work=$(mktemp -d)
clean_up() {
    while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done <"$work/pids"
    rm -rf "$work"
}
cd "$work"
touch pids
trap clean_up EXIT

# Each router leaves its id.
mkdir bin
cat >bin/slow-router <<END
#!/bin/sh
echo \$\$ >>"$work/pids"
exec "$build/bin/slow-router" "\$@"
END
chmod +x bin/slow-router
PATH=$work/bin:$build/bin:$PATH
host=127.$(($$ % 200 + 20)).$(($$ / 200 % 250)).7

# Each marked block to a file of its own: NN.run or NN.fails.
awk '/^```sh (run|fails)$/ { file = sprintf("%02d.%s", ++n, $2); next } /^```/ { file = "" } file { print > file }' "$page"
sed -i "s/127\.0\.0\.1/$host/g" [0-9][0-9].*
tell() { # WHAT: and all there is to see
    echo "security_page_test: $1"
    tail -n 20 [0-9][0-9].* ./*.log
    exit 1
}
blocks=0
for block in [0-9][0-9].run [0-9][0-9].fails; do echo "$block"; done | sort >order
while read -r block; do
    expected=0
    [[ $block == *.fails ]] && expected=1
    code=0
    timeout 60 bash -eu "$block" >"$block.out" 2>"$block.err" </dev/null || code=$?
    ((code == expected)) || tell "exit code $code instead of $expected of $block"
    blocks=$((blocks + 1))
done <order

says() { # FILE REGEX
    grep -qE -- "$2" "$1" || tell "no \"$2\" in $1"
}
((blocks == 8)) || tell "$blocks blocks were found in $page, instead of 8"
# "In ten lines": those that close a network.
(($(wc -l <02.run) <= 11)) && (($(wc -l <08.run) <= 11)) || tell "it takes more than ten lines"
[[ $(stat -c %a alice.key root.key plant.key | sort -u) == 600 ]] || tell "a secret's file is open to others"
says 03.run.out '^alice json {"hello":"carol"}$'
says 03.run.out '^carol +[A-Za-z0-9+/=]{44} +relay +20[0-9-]+ [0-9:]+ +certificate +no +yes$'
says 04.run.out '^refused: unlisted [0-9]+'
says mallory.log "warn +security: this junction's id has no credential"
says 06.run.out '^revoked: .{44} is revoked; routers that run take it up'
says 06.run.out '^revoked keys: 1$'
says bob.log 'carol at .* is let out: its key is revoked'
slowctl -s ann.sock members | grep -Eq '^cas +.{44} +relay +- +members +no ' || tell "the list is not what lets cas in"

# Carol comes back, and is revoked once more, by alice alone, who has no link to her: her routes end, and bob's do not.
reload() { # ID: takes up the list
    slowctl -s "$1.sock" members reload >/dev/null || tell "$1 does not take up the list"
}
reaches() { slowctl -s "$1.sock" ping carol --timeout 1 >/dev/null 2>&1; }
mv revoked once
: >revoked
reload alice
reload bob
for ((i = 0; i < 60; i++)); do
    ! reaches alice || break
    ((i < 59)) || tell "carol does not come back"
done
mv once revoked
reload alice
! slowctl -s alice.sock routes | grep -q '^carol' || tell "alice still has a route to carol"
reaches bob || tell "bob has no way to carol, whom he did not revoke"
! reaches alice || tell "alice reaches carol, whom she revoked"

while read -r secret; do
    ! grep -qF -- "$secret" ./*.log ./*.json ./*.out ./*.err ||
        tell "a secret key is in a log, a config or an answer"
done < <(cat ./*.key)
echo "security_page_test: $blocks blocks of docs/security.md did what they say"
