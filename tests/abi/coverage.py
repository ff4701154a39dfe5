#!/usr/bin/env python3
"""coverage.py SOURCE SCRATCH: abi_v1.h and api_v1.h hold every struct, member, value, number, function and type of the headers, and
nothing that is not there. Golden assertions see a change of what they name; this sees what nobody wrote down. The symbols are
Doxygen's, as for the reference; without doxygen it is skipped (exit code 77)."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from public_symbols import public_symbols  # noqa: E402

GOLDEN = {"tests/abi/abi_v1.h": "sdk/slow", "tests/abi/api_v1.h": "core/include/slow"}
# No numbers: what they make is held by the tests that use them, and by the headers' own test in every language.
MACROS = {"SLOW_ABI_MINOR", "SLOW_EXTERN_C", "SLOW_HAS", "SLOW_HAS_FIELD", "SLOW_MODULE", "SLOW_API", "SLOW_STATIC_DECLARE",
          "SLOW_STATIC_ENTRY", "SLOW_STATIC_PLUGINS"}


def expected(symbol):
    """The line that has to stand for it, as (macro, struct, name); None = none has to."""
    if symbol.kind == "struct":
        return ("SIZE", symbol.name, "")
    if symbol.kind == "member":
        return ("MEMBER", symbol.owner, symbol.name)
    if symbol.kind == "value" or symbol.kind == "macro" and not (symbol.name in MACROS or symbol.name.endswith("_INIT")):
        return ("NUMBER", symbol.name, "")
    if symbol.kind == "function":
        return ("SIGNATURE", symbol.name, "")
    if symbol.kind == "typedef" and not symbol.type.startswith("struct "):  # an opaque one has no layout
        return ("TYPE", symbol.name, "")
    return None


def held(golden):
    """The lines that stand there, in the same form."""
    text = golden.read_text(encoding="utf-8")
    same = {"FROZEN": "SIZE", "ARRAY": "MEMBER", "ROWS": "MEMBER", "TEXT": "NUMBER"}
    for macro, arguments in re.findall(r"^([A-Z]+)\((.*)", text, re.M):
        words = re.findall(r"\w+", arguments)
        macro = same.get(macro, macro)
        if macro == "MEMBER":
            yield (macro, words[0], words[2])
        elif macro in ("SIZE", "NUMBER", "SIGNATURE"):
            yield (macro, words[0], "")
        elif macro == "HOLDS":
            for name in re.findall(r"sizeof\((slow_\w+)\)|\b(slow_module_fn)\b", arguments):
                yield ("TYPE", "".join(name), "")


def main():
    source, scratch = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    if shutil.which("doxygen") is None:
        print("SKIPPED: no doxygen; run scripts/setup.sh")
        return 77
    shutil.rmtree(scratch, ignore_errors=True)
    subprocess.run([source / "scripts/reference.sh", scratch], check=True, stdout=subprocess.DEVNULL)
    symbols = list(public_symbols(scratch / "xml"))
    wrong = count = 0
    for golden, folder in GOLDEN.items():
        headers = {"slow/" + path.name for path in (source / folder).glob("*.h")}
        wanted = {line for symbol in symbols if symbol.header in headers and (line := expected(symbol)) is not None}
        there = set(held(source / golden))
        count += len(wanted)
        for what, lines in (("has no line for", wanted - there), ("has a line for what is not there:", there - wanted)):
            for line in sorted(lines):
                print(f"{golden} {what} {line[0]} {'.'.join(filter(None, line[1:]))}")
                wrong += 1
    print(f"{count} lines hold the ABI and the API; {wrong} are missing, or too many")
    return 1 if wrong or count < 400 else 0


sys.exit(main())
