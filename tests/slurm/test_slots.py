#!/usr/bin/env python3
"""Slots of one campaign, killed, stopped and started again at random, without Slurm.

    test_slots.py AUTOSIM STANDIN-GMX [SECONDS [SEED]]

Slots get SIGKILL or, for longer than their lease, SIGSTOP with all their processes;
others take over. At the end every window is completed exactly once, at no moment were
there two gmx in one window, and nothing of a killed slot outlived it.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import common  # noqa: E402
import standin  # noqa: E402
from test_kill import Watcher, gmx_by_folder  # noqa: E402

LEASE = 1.2
WINDOWS, STEPS = 24, 120


def descendants(pid):
    """The process and all below it."""
    parents = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents.setdefault(int(stat[1]), []).append(int(entry))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Slots:
    def __init__(self, autosim, gmx, folder):
        self.command = [autosim, "slot", "-C", folder, "--token", "test", "--gmx", gmx,
                        "--lease", str(LEASE), "--ntomp", "1", "-j", "2", "-q",
                        "--retries", "1000"]
        self.running = {}  # task: process

    def start(self, task):
        self.running[task] = subprocess.Popen(
            self.command, env={**os.environ, "SLURM_ARRAY_TASK_ID": str(task)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def kill(self, task):
        process = self.running.pop(task)
        below = descendants(process.pid)[1:]
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        while any(os.path.exists(f"/proc/{pid}/exe") and
                  open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
                  for pid in below if os.path.exists(f"/proc/{pid}")):
            if time.monotonic() > deadline:
                sys.exit(f"processes outlived their slot: {below}")
            time.sleep(0.01)

    def suspend(self, task):
        """As a suspended job: everything stops, and goes on after the lease."""
        process = self.running.pop(task)
        everything = descendants(process.pid)
        signal_all(everything, signal.SIGSTOP)
        return process, everything


def main():
    autosim, gmx = map(os.path.abspath, sys.argv[1:3])
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 20
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    root = common.workdir()
    folder = os.path.join(root, "campaign")
    os.mkdir(folder)
    standin.make(folder, WINDOWS, STEPS, 20000, checkpoint_every=5)
    watcher = Watcher(root)
    watcher.start()
    slots, suspended, kills, stops = Slots(autosim, gmx, folder), [], 0, 0
    end = time.monotonic() + seconds
    for task in range(4):
        slots.start(task)
    while time.monotonic() < end:
        time.sleep(rng.random() * 0.8)
        task = rng.randrange(4)
        if task in slots.running and slots.running[task].poll() is None:
            if rng.random() < 0.6:
                slots.kill(task)
                kills += 1
            else:
                suspended.append((time.monotonic() + 3 * LEASE * rng.random() + LEASE,
                                  *slots.suspend(task)))
                stops += 1
        elif rng.random() < 0.8:
            slots.start(task)
        for item in [each for each in suspended if each[0] < time.monotonic()]:
            signal_all(item[2], signal.SIGCONT)
            suspended.remove(item)
    for _, process, everything in suspended:
        signal_all(everything, signal.SIGCONT)
    deadline = time.monotonic() + 600
    while True:
        status = json.loads(common.run([autosim, "status", "-C", folder,
                                        "--json"]).stdout)["windows"]
        if all(window["status"] == "Completed" for window in status):
            break
        if time.monotonic() > deadline:
            sys.exit(f"not done: {[w for w in status if w['status'] != 'Completed']}")
        for task in range(4):
            if task not in slots.running or slots.running[task].poll() is not None:
                slots.start(task)
        time.sleep(0.5)
    for process in slots.running.values():
        process.wait()
    watcher.ended = True
    watcher.join()
    if watcher.doubles:
        sys.exit(f"two gmx in one window: {watcher.doubles}")
    for i in range(WINDOWS):
        place = os.path.join(folder, "windows", f"{i:03d}")
        if os.path.exists(os.path.join(place, "collision")):
            sys.exit(f"two gmx met in window {i}")
        ends = open(os.path.join(place, "ends")).read().split()
        if ends.count("completed") != 1:
            sys.exit(f"window {i} completed {ends.count('completed')} times")
    if gmx_by_folder(root):
        sys.exit(f"processes are left: {gmx_by_folder(root)}")
    attempts = sum(window["attempts"] for window in status)
    print(f"{kills} slots killed, {stops} suspended, {attempts} attempts of {WINDOWS} "
          f"windows, each completed once; {watcher.looks} looks at /proc")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
