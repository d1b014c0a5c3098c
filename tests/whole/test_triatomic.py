#!/usr/bin/env python3
"""The main job on a system whose PMF is known exactly.

    test_triatomic.py AUTOSIM COMPARE_QUADRATURE
"""
import json
import math
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


def check_along(autosim, folder):
    """PC2 of the windows' own frames, reweighted, against the simulation without bias; and
    its plane, summed over PC2, against the profile along PC1."""
    campaign = os.path.join(folder, "autosim")
    done = common.run([autosim, "pmf", "--along", "pc2"], cwd=folder)
    print(done.stdout, done.stderr)
    pmf = json.load(open(os.path.join(campaign, "pmf", "pmf.json")))
    along = json.load(open(os.path.join(campaign, "pmf", "along.json")))
    kt = 8.31446261815324e-3 * pmf["temperature_kelvin"]
    rows = [line.split() for line in open(os.path.join(campaign, "pca", "proj.xvg"))
            if line[0] not in "#@&"]
    x, y = along["x_nm"], along["y"]
    half_x, half_y = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    low, high = pmf["x_nm"][0] - half_x / 2, pmf["x_nm"][-1] + half_x / 2
    unbiased = [float(row[2]) for row in rows if low < float(row[1]) < high]
    differences = []
    for place, f, error in zip(y, along["pmf_kj_mol"], along["error_kj_mol"]):
        count = sum(place - half_y <= value < place + half_y for value in unbiased)
        if f is not None and count >= 200:
            differences.append((f + kt * math.log(count), (error ** 2 + 10 * kt ** 2 / count)
                                ** 0.5))
    mean = sum(value for value, _ in differences) / len(differences)
    rms = (sum((value - mean) ** 2 for value, _ in differences) / len(differences)) ** 0.5
    largest = max(abs(value - mean) / error for value, error in differences)
    print(f"PC2 of {len(differences)} bins, {along['sample_count']} frames: rms {rms:.3f} "
          f"kJ/mol from the unbiased one, largest {largest:.1f} errors")
    assert len(differences) >= 6 and rms < 0.5 and largest < 4
    plane, differences = along["plane_kj_mol"], []
    for i in range(len(pmf["x_nm"]) // 2):
        row = [f for f in plane[i * len(y):(i + 1) * len(y)] if f is not None]
        if len(row) > 2:
            whole = sum(math.exp(-pmf["pmf_kj_mol"][2 * i + j] / kt) for j in (0, 1))
            differences.append(kt * math.log(whole)
                               - kt * math.log(sum(math.exp(-f / kt) for f in row)))
    mean = sum(differences) / len(differences)
    rms = (sum((value - mean) ** 2 for value in differences) / len(differences)) ** 0.5
    print(f"sum over PC2 against the profile along PC1: rms {rms:.3f} kJ/mol")
    assert rms < 0.6
    common.run([autosim, "report"], cwd=folder)
    assert 'id="along"' in open(os.path.join(campaign, "report.html")).read()
    assert os.path.exists(os.path.join(campaign, "figures", "pmf2d.svg"))
    # A table in every window's folder: the samples themselves, of some other name.
    plan = json.load(open(os.path.join(campaign, "plan.json")))
    for window in plan["windows"]:
        place = os.path.join(campaign, "windows", f"{window['window_id']:03d}")
        with open(os.path.join(place, "table.dat"), "w") as out:
            out.write("#! FIELDS time a b\n")
            out.writelines(f"{0.5 * i:.3f} {i % 7} {(i * i) % 11}\n" for i in range(3000))
    common.run([autosim, "pmf", "--along", "table.dat:b"], cwd=folder)
    along = json.load(open(os.path.join(campaign, "pmf", "along.json")))
    assert along["coordinate"] == "table.dat:b"
    for words, code in ((["pc1"], 2), (["pc99"], 2), (["absent.xvg"], 4),
                        (["table.dat"], 3), (["table.dat:c"], 3), (["../x"], 2)):
        done = common.run([autosim, "pmf", "--along", *words], cwd=folder, check=False)
        assert done.returncode == code, (words, done.returncode, done.stderr)
    # Another profile takes away what belonged to the one before.
    common.run([autosim, "pmf"], cwd=folder)
    assert not os.path.exists(os.path.join(campaign, "pmf", "along.json"))


def main():
    autosim, compare = map(os.path.abspath, sys.argv[1:])
    common.need_gmx()
    folder = common.workdir()
    common.simulate_triatomic(folder, 1000000)
    done = common.run([autosim, "run", "tri.tpr", "tri.xtc", "--ns", "2"], cwd=folder)
    print(done.stdout)
    check_bias(os.path.join(folder, "autosim"))
    check_along(autosim, folder)
    print(common.run([compare, os.path.join(folder, "autosim"), "12", "0.15"]).stdout)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
