#!/usr/bin/env bash
# Completions: each command and each flag that a program's source knows can be completed, in bash, in zsh and in fish;
# and the shells, where they are installed, take what was made and complete with it.
# Run by ctest; by hand: SLOW_BUILD=build/dev tests/completions_test.sh
set -u
export LC_ALL=C
source_folder=$(cd "$(dirname "$0")/.." && pwd)
made=$SLOW_BUILD/tools/completions

die() {
    echo "NOT OK   $*"
    exit 1
}
ok() { echo "ok       $*"; }

[[ -z ${SLOW_SANITIZE-} ]] || { echo "SKIPPED: no completions are made of a sanitizer's programs"; exit 77; }

declare -A sources=([slow-router]=router [slowctl]=tools/slowctl [slow-sim]=tools/slow-sim [slow-conform]=tools/slow-conform)

has() { # FILE SHELL NAME: the name stands there as a whole word, in the shell's spelling
    local name=$3
    if [[ $2 == fish ]]; then
        case $name in
        --*) name="-l ${name#--}" ;;
        -*) name="-s ${name#-}" ;;
        *) name="-a $name" ;;
        esac
    fi
    grep -qE -- "(^|[^a-z-])$name([^a-z-]|\$)" "$1"
}

complete_in_bash() { # WORD...: what the last one can become
    bash -c '. "$1/$2.bash" && shift && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && "_$1" && printf "%s\n" "${COMPREPLY[@]}"' bash "$made" "$@" | xargs
}

# What stands in the option tables of getopt_long(), {"count", required_argument, NULL, 'c'}, and in tables of commands.
for program in "${!sources[@]}"; do
    folder=$source_folder/${sources[$program]}
    [[ -d $folder && -e $made/$program.bash ]] || { echo "SKIPPED: there is no $program"; continue; }
    mapfile -t flags < <(cat "$folder"/*.c | grep -oE "\{\"[a-z-]+\", (no|required)_argument, NULL, [^}]*\}" | sed -E "s/\{\"([a-z-]+)\".*, '?([^'}]*)'?\}/\1 \2/" | sort -u)
    mapfile -t commands < <(sed -nE '/commands\[\] = \{$/,/^\};/s/^    \{"([a-z-]+)",.*/\1/p' "$folder/main.c")
    ((${#flags[@]} >= 5)) || die "this test finds no flags of $program"
    for shell in bash zsh fish; do
        for flag in "${flags[@]}"; do
            read -r long _ <<<"$flag"
            has "$made/$program.$shell" $shell "--$long" || die "$shell does not complete --$long of $program"
        done
        for command in "${commands[@]}"; do
            has "$made/$program.$shell" $shell "$command" || die "$shell does not complete the command $command of $program"
        done
    done
    [[ ${commands[*]-} == "$(complete_in_bash "$program" '' | tr ' ' '\n' | grep -v ^- | xargs)" ]] || die "bash completes other commands of $program"
    ok "$program: ${#flags[@]} flags, ${#commands[@]} commands"
done
[[ $(awk '$1 == "send"' "$made/slowctl.table" | wc -l) -gt 10 && $(grep -c '' "$made/slow-sim.table") -gt 30 ]] || die "flags of commands are missing"

# ---- the shells themselves

expect() { # GOT EXPECTED WHAT
    [[ $1 == "$2" ]] || die "$3 becomes \"$1\"; expected \"$2\""
}
expect "$(complete_in_bash slowctl rou)" "routes routing" "slowctl rou, in bash,"
expect "$(complete_in_bash slowctl -s x send --tt)" "--ttl" "slowctl send --tt, in bash,"
expect "$(complete_in_bash slowctl ping alice --c)" "--count" "slowctl ping alice --c, in bash,"
expect "$(complete_in_bash slow-router --log-level '')" "error warn info debug" "slow-router --log-level, in bash,"
expect "$(complete_in_bash slow-sim run --see)" "--seed --seeds" "slow-sim run --see, in bash,"
expect "$(complete_in_bash slow-router --check "$source_folder/etc/lan")" "$source_folder/etc/lan.json" "a file, in bash,"
ok "bash completes"
if command -v fish >/dev/null; then
    complete_in_fish() { # LINE
        XDG_CONFIG_HOME=$made XDG_DATA_HOME=$made fish --no-config -c "source $made/${1%% *}.fish; complete -C '$1'" | cut -f 1 | xargs
    }
    expect "$(complete_in_fish 'slowctl rou')" "routes routing" "slowctl rou, in fish,"
    expect "$(complete_in_fish 'slowctl send --tt')" "--ttl" "slowctl send --tt, in fish,"
    expect "$(complete_in_fish 'slow-router --log-format ')" "json text" "slow-router --log-format, in fish,"
    ok "fish completes"
else
    echo "SKIPPED: no fish here; scripts/setup.sh --dev has it"
fi
if command -v zsh >/dev/null; then
    for program in "$made"/*.zsh; do
        zsh -n "$program" || die "zsh does not understand ${program##*/}"
    done
    ok "zsh reads them"
else
    echo "SKIPPED: no zsh here; scripts/setup.sh --dev has it"
fi
