#!/usr/bin/env python3
"""What programs that are linked with the library rely on is written down, and changes
only together with what is written down.

    abi.py SOURCE-ROOT SHARED-LIBRARY             compares
    abi.py SOURCE-ROOT SHARED-LIBRARY --write     writes the lists anew

debian/libautosim0.symbols has every exported symbol, which are the functions of the
public headers and no others; tests/style/abi.txt has sizes, offsets and enumerators of
the public structures (64 bits).
"""
import difflib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HEAD = "libautosim.so.0 libautosim0 #MINVER#"


def exported(library):
    done = subprocess.run(["nm", "-D", "--defined-only", library], text=True, check=True,
                          capture_output=True)
    names = {line.split()[-1] for line in done.stdout.splitlines()}
    return sorted(name for name in names if name.startswith("asim_"))


def read_headers(root):
    """The text of each public header, without comments, preprocessor lines and bodies."""
    texts = {}
    folder = os.path.join(root, "include", "autosim")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".h"):
            text = open(os.path.join(folder, name)).read()
            text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
            texts[name] = re.sub(r"^[ \t]*#(.*\\\n)*.*$", "", text, flags=re.M)
    return texts


def declared(texts):
    return sorted(set(re.findall(r"ASIM_API\b[^;]*?\b(asim_\w+)\s*\(",
                                 "\n".join(texts.values()))))


def field_names(body):
    """Of the declarations of a structure, whose own structures are not looked into."""
    while re.search(r"\{[^{}]*\}", body):
        body = re.sub(r"\{[^{}]*\}", " ", body)
    for declaration in body.split(";"):
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)", declaration)
        if pointer:
            yield pointer[1]
            continue
        for part in declaration.split(","):
            name = re.search(r"(\w+)\s*(\[[^\]]*\]\s*)*$", part.strip())
            if name:
                yield name[1]


def layout_program(texts):
    lines = ["#include <autosim/autosim.h>", "#include <stddef.h>", "#include <stdio.h>",
             "int main(void) {"]
    for text in texts.values():
        for name, body in re.findall(r"^struct (asim_\w+)\s*\{(.*?)^\};", text,
                                     flags=re.S | re.M):
            lines.append(f'printf("struct {name}: %zu bytes\\n", sizeof(struct {name}));')
            lines.extend(f'printf("  {field} at %zu\\n", offsetof(struct {name}, '
                         f"{field}));" for field in field_names(body))
        for name, body in re.findall(r"^enum ?(\w*)\s*\{(.*?)\};", text,
                                     flags=re.S | re.M):
            for entry in filter(None, (entry.strip() for entry in body.split(","))):
                word = entry.split("=")[0].strip()
                lines.append(f'printf("{word} = %d\\n", (int){word});')
    return "\n".join(lines) + "\nreturn 0; }\n"


def layout(root, texts):
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "a.c"), os.path.join(folder, "a")
        with open(source, "w") as out:
            out.write(layout_program(texts))
        subprocess.run(["cc", "-I", os.path.join(root, "include"), source, "-o", program],
                       check=True)
        return subprocess.run([program], check=True, text=True,
                              capture_output=True).stdout


def symbols_text(path, names):
    """Each symbol keeps the version it came with; a new one gets the library's."""
    root = os.path.dirname(os.path.dirname(path))
    version = re.search(r"version: '([\d.]+)'",
                        open(os.path.join(root, "meson.build")).read())[1]
    since = {}
    if os.path.exists(path):
        since = dict(re.findall(r"^ (\w+)@Base (\S+)$", open(path).read(), flags=re.M))
    return "\n".join([HEAD] + [f" {name}@Base {since.get(name, version)}"
                               for name in names]) + "\n"


def compare(path, now):
    before = open(path).read() if os.path.exists(path) else ""
    return [line for line in difflib.unified_diff(
        before.splitlines(), now.splitlines(), os.path.basename(path), "the library",
        lineterm="", n=1)]


def main():
    root, library = sys.argv[1:3]
    symbols_path = os.path.join(root, "debian", "libautosim0.symbols")
    layout_path = os.path.join(root, "tests", "style", "abi.txt")
    texts, names = read_headers(root), exported(library)
    lists = {symbols_path: symbols_text(symbols_path, names)}
    if shutil.which("cc") and platform.machine() in ("x86_64", "aarch64"):
        lists[layout_path] = layout(root, texts)
    else:
        print("there is no cc for this machine's layout: only symbols are compared")
    if sys.argv[3:] == ["--write"]:
        for path, text in lists.items():
            with open(path, "w") as out:
                out.write(text)
        return 0
    wrong = [line for path, text in lists.items() for line in compare(path, text)]
    if wrong:
        print("\n".join(wrong))
        print("Programs linked with the library see this change. Where it is meant: "
              f"python3 tests/style/abi.py . {os.path.relpath(library)} --write")
    for name in sorted(set(names) ^ set(declared(texts))):
        where = "exported and in no public header" if name in names else \
            "in a public header and not exported"
        wrong.append(name)
        print(f"{name} is {where}")
    print(f"{len(names)} symbols")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
