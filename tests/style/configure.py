#!/usr/bin/env python3
"""Who only wants the program has neither cmocka nor numpy: the build is configured all
the same, and installs the library where loader and pkg-config look.

    configure.py SOURCE-ROOT
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

PKG_CONFIG = """#!/bin/sh
case "$*" in *cmocka*) exit 1 ;; esac
exec "{real}" "$@"
"""


def main():
    real, meson = shutil.which("pkg-config"), shutil.which("meson")
    if not real or not meson:
        print("skipped: there is no pkg-config or no meson")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        wrapper = os.path.join(folder, "pkg-config")
        with open(wrapper, "w") as out:
            out.write(PKG_CONFIG.format(real=real))
        os.chmod(wrapper, 0o755)
        done = subprocess.run([meson, "setup", os.path.join(folder, "build"), sys.argv[1]],
                              env={**os.environ, "PKG_CONFIG": wrapper,
                                   "CMAKE": "no-cmake"}, text=True,
                              capture_output=True)
        if done.returncode != 0:
            sys.exit(done.stdout[-400:] + done.stderr)
        if "cmocka found: NO" not in done.stdout:
            sys.exit("cmocka was found: the test does not try what it should")
        options = json.loads(subprocess.run(
            [meson, "introspect", "--buildoptions", os.path.join(folder, "build")],
            text=True, capture_output=True, check=True).stdout)
        libdir = next(one["value"] for one in options if one["name"] == "libdir")
        if libdir != "lib":
            sys.exit(f"the library would be installed in {libdir}")
    print("configured without cmocka")


if __name__ == "__main__":
    main()
