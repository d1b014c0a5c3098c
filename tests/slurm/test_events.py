#!/usr/bin/env python3
"""What happens on clusters, to a campaign on a real Slurm, one thing after the other.

    test_events.py AUTOSIM COORDINATOR STANDIN-GMX

The controller is killed right after a submission and comes back without its memory,
while somebody else's job takes the number; a slurmd is killed in the middle of a window;
a job is cancelled from outside; another is requeued; a node is drained; the coordinator
is killed; the time limit comes. The campaign completes, every window once, and at no
moment were there two gmx in one window.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import cluster  # noqa: E402
import common  # noqa: E402
import standin  # noqa: E402
from test_kill import Watcher, gmx_by_folder  # noqa: E402

WINDOWS, SECONDS_A_WINDOW = 16, 3600


def records(folder, event=None):
    """Of the campaign's journal; lines that are being written are left out."""
    path = os.path.join(folder, "journal.jsonl")
    if not os.path.exists(path):
        return []
    found = [json.loads(line) for line in open(path) if line.endswith("\n")]
    return [each for each in found if event in (None, each["event"])]


class Campaign:
    def __init__(self, autosim, coordinator, gmx, folder):
        self.folder, self.autosim = folder, autosim
        self.command = [coordinator, folder, autosim, gmx, "4", "2", "3", "1"]
        self.log = open(folder + ".log", "ab")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log,
                                        preexec_fn=cluster.die_with_parent)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def status(self):
        return json.loads(common.run([self.autosim, "status", "-C", self.folder,
                                      "--json"]).stdout)["windows"]

    def count(self, status):
        return sum(window["status"] == status for window in self.status())


def live_elements(slurm):
    """[(job, state, node)] of our jobs that run or wait."""
    lines = slurm.ask("squeue", "-h", "-r", "-o", "%i|%T|%k|%N").splitlines()
    fields = [line.split("|") for line in lines]
    return [(job, state, node) for job, state, comment, node in fields
            if comment.startswith("autosim:")]


def running(slurm):
    return {node: job for job, state, node in live_elements(slurm)
            if state == "RUNNING"}


def forget_submission(slurm, campaign):
    """kill -9 as soon as sbatch has its answer; what the disk has is older."""
    slurm.wait_for(lambda: records(campaign.folder, "job"), "a submission")
    # Or it might submit again before the other job is there, and get the number itself.
    campaign.process.send_signal(signal.SIGSTOP)
    slurm.kill_controller()
    slurm.forget_jobs()
    first = records(campaign.folder, "job")[0]
    slurm.start_controller()
    slurm.wait_for(lambda: slurm.ask("sinfo", "-h"), "the controller is back")
    other = slurm.ask("sbatch", "--parsable", "--wrap=sleep 100000",
                      "--output=/dev/null").strip()
    campaign.process.send_signal(signal.SIGCONT)
    if other != first["job_id"]:
        sys.exit(f"job {other} was to get the number of the lost job {first['job_id']}")
    print(f"controller killed after it acknowledged job {first['job_id']}, which it "
          "lost: the number is somebody else's job's now")
    return other


def disturb(slurm, campaign):
    other = forget_submission(slurm, campaign)
    slurm.wait_for(lambda: campaign.count("Running") >= 4, "windows run")
    slurm.ask("scancel", other)
    found = {}

    def three_run():
        found.clear()
        found.update(running(slurm))
        return len(found) >= 3
    slurm.wait_for(three_run, "slots run")
    nodes = sorted(found)
    print(f"slots run on {nodes}")
    slurm.kill_node(nodes[0])
    print(f"slurmd of {nodes[0]} killed")
    slurm.ask("scancel", found[nodes[1]])
    print(f"job {found[nodes[1]]} cancelled from outside")
    campaign.kill()
    print("coordinator killed")
    slurm.wait_for(lambda: found[nodes[1]] not in running(slurm).values(),
                   "the cancelled job leaves")
    campaign.start()
    slurm.ask("scontrol", "update", f"NodeName={nodes[1]}", "State=DRAIN", "Reason=test")
    print(f"{nodes[1]} drained")
    again = running(slurm).get(nodes[2])
    if again:
        print(f"job {again} requeued")
        slurm.ask("scontrol", "requeue", again)
    slurm.wait_for(lambda: "down" in slurm.ask("sinfo", "-hN", "-n", nodes[0], "-o", "%T"),
                   f"{nodes[0]} is called down")
    print(f"{nodes[0]} is down for the controller; its slot runs on: "
          f"{campaign.count('Running')} windows run")
    slurm.start_node(nodes[0])
    print(f"slurmd of {nodes[0]} is back")
    slurm.wait_for(lambda: time_limits(campaign) > 0, "a time limit is reached")


def time_limits(campaign):
    """Slots that left because their time was nearly used."""
    slots = os.path.join(campaign.folder, "slots")
    leases = [os.path.join(slots, name, "lease") for name in os.listdir(slots)]
    return sum("walltime" in open(path).read() for path in leases if os.path.exists(path))


def check(campaign):
    # It is "lost" where no slot of it had begun before the controller died, else "ended".
    lost = records(campaign.folder, "submit")[0]["token"]
    if not any(record["token"] == lost for record in records(campaign.folder, "job_end")):
        sys.exit("the lost submission was not noticed")
    completed = {}
    for record in records(campaign.folder, "completed"):
        completed[record["window"]] = completed.get(record["window"], 0) + 1
    if completed != {i: 1 for i in range(WINDOWS)}:
        sys.exit(f"windows completed: {completed}")
    for i in range(WINDOWS):
        place = os.path.join(campaign.folder, "windows", f"{i:03d}")
        ends = open(os.path.join(place, "ends")).read().split()
        if os.path.exists(os.path.join(place, "collision")):
            sys.exit(f"two gmx met in window {i}")
        if ends.count("completed") != 1:
            sys.exit(f"window {i} completed {ends.count('completed')} times")


def main():
    programs = list(map(os.path.abspath, sys.argv[1:4]))
    missing = cluster.missing_programs()
    if missing:
        common.skip(f"no {', '.join(missing)}: Debian's packages slurm-wlm and munge")
    root = common.workdir()
    folder = os.path.join(root, "campaign")
    os.mkdir(folder)
    standin.make(folder, WINDOWS, 10 * SECONDS_A_WINDOW, 100000, checkpoint_every=10)
    # The stand-in itself refuses to be the second in a folder; looks may be rare.
    watcher = Watcher(root, pause=0.05)
    watcher.start()
    began = time.monotonic()
    with cluster.Cluster(os.path.join(root, "cluster")) as slurm:
        campaign = Campaign(*programs, folder)
        campaign.start()
        disturb(slurm, campaign)
        standin.hurry(folder)
        code = campaign.process.wait(timeout=cluster.LONGEST_SECONDS)
        took = time.monotonic() - began
        if code != 0:
            sys.exit(f"exit {code}:\n{open(folder + '.log').read()[-3000:]}")
        slurm.wait_for(lambda: not live_elements(slurm), "jobs leave")
    watcher.ended = True
    watcher.join()
    if watcher.doubles:
        sys.exit(f"two gmx in one window: {watcher.doubles}")
    check(campaign)
    if gmx_by_folder(root):
        sys.exit(f"processes are left: {gmx_by_folder(root)}")
    attempts = sum(window["attempts"] for window in campaign.status())
    print(f"{WINDOWS} windows completed once each in {took:.0f} s and {attempts} "
          f"attempts, {len(records(folder, 'submit'))} submissions, {time_limits(campaign)} time limits; "
          f"{watcher.looks} looks at /proc found no two gmx in one window")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
