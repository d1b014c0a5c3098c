#!/usr/bin/env python3
"""Aggregate ns/day of two windows at once over one alone, with the real gmx, in turn.

    windows_at_once.py AUTOSIM TPR TRAJECTORY [PAIRS [NS]]

Meant for a machine that does nothing else. Prints each pair and the ratio's least,
median and largest, and whether the affinity masks of two windows ever had a core in
common (looked at in /proc all the time).
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def masks(root):
    """The cores of each gmx that runs below `root`."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if not os.readlink(f"/proc/{entry}/cwd").startswith(root):
                continue
            if "mdrun" not in open(f"/proc/{entry}/cmdline").read().split("\0")[:2]:
                continue
            status = open(f"/proc/{entry}/status").read()
        except OSError:
            continue
        text = status.split("Cpus_allowed_list:")[1].split()[0]
        cores = set()
        for part in text.split(","):
            first, _, last = part.partition("-")
            cores.update(range(int(first), int(last or first) + 1))
        found.append(cores)
    return found


def run(autosim, tpr, trajectory, jobs, ns):
    """(ns/day of all windows together, looks at two masks, looks that met)."""
    root = os.path.realpath(tempfile.mkdtemp(prefix="autosim-at-once-"))
    process = subprocess.Popen(
        [autosim, "run", tpr, trajectory, "-C", os.path.join(root, "autosim"), "--windows",
         "2", "--ns", str(ns), "-j", str(jobs), "--ntomp", "1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    looks = met = 0
    while process.poll() is None:
        cores = masks(root)
        if len(cores) > 1:
            looks += 1
            met += any(a & b for i, a in enumerate(cores) for b in cores[:i])
        time.sleep(0.1)
    status = json.loads(subprocess.run(
        [autosim, "status", "--json", "-C", os.path.join(root, "autosim")], text=True,
        capture_output=True, check=True).stdout)
    speeds = [window["ns_per_day"] for window in status["windows"]]
    shutil.rmtree(root)
    return (sum(speeds) if jobs > 1 else statistics.mean(speeds)), looks, met


def main():
    autosim, tpr, trajectory = map(os.path.abspath, sys.argv[1:4])
    pairs = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    ns = float(sys.argv[5]) if len(sys.argv) > 5 else 0.5
    ratios, all_looks, all_met = [], 0, 0
    for _ in range(pairs):
        alone, _, _ = run(autosim, tpr, trajectory, 1, ns)
        together, looks, met = run(autosim, tpr, trajectory, 2, ns)
        ratios.append(together / alone)
        all_looks += looks
        all_met += met
        print(f"one at a time {alone:.1f} ns/day, two at once {together:.1f} ns/day "
              f"together: {ratios[-1]:.2f}", flush=True)
    print(f"ratio {min(ratios):.2f} / {statistics.median(ratios):.2f} / "
          f"{max(ratios):.2f} (least, median, most); masks of two windows were looked at "
          f"{all_looks} times and had a core in common {all_met} times")


if __name__ == "__main__":
    main()
