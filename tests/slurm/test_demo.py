#!/usr/bin/env python3
"""The demo's campaign on a real Slurm gives the PMF that it gives on this machine.

    test_demo.py AUTOSIM COMPARE_PROFILES [NS-OF-A-WINDOW]

One window is made longer while it runs there. Both runs plan the same windows with the same seeds; the profiles may differ by their
errors only, and the one from Slurm agrees with 180 ns without bias as the demo's does.
"""
import csv
import json
import math
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import cluster  # noqa: E402
import common  # noqa: E402

EXTRA_NS = 0.1


def profile(folder):
    """[(x, pmf, error)] from pmf.csv."""
    with open(os.path.join(folder, "pmf", "pmf.csv")) as lines:
        rows = list(csv.reader(line for line in lines if line[0] != "#"))
    names = rows[0]
    columns = [names.index(name) for name in ("x_nm", "pmf_kj_mol", "error_kj_mol")]
    return [tuple(float(row[k]) for k in columns) for row in rows[1:]]


def largest_difference(one, other):
    """In combined errors, where both have one; each shifted to the same mean."""
    # The same grid; where either ends depends on its samples.
    by_x = {round(b[0], 7): b for b in other}
    pairs = [(a, b) for a in one for b in [by_x.get(round(a[0], 7))] if b
             if all(map(math.isfinite, a + b)) and a[2] > 0 and b[2] > 0]
    if len(pairs) < 3 * len(one) // 4:
        sys.exit(f"only {len(pairs)} of {len(one)} points are in both profiles")
    weights = [1 / (a[2] ** 2 + b[2] ** 2) for a, b in pairs]
    shift = sum(w * (a[1] - b[1]) for w, (a, b) in zip(weights, pairs)) / sum(weights)
    return max(abs(a[1] - b[1] - shift) * math.sqrt(w)
               for w, (a, b) in zip(weights, pairs))


def check_script(text, root):
    """What -n prints is what would be submitted."""
    for line in ("#!/bin/sh\n", "#SBATCH --array=0-3\n", "#SBATCH --comment=autosim:",
                 "#SBATCH --time=60\n", f"#SBATCH --output={root}/slurm/slots/",
                 f" slot -C {root}/slurm --token "):
        if line not in text:
            sys.exit(f"'{line}' is not in the job script:\n{text}")


def windows_of(autosim, folder):
    done = common.run([autosim, "status", "-C", folder, "--json"], check=False)
    return json.loads(done.stdout)["windows"] if done.returncode == 0 else []


def extend_a_running_window(autosim, box, folder):
    """Its slot learns of it, stops the window and goes on with more steps."""
    found = []

    def runs():
        found[:] = [window["window_id"] for window in windows_of(autosim, folder)
                    if window["status"] == "Running"]
        return found
    box.wait_for(runs, "a window runs")
    common.run([autosim, "extend", "-C", folder, "--ns", str(EXTRA_NS), str(found[0])])
    return found[0]


def check_steps(folder, longer, length):
    """Each window as long as asked for, by the last time in GROMACS' own log."""
    for name in sorted(os.listdir(os.path.join(folder, "windows"))):
        text = open(os.path.join(folder, "windows", name, "md.log")).read()
        times = re.findall(r"^ +Step +Time\n +\d+ +([\d.]+)$", text, re.MULTILINE)
        wanted = length + (EXTRA_NS if int(name) == longer else 0)
        if not times or abs(float(times[-1]) / 1000 - wanted) > 1e-3:
            sys.exit(f"window {name} ends at {times[-1:]} ps, not at {wanted} ns")
    print(f"window {longer} was made {EXTRA_NS} ns longer while it ran")


def main():
    autosim, compare = map(os.path.abspath, sys.argv[1:3])
    length = sys.argv[3] if len(sys.argv) > 3 else "0.4"
    common.need_gmx()
    missing = cluster.missing_programs()
    if missing:
        common.skip(f"no {', '.join(missing)}: Debian's packages slurm-wlm and munge")
    root = common.workdir()
    common.simulate_alanine(root, 2000, 1)
    base = [autosim, "run", "unbiased.tpr", "unbiased.xtc", "--seed", "7", "--ns", length,
            "--ntomp", "1", "-q"]
    codes = (0, 6)  # short windows may be called so
    local = common.run([*base, "-C", "local"], cwd=root, check=False)
    if local.returncode not in codes:
        sys.exit(f"local: exit {local.returncode}: {local.stderr}")
    on_slurm = [*base, "-C", "slurm", "--backend", "slurm", "--poll", "10", "--lease",
                "20", "--slots", "4", "--time", "60"]
    with cluster.Cluster(os.path.join(root, "cluster"), cpus=1) as box:
        check_script(common.run([*on_slurm, "-n"], cwd=root).stdout, root)
        if box.ask("squeue", "-h"):
            sys.exit("-n submitted a job")
        slurm = subprocess.Popen(on_slurm, cwd=root, stdin=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True,
                                 preexec_fn=cluster.die_with_parent)
        longer = extend_a_running_window(autosim, box, os.path.join(root, "slurm"))
        errors = slurm.communicate(timeout=2 * cluster.LONGEST_SECONDS)[1]
    if slurm.returncode not in codes:
        sys.exit(f"slurm: exit {slurm.returncode}: {errors}")
    check_steps(os.path.join(root, "slurm"), longer, float(length))
    one = profile(os.path.join(root, "local"))
    other = profile(os.path.join(root, "slurm"))
    slots = [name for name in os.listdir(os.path.join(root, "slurm", "slots"))
             if os.path.isdir(os.path.join(root, "slurm", "slots", name))]
    difference = largest_difference(one, other)
    print(f"{len(slots)} slots; the profiles differ by {difference:.2f} combined errors "
          "at most")
    if difference > 4:
        sys.exit("that is more than chance brings")
    reference = os.path.join(common.SOURCE, "examples", "alanine", "reference.json")
    done = common.run([compare, os.path.join(root, "slurm"), reference, "10", "0.5"],
                      check=False)
    print(done.stdout, done.stderr)
    if done.returncode != 0:
        sys.exit("the profile from Slurm does not agree with the reference")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
