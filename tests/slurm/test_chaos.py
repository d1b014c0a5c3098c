#!/usr/bin/env python3
"""Anything at any time, for long: a campaign on a real Slurm under random events.

    test_chaos.py AUTOSIM COORDINATOR STANDIN-GMX [MINUTES [SEED]]

Every few seconds one of: a slurmd killed or brought back, the controller killed (and,
now and then, its memory with it) and brought back, a job cancelled, requeued, suspended
or resumed, a node drained or resumed, the coordinator killed and started again, a gmx
or a slot killed. Then calm, and the campaign completes, every window once.
"""
import os
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
import cluster  # noqa: E402
import common  # noqa: E402
import standin  # noqa: E402
from test_events import Campaign, live_elements, records, running  # noqa: E402
from test_kill import Watcher, gmx_by_folder  # noqa: E402

WINDOWS, SECONDS_A_WINDOW = 48, 30


class Chaos:
    def __init__(self, slurm, campaign, rng):
        self.slurm, self.campaign, self.rng = slurm, campaign, rng
        self.counts = {}

    def job(self):
        jobs = [job for job, state, _ in live_elements(self.slurm)
                if state in ("RUNNING", "SUSPENDED")]
        return self.rng.choice(jobs) if jobs else None

    def node(self):
        return self.rng.choice(self.slurm.names)

    def slurmd(self):
        node = self.node()
        if node in self.slurm.daemons:
            self.slurm.kill_node(node)
        else:
            self.slurm.start_node(node)

    def controller(self):
        self.slurm.kill_controller()
        if self.rng.random() < 0.3:
            self.slurm.forget_jobs()
        time.sleep(self.rng.random() * 5)
        self.slurm.start_controller()

    def cancel(self):
        job = self.job()
        if job:
            self.slurm.ask("scancel", job)

    def requeue(self):
        job = self.job()
        if job:
            self.slurm.ask("scontrol", "requeue", job)

    def suspend(self):
        job = self.job()
        if job:
            self.slurm.ask("scontrol", "suspend", job)

    def resume(self):
        for job, state, _ in live_elements(self.slurm):
            if state == "SUSPENDED":
                self.slurm.ask("scontrol", "resume", job)

    def drain(self):
        self.slurm.ask("scontrol", "update", f"NodeName={self.node()}", "State=DRAIN",
                       "Reason=test")

    def undrain(self):
        for node in self.slurm.names:
            self.slurm.ask("scontrol", "update", f"NodeName={node}", "State=RESUME")

    def coordinator(self):
        self.campaign.kill()
        time.sleep(self.rng.random() * 5)
        self.campaign.start()

    def gmx(self):
        pids = [pid for each in gmx_by_folder(self.campaign.folder).values()
                for pid in each]
        if pids:
            self.kill(self.rng.choice(pids))

    def slot(self):
        pids = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open(f"/proc/{entry}/cmdline", errors="replace").read().split("\0")
            except OSError:
                continue
            if "slot" in words[:2] and self.campaign.folder in words:
                pids.append(int(entry))
        if pids:
            self.kill(self.rng.choice(pids))

    @staticmethod
    def kill(pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def one(self):
        if self.campaign.process.poll() is not None:
            # No jobs got anywhere for too long, or all is done: people start it again.
            if self.campaign.count("Completed") == WINDOWS:
                return False
            self.campaign.start()
        event = self.rng.choice([self.slurmd, self.slurmd, self.controller, self.cancel,
                                 self.requeue, self.suspend, self.resume, self.drain,
                                 self.undrain, self.coordinator, self.gmx, self.slot])
        event()
        self.counts[event.__name__] = self.counts.get(event.__name__, 0) + 1
        return True

    def calm(self):
        if "slurmctld" not in self.slurm.daemons:
            self.slurm.start_controller()
        for node in self.slurm.names:
            if node not in self.slurm.daemons:
                self.slurm.start_node(node)
        time.sleep(5)
        self.undrain()
        self.resume()


def main():
    programs = list(map(os.path.abspath, sys.argv[1:4]))
    minutes = float(sys.argv[4]) if len(sys.argv) > 4 else 10
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 30)
    print(f"seed {seed}", flush=True)
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
        chaos = Chaos(slurm, campaign, random.Random(seed))
        while time.monotonic() - began < 60 * minutes and chaos.one():
            time.sleep(chaos.rng.random() * 8)
        chaos.calm()
        deadline = time.monotonic() + 900
        while campaign.count("Completed") < WINDOWS:
            if time.monotonic() > deadline:
                sys.exit(f"not done: {open(folder + '.log').read()[-3000:]}")
            if campaign.process.poll() is not None:
                campaign.start()
            time.sleep(2)
        campaign.process.wait(timeout=cluster.LONGEST_SECONDS)
        slurm.wait_for(lambda: not running(slurm), "jobs leave")
    watcher.ended = True
    watcher.join()
    if watcher.doubles:
        sys.exit(f"two gmx in one window: {watcher.doubles}")
    ends = [open(os.path.join(folder, "windows", f"{i:03d}", "ends")).read().split()
            for i in range(WINDOWS)]
    if any(each.count("completed") != 1 for each in ends):
        sys.exit("a window completed more than once")
    if any(os.path.exists(os.path.join(folder, "windows", f"{i:03d}", "collision"))
           for i in range(WINDOWS)):
        sys.exit("two gmx met in a window")
    if gmx_by_folder(root):
        sys.exit(f"processes are left: {gmx_by_folder(root)}")
    attempts = sum(window["attempts"] for window in campaign.status())
    print(f"{sum(chaos.counts.values())} events {chaos.counts}; {WINDOWS} windows, each "
          f"completed once, in {attempts} attempts, {len(records(folder, 'submit'))} "
          f"submissions and {(time.monotonic() - began) / 60:.1f} minutes; "
          f"{watcher.looks} looks at /proc found no two gmx in one window")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
