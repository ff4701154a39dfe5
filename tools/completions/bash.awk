# Completion for bash: words behind the program, by the first command on the line, and files where a flag or a command
# takes one.
function flag_cases(    i, n, j, list, flags, files, others) {
    for (i = 1; i <= count; i++) {
        n = split(words[order[i]], list, " ")
        for (j = 1; j <= n; j++)
            if (taken[order[i], list[j]] != "")
                if (is_choice(taken[order[i], list[j]]))
                    print "    " order[i] ":" list[j] ")\n        mapfile -t COMPREPLY < <(compgen -W '" \
                        choices(taken[order[i], list[j]]) "' -- \"$word\")\n        return\n        ;;"
                else if (is_file(taken[order[i], list[j]]))
                    files = files (files == "" ? "" : " | ") order[i] ":" list[j]
                else
                    others = others (others == "" ? "" : " | ") order[i] ":" list[j]
    }
    if (files != "")
        print "    " files ")\n        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n        return\n        ;;"
    if (others != "")
        print "    " others ") return ;;"
}
END {
    print "# Completion of " name " for bash, made of what its --help says."
    print "_" name "() {"
    print "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=- words i"
    print "    for ((i = 1; i < COMP_CWORD; i++)); do"
    print "        if [[ $command == - && \" " commands() " \" == *\" ${COMP_WORDS[i]} \"* ]]; then command=${COMP_WORDS[i]}; fi"
    print "    done"
    print "    case $command:$before in"
    flag_cases()
    print "    esac\n    case $command in"
    for (i = 1; i <= count; i++)
        print "    " order[i] ") words='" words[order[i]] (i == 1 && count > 1 ? " " commands() : "") "' ;;"
    print "    esac"
    print "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")"
    print "}"
    print "complete -o default -F _" name " " name
}
