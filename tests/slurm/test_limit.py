#!/usr/bin/env python3
"""--max-ns on a cluster whose coordinator is gone: slots stop by themselves.

    test_limit.py AUTOSIM STANDIN-GMX

Two slots of one campaign, without Slurm. Each counts what all windows have simulated;
both stop with checkpoints once that is as much as was asked for, and one that begins
later runs nothing. A limit that the plan does not reach stops nothing.
"""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import common  # noqa: E402
import standin  # noqa: E402

WINDOWS, STEPS, PS_A_STEP = 4, 4000, 0.002
MOST_STEPS = 200  # of all windows together; 50 of each take 5 s


def run_slots(autosim, gmx, folder, most_steps, count):
    processes = [subprocess.Popen(
        [autosim, "slot", "-C", folder, "--token", "limit", "--gmx", gmx, "--lease", "3",
         "--ntomp", "1", "-j", "2", "--max-ns", repr(most_steps * PS_A_STEP / 1000)],
        env={**os.environ, "SLURM_ARRAY_TASK_ID": str(task), "SLURM_CPUS_ON_NODE": "2"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True) for task in range(count)]
    return [process.communicate(timeout=300)[1] for process in processes]


def windows_of(autosim, folder):
    return json.loads(common.run([autosim, "status", "-C", folder, "--json"]).stdout)[
        "windows"]


def main():
    autosim, gmx = map(os.path.abspath, sys.argv[1:3])
    if len(os.sched_getaffinity(0)) < 2:
        common.skip("a slot of two windows needs two cores")
    root = common.workdir()
    folder = os.path.join(root, "campaign")
    os.mkdir(folder)
    standin.make(folder, WINDOWS, STEPS, 100000, checkpoint_every=10)
    said = run_slots(autosim, gmx, folder, MOST_STEPS, 2)
    windows = windows_of(autosim, folder)
    steps = [window["step"] for window in windows]
    if any(window["status"] != "Waiting" or window["attempts"] != 1 for window in windows):
        sys.exit(f"every window was to stop in its first attempt: {windows}\n{said}")
    if not MOST_STEPS <= sum(steps) < WINDOWS * STEPS:
        sys.exit(f"windows stopped at {steps}, {MOST_STEPS} together were asked for")
    leases = [open(os.path.join(folder, "slots", name, "lease")).read()
              for name in os.listdir(os.path.join(folder, "slots"))]
    if len(leases) != 2 or not all("as much as was asked for" in text for text in leases):
        sys.exit(f"slots were to say why they left: {leases}")
    run_slots(autosim, gmx, folder, MOST_STEPS, 1)
    if [window["attempts"] for window in windows_of(autosim, folder)] != [1] * WINDOWS:
        sys.exit("a slot that came later started a window")
    standin.hurry(folder)
    run_slots(autosim, gmx, folder, WINDOWS * STEPS, 2)
    states = [window["status"] for window in windows_of(autosim, folder)]
    if states != ["Completed"] * WINDOWS:
        sys.exit(f"a limit that is not reached stopped windows: {states}")
    print(f"stopped at {steps}, {MOST_STEPS} together were asked for")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
