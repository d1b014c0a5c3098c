#!/usr/bin/env python3
"""The main job on a system whose PMF is known exactly.

    test_triatomic.py AUTOSIM COMPARE_QUADRATURE
"""
import os
import shutil
import sys

import common


def main():
    autosim, compare = map(os.path.abspath, sys.argv[1:])
    common.need_gmx()
    folder = common.workdir()
    common.simulate_triatomic(folder, 1000000)
    done = common.run([autosim, "run", "tri.tpr", "tri.xtc", "--ns", "2"], cwd=folder)
    print(done.stdout)
    print(common.run([compare, os.path.join(folder, "autosim"), "12", "0.15"]).stdout)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
