#!/usr/bin/env python3
"""The main job on a system whose PMF is known exactly.

    test_triatomic.py AUTOSIM COMPARE_QUADRATURE
"""
import json
import os
import shutil
import sys

import common


def check_bias(campaign):
    """What was found of the bias in each window stands in pmf.json and the report."""
    plan = json.load(open(os.path.join(campaign, "plan.json")))
    pmf = json.load(open(os.path.join(campaign, "pmf", "pmf.json")))
    report = open(os.path.join(campaign, "report.html")).read()
    assert pmf["bias"] == plan["bias"] and 'id="bias"' in report
    assert len(pmf["bias_checks"]) == len(plan["windows"])
    for check in pmf["bias_checks"]:
        one = json.load(open(os.path.join(campaign, "windows",
                                          f"{check['window_id']:03d}", "check.json")))
        assert one["frame_count"] > 0 and one.pop("why") == "", one
        assert {"window_id": check["window_id"], **one} == check, (one, check)


def main():
    autosim, compare = map(os.path.abspath, sys.argv[1:])
    common.need_gmx()
    folder = common.workdir()
    common.simulate_triatomic(folder, 1000000)
    done = common.run([autosim, "run", "tri.tpr", "tri.xtc", "--ns", "2"], cwd=folder)
    print(done.stdout)
    check_bias(os.path.join(folder, "autosim"))
    print(common.run([compare, os.path.join(folder, "autosim"), "12", "0.15"]).stdout)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
