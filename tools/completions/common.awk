# common.awk: reads a table of table.sh, for bash.awk, zsh.awk and fish.awk. They are run with -v name=PROGRAM.
#
#   order[1..count]             the commands, "-" (what stands before any) being the first
#   words[command]              what can stand there, separated by blanks; taken[command, word] is a flag's argument
#   help[command, word]         help[command, command] is the command's own
BEGIN {
    FS = "\t"
    order[1] = "-"
    count = 1
    words["-"] = ""
}
{
    if (!($1 in words)) {
        order[++count] = $1
        words[$1] = ""
    }
    if ($1 != $2 || $1 == "-")
        words[$1] = words[$1] (words[$1] == "" ? "" : " ") $2
    taken[$1, $2] = $3
    help[$1, $2] = $4
}
function is_file(argument) { return argument ~ /FILE|SOCKET|DIR/ }
function is_choice(argument) { return argument ~ /^[a-z]+\|/ }
function choices(argument) {
    gsub(/\|/, " ", argument)
    return argument
}
function commands(    i, list) {
    for (i = 2; i <= count; i++)
        list = list (i == 2 ? "" : " ") order[i]
    return list
}
# 'text', as all three shells quote it, with what they each want before a quote and before other characters.
function quoted(text, quote, others) {
    if (others != "")
        gsub(others, "\\\\&", text)
    gsub(/'/, quote, text)
    return "'" text "'"
}
