#!/usr/bin/env python3
"""Rules of the house that a compiler does not hold.

    check.py SOURCE-ROOT STATIC-LIBRARY SHARED-LIBRARY

Includes follow the order of the stages; symbols are prefixed; files stay short; no
traces of one machine or of unfinished work; the formatting is clang-format's; messages
that are explained can be said.
"""
import ast
import os
import re
import shutil
import subprocess
import sys

STAGES = ["base", "formats", "structure", "pca", "windows", "engine", "campaign",
          "samples", "pmf", "report"]
# The stage of each public header.
PUBLIC = {"error": 0, "log": 0, "trajectory": 1, "topology": 1, "selection": 2, "pbc": 2, "superpose": 2, "pca": 3,
          "bias": 4, "windows": 4, "engine": 5, "slurm": 6, "campaign": 6, "samples": 7, "pmf": 8, "report": 9,
          "autosim": 9}
FOLDERS = {".ci", "bench", "cli", "debian", "docs", "examples", "fuzz", "include", "python",
           "scripts", "src", "tests"}
FILES = {".clang-format", ".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "demo.sh",
         "meson.build", "meson_options.txt", "test.sh"}
LONGEST_FILE = 600
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK|placeholder|not implemented)\b", re.I)
MACHINE_PATH = re.compile(r"/(work|farm|root|home)/")


def sources(root, folders, endings=(".c", ".h")):
    for folder in folders:
        for path, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.join(path, name)


def check_layers(root, complain):
    for path in sources(root, ["src"]):
        stage = os.path.relpath(path, os.path.join(root, "src")).split(os.sep)[0]
        rank = STAGES.index(stage)
        for number, line in enumerate(open(path), 1):
            found = re.match(r'#include "([a-z]+)/', line)
            if found and found[1] in STAGES and STAGES.index(found[1]) > rank:
                complain(path, number, f"{stage} must not include {found[1]}")
            found = re.match(r"#include <autosim/([a-z]+)\.h>", line)
            if found and PUBLIC[found[1]] > rank:
                complain(path, number, f"{stage} must not include autosim/{found[1]}.h")


def check_text(root, complain):
    for path in sources(root, ["src", "include", "cli", "tests", "fuzz", "examples",
                               "bench", "python"], (".c", ".h", ".py", ".sh", ".build")):
        lines = open(path).read().splitlines()
        if len(lines) > LONGEST_FILE and path.endswith((".c", ".h")):
            complain(path, len(lines), f"longer than {LONGEST_FILE} lines")
        for number, line in enumerate(lines, 1):
            if path.endswith("check.py"):
                continue
            if MARKS.search(line):
                complain(path, number, "a mark of unfinished work")
            if MACHINE_PATH.search(line):
                complain(path, number, "a path of one machine")


def check_format(root, complain):
    if not shutil.which("clang-format"):
        print("clang-format is not installed: formatting is not checked")
        return
    for path in sources(root, ["src", "include", "cli", "tests", "fuzz", "examples"]):
        done = subprocess.run(["clang-format", "--dry-run", path], text=True,
                              capture_output=True)
        if done.stderr:
            complain(path, 0, "run clang-format -i on it")


def c_texts(text):
    """String literals of C, neighbours joined; a macro between two of them (PRId64) is a
    number as %d is."""
    text = re.sub(r'"\s*PRI\w+\s*(?=")', '"', text)
    for run in re.findall(r'(?:"(?:[^"\\\n]|\\.)*"\s*)+', text):
        yield "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', run)).replace('\\"', '"')


def python_texts(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def check_messages(root, complain):
    """Each message that docs/troubleshooting.md quotes is one that the program can say."""
    said = []
    for folder in ("src", "cli", "python"):
        for path, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                if name.endswith((".c", ".h", ".py")):
                    text = open(os.path.join(path, name)).read()
                    said.extend((python_texts if name.endswith(".py") else c_texts)(text))
    said = "\n".join(" ".join(one.split()) for one in said)
    path = os.path.join(root, "docs", "troubleshooting.md")
    for number, line in enumerate(open(path), 1):
        cells = line.split("|")
        if len(cells) < 3:
            continue
        for quote in re.findall(r"`([^`]+)`", cells[1]):
            for piece in re.split(r"\.\.\.|\d+", quote):
                if len(piece.strip()) > 1 and piece.strip(" :'") not in said:
                    complain(path, number, f"no message says '{piece.strip()}'")


def check_top_folders(root, complain):
    """What a test left behind must not be taken for a part of the project. Sources
    without their repository, or a machine without git, do not tell."""
    if not shutil.which("git"):
        return
    done = subprocess.run(["git", "ls-files"], cwd=root, text=True, capture_output=True)
    paths = done.stdout.splitlines()
    for folder in sorted({path.split("/")[0] for path in paths if "/" in path} - FOLDERS):
        complain(os.path.join(root, folder), 0, "no folder of the project")
    for name in sorted({path for path in paths if "/" not in path} - FILES):
        complain(os.path.join(root, name), 0, "no file of the project")


def check_symbols(static_library, shared_library, complain):
    for library, options in ((static_library, []), (shared_library, ["-D"])):
        done = subprocess.run(["nm", "--defined-only", "-g", *options, library], text=True,
                              capture_output=True, check=True)
        names = [line.split()[-1] for line in done.stdout.splitlines()
                 if len(line.split()) == 3]
        if not names:
            complain(library, 0, "no symbols found")
        for name in names:
            if not name.startswith(("asim_", "__asan", "__odr_asan", "___asan")):
                complain(library, 0, f"symbol {name} is not prefixed asim_")
    internal = {"asim_fail", "asim_alloc_array", "asim_journal_open"}
    exported = set(names) & internal
    for name in sorted(exported):
        complain(shared_library, 0, f"internal symbol {name} is exported")


def main():
    root, static_library, shared_library = sys.argv[1:]
    complaints = []

    def complain(path, line, what):
        complaints.append(f"{os.path.relpath(path, root)}:{line}: {what}")

    check_layers(root, complain)
    check_text(root, complain)
    check_messages(root, complain)
    check_top_folders(root, complain)
    check_format(root, complain)
    check_symbols(static_library, shared_library, complain)
    print("\n".join(complaints) or "clean")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
