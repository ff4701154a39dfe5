# Completion for fish: one line for each flag, command and word.
function condition(command) {
    return command != "-" ? "__fish_seen_subcommand_from " command : count > 1 ? "__fish_use_subcommand" : ""
}
function one(command, word,    where, what, argument) {
    where = condition(command)
    argument = taken[command, word]
    what = word ~ /^--/ ? "-l " substr(word, 3) : word ~ /^-/ ? "-s " substr(word, 2) : "-f -a " word
    print "complete -c " name (where == "" || (command == "-" && word ~ /^-/) ? "" : " -n '" where "'") " " what \
        (argument == "" ? "" : is_file(argument) ? " -r -F" : " -x" (is_choice(argument) ? " -a '" choices(argument) "'" : "")) \
        (help[command, word] == "" ? "" : " -d " quoted(help[command, word], "\\'", "\\\\"))
}
END {
    print "# Completion of " name " for fish, made of what its --help says."
    for (i = 1; i <= count; i++) {
        n = split(words[order[i]], list, " ")
        for (j = 1; j <= n; j++)
            one(order[i], list[j])
        if (i > 1)
            print "complete -c " name " -n __fish_use_subcommand -f -a " order[i] " -d " \
                quoted(help[order[i], order[i]], "\\'", "\\\\")
    }
}
