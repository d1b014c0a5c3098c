#!/usr/bin/env python3
"""A thousand short windows on a real Slurm: few jobs, few questions to the controller.

Also, as the cluster is there: jobs of two nodes, what status says of slots, and cancel.

    test_many.py AUTOSIM COORDINATOR STANDIN-GMX [WINDOWS [ARRAY]]

For comparison ARRAY windows are run as an array with one job a window, in the same
cluster, right after.
"""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import cluster  # noqa: E402
import common  # noqa: E402
import standin  # noqa: E402
from test_events import Campaign, live_elements, records  # noqa: E402

QUESTIONS = ("REQUEST_JOB_INFO", "REQUEST_JOB_INFO_SINGLE", "REQUEST_JOB_USER_INFO",
             "REQUEST_JOB_ARRAY_INFO")


def questions(slurm):
    counts = slurm.controller_requests()
    return sum(counts.get(name, 0) for name in QUESTIONS)


def run_slots(slurm, root, programs, count):
    autosim, coordinator, gmx = programs
    folder = os.path.join(root, "campaign")
    os.mkdir(folder)
    standin.make(folder, count, 10, 2000)
    before, began = questions(slurm), time.monotonic()
    done = common.run([coordinator, folder, autosim, gmx, "4", "2", "6"],
                      timeout=3 * cluster.LONGEST_SECONDS)
    took = time.monotonic() - began
    print(done.stdout.strip())
    asked = questions(slurm) - before
    jobs = sum(record["elements"] for record in records(folder, "submit"))
    print(f"{count} windows in {jobs} jobs in {took:.1f} s: {count / took:.0f} windows/s, "
          f"{asked} questions to the controller")
    # One at the beginning and one in each 10 s that passed; what was asked is counted a
    # moment after the end.
    if asked > 1 + took / 10:
        sys.exit("more than one question in 10 s")
    if count < 50 * jobs:
        sys.exit("fewer than 50 windows a job")
    return count / took


def run_array(slurm, root, gmx, count):
    """What people do without a program like this one."""
    folder = os.path.join(root, "array")
    os.mkdir(folder)
    standin.make(folder, count, 10, 2000)
    script = os.path.join(folder, "job.sh")
    with open(script, "w") as out:
        out.write(f"#!/bin/sh\ncd '{folder}'/windows/$(printf %03d $SLURM_ARRAY_TASK_ID) "
                  f"&& exec '{gmx}' mdrun\n")
    began = time.monotonic()
    subprocess.run(["sbatch", "--wait", f"--array=0-{count - 1}", "--output=/dev/null",
                    "--cpus-per-task=1", script], check=True, capture_output=True,
                   timeout=cluster.LONGEST_SECONDS)
    took = time.monotonic() - began
    done = sum(os.path.exists(os.path.join(folder, "windows", f"{i:03d}", "confout.gro"))
               for i in range(count))
    if done != count:
        sys.exit(f"the array ran {done} of {count} windows")
    print(f"{count} windows as an array of {count} jobs in {took:.1f} s: "
          f"{count / took:.1f} windows/s")
    return count / took


def run_two_nodes(root, programs):
    """A slot on each node of a job, by srun."""
    autosim, coordinator, gmx = programs
    folder = os.path.join(root, "nodes")
    os.mkdir(folder)
    standin.make(folder, 32, 20, 20000)
    common.run([coordinator, folder, autosim, gmx, "2", "2", "6", "10", "2"],
               timeout=cluster.LONGEST_SECONDS)
    hosts = set()
    for slot in slots_of(autosim, folder):
        hosts.add(slot["node"])
    print(f"two jobs of two nodes: slots on {sorted(hosts)}")
    if len(hosts) < 2:
        sys.exit("one node only")


def slots_of(autosim, folder):
    return json.loads(common.run([autosim, "status", "-C", folder, "--json"]).stdout)[
        "slots"]


def cancel(slurm, root, programs):
    """Jobs leave at once, with checkpoints; the coordinator too."""
    autosim, coordinator, gmx = programs
    folder = os.path.join(root, "cancelled")
    os.mkdir(folder)
    standin.make(folder, 40, 36000, 100000)
    campaign = Campaign(autosim, coordinator, gmx, folder)
    campaign.start()
    slurm.wait_for(lambda: campaign.count("Running") == 8, "windows run")
    slots = slots_of(autosim, folder)
    if len(slots) != 4 or any(s["over"] or s["windows_running"] != 2 for s in slots):
        sys.exit(f"four slots with two windows each were expected: {slots}")
    print(common.run([autosim, "status", "-C", folder]).stdout.split("\n\n")[-1])
    common.run([autosim, "cancel", "-C", folder])
    slurm.wait_for(lambda: not live_elements(slurm), "jobs leave")
    campaign.process.wait(timeout=cluster.LONGEST_SECONDS)
    states = [window["status"] for window in campaign.status()]
    if states.count("Waiting") != 8 or states.count("Planned") != 32:
        sys.exit(f"after cancel: {states}")
    print("cancelled: 8 windows wait with checkpoints")


def main():
    programs = list(map(os.path.abspath, sys.argv[1:4]))
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
    array = int(sys.argv[5]) if len(sys.argv) > 5 else 60
    missing = cluster.missing_programs()
    if missing:
        common.skip(f"no {', '.join(missing)}: Debian's packages slurm-wlm and munge")
    root = common.workdir()
    with cluster.Cluster(os.path.join(root, "cluster")) as slurm:
        slots = run_slots(slurm, root, programs, count)
        jobs = run_array(slurm, root, programs[2], array)
        run_two_nodes(root, programs)
        cancel(slurm, root, programs)
    print(f"throughput of slots over a job for each window: {slots / jobs:.1f}")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
