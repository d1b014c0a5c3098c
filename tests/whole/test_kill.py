#!/usr/bin/env python3
"""A campaign that is killed again and again ends as if nothing had happened.

    test_kill.py AUTOSIM [KILLS [SEED]]

The orchestrator gets SIGKILL at random moments, and at some of them so does a random
gmx or shim; the same command is started again each time. At the end every window is
completed exactly once, its samples have every row once, and at no moment were there two
gmx in one window (a watcher looks at /proc all the time).
"""
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import common


def gmx_by_folder(root):
    """{window folder: [pid of gmx]} of the processes that run below `root` now.

    What a gmx forks itself is no second one: the sanitizers look for leaks so."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            folder = os.readlink(f"/proc/{entry}/cwd")
            command = open(f"/proc/{entry}/cmdline",
                           errors="replace").read().split("\0")
            state, parent = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if folder.startswith(root) and "mdrun" in command[:2] and state not in "ZX":
            found.setdefault(folder, {})[int(entry)] = int(parent)
    return {folder: [pid for pid, parent in parents.items() if parent not in parents]
            for folder, parents in found.items()}


class Watcher(threading.Thread):
    """Looks for two gmx in one folder until it is told to stop."""

    def __init__(self, root, pause=0.005):
        super().__init__(daemon=True)
        self.root, self.pause = root, pause
        self.ended, self.doubles, self.looks = False, [], 0

    def run(self):
        while not self.ended:
            for folder, pids in gmx_by_folder(self.root).items():
                if len(pids) > 1:
                    # A shim's child before its exec looks like nothing else, but look
                    # twice: a process may have ended between the two readings.
                    time.sleep(0.002)
                    again = gmx_by_folder(self.root).get(folder, [])
                    if len(set(pids) & set(again)) > 1:
                        self.doubles.append((folder, pids))
            self.looks += 1
            time.sleep(self.pause)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_one_below(folder, rng):
    """SIGKILL to a gmx, or to the shim above it."""
    running = [pid for pids in gmx_by_folder(folder).values() for pid in pids]
    if not running:
        return "nothing"
    pid = rng.choice(running)
    if rng.random() < 0.5:
        kill(pid)
        return "a gmx"
    try:
        shim = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
        if "shim" in open(f"/proc/{shim}/cmdline").read():
            kill(shim)
            return "a shim"
    except (OSError, ValueError):
        pass
    return "nothing"


def check_samples(folder, plan):
    for window in plan["windows"]:
        path = os.path.join(folder, "windows", f"{window['window_id']:03d}", "bias.xvg")
        times = [line.split()[0] for line in open(path) if line.strip()
                 and line[0] not in "#@"]
        expected = window["nsteps"] // plan["sample_steps"] + 1
        unique = sorted(set(map(float, times)))
        step = plan["sample_steps"] * plan["dt_ps"]
        if len(unique) != expected or any(
                abs(t - i * step) > 1e-4 for i, t in enumerate(unique)):
            sys.exit(f"{path}: {len(unique)} times, {expected} expected")
        print(f"window {window['window_id']}: {len(unique)} rows, "
              f"{len(times) - len(unique)} repeated by restarts")


def check_journal(folder, plan):
    completed = {}
    for line in open(os.path.join(folder, "journal.jsonl")):
        record = json.loads(line)
        if record["event"] == "completed":
            completed[record["window"]] = completed.get(record["window"], 0) + 1
    expected = {window["window_id"]: 1 for window in plan["windows"]}
    if completed != expected:
        sys.exit(f"windows completed: {completed}")


def main():
    autosim = os.path.abspath(sys.argv[1])
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
    rng = random.Random(seed)
    print(f"seed {seed}")
    common.need_gmx()
    root = common.workdir()
    common.simulate_alanine(root, 400, 0.4)
    folder = os.path.join(root, "autosim")
    command = [autosim, "run", "unbiased.tpr", "unbiased.xtc", "--ns", "0.6", "--cpt",
               "0.02", "--retries", "100"]
    watcher = Watcher(root)
    watcher.start()
    for number in range(kills):
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + rng.choice([0.02, 0.1, 0.4, 3]) * rng.random()
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.001)
        victim = kill_one_below(root, rng) if rng.random() < 0.4 else "nothing"
        if process.poll() is not None:
            sys.exit(f"the campaign ended (code {process.returncode}) after {number} "
                     "kills: the windows are too short for this test")
        process.kill()
        process.wait()
        print(f"kill {number + 1}: the orchestrator, and {victim}")
    done = common.run(command, cwd=root, check=False)
    if done.returncode not in (0, 6):
        sys.exit(f"exit {done.returncode}: {done.stderr[-2000:]}")
    watcher.ended = True
    watcher.join()
    if watcher.doubles:
        sys.exit(f"two gmx in one window: {watcher.doubles}")
    plan = json.load(open(os.path.join(folder, "plan.json")))
    check_journal(folder, plan)
    check_samples(folder, plan)
    left = gmx_by_folder(root)
    if left:
        sys.exit(f"processes are left: {left}")
    print(f"{kills} kills, {len(plan['windows'])} windows, each completed once; "
          f"{watcher.looks} looks at /proc found no two gmx in one window")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
