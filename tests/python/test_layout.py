#!/usr/bin/env python3
"""The structures of the Python face are those of the headers: every offset, every size,
and the numbers of enums.

    test_layout.py VERSION
"""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "python"))
from autosim_core import _library  # noqa: E402
from autosim_core import __version__  # noqa: E402


def c_program():
    lines = ["#include <autosim/autosim.h>", "#include <stddef.h>",
             "#include <stdio.h>", "int main(void) {"]
    for structure, name in _library.STRUCTURES.items():
        lines.append(f'printf("{name} size %zu\\n", sizeof(struct {name}));')
        for field in structure._fields_:
            if field[0] != "_room":
                lines.append(f'printf("{name} {field[0]} %zu\\n", '
                             f"offsetof(struct {name}, {field[0]}));")
    lines.append('printf("news idle %d\\n", ASIM_NEWS_IDLE);')
    lines.append('printf("log info %d\\n", ASIM_LOG_INFO);')
    lines.append('printf("statuses last %d\\n", ASIM_ECANCELLED);')
    return "\n".join(lines) + "return 0; }\n"


def main():
    if not shutil.which("cc"):
        print("skipped: there is no cc")
        sys.exit(77)
    if __version__ != sys.argv[1]:
        sys.exit(f"autosim_core is {__version__}, the library {sys.argv[1]}")
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "a.c"), os.path.join(folder, "a")
        with open(source, "w") as out:
            out.write(c_program())
        subprocess.run(["cc", "-I", os.path.join(ROOT, "include"), source, "-o",
                        program], check=True)
        text = subprocess.run([program], check=True, text=True,
                              capture_output=True).stdout
    by_name = {name: structure for structure, name in _library.STRUCTURES.items()}
    wrong, compared = [], 0
    for line in text.splitlines():
        name, field, number = line.split()
        number = int(number)
        compared += 1
        if name == "news":
            fits = number == _library.NEWS_IDLE
        elif name == "log":
            fits = number == _library.LOG_INFO
        elif name == "statuses":
            fits = number == len(_library._STATUSES) - 1
        elif field == "size":
            structure = by_name[name]
            grows = structure._fields_[-1][0] == "_room"
            fits = (number <= ctypes.sizeof(structure) if grows
                    else number == ctypes.sizeof(structure))
        else:
            fits = getattr(by_name[name], field).offset == number
        if not fits:
            wrong.append(line)
    if wrong:
        sys.exit("autosim_core/_library.py differs from the headers at: "
                 + ", ".join(wrong))
    print(f"{compared} offsets, sizes and numbers agree")


if __name__ == "__main__":
    main()
