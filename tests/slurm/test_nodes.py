#!/usr/bin/env python3
"""Nodes and jobs that fail a campaign, and people who change it, on a real Slurm.

    test_nodes.py AUTOSIM COORDINATOR STANDIN-GMX [SCENE...]

A node cannot start jobs, so Slurm holds what it sent there; gmx fails on one node; slots
vanish until every node is left out; an administrator shortens a job's time limit and Slurm
ends it with TERM; people change the campaign while slots run; as much is simulated as was
asked for. Each time it completes, and its log says what happened.
"""
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import cluster  # noqa: E402
import common  # noqa: E402
import standin  # noqa: E402
from test_events import Campaign, live_elements, records, running  # noqa: E402

GMX = """\
#!/bin/sh
[ "$1" = mdrun ] && [ -e '{root}/broken-'"$SLURMD_NODENAME" ] && exit 3
exec '{gmx}' "$@"
"""


class Scene:
    """One campaign on the cluster; its windows last until the scene is over."""

    def __init__(self, slurm, root, programs, name, windows, steps=36000, busy=6,
                 most_ns="0"):
        self.slurm, self.count = slurm, windows
        autosim, coordinator, gmx = programs
        folder = os.path.join(root, name)
        os.mkdir(folder)
        standin.make(folder, windows, steps, 100000, checkpoint_every=10)
        self.campaign = Campaign(autosim, coordinator, gmx, folder)
        self.campaign.command[4:] = ["3", "2", "3", "600", "1", most_ns]
        self.campaign.start()
        self.wait(lambda: self.campaign.count("Running") >= busy, f"{busy} windows run")

    def wait(self, condition, what):
        self.slurm.wait_for(condition, what)

    def log(self):
        return open(self.campaign.folder + ".log").read()

    def wait_for_word(self, text):
        self.wait(lambda: text in self.log(), f"the log says '{text}'")

    def tell(self, *words):
        common.run([self.campaign.autosim, words[0], "-C", self.campaign.folder,
                    *words[1:]])

    def ends(self, window):
        return open(os.path.join(self.campaign.folder, "windows", f"{window:03d}",
                                 "ends")).read().split()

    def slots(self):
        """Processes of slots: the job scripts are replaced by them."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open(f"/proc/{entry}/cmdline", errors="replace").read().split("\0")
            except OSError:
                continue
            if words[1:2] == ["slot"] and self.campaign.folder in words:
                found.append(int(entry))
        return found

    def complete(self):
        standin.hurry(self.campaign.folder)
        code = self.campaign.process.wait(timeout=cluster.LONGEST_SECONDS)
        if code != 0:
            sys.exit(f"exit {code}:\n{self.log()[-3000:]}")
        for i in range(self.count):
            if self.ends(i).count("completed") != 1:
                sys.exit(f"window {i}: {self.ends(i)}")
        self.wait(lambda: not live_elements(self.slurm), "jobs leave")


def failing_start(slurm, root, programs):
    """The node takes jobs and cannot start them; Slurm calls it idle all the time."""
    scene = Scene(slurm, root, programs, "start", 9)
    word = "failed to start 1 of its elements and holds them"
    node, job = sorted(running(slurm).items())[0]
    spool = os.path.join(slurm.folder, "spool", node)
    while word not in scene.log():
        slurm.ask("scontrol", "requeue", job)
        scene.wait(lambda: len(scene.slots()) == 2, "the slot has left")
        # Slurm starts a job again only some seconds after it was queued again; where that
        # was sooner, once more.
        os.rename(spool, spool + ".away")
        open(spool, "w").close()
        scene.wait(lambda: word in scene.log() or len(scene.slots()) == 3,
                   "the job is held, or was started before")
        os.remove(spool)
        os.rename(spool + ".away", spool)
    held = [job for job, state, _ in live_elements(slurm) if state == "PENDING"]
    scene.wait(lambda: len(running(slurm)) == 3, "another job in its place")
    if job not in held or len(records(scene.campaign.folder, "submit")) < 2:
        sys.exit(f"job {job} was to be held still, and replaced: {held}")
    scene.complete()
    print(f"{node} could not start job {job}: replaced, cancelled at the end")


def bad_gmx(slurm, root, programs):
    mark = os.path.join(root, "broken-n2")
    open(mark, "w").close()
    scene = Scene(slurm, root, programs, "bad-gmx", 24, 80, busy=4)
    scene.wait_for_word("Node n2 is left out of further jobs")
    scene.complete()
    script = max((os.path.join(scene.campaign.folder, "slots", name)
                  for name in os.listdir(os.path.join(scene.campaign.folder, "slots"))
                  if name.endswith(".sh")), key=os.path.getmtime)
    if "--exclude=n2\n" not in open(script).read():
        sys.exit(f"n2 was to be left out by the last job script, {script}")
    os.remove(mark)
    print("gmx failed on n2: left out, every window completed elsewhere")


def every_node_left_out(slurm, root, programs):
    """Exclusion must not end a campaign: refused for that, nodes are allowed again."""
    scene = Scene(slurm, root, programs, "exclusion", 150, steps=30)
    excluded = os.path.join(scene.campaign.folder, "slots", "excluded")

    def left_out():
        return sorted(open(excluded).read().split()) if os.path.exists(excluded) else []

    def further():
        """Since the last submission, on record; else the run would stop."""
        events = [record["event"] for record in records(scene.campaign.folder)]
        return "completed" in events[::-1][:events[::-1].index("submit")]
    deadline = time.monotonic() + cluster.LONGEST_SECONDS
    while left_out() != slurm.names:
        if time.monotonic() > deadline:
            sys.exit(f"nodes were to be left out:\n{scene.log()[-2000:]}")
        if further():
            for pid in scene.slots():
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
    scene.wait_for_word("nodes that were left out are allowed again")
    scene.complete()
    print("every node was left out: allowed again when sbatch refused the job")


def limit_shortened(slurm, root, programs):
    """TERM comes as a surprise; checkpoints are written before KillWait is over."""
    scene = Scene(slurm, root, programs, "limit", 6)
    for job in running(slurm).values():
        slurm.ask("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    scene.wait(lambda: not running(slurm), "Slurm ends the jobs")
    stopped = [i for i in range(scene.count) if scene.ends(i) == ["stopped"]]
    if len(stopped) != scene.count:
        sys.exit(f"six windows were to stop with checkpoints: {stopped}")
    print("time limit shortened while jobs ran: six windows stopped with checkpoints")
    scene.complete()


def changed_while_running(slurm, root, programs):
    scene = Scene(slurm, root, programs, "changes", 9)
    cancels = slurm.controller_requests().get("REQUEST_KILL_JOB", 0)
    scene.tell("pause")
    scene.wait(lambda: not live_elements(slurm), "pause empties the cluster")
    if scene.campaign.count("Waiting") < 6 or scene.campaign.count("Running") > 0:
        sys.exit(f"after pause: {scene.campaign.status()}")
    cancels = slurm.controller_requests().get("REQUEST_KILL_JOB", 0) - cancels
    if cancels > 3:
        sys.exit(f"{cancels} scancel for one pause")
    scene.tell("resume")
    scene.wait(lambda: scene.campaign.count("Running") >= 6, "resume")
    running_window = next(window["window_id"] for window in scene.campaign.status()
                          if window["status"] == "Running")
    scene.tell("cancel", str(running_window))
    scene.wait(lambda: "stopped" in scene.ends(running_window)[1:] or
               scene.campaign.count("Cancelled") == 1, "cancel reaches the slot")
    scene.tell("resume", str(running_window))
    scene.complete()
    print("pause, resume, cancel and restore of a window reached running slots")


def limit_of_simulated_time(slurm, root, programs):
    """--max-ns: windows stop with checkpoints, nothing waits in the queue any more, the
    coordinator leaves; and so at once when it is started again."""
    most_steps, ps_a_step = 300, 0.002
    scene = Scene(slurm, root, programs, "time", 9,
                  most_ns=repr(most_steps * ps_a_step / 1000))
    scene.campaign.process.wait(timeout=cluster.LONGEST_SECONDS)
    scene.wait(lambda: not live_elements(slurm), "jobs leave")
    windows = scene.campaign.status()
    steps = sum(max(window["step"], 0) for window in windows)
    if steps < most_steps or any(window["status"] not in ("Waiting", "Planned")
                                 for window in windows):
        sys.exit(f"{most_steps} steps were to be simulated: {windows}")
    jobs = len(records(scene.campaign.folder, "submit"))
    scene.campaign.start()
    scene.campaign.process.wait(timeout=cluster.LONGEST_SECONDS)
    if len(records(scene.campaign.folder, "submit")) != jobs:
        sys.exit("a job was submitted beyond the limit")
    scene.campaign.command[-1] = "0"
    scene.campaign.start()
    scene.complete()
    print(f"limit of {most_steps} steps: stopped with checkpoints at {steps}")


def main():
    autosim, coordinator, gmx = map(os.path.abspath, sys.argv[1:4])
    missing = cluster.missing_programs()
    if missing:
        common.skip(f"no {', '.join(missing)}: Debian's packages slurm-wlm and munge")
    root = common.workdir()
    script = os.path.join(root, "gmx")
    with open(os.open(script, os.O_WRONLY | os.O_CREAT, 0o755), "w") as out:
        out.write(GMX.format(root=root, gmx=gmx))
    programs = autosim, coordinator, script
    scenes = [failing_start, bad_gmx, every_node_left_out, limit_shortened,
              changed_while_running, limit_of_simulated_time]
    wanted = sys.argv[4:]
    with cluster.Cluster(os.path.join(root, "cluster"), nodes=3) as slurm:
        for scene in scenes:
            if not wanted or scene.__name__ in wanted:
                began = time.monotonic()
                scene(slurm, root, programs)
                print(f"{scene.__name__}: {time.monotonic() - began:.0f} s", flush=True)
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
