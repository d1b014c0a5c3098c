#!/usr/bin/env python3
"""run --until on alanine dipeptide: it is killed after a decision, goes on, reaches its
target twice, extends and inserts windows only as recorded; check --apply; the budget.

    test_until.py AUTOSIM
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import common


def decisions(folder):
    path = os.path.join(folder, "decisions.json")
    return json.load(open(path))["rounds"] if os.path.exists(path) else []


def expect(condition, message):
    if not condition:
        sys.exit(message)


def kill_after_decision(command, cwd, campaign):
    """Killed as soon as a round is on record, followed or not."""
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    end = time.time() + 300
    while not decisions(campaign) and process.poll() is None and time.time() < end:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    expect(decisions(campaign), "no decision was recorded")


def windows(autosim, cwd, campaign):
    done = common.run([autosim, "status", "-C", campaign, "--json"], cwd=cwd)
    return json.loads(done.stdout)["windows"]


def main():
    autosim = os.path.abspath(sys.argv[1])
    common.need_gmx()
    cwd = common.workdir()
    common.simulate_alanine(cwd, 400, 1)
    campaign = os.path.join(cwd, "c")
    common.run([autosim, "pca", "unbiased.tpr", "unbiased.xtc", "-C", campaign], cwd=cwd)
    # Two of the windows that would be are left out: the gap must be bridged.
    common.run([autosim, "plan", "-C", campaign, "--windows", "5", "--force-constant",
                "9000", "--ns", "0.06", "--seed", "3"], cwd=cwd)
    command = [autosim, "run", "-C", campaign, "--until", "1.5", "-j", "2"]
    kill_after_decision(command, cwd, campaign)
    first = decisions(campaign)[0]
    expect(any(a["kind"] == "insert" for a in first["actions"]),
           "no window was inserted where windows do not overlap")
    # What was decided is done once, whatever was done before the kill.
    done = common.run(command, cwd=cwd, check=False)
    expect(done.returncode in (0, 6), f"exit {done.returncode}: {done.stderr}")
    rounds = decisions(campaign)
    expect(all(r["followed"] for r in rounds), "a decision was not followed")
    inserted = [(a["centre_nm"], a["force_constant_kj_mol_nm2"])
                for r in rounds for a in r["actions"] if a["kind"] == "insert"]
    expect(len(windows(autosim, cwd, campaign)) == 5 + len(set(inserted)),
           "the windows are not those planned and inserted")
    if done.returncode == 0:
        expect(rounds[-1]["reached"] and rounds[-2]["reached"], "not reached twice")
        expect(rounds[-1]["band_kj_mol"] <= 1.5, "the band is wider than asked for")
    else:
        expect("--max-ns" in done.stderr, done.stderr)
    report = open(os.path.join(campaign, "report.html")).read()
    expect("Decisions" in report and "New window at" in report, "not in the report")
    # Again: nothing to decide, nothing to run.
    before = json.dumps(rounds)
    again = common.run(command, cwd=cwd, check=False)
    expect(again.returncode == done.returncode and
           json.dumps(decisions(campaign)) == before, "a second run decided anew")

    # A budget that is used up already: exit 6 at once, and the message says so.
    done = common.run([autosim, "run", "-C", campaign, "--until", "0.01", "--max-ns",
                       "0.1"], cwd=cwd, check=False)
    expect(done.returncode == 6 and "--max-ns" in done.stderr, done.stderr)
    done = common.run([autosim, "check", "-C", campaign, "--until", "0.01", "--json",
                       "--max-ns", "20"], cwd=cwd, check=False)
    advice = json.loads(done.stdout)
    expect(done.returncode == 6 and advice["advice"] and not advice["reached"],
           "check finds nothing to do")
    expect({"kind", "window_id", "centre_nm", "force_constant_kj_mol_nm2", "add_ns",
            "reason"} == set(advice["advice"][0]), "other members of advice")
    before = sum(w["progress"] for w in windows(autosim, cwd, campaign))
    done = common.run([autosim, "check", "-C", campaign, "--until", "0.01", "--max-ns",
                       "20", "--apply"], cwd=cwd, check=False)
    expect(done.returncode == 0, done.stderr)
    expect(sum(w["progress"] for w in windows(autosim, cwd, campaign)) < before,
           "nothing is left to run after --apply")
    shutil.rmtree(cwd)


if __name__ == "__main__":
    main()
