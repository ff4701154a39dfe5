#!/usr/bin/env bash
# exported_test.sh LIBSLOW.SO: the symbols that it exports are those of exported.txt, one for one; and a list with one more, or one
# less, is not taken for it.
set -u
library=${1:?"expected libslow.so"}
list=$(dirname "$0")/exported.txt
difference() { # LIST on stdin: lines that are only here (<) or only in the library (>)
    diff <(sort) <(nm -D --defined-only "$library" | awk '{ print $3 }' | sort) | grep '^[<>]'
}
names() { grep -v '^#' "$list"; }

if difference < <(names); then
    echo "exported: < is in exported.txt alone, > is exported by $library alone"
    exit 1
fi
for control in 'names; echo slow_teleport' 'names | sed 1d'; do
    if ! difference < <(eval "$control") >/dev/null; then
        echo "exported: a wrong list is taken for a right one ($control)"
        exit 1
    fi
done
echo "exported: the $(names | wc -l) symbols of exported.txt"
