#!/usr/bin/env python3
"""How a run ends where it does not simply succeed, and how it goes on from there.

    test_ends.py AUTOSIM
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import common

# gmx as seen by autosim: fails in window 001 as long as the file `trouble` holds words.
WRAPPER = """#!/bin/sh
if [ "$1" = mdrun ] && [ "${PWD##*/}" = 001 ] && [ -s "$TROUBLE" ]; then
    printf '%s\\n' '-------------------------------------------------------' \\
        'Program:     gmx mdrun, version 2022.5' 'Source file: src/x.cpp (line 1)' '' \\
        'Fatal error:' "$(head -n 1 "$TROUBLE")" '' \\
        'For more information and tips for troubleshooting, please check the GROMACS' \\
        '-------------------------------------------------------' >&2
    sed -i 1d "$TROUBLE"
    exit 1
fi
exec gmx "$@"
"""
BLOW_UP = "Too many LINCS warnings (1001)"
BAD_INPUT = "Nr of atoms in bias.edi (9) does not match nr of md atoms (22)"


class Place:
    def __init__(self, autosim, folder):
        self.autosim, self.folder = autosim, folder
        self.gmx = os.path.join(folder, "wrapped-gmx")
        self.trouble = os.path.join(folder, "trouble")
        with open(self.gmx, "w") as out:
            out.write(WRAPPER)
        os.chmod(self.gmx, 0o755)

    def run(self, campaign, *options, code=0, trouble=(), inputs=False):
        with open(self.trouble, "w") as out:
            out.writelines(line + "\n" for line in trouble)
        files = ["unbiased.tpr", "unbiased.xtc"] if inputs else []
        done = common.run([self.autosim, "run", *files, "-C", campaign, "--gmx",
                           self.gmx, "--ntomp", "1", *options], cwd=self.folder, check=False,
                          env={"TROUBLE": self.trouble})
        if done.returncode != code:
            sys.exit(f"{campaign} {options}: exit {done.returncode}, expected {code}\n"
                     f"{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def windows(self, campaign):
        done = common.run([self.autosim, "status", "-C", campaign, "--json"],
                          cwd=self.folder)
        return json.loads(done.stdout)["windows"]

    def await_running(self, campaign, process):
        record = self.path(campaign, "windows", "000")
        deadline = time.monotonic() + 60
        while not (os.path.exists(record) and
                   any(w["status"] == "Running" for w in self.windows(campaign))):
            expect(process.poll() is None and time.monotonic() < deadline,
                   f"{campaign}: no window began")
            time.sleep(0.05)


def expect(condition, words):
    if not condition:
        sys.exit(words)


def test_maxh_makes_no_profile(place):
    said = place.run("limited", "--ns", "20", "--windows", "4", "--maxh", "0.0003",
                     inputs=True)
    expect("goes on" in said and "verdict" not in said, said)
    expect(not os.path.exists(place.path("limited", "pmf")), "there is a profile")


def test_given_up_says_why_and_is_tried_again(place):
    said = place.run("input", "--ns", "0.05", "--windows", "3", code=5, inputs=True,
                     trouble=[BAD_INPUT])
    expect("1 of 3 windows were given up, window 1 for this: the bias file is for "
           "another number of atoms" in said, said)
    expect("The profile misses the windows at" in said and "(window 1); around" in said,
           said)
    # A profile of the other two may be there, but nobody is to trust it.
    with open(place.path("input", "pmf", "pmf.json")) as file:
        profile = json.load(file)
    expect(not profile["trustworthy"] and "Preliminary: 1 of 3" in profile["verdict"],
           profile["verdict"])
    place.run("input", code=5)
    said = place.run("input", "--retry-failed")
    expect([w["status"] for w in place.windows("input")] == ["Completed"] * 3, said)


def test_blow_up_starts_anew_from_a_real_tpr(place):
    place.run("physics", "--ns", "0.05", "--windows", "3", "--retries", "1", code=5,
              inputs=True, trouble=[BLOW_UP, BLOW_UP])
    window = place.path("physics", "windows", "001")
    first = open(os.path.join(window, "window.tpr"), "rb").read()
    planned = open(os.path.join(window, "planned.tpr"), "rb").read()
    expect(first != planned and len(first) == len(planned), "not reseeded")
    place.run("physics", "--retry-failed", "--retries", "1", trouble=[BLOW_UP])
    again = open(os.path.join(window, "window.tpr"), "rb").read()
    expect(again not in (first, planned), "the same velocities once more")
    expect(place.windows("physics")[1]["status"] == "Completed", "not completed")
    # What gmx read: other velocities and another seed, the same coordinates and steps.
    dumps = [subprocess.run(["gmx", "dump", "-s", os.path.join(window, name)],
                            capture_output=True, text=True).stdout.splitlines()
             for name in ("planned.tpr", "window.tpr")]
    changed = {a.split("=")[0].split("[")[0].strip() for a, b in zip(*dumps) if a != b}
    changed = {name for name in changed if not name.endswith(".tpr:")}
    expect(len(dumps[0]) == len(dumps[1]) and {"ld-seed", "v"} <= changed and
           changed <= {"ld-seed", "v", "x"}, f"changed: {changed}")


def test_interrupted_plan_keeps_its_options(place):
    """Killed before plan.json: `run` alone plans what was asked for first."""
    place.run("cut", "--ns", "0.05", "--windows", "3", "--bias", "auto", "-n",
              inputs=True)
    os.remove(place.path("cut", "plan.json"))
    said = place.run("cut", "--sel", "name CA", code=2)
    expect("--sel" in said, said)
    place.run("cut", "-n")
    with open(place.path("cut", "plan.json")) as file:
        plan = json.load(file)
    expect(len(plan["windows"]) == 3 and plan["windows"][0]["nsteps"] == 25000,
           "planned with other options")
    place.run("cut", "--windows", "3", "-n", inputs=True)
    place.run("cut", "--windows", "4", "-n", inputs=True, code=2)


def test_lost_plan_is_not_made_anew(place):
    """Windows have run: their inputs stay, so that the old plan still fits them."""
    place.run("lost", "--ns", "0.05", "--windows", "3", "-j", "1", inputs=True)
    plan, window = (place.path("lost", *names) for names in
                    (("plan.json",), ("windows", "001", "window.tpr")))
    before = open(window, "rb").read()
    os.rename(plan, plan + ".old")
    for options in ((), ("-n",)):
        said = place.run("lost", *options, code=3)
        expect("plan.json is missing" in said, said)
    place.run("lost", inputs=True, code=3)
    expect(open(window, "rb").read() == before, "another window.tpr")
    os.rename(plan + ".old", plan)
    place.run("lost")


def test_closed_streams(place):
    """Messages go nowhere then, and into no file; output that is lost is said."""
    run = f"'{place.autosim}' run unbiased.tpr unbiased.xtc -C shut --ns 0.05 " \
        "--windows 3 -j 1 --ntomp 1 2>&-"
    common.run(["sh", "-c", run], cwd=place.folder)
    with open(place.path("shut", "campaign.lock")) as file:
        said = file.read()
    expect(said.startswith("process ") and said.count("\n") == 1, said)
    for words, end in (("pmf -q --json", ">/dev/full"), ("pmf -q --json", ">&-"),
                       ("status", ">/dev/full"), ("status", ">&-")):
        done = common.run(["sh", "-c", f"'{place.autosim}' {words} -C shut {end}"],
                          cwd=place.folder, check=False)
        expect(done.returncode == 4 and "standard output" in done.stderr,
               f"{words} {end}: {done.returncode} {done.stderr}")


def test_reader_that_leaves(place):
    """`autosim run | head -1`: the work is done all the same."""
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen([place.autosim, "run", "unbiased.tpr", "unbiased.xtc",
                                "-C", "piped", "--ns", "0.05", "--windows", "3"],
                               cwd=place.folder, stdout=writing, stderr=writing)
    os.close(writing)
    process.wait(120)
    expect(os.path.exists(place.path("piped", "report.html")),
           f"no report; exit {process.returncode}")


# Windows start at once, without trials of how the cores are divided best.
FROM_THE_START = ["--calibrate", "0"]


def test_signals_stop_cleanly(place):
    """Windows leave with checkpoints, whichever thread the signal reaches; a signal that
    was ignored from the beginning (nohup) stays so."""
    inputs = ["unbiased.tpr", "unbiased.xtc", "--ns", "50", "--windows", "3", "--cpt",
              "60"]
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143),
                         (signal.SIGHUP, 129)):
        process = subprocess.Popen(
            [place.autosim, "run", "-C", "stopped", *FROM_THE_START, *inputs],
            cwd=place.folder,
            stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda n=number: signal.signal(n, signal.SIG_DFL))
        place.await_running("stopped", process)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
        expect(process.returncode == code and "goes on" in said,
               f"{number}: exit {process.returncode}, {said}")
        states = [w["status"] for w in place.windows("stopped")]
        expect("Running" not in states and "Waiting" in states, f"{number}: {states}")
        inputs = []
    process = subprocess.Popen(
        [place.autosim, "run", "-C", "stopped", *FROM_THE_START], cwd=place.folder,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    place.await_running("stopped", process)
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    expect(process.poll() is None, "ended by a signal that was to be ignored")
    process.terminate()
    process.wait(60)


def test_commands_work_when_pasted(place):
    said = place.run("pa s'ted", "--ns", "0.05", "--windows", "2", "-n", inputs=True)
    line = [line for line in said.splitlines() if "/windows/001'" in line or
            "windows/001 &&" in line][0]
    common.run(["sh", "-c", line], cwd=place.folder,
               env={"OMP_NUM_THREADS": "3", "TROUBLE": place.trouble})
    window = place.path("pa s'ted", "windows", "001")
    expect(os.path.exists(os.path.join(window, "confout.gro")), "not run to the end")
    place.run("pa s'ted")
    expect([w["status"] for w in place.windows("pa s'ted")] == ["Completed"] * 2, said)
    moved = place.path("moved by hand")
    os.rename(place.path("pa s'ted"), moved)
    os.remove(os.path.join(moved, "windows", "000", "confout.gro"))
    os.remove(os.path.join(moved, "windows", "000", "state.cpt"))
    common.run([os.path.join(moved, "windows", "000", "cmd.sh")], cwd="/",
               env={"OMP_NUM_THREADS": "3", "TROUBLE": place.trouble})
    expect(os.path.exists(os.path.join(moved, "windows", "000", "confout.gro")),
           "cmd.sh does not run where the campaign is now")


def test_folder_names(place):
    name = 'a b\'"c\\ $(d)'
    place.run(name, "--ns", "0.05", "--windows", "2", inputs=True)
    moved = "moved campaign"
    os.rename(place.path(name), place.path(moved))
    place.run(moved)
    said = place.run("line\nbreak", code=2, inputs=True)
    expect("line break" in said, said)
    folder = os.fsencode(place.folder) + b"/lat\xe9"
    os.mkdir(folder)
    shutil.copy(os.fsencode(place.path("unbiased.tpr")), folder)
    done = subprocess.run([place.autosim, "run", folder + b"/unbiased.tpr",
                           "unbiased.xtc", "-C", "latin"], cwd=place.folder,
                          capture_output=True)
    expect(done.returncode == 3 and b"not UTF-8" in done.stderr, done.stderr)


def main():
    common.need_gmx()
    folder = common.workdir()
    common.simulate_alanine(folder, 400, 0.5)
    place = Place(os.path.abspath(sys.argv[1]), folder)
    wanted = sys.argv[2:]
    for name, test in list(globals().items()):
        if name.startswith("test_") and (not wanted or name in wanted):
            test(place)
            print(f"ok {name}", flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
