#!/usr/bin/env python3
"""The library as it is installed: found by pkg-config, with nothing but asim_ symbols,
and the programs of examples/c built against it and run.

    test_library.py BUILD-FOLDER VERSION
"""
import glob
import os
import re
import shutil
import subprocess
import sys

import common

BUILD, VERSION = os.path.abspath(sys.argv[1]), sys.argv[2]


class Installed:
    """What `meson install` puts there, below a folder."""

    def __init__(self, root):
        self.root = root
        common.run(["meson", "install", "--no-rebuild", "--quiet", "-C", BUILD,
                    "--destdir", root])
        self.pkgconfig = self.find("autosim.pc")
        self.shim = self.find("autosim-shim")
        self.library = os.path.dirname(self.find(f"libautosim.so.{VERSION}"))
        self.headers = os.path.dirname(self.find("autosim.h"))
        self.program = self.find(os.path.join("bin", "autosim"))

    def find(self, name):
        found = [path for path in glob.glob(os.path.join(self.root, "**", "*"),
                                            recursive=True)
                 if path.endswith(os.sep + name)]
        if len(found) != 1:
            sys.exit(f"installed {len(found)} files '{name}'")
        return found[0]

    def flags(self, *options):
        return common.run(["pkg-config", *options, "autosim"], env={
            "PKG_CONFIG_PATH": os.path.dirname(self.pkgconfig),
            "PKG_CONFIG_SYSROOT_DIR": self.root}).stdout.split()


def check_files(installed):
    library = os.path.join(installed.library, "libautosim.so")
    dynamic = common.run(["readelf", "-d", library]).stdout
    if not re.search(r"SONAME.*\[libautosim\.so\.0\]", dynamic):
        sys.exit(f"soname: {dynamic}")
    for path in (library, library + ".0", library[:-2] + "a",
                 os.path.join(installed.root, "*", "*", "share", "man", "man1",
                              "autosim-run.1"),):
        if not glob.glob(path) and not glob.glob(path.replace("/*/*/", "/*/")):
            sys.exit(f"{path} is not installed")
    for name in ("completions/autosim", "site-functions/_autosim", "autosim.fish",
                 "man1/autosim.1"):
        installed.find(name)
    if common.run(["pkg-config", "--modversion", "autosim"], env={
            "PKG_CONFIG_PATH": os.path.dirname(installed.pkgconfig)}).stdout.strip() \
            != VERSION:
        sys.exit("pkg-config has another version")
    done = common.run([installed.program, "--version"])
    if done.stdout != f"autosim {VERSION}\n":
        sys.exit(done.stdout)


def check_manual(installed):
    """Every exported function has a page of section 3, and man takes them as they are."""
    folder = os.path.dirname(installed.find("autosim_pca.3"))
    exported = common.run(["nm", "-D", "--defined-only",
                           os.path.join(installed.library, "libautosim.so")]).stdout
    for name in re.findall(r"\b(asim_\w+)$", exported, flags=re.M):
        link = open(os.path.join(folder, name + ".3")).read().split()
        page = open(os.path.join(os.path.dirname(folder), link[1])).read()
        if link[0] != ".so" or f"{name}(" not in page:
            sys.exit(f"man {name}: {link}")
    pages = glob.glob(os.path.join(folder, "*autosim*.3"))
    headers = glob.glob(os.path.join(common.SOURCE, "include", "autosim", "*.h"))
    if len(pages) != len(headers):
        sys.exit(f"{len(pages)} pages of {len(headers)} headers")
    for path in pages if shutil.which("man") else []:
        done = common.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", path],
                          env={"MANWIDTH": "100"})
        if done.stderr:
            sys.exit(f"{path}: {done.stderr}")


def check_headers(installed):
    """Each is installed and can be included alone, from C and from C++."""
    there = {name for name in os.listdir(os.path.join(common.SOURCE, "include", "autosim"))
             if name.endswith(".h")}
    if set(os.listdir(installed.headers)) != there:
        sys.exit(f"installed headers: {sorted(os.listdir(installed.headers))}")
    for path in sorted(glob.glob(os.path.join(installed.headers, "*.h"))):
        line = f"#include <autosim/{os.path.basename(path)}>\n"
        for compiler, language in (("cc", "c"), ("c++", "c++")):
            if not shutil.which(compiler):
                continue
            done = subprocess.run([compiler, "-x", language, "-fsyntax-only", "-Wall",
                                   "-Wextra", "-Werror", *installed.flags("--cflags"),
                                   "-"], input=line, text=True, capture_output=True,
                                  check=False)
            if done.returncode != 0:
                sys.exit(f"{path} alone, by {compiler}:\n{done.stderr}")


def build_examples(installed, folder):
    source = os.path.join(common.SOURCE, "examples", "c")
    for path in sorted(glob.glob(os.path.join(source, "*.c"))):
        program = os.path.join(folder, os.path.basename(path)[:-2])
        common.run(["cc", "-Wall", "-Wextra", "-Werror", path, "-o", program,
                    *installed.flags("--cflags", "--libs"),
                    f"-Wl,-rpath,{installed.library}"])
    static = os.path.join(folder, "static")
    common.run(["cc", os.path.join(source, "pca.c"), "-o", static,
                *installed.flags("--cflags"),
                os.path.join(installed.library, "libautosim.a"),
                *[flag for flag in installed.flags("--libs", "--static")
                  if flag != "-lautosim"]])
    return static


def run_examples(installed, folder, static):
    env = {"AUTOSIM_SHIM": installed.shim}

    def example(name, *arguments):
        return common.run([os.path.join(folder, name), *arguments], cwd=folder,
                          env=env).stdout

    common.simulate_triatomic(folder, 200000)
    pca = example("pca", "tri.tpr", "tri.xtc", "all")
    if "400" not in pca and "frames, 3 atoms: all" not in pca or "PC1: " not in pca:
        sys.exit(pca)
    if example(static, "tri.tpr", "tri.xtc", "all") != pca:
        sys.exit("the static library gives another PCA")
    wrong = common.run([os.path.join(folder, "pca"), "no.tpr", "tri.xtc"], cwd=folder,
                       check=False)
    if wrong.returncode not in (3, 4) or "no.tpr" not in wrong.stderr:
        sys.exit(f"pca of no file: {wrong}")
    window = example("window", "tri.tpr", "tri.xtc", "one", "0.02", "3000")
    if "window 0: Completed\n" not in window or "ns/day" not in window:
        sys.exit(window)
    batch = example("batch", "tri.tpr", "tri.xtc", "campaign")
    if batch.count("Completed") != 4:
        sys.exit(batch)
    pmf = [line.split() for line in example("pmf", "campaign").splitlines()
           if not line.startswith("#")]
    values = [float(row[1]) for row in pmf]
    if len(pmf) < 10 or min(values) != 0 or not 1 < max(values) < 100:
        sys.exit(f"profile: {pmf}")
    print(pca, window, batch, len(pmf), "points of the profile")


def main():
    if not shutil.which("pkg-config"):
        common.skip("there is no pkg-config")
    root, folder = common.workdir(), common.workdir()
    installed = Installed(root)
    check_files(installed)
    check_headers(installed)
    check_manual(installed)
    static = build_examples(installed, folder)
    common.need_gmx()
    run_examples(installed, folder, static)
    shutil.rmtree(root)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
