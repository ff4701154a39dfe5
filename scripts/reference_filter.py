#!/usr/bin/env python3
"""reference_filter.py HEADER: the header with its comments as Doxygen wants them, on stdout.

The headers are written for people who read them in an editor: a plain comment in front of what it speaks of, or behind it on the
same line. Doxygen knows comments by their marks alone. So they are marked here, on the way into it (INPUT_FILTER), and
the headers stay as they are:

  - the first comment is the file's, and begins with its name
  - /* ... */ alone on a line or lines belongs to what follows; behind something, to that
  - "a, b; /* both */" is one comment for each
  - /* ---- life ---- */ is a heading, and no comment on anything

The number of lines stays the same, so Doxygen's warnings name the right ones."""
import re
import sys

HEADING = re.compile(r"^/\* ---- .* ---- \*/$")
# Types and two or more names, nothing else: no function pointers, whose commas are their arguments'.
SEVERAL = re.compile(r"^(\s*)((?:const\s+)?(?:struct\s+|enum\s+)?\w+)\s+([*\w\[\]]+(?:\s*,\s*[*\w\[\]]+)+);(\s*)$")


def split_names(code, comment):
    """One declaration a name, each with the comment, on the same line."""
    several = SEVERAL.match(code)
    if several is None:
        return code + comment
    indent, kind, names, _ = several.groups()
    return indent + " ".join(f"{kind} {name.strip()}; {comment}" for name in names.split(","))


def marked(text, name):
    """The comment's text, for what is in front of it or behind it on its line."""
    text = text.replace("@", "\\@")
    if HEADING.match(text):
        return text
    return "/**" + text[2:]


def convert(source, name):
    out, at, first = [], 0, True
    for comment in re.finditer(r"/\*.*?\*/", source, re.S):
        between = source[at:comment.start()]
        at = comment.end()
        line = between.rpartition("\n")[2]
        text = comment.group()
        if first:
            text = re.sub(r"^/\* \S+ - ", f"/** @file {name}\n * @brief ", text.replace("@", "\\@"), count=1)
            first = False
        elif line.strip():
            behind = "/**<" + text[2:].replace("@", "\\@")
            between = between[: len(between) - len(line)]
            text = split_names(line, behind) if "\n" not in text else line + behind
        else:
            text = marked(text, name)
        out += [between, text]
    return "".join(out) + source[at:]


def main():
    path = sys.argv[1]
    with open(path, encoding="utf-8") as header:
        sys.stdout.write(convert(header.read(), "slow/" + path.rpartition("/")[2]))


main()
