# Completion for zsh: _arguments for the program and for each command.
function specs(command, indent,    n, list, i, argument, spec, said) {
    n = split(words[command], list, " ")
    for (i = 1; i <= n; i++) {
        if (list[i] !~ /^-/)
            continue
        argument = taken[command, list[i]]
        spec = list[i] "[" escaped(help[command, list[i]]) "]"
        if (argument != "")
            spec = spec (is_choice(argument) ? ":one of:(" choices(argument) ")" \
                : ":" argument ":" (is_file(argument) ? "_files" : " "))
        print indent quoted("*" spec, "'\\''", "") " \\"
    }
}
function escaped(text) {
    gsub(/\\|\[|\]|:/, "\\\\&", text)
    return text
}
function plain_words(command,    n, list, i, plain) {
    n = split(words[command], list, " ")
    for (i = 1; i <= n; i++)
        if (list[i] !~ /^-/)
            plain = plain (plain == "" ? "" : " ") list[i]
    return plain
}
END {
    print "#compdef " name
    print "# Completion of " name " for zsh, made of what its --help says."
    print "_" name "() {\n    local state line\n    typeset -A opt_args"
    print "    _arguments -C \\"
    specs("-", "        ")
    if (count == 1) {
        print "        '*:file:_files'\n}"
    } else {
        print "        '1:command:->command' \\\n        '*::argument:->argument' && return\n"
        print "    case $state in\n    command)\n        local -a commands=("
        for (i = 2; i <= count; i++)
            print "            " quoted(order[i] ":" escaped(help[order[i], order[i]]), "'\\''", "")
        print "        )\n        _describe command commands\n        ;;\n    argument)\n        case $words[1] in"
        for (i = 2; i <= count; i++) {
            print "        " order[i] ")\n            _arguments \\"
            specs(order[i], "                ")
            plain = plain_words(order[i])
            print "                " (plain == "" ? "" : "'1:word:(" plain ")' ") "'*:file:_files'\n            ;;"
        }
        print "        esac\n        ;;\n    esac\n}"
    }
    print "_" name " \"$@\""
}
