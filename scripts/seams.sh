#!/usr/bin/env bash
# Shows that the folders are the architecture: each rule below is one that grep can see, and each breach is one line. A test
# (ctest -R seams), and quick enough to run before every commit. ARCHITECTURE.md says why the rules are there.
set -uo pipefail
cd "$(dirname "$0")/.."
breaches=0

breach() { # RULE, then lines on stdin: none is good
    local rule=$1 line
    while IFS= read -r line; do
        echo "seams: $rule: $line"
        breaches=$((breaches + 1))
    done
}

# Tests look inside, whichever folder they stand in.
sources() { find "$@" \( -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.cpp' \) ! -name '*_test.*' | sort; }

# file:line of each include that matches; -H -n as grep has them.
includes() { # REGEX FOLDER...
    local regex=$1
    shift
    sources "$@" | xargs grep -HnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*$regex"
}

# The text of a file without its comments: a rule about code is not broken by prose.
code() { gcc -fpreprocessed -dD -E -P "$1" 2>/dev/null; }

code_matches() { # REGEX FILE...
    local regex=$1 file
    shift
    for file in "$@"; do
        code "$file" | grep -oE "$regex" | sed "s|^|$file: |"
    done
}

# ---- the ABI is the floor

breach "sdk/ includes nothing else of ours" < <(includes '"' sdk | grep -vE '"[a-z_]+\.h"')
breach "sdk/ includes nothing else of ours" < <(includes '<slow/(junction|router)\.h>' sdk)
breach "a plugin includes only <slow/...> and its own" < <(
    includes '"' plugins | grep -E 'include "(\.\./)*(core|sdk|router|tools|sim)/|include "(\.\./){2,}')
breach "a plugin includes only the ABI of <slow/...>" < <(includes '<slow/(junction|router)\.h>' plugins)
# slow-sim plays junctions instead of talking to them: it stands on sim/ (whose headers write JSON with the core's).
breach "programs and examples include only public headers" < <(includes '"[^"]*/' router tools/slowctl examples)
breach "slow-sim includes only sim/" < <(
    includes '"[^"]*/' tools/slow-sim | grep -vE 'include "(sim/[a-z_]+|core/json)\.h"')

# ---- core names no plugin

ids=$(find plugins -mindepth 1 -maxdepth 1 -type d ! -name common -printf '%f\n' | sort | paste -sd'|')
mapfile -t core < <(sources core)
breach "core names no plugin (etc/default.json does)" < <(code_matches "\"[^\"]*($ids)[^\"]*\"" "${core[@]}")
breach "core includes no plugin" < <(includes '"[^"]*plugins/' core)

# ---- one door each

breach "libevent is loop_libevent's and the admin's HTTP server's" < <(
    includes '<(event2/|event\.h|evhttp\.h|evutil\.h)' core | grep -vE '^core/(loop_libevent|admin_http)\.[ch]:')
one_door() { # WHAT FILES: one file at most
    if (($(wc -w <<<"$2") > 1)); then
        breach "$1 has one door in core" <<<"${2//$'\n'/ }"
    fi
}
files_of() { cut -d: -f1 | sort -u; }
one_door "jansson" "$(includes '<jansson\.h>' core | files_of)"
one_door "dlopen" "$(includes '<dlfcn\.h>' core | files_of)"
one_door "the clock" \
    "$(code_matches '\<(clock_gettime|gettimeofday|timespec_get|time|clock|clock_nanosleep|nanosleep|usleep|sleep)\(' "${core[@]}" | files_of)"

# ---- no circles: x.c and x.h are one file, and tsort names the files of a loop

edges=$(for file in "${core[@]}"; do
    noun=$(basename "${file%.*}")
    code "$file" | sed -nE 's|^[[:space:]]*#[[:space:]]*include "([a-z_]+)\.h"|\1|p' | grep -vx "$noun" | sed "s|^|$noun |"
done | sort -u)
breach "files of core need each other" < <(
    tsort <<<"$edges" 2>&1 >/dev/null | awk '/loop:$/ { if (n++) print ""; next } { printf "%s ", $2 } END { if (n) print "" }')

if ((breaches > 0)); then
    echo "seams: $breaches breaches"
    exit 1
fi
echo "seams: all hold; ${#core[@]} files of core, $(wc -l <<<"$edges") edges, no circle"
