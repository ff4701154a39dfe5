#!/usr/bin/env bash
# table.sh PROGRAM: what can stand on a program's command line, as a table, made of what its --help says. The completions of
# all shells are made of this table when Slow is built: so they cannot get stale, and nobody keeps lists by hand.
#
# A line is: COMMAND <tab> WORD <tab> ARGUMENT <tab> HELP. COMMAND is - for what stands before any. WORD is a flag, a command
# (with COMMAND = itself), or a word that is said behind a command; ARGUMENT is what a flag takes, or empty. It is a list,
# "error|warn|info", where the help of a flag begins with what there is to choose from: error, warn or info.
#
# What is understood of a help, each line indented by two blanks:
#
#   -s, --socket SOCKET  help          a flag, of the program or of the command whose help this is
#   slow-router --check FILE  help     the same
#   slow-sim run  help                 a command that has a --help of its own
#   ping ID [-c, --count N]            a command, with its flags and words; the next line is its help, by four blanks deeper
set -euo pipefail
program=$1
name=$(basename "$program")

read_help() { # COMMAND: of `-` that of the program
    awk -v name="$name" -v scope="$1" '
        BEGIN { OFS = "\t" }
        # The first mention gives the place, and the last one its help: --id is in an example of use before it is explained.
        function tell(command, word, argument, help,    key) {
            key = command OFS word
            if (!(key in helps)) order[++told] = key
            if (argument != "" || !(key in helps)) arguments[key] = argument
            if (help != "" || !(key in helps)) helps[key] = help
        }
        function choice(help) {
            if (!match(help, /^([a-z]+, )*[a-z]+ or [a-z]+( \(|$)/))
                return ""
            help = substr(help, 1, RLENGTH)
            sub(/ \($/, "", help)
            gsub(/, | or /, "|", help)
            return help
        }
        function flags(command, text, help,    word, i, n, words, argument) {
            gsub(/[][|,]/, " ", text)
            n = split(text, words, " ")
            argument = words[n] ~ /^[A-Z]/ ? words[n] : ""
            if (argument != "" && choice(help) != "")
                argument = words[n] = choice(help)
            for (i = 1; i <= n; i++)
                if (words[i] ~ /^-/)
                    tell(command, words[i], words[i + 1] ~ /^[A-Z]/ ? words[i + 1] : argument, help)
        }
        function usage(command, text,    i, n, words, flag) {
            gsub(/[][|]/, " & ", text)
            gsub(/,/, "", text)
            n = split(text, words, " ")
            for (i = 1; i <= n; i++) {
                flag = words[i + 1] ~ /^--/ ? i + 1 : i # the long name of the same
                if (words[i] ~ /^-/)
                    tell(command, words[i], words[flag + 1] ~ /^[A-Z]/ ? words[flag + 1] : "", "")
                else if (words[i] ~ /^[a-z]/)
                    tell(command, words[i], "", "")
            }
        }
        /^      [^ ]/ && waiting != "" {
            tell(waiting, waiting, "", substr($0, 7))
            usage(waiting, waiting_usage)
            waiting = ""
            next
        }
        { waiting = "" }
        !/^  [^ ]/ { next }
        {
            line = substr($0, 3)
            help = ""
            if (match(line, /  +/)) {
                help = substr(line, RSTART + RLENGTH)
                line = substr(line, 1, RSTART - 1)
            }
            n = split(line, words, " ")
        }
        words[1] == name && words[2] ~ /^-/ { flags(scope, substr(line, length(name) + 2), help); next }
        words[1] == name && words[2] ~ /^[a-z]/ && scope == "-" { tell(words[2], words[2], "HELP", help); next }
        words[1] == name { next }
        words[1] ~ /^-/ { flags(scope, line, help); next }
        words[1] ~ /^[a-z]/ && scope == "-" && help == "" {
            waiting = words[1]
            waiting_usage = substr(line, length(waiting) + 2)
        }
        END { for (i = 1; i <= told; i++) print order[i], arguments[order[i]], helps[order[i]] }'
}

table=$("$program" --help | read_help -)
[[ -n $table ]] || { echo "table.sh: nothing was understood of what $name --help says" >&2; exit 1; }
# Of a command with a help of its own, that follows: ARGUMENT was HELP.
while IFS= read -r line; do
    IFS=$'\t' read -r command word argument _ <<<"$line"
    if [[ $command == "$word" && $argument == HELP ]]; then
        echo "${line/$'\tHELP\t'/$'\t\t'}"
        "$program" "$command" --help | read_help "$command"
        printf '%s\t--help\t\t\n' "$command"
    else
        echo "$line"
    fi
done <<<"$table"
