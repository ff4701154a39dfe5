#!/usr/bin/env bash
# The manuals name everything that there is: each flag and each command that a program's --help has, and each key of a config
# that etc/example.json has.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/manuals_test.sh
set -u
export LC_ALL=C
source_folder=$(cd "$(dirname "$0")/.." && pwd)
man=$source_folder/docs/man

die() {
    echo "NOT OK   $*"
    exit 1
}
ok() { echo "ok       $*"; }

[[ -z ${SLOW_SANITIZE-} ]] || { echo "SKIPPED: the same as without a sanitizer"; exit 77; }

for page in "$man"/slow{-router,ctl,-sim,-conform}.?.scd; do
    program=$(basename "$page" | sed 's/\..*//')
    table=$SLOW_BUILD/tools/completions/$program.table
    [[ -e $table ]] || { echo "SKIPPED: there is no $program"; continue; }
    while read -r word; do
        grep -qE -- "\*(authority )?$word\*|^\*slow-sim $word\*" "$page" || die "${page##*/} does not name $word"
    done < <(cut -f 2 "$table" | sort -u | grep -vxE 'authority')
    folder=$source_folder/tools/$program
    [[ $program != slow-router ]] || folder=$source_folder/router
    flags=$(cut -f 2 "$table"; cat "$folder"/*.c | grep -oE "\{\"[a-z-]+\", (no|required)_argument, NULL, [^}]*\}" | sed -E "s/.\"([a-z-]+)\".*, '?([^'}]*).*/--\1\n-\2/")
    while read -r flag; do
        grep -qxF -- "$flag" <<<"$flags" || die "${page##*/} names $flag, which $program does not have"
    done < <(grep -oE '\*-[-a-zA-Z]+\*' "$page" | tr -d '*' | sort -u)
    ok "${page##*/} has the $(cut -f 2 "$table" | sort -u | wc -l) flags and words of $program, and no other"
done

keys=$(grep -oE '"(//)?[a-z_]+":' "$source_folder/etc/example.json" | tr -d '"/:' | sort -u)
for key in $keys; do
    grep -qw -- "$key" "$man/slow.json.5.scd" || die "slow.json.5.scd does not name $key"
done
ok "slow.json.5.scd has the $(wc -w <<<"$keys") keys of etc/example.json"

if command -v groff >/dev/null && [[ -e $SLOW_BUILD/docs/man/slowctl.1 ]]; then
    for page in "$SLOW_BUILD"/docs/man/*.[158]; do
        complaints=$(groff -t -man -ww -z "$page" 2>&1)
        [[ -z $complaints ]] || die "groff complains of ${page##*/}: $complaints"
    done
    ok "groff has nothing to say against them"
else
    echo "SKIPPED: no groff here, or no scdoc when it was built"
fi
