#!/usr/bin/env python3
"""The main job on alanine dipeptide: the PMF agrees with 100 ns without bias.

    test_alanine.py AUTOSIM COMPARE_PROFILES
"""
import os
import shutil
import sys

import common


def main():
    autosim, compare = map(os.path.abspath, sys.argv[1:])
    common.need_gmx()
    folder = common.workdir()
    common.simulate_alanine(folder, 4000, 1)
    done = common.run([autosim, "run", "unbiased.tpr", "unbiased.xtc"], cwd=folder)
    print(done.stdout)
    reference = os.path.join(common.SOURCE, "examples", "alanine", "reference.json")
    done = common.run([compare, os.path.join(folder, "autosim"), reference, "10", "0.3"])
    print(done.stdout)
    # Once more: nothing is left to run, and the result is the same to the byte.
    profile = os.path.join(folder, "autosim", "pmf", "pmf.csv")
    before = open(profile).read()
    common.run([autosim, "run", "unbiased.tpr", "unbiased.xtc"], cwd=folder, timeout=30)
    if open(profile).read() != before:
        sys.exit("the second run gave another profile")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
