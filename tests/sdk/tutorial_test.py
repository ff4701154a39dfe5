#!/usr/bin/env python3
"""Follows a tutorial literally, as a reader would with an empty folder and an installed Slow.

    tests/sdk/tutorial_test.py PREFIX PAGE

What a marked block of the page does:

    ```c file=NAME           is a file; written
    ```c section=NAME:2      takes the place of a section of it: from the line that begins with "/* ---- 2." to the next that
                             begins with "/* ---- "
    ```sh run                commands; they end with exit code 0
    ```sh fails              they end with exit code 1
    ```sh conform            the same as run, and passed over where slow-conform is not installed
    ```text says             what the commands of the block before have printed: these lines, in this order; "..." in a line is
                             anything

A block of code or commands without a mark is an error, but for "```sh install". What runs in the background is ended by its
number when the page has been followed to its end.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

# A program of the page that may stay behind leaves its number.
ROUTER = """#!/bin/sh
echo $$ >>"{folder}/pids"
exec "{prefix}/bin/slow-router" "$@"
"""
LIMIT_S = 120


class Broken(Exception):
    """What the page says is not so."""


def blocks_of(page):
    """Yields (line, language, mark, text)."""
    begun, language, mark, lines = 0, "", "", []
    with open(page, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            fence = re.match(r"```(\S*) ?(.*)$", line)
            if fence and not begun:
                begun, language, mark, lines = number, fence[1], fence[2].strip(), []
            elif fence:
                yield begun, language, mark, "".join(lines)
                begun = 0
            else:
                lines.append(line)
    if begun:
        raise Broken(f"{page}:{begun}: the block does not end")


class Reader:
    """Somebody with a folder, who does what the page says."""

    def __init__(self, prefix):
        self.folder = tempfile.mkdtemp(prefix="slow-t-", dir="/tmp")
        self.output = None
        self.skipped = 0
        os.mkdir(f"{self.folder}/bin")
        with open(f"{self.folder}/bin/slow-router", "w", encoding="utf-8") as file:
            file.write(ROUTER.format(folder=self.folder, prefix=prefix))
        os.chmod(f"{self.folder}/bin/slow-router", 0o755)
        os.mkdir(f"{self.folder}/work")
        self.environment = {"HOME": self.folder, "LC_ALL": "C.UTF-8", "CMAKE_PREFIX_PATH": prefix,
                            "PATH": f"{self.folder}/bin:{prefix}/bin:{os.environ['PATH']}"}

    def path(self, name):
        if "/" in name or name.startswith("."):
            raise Broken(f"{name} is no plain file name")
        return f"{self.folder}/work/{name}"

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def replace(self, name, section, text):
        with open(self.path(name), encoding="utf-8") as file:
            parts = re.split(r"(?m)^(?=/\* ---- )", file.read())
        found = [i for i, part in enumerate(parts) if part.startswith(f"/* ---- {section}.")]
        if len(found) != 1 or not text.startswith(f"/* ---- {section}."):
            raise Broken(f"there is no section {section} in {name}, or not in the block")
        parts[found[0]] = text + "\n"
        self.write(name, "".join(parts))

    def run(self, text, expected):
        if shutil.which("slow-conform", path=self.environment["PATH"]) is None and "slow-conform" in text:
            print("SKIPPED: slow-conform is not installed")
            self.skipped += 1
            self.output = None
            return
        with open(f"{self.folder}/output", "w+b") as output: # and no pipe, which what stays behind would keep open
            done = subprocess.run(["bash", "-eu"], input=text.encode(), stdout=output, stderr=output, check=False,
                                  cwd=f"{self.folder}/work", env=self.environment, timeout=LIMIT_S)
            output.seek(0)
            self.output = output.read().decode(errors="replace")
        if done.returncode != expected:
            raise Broken(f"exit code {done.returncode} instead of {expected}:\n{text}\n{self.output}")

    def says(self, text):
        if self.output is None: # it was passed over
            return
        at, lines = 0, self.output.splitlines()
        for line in text.splitlines():
            pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
            while at < len(lines) and not re.fullmatch(pattern, lines[at].strip()):
                at += 1
            if at == len(lines):
                raise Broken(f"this is not said, or not behind the line before it: {line}\n\n{self.output}")
            at += 1

    def follow(self, language, mark, text):
        if mark.startswith("file="):
            self.write(mark[5:], text)
        elif mark.startswith("section="):
            name, section = mark[8:].rsplit(":", 1)
            self.replace(name, section, text)
        elif (language, mark) in (("sh", "run"), ("sh", "conform")):
            self.run(text, 0)
        elif (language, mark) == ("sh", "fails"):
            self.run(text, 1)
        elif (language, mark) == ("text", "says"):
            self.says(text)
        elif language != "text" and (language, mark) != ("sh", "install"):
            raise Broken(f"nothing says what to do with a block marked \"{language} {mark}\"")

    def leave(self):
        if os.path.exists(f"{self.folder}/pids"):
            with open(f"{self.folder}/pids", encoding="utf-8") as file:
                for pid in file:
                    try:
                        os.kill(int(pid), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
        shutil.rmtree(self.folder)


def main():
    prefix, page = os.path.realpath(sys.argv[1]), sys.argv[2]
    result = sys.argv[3] if len(sys.argv) > 3 else None # a file in the tree that the page is to end with
    reader = Reader(prefix)
    line, count = 0, 0
    try:
        for line, language, mark, text in blocks_of(page):
            reader.follow(language, mark, text)
            count += 1
        if result is not None:
            with open(result, encoding="utf-8") as ours, open(reader.path(os.path.basename(result)), encoding="utf-8") as theirs:
                if ours.read() != theirs.read():
                    raise Broken(f"who followed the page to its end has another file than {result}")
    except (Broken, subprocess.TimeoutExpired, OSError) as error:
        print(f"{page}:{line}: {error}", file=sys.stderr)
        return 1
    finally:
        reader.leave()
    print(f"{page}: {count} blocks were followed, {reader.skipped} passed over, and it is as the page says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
