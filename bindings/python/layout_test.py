#!/usr/bin/env python3
"""What slow.py says of slow/junction.h, held against that header by a C compiler: each struct's members with their places and
sizes, each function's type, each number. Wants SLOW_SOURCE, and takes the compiler of CC."""
import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
from ctypes import POINTER

import slow

SOURCE = pathlib.Path(os.environ["SLOW_SOURCE"])
STRUCTS = {slow._Error: "slow_error", slow._Options: "slow_options", slow._SendOptions: "slow_send_options",
           slow._Outcome: "slow_outcome", slow._Message: "slow_message"}
ENUMS = {slow.Type: "SLOW_{}", slow.Order: "SLOW_ORDER_{}", slow.Kind: "SLOW_{}", slow.Reason: "SLOW_REASON_{}"}
NUMBERS = {"SLOW_OK": slow._OK, "SLOW_E_FAIL": slow._E_FAIL, "SLOW_E_AGAIN": slow._E_AGAIN, "SLOW_E_CLOSED": slow._E_CLOSED,
           "SLOW_E_TIMEOUT": slow._E_TIMEOUT, "SLOW_THREAD_OWN": slow._Options().thread}
SPELLED = {None: "void", ctypes.c_int: "int", ctypes.c_int32: "int32_t", ctypes.c_uint16: "uint16_t", ctypes.c_size_t: "size_t",
           ctypes.c_uint64: "uint64_t", ctypes.c_char_p: "const char *", POINTER(ctypes.c_char): "char *",
           POINTER(slow._Junction): "slow_junction *", POINTER(slow._Error): "slow_error *",
           POINTER(slow._Options): "const slow_options *", POINTER(slow._SendOptions): "const slow_send_options *",
           POINTER(ctypes.c_uint64): "uint64_t *", POINTER(slow._Outcome): "slow_outcome *",
           POINTER(slow._Message): "slow_message *", POINTER(POINTER(slow._Message)): "slow_message **",
           slow._ON_OUTCOME: "void (*)(void *, const slow_outcome *)", slow._ON_WRITABLE: "void (*)(void *, const char *)"}


def spelled(function, kind):
    if kind is ctypes.c_void_p:
        return "const void *" if function.startswith("slow_send_") else "void *"
    if function == "slow_junction_id" and kind is POINTER(slow._Junction):
        return "const slow_junction *"
    return SPELLED[kind]


def members_program():
    """Does not compile where a struct has more or fewer members, or a function is of another type; prints the rest."""
    yield "#include <slow/junction.h>\n#include <stdio.h>"
    for struct, name in STRUCTS.items():
        zeros = ", ".join("{0}" if issubclass(kind, ctypes.Array) else "0" for _, kind in struct._fields_)
        yield f"extern const {name} all_{name}; const {name} all_{name} = {{{zeros}}};"
    for name, (result, arguments) in slow._PROTOTYPES.items():
        takes = ", ".join(spelled(name, kind) for kind in arguments) or "void"
        yield (f"_Static_assert(__builtin_types_compatible_p(__typeof__({name}), {SPELLED[result]}({takes})), "
               f"\"{name} is of another type\");")
    yield "int main(void) {"
    for struct, name in STRUCTS.items():
        yield f'printf("{name} %zu\\n", sizeof({name}));'
        for member, _ in struct._fields_:
            yield f'printf("{name}.{member} %zu %zu\\n", offsetof({name}, {member}), sizeof((({name} *)0)->{member}));'
    for number in [*NUMBERS, *enum_numbers()]:
        yield f'printf("{number} %d\\n", (int){number});'
    yield "}\n"


def enum_numbers():
    return {pattern.format(member.name): member.value for enum, pattern in ENUMS.items() for member in enum}


def what_python_has():
    lines = []
    for struct, name in STRUCTS.items():
        lines.append(f"{name} {ctypes.sizeof(struct)}")
        for member, _ in struct._fields_:
            at = getattr(struct, member)
            lines.append(f"{name}.{member} {at.offset} {at.size}")
    return lines + [f"{name} {value}" for name, value in {**NUMBERS, **enum_numbers()}.items()]


def what_c_has(headers, folder):
    program, binary = pathlib.Path(folder, "members.c"), pathlib.Path(folder, "members")
    program.write_text("\n".join(members_program()))
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", headers, "-I", SOURCE / "sdk",
                    program, "-o", binary], check=True, capture_output=True, text=True)
    return subprocess.run([binary], check=True, capture_output=True, text=True).stdout.splitlines()


class Layout(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_the_binding_says_what_the_header_says(self):
        self.assertEqual(what_c_has(SOURCE / "core/include", self.folder), what_python_has())

    def test_a_header_that_changed_is_noticed(self):
        for before, after in (("bool trace; ", "bool trace, later; "), ("uint32_t reason; ", "uint64_t reason; "),
                              ("SLOW_REASON_CLOSED = 4", "SLOW_REASON_CLOSED = 14"),
                              ("slow_recv(slow_junction *, slow_message **, slow_time",
                               "slow_recv(slow_junction *, slow_message **, uint32_t")):
            with self.subTest(after):
                headers = pathlib.Path(self.folder, "changed")
                shutil.copytree(SOURCE / "core/include", headers, dirs_exist_ok=True)
                text = (headers / "slow/junction.h").read_text()
                self.assertEqual(text.count(before), 1)
                (headers / "slow/junction.h").write_text(text.replace(before, after))
                try:
                    found = what_c_has(headers, self.folder)
                except subprocess.CalledProcessError as refused:
                    self.assertIn("error:", refused.stderr)
                else:
                    self.assertNotEqual(found, what_python_has())


if __name__ == "__main__":
    unittest.main()
