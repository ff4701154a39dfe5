#!/usr/bin/env python3
"""reference_test.py SOURCE SCRATCH: no public symbol is without a comment.

Counted are files, structs, members, enums, values, macros, functions and typedefs of the headers of the plugin ABI and of the
embedding API, as scripts/reference.sh reads them; what has no comment is named. Then that this can fail: in a copy of the
headers one comment of each sort is taken out, and has to be missed. Without doxygen it is skipped (exit code 77)."""
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
from public_symbols import public_symbols  # noqa: E402

HEADERS = ("sdk/slow", "core/include/slow")
# (header, what stands there, what is put in its place, who has no comment then)
CONTROLS = (
    ("sdk/slow/base.h", r"/\* the caller's mistake \*/", "", "value SLOW_E_INVAL"),
    ("sdk/slow/base.h", r"/\* Borrowed bytes\. Frozen\. \*/", "", "struct slow_bytes"),
    ("sdk/slow/plugin.h", r"/\* enum slow_kind: which table `ops` is \*/", "", "member slow_plugin.kind"),
    ("sdk/slow/transport.h", r"uint32_t mtu;", "uint32_t more;\n    uint32_t mtu;", "member slow_link_info.more"),
    ("core/include/slow/junction.h", r"/\* Asks the junction `id`.*?\*/", "", "function slow_ping"),
    ("core/include/slow/junction.h", r"/\* What to start a slow_options from.*?\*/", "", "macro SLOW_OPTIONS_INIT"),
)


def symbols_of(source, out, headers):
    environment = dict(os.environ, SLOW_HEADERS=" ".join(str(folder) for folder in headers))
    subprocess.run([source / "scripts/reference.sh", out], check=True, env=environment, stdout=subprocess.DEVNULL)
    return list(public_symbols(out / "xml"))


def bare(symbols):
    return [symbol for symbol in symbols if not symbol.documented]


def controls(source, scratch):
    """A copy of the headers with a comment less in each of CONTROLS; how many were not missed."""
    copies = []
    for folder in HEADERS:
        copies.append(scratch / "copy" / folder)
        shutil.copytree(source / folder, copies[-1])
    for header, there, instead, _ in CONTROLS:
        path = scratch / "copy" / header
        text, count = re.subn(there, instead, path.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
        if count != 1:
            sys.exit(f"reference_test: {header} has no longer {there}: write this control anew")
        path.write_text(text, encoding="utf-8")
    missed = [f"{symbol.kind} {symbol.owner + '.' if symbol.owner else ''}{symbol.name}"
              for symbol in bare(symbols_of(source, scratch / "controls", copies))]
    blind = [who for *_, who in CONTROLS if who not in missed]
    for who in blind:
        print(f"control: {who} lost its comment, and was not missed; missed were {missed}")
    return len(blind)


def main():
    source, scratch = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    if shutil.which("doxygen") is None:
        print("SKIPPED: no doxygen; run scripts/setup.sh")
        return 77
    shutil.rmtree(scratch, ignore_errors=True)
    symbols = symbols_of(source, scratch / "reference", [source / folder for folder in HEADERS])
    for symbol in bare(symbols):
        print(f"no comment: {symbol}")
    kinds = Counter(symbol.kind for symbol in symbols)
    print(f"{len(symbols)} public symbols ({', '.join(f'{kinds[kind]} {kind}' for kind in sorted(kinds))}), "
          f"{len(bare(symbols))} without a comment")
    blind = controls(source, scratch)
    print(f"{len(CONTROLS) - blind} of {len(CONTROLS)} comments that were taken out were missed")
    return 1 if bare(symbols) or blind else 0


sys.exit(main())
