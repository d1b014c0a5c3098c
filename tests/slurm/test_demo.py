#!/usr/bin/env python3
"""The demo's campaign on a real Slurm gives the PMF that it gives on this machine.

    test_demo.py AUTOSIM COMPARE_PROFILES [NS-OF-A-WINDOW]

Both runs plan the same windows with the same seeds; the profiles may differ by their
errors only, and the one from Slurm agrees with 180 ns without bias as the demo's does.
"""
import csv
import math
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import cluster  # noqa: E402
import common  # noqa: E402


def profile(folder):
    """[(x, pmf, error)] from pmf.csv."""
    with open(os.path.join(folder, "pmf", "pmf.csv")) as lines:
        rows = list(csv.reader(line for line in lines if line[0] != "#"))
    names = rows[0]
    columns = [names.index(name) for name in ("x_nm", "pmf_kj_mol", "error_kj_mol")]
    return [tuple(float(row[k]) for k in columns) for row in rows[1:]]


def largest_difference(one, other):
    """In combined errors, where both have one; each shifted to the same mean."""
    pairs = [(a, b) for a, b in zip(one, other)
             if all(map(math.isfinite, a + b)) and a[2] > 0 and b[2] > 0]
    if len(pairs) < len(one) // 2:
        sys.exit(f"only {len(pairs)} of {len(one)} points are in both profiles")
    weights = [1 / (a[2] ** 2 + b[2] ** 2) for a, b in pairs]
    shift = sum(w * (a[1] - b[1]) for w, (a, b) in zip(weights, pairs)) / sum(weights)
    return max(abs(a[1] - b[1] - shift) * math.sqrt(w)
               for w, (a, b) in zip(weights, pairs))


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
    with cluster.Cluster(os.path.join(root, "cluster"), cpus=1):
        slurm = common.run([*base, "-C", "slurm", "--backend", "slurm", "--poll", "10",
                            "--lease", "20", "--slots", "4"], cwd=root, check=False)
    if slurm.returncode not in codes:
        sys.exit(f"slurm: exit {slurm.returncode}: {slurm.stderr}")
    one = profile(os.path.join(root, "local"))
    other = profile(os.path.join(root, "slurm"))
    if [a[0] for a in one] != [b[0] for b in other]:
        sys.exit("the profiles have different points")
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
