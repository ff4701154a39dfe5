#!/usr/bin/env bash
# Prints what SECURITY.md promises, a line each: the test that shows it, the figure that the test printed, and the verdict.
#
#   scripts/security-table.sh [--full] [--build FOLDER] [S1...]     the promises named; all if none is
#
# A row has the test in its everyday form, and behind --full in the form of the promise (10^6 datagrams, 60 s of a flood). A
# test is one of ctest's, by name; with "#PATTERN" behind it only its cases that match, where it is a cmocka program. What is
# not built here is "missing", and a promise whose test printed no figure does not hold either.
# The build folder is build/dev if not given; build/release, if there is one, is quicker with --full.
set -u
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 1
source_folder=$PWD build=$PWD/build/dev full=false wanted=()
while (($# > 0)); do
    case $1 in
    --full) full=true ;;
    --build)
        build=$(cd "$2" && pwd) || exit 2
        shift
        ;;
    S[0-9]*) wanted+=("$1") ;;
    *)
        echo "security-table.sh: unknown argument $1; expected --full, --build FOLDER, or promises such as S5" >&2
        exit 2
        ;;
    esac
    shift
done
[[ -f $build/CTestTestfile.cmake ]] || {
    echo "security-table.sh: $build is no build folder; run scripts/build.sh first" >&2
    exit 2
}
[[ -n ${SLOW_TESTDATA-} ]] || SLOW_TESTDATA=$(sed -n 's/^SLOW_TESTDATA:[A-Z]*=//p' "$build/CMakeCache.txt")
export SLOW_TESTDATA
logs=$build/security-table
mkdir -p "$logs"

# PROMISE ~ in words ~ test ~ test with --full, where it is another ~ figure: an extended regular expression for what the test's
# output has of it; or "counted": the sums of its lines "counted: 3 lies, 0 false routes", by what was counted
rows=(
    'S1~strangers get no byte~link_strangers_test#strangers_get_not_one_byte~link_strangers_of_a_million~[0-9]+ datagrams, [0-9]+ bytes in, [0-9]+ bytes out$'
    'S1~a recorded INIT~link_strangers_test#recorded~~one answer of [0-9]+ bytes; then [0-9]+ replays and [0-9]+ too old, [0-9]+ bytes'
    'S2~no link without a credential~link_members_test~~counted'
    'S2~no pair without a credential~sealed_peer_test#gets_no_pair|plain|revoked~~counted'
    'S3~Noise, by its vectors~noise_published_test~~[0-9]+ of [0-9]+ published vectors.*'
    'S3~primitives, by Wycheproof~noise_wycheproof_test~~[a-z0-9_]+_test.json: valid [0-9]+ of [0-9]+, invalid [0-9]+ of [0-9]+'
    'S4~nothing twice on links~link_renewal_test#twice|restarted~~counted'
    'S4~nothing twice in pairs~sealed_pair_test#copy|copies|swapped~~counted'
    'S5~no bit of a package~sealed_pair_test#bit~~[0-9]+ packages, [0-9]+ bits: .*'
    'S5~nothing at a relay~sealed_mesh_test~~[0-9]+ packages at the relay, [0-9]+ canaries'
    'S5~nothing recorded, UDP~secrets_test_udp~~canary: 0 hits in a capture of everything.*'
    'S5~nothing recorded, TCP~secrets_test_tcp~~canary: 0 hits in a capture of everything.*'
    "S5~nothing in a relay's memory~secrets_test_udp~~canary: 0 hits in the relay's memory.*"
    'S6~distance vector: nobody unsigned~routing_distance_vector_rogue_test~~counted'
    'S6~link state: nobody unsigned~routing_link_state_rogue_test~~counted'
    'S6~false ids, in the simulator~sim-rogue-false-id-distance-vector~~[0-9]+ runs, [0-9]+ failed'
    'S6~false numbers, in the simulator~sim-rogue-false-number-link-state~~[0-9]+ runs, [0-9]+ failed'
    'S6~a black hole is got round~black_hole_test~~[0-9]+ passed on of [0-9]+, .*'
    'S7~bytes out by bytes in~link_strangers_test#unproved~~at the worst [0-9.]+ to an address'
    'S7~forged cookies~link_strangers_test#cookies~~[0-9]+ INITs to nobody; .*'
    'S8~a recording keeps nobody out~link_strangers_test#recording~~[0-9]+ answers, [0-9]+ cookies; she took [0-9]+ ms'
    'S8~nor does who has the key~link_strangers_test#network_key~~[0-9]+ answers, [0-9]+ cookies; she took [0-9]+ ms'
    'S8~a flood of openings~flood_test~flood_of_60_s~alice: .* %$|memory of alice: .* joined after [0-9]+ ms'
    'S9~a member at its worst~hostile_member_test~hostile_member_of_1000000~the relay had [0-9]+ KiB at most.*'
    'S9~the same, over UDP~~hostile_member_of_1000000_over_udp~the relay had [0-9]+ KiB at most.*'
    'S9~who floods takes no room~own_test#who_floods_takes~~counted'
    'S9~the same, in an open network~~hostile_member_in_an_open_network~the relay had [0-9]+ KiB at most.*'
    'S10~parsers, by their corpora~fuzz_replay_*~~^[0-9]+ targets, [0-9]+ inputs: 0 crashes$'
    'S11~JSON in the core~json_test#suite~~y_ [0-9]+ of [0-9]+ accepted, n_ [0-9]+ of [0-9]+ refused.*'
    'S11~JSON in packages~codec_json_test#jsontestsuite~~y_ carried: .*'
    'S11~hostile protobuf~codec_protobuf_test#hostile~~[0-9]+ hostile inputs refused'
    'S12~keys: in no log, core, answer~secrets_test_udp~~(relay|network).key: 0 hits in a core.*'
)

command_of() { # TEST: as ctest would run it, with its environment
    ctest --test-dir "$build" -N -V -R "^$1\$" 2>/dev/null | sed -n 's/^[0-9]*: Test command: //p'
}

# ---- running a test once, whoever asks

declare -A codes=()

run() { # TEST: its output in $last_log, its code in codes
    local test=${1%%#*}
    last_log=$logs/${1//[^A-Za-z0-9_]/-}.log
    [[ -z ${codes[$1]-} ]] || return 0
    if [[ $test == *'*' ]]; then
        run_all "${test%'*'}" "$last_log"
    elif [[ -z $(command_of "$test") ]]; then
        last_code=missing
        : >"$last_log"
    elif [[ $1 == *#* ]]; then
        run_cases "$test" "${1#*#}" "$last_log"
    else
        ctest --test-dir "$build" -V -R "^$test\$" >"$last_log.ctest" 2>&1
        last_code=$?
        ! grep -Eq '\*\*\*Skipped|\[ *SKIPPED' "$last_log.ctest" || last_code=skipped
        sed -n 's/^[0-9]*: //p' "$last_log.ctest" >"$last_log"
    fi
    codes[$1]=$last_code
}

figure_in() { # EXPRESSION LOG: each of its kind once, on one line
    if [[ $1 == counted ]]; then
        sed -n 's/^counted: //p' "$2" | awk -F', ' '
            { for (i = 1; i <= NF; i++) { what = $i; sub(/^[0-9]+ /, "", what)
                if (!(what in sum)) order[++kinds] = what
                sum[what] += $i } }
            END { for (i = 1; i <= kinds; i++) printf "%s%d %s", (i > 1 ? ", " : ""), sum[order[i]], order[i] }'
    else
        grep -Eo -- "$1" "$2" | sort -u | paste -sd';' | sed 's/;/; /g; s/  */ /g'
    fi
}

run_cases() { # TEST PATTERN LOG: of a program's whole output what belongs to those cases
    local code=0
    SLOW_SOURCE=$source_folder SLOW_BUILD=$build "$build/tests/$1" >"$3.all" 2>&1
    awk -v pattern="$2" '
        /^\[ RUN/ { on = $NF ~ pattern; n += on }
        on { print }
        /^\[ *SKIPPED/ && on { skipped++ }
        /^\[ *(OK|FAILED|SKIPPED) *\]/ { good += on && /OK/; on = 0 }
        END { printf "[  PASSED  ] %d test(s).\n", good; exit skipped > 0 ? 77 : (n == 0 || good < n) }' "$3.all" >"$3" || code=$?
    ((code != 77)) || code=skipped
    last_code=$code
}

run_all() { # PREFIX LOG
    ctest --test-dir "$build" -V -R "^$1" >"$2.ctest" 2>&1
    last_code=$?
    awk '/ inputs replayed, 0 could not be read/ { inputs += $2; targets++ }
        END { printf "%d targets, %d inputs: 0 crashes\n", targets, inputs }' "$2.ctest" >"$2"
}

# ---- the table

failed=0
for row in "${rows[@]}"; do
    IFS='~' read -r promise words test long figure <<<"$row"
    ((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $promise "* ]] || continue
    if $full && [[ -n $long ]]; then test=$long; fi
    [[ -n $test ]] || continue
    run "$test"
    found=$(figure_in "$figure" "$last_log")
    case ${codes[$test]} in
    0) verdict=holds ;;
    missing) verdict=missing ;;
    skipped) verdict=SKIPPED ;;
    *) verdict=BROKEN ;;
    esac
    [[ $verdict != holds || -n $found ]] || verdict='no figure'
    [[ $verdict == holds ]] || failed=$((failed + 1))
    printf '%-4s %-32s %-9s %-36s %s\n' "$promise" "$words" "$verdict" "${test%%#*}" "$found"
done
((failed == 0)) || echo "$failed rows do not hold; what their tests said is in $logs"
exit $((failed > 0))
