#!/usr/bin/env python3
"""A slot on a file system that gives no locks says so and leaves; it waited for ever.

    test_no_locks.py AUTOSIM STANDIN-GMX NO-LOCKS-LIBRARY
"""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import common  # noqa: E402
import standin  # noqa: E402


def main():
    autosim, gmx, library = map(os.path.abspath, sys.argv[1:4])
    root = common.workdir()
    folder = os.path.join(root, "campaign")
    os.mkdir(folder)
    standin.make(folder, 1, 10, 1000)
    # Of an attempt before, whose shim found no locks either.
    open(os.path.join(folder, "windows", "000", "lock"), "w").close()
    done = common.run([autosim, "slot", "-C", folder, "--token", "locks", "--gmx", gmx,
                       "--lease", "3", "--ntomp", "1", "-j", "1"], check=False,
                      timeout=120, env={"LD_PRELOAD": library})
    if done.returncode == 0 or "gives no locks" not in done.stderr:
        sys.exit(f"exit {done.returncode}: {done.stderr}")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
