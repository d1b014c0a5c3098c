#!/usr/bin/env python3
"""The exit codes of the program, each by what a user would do to get it, with programs
that answer as gmx would; needs no GROMACS.

    test_codes.py AUTOSIM CORPUS-OF-TPR-FILES
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

import common

AUTOSIM, CORPUS = (os.path.abspath(path) for path in sys.argv[1:])
FAILURES = []

GMX = """#!/bin/sh
case "$*" in
*--version*) printf 'GROMACS version:    VERSION\\nMPI library:        thread_mpi\\n'
    exit 0 ;;
*"mdrun -s window.tpr"*) MDRUN ;;
esac
exit 1
"""


def expect(condition, what):
    if not condition:
        FAILURES.append(what)


def make_gmx(root, name, version, mdrun="exit 1"):
    path = os.path.join(root, name)
    with open(path, "w") as out:
        out.write(GMX.replace("VERSION", version).replace("MDRUN", mdrun))
    os.chmod(path, 0o755)
    return path


def autosim(root, code, words, *arguments):
    done = common.run([AUTOSIM, *arguments], cwd=root, check=False, timeout=60)
    shown = " ".join(arguments)
    expect(done.returncode == code,
           f"autosim {shown}: exit {done.returncode}, not {code}: {done.stderr}")
    told = [line for line in done.stderr.splitlines() if line.startswith("autosim: ")]
    expect(len(told) == (code != 0), f"autosim {shown}: {told}")
    for word in words:
        expect(word in done.stderr, f"autosim {shown}: no '{word}' in: {done.stderr}")
    return done


def with_group_cutoffs(data):
    """Of a TPR of version 127: behind the number of steps (int64) come the first step
    (int64), the part (int32), a flag (one byte), nstcalcenergy (int32), the scheme."""
    at = data.index(struct.pack(">q", 5000000)) + 8 + 8 + 4 + 1 + 4
    assert data[at:at + 4] == struct.pack(">i", 0)
    return data[:at] + struct.pack(">i", 1) + data[at + 4:]


def make_input(root):
    data = open(os.path.join(CORPUS, "tri-2022-single.tpr"), "rb").read()
    with open(os.path.join(root, "tri.tpr"), "wb") as out:
        out.write(data)
    with open(os.path.join(root, "group.tpr"), "wb") as out:
        out.write(with_group_cutoffs(data))
    shutil.copy(os.path.join(CORPUS, "triangles-minimise.tpr"),
                os.path.join(root, "minimise.tpr"))
    common.write_triatomic_frames(os.path.join(root, "tri.gro"))


def a_run_that_cannot_work_is_refused_beforehand(root):
    """doctor says so behind what it found; run leaves no window behind."""
    old = make_gmx(root, "gmx-2019", "2019.6")
    new = make_gmx(root, "gmx-2022", "2022.5")
    unknown = make_gmx(root, "gmx-9000", "9000-dev")
    for topology, gmx, words in (
            ("tri.tpr", old, ["tri.tpr", "2022.5-Debian", "127", "2019.6", "116", "--gmx"]),
            ("group.tpr", new, ["cutoff-scheme = group", "2020", "Verlet", "--gmx"]),
            ("minimise.tpr", new, ["'steep'", "no dynamics"])):
        found = autosim(root, 3, words, "doctor", topology, "--gmx", gmx)
        expect("cannot be run" in found.stdout, f"doctor {topology}: {found.stdout}")
        found = autosim(root, 3, words, "doctor", topology, "--gmx", gmx, "--json")
        expect(json.loads(found.stdout)["can_be_simulated"] is False, found.stdout)
        if topology != "minimise.tpr":
            autosim(root, 3, words, "run", topology, "tri.gro", "--gmx", gmx, "-C", "no",
                    "-q")
            expect(not os.path.exists(os.path.join(root, "no", "plan.json")), topology)
            shutil.rmtree(os.path.join(root, "no"))
    for gmx in (new, unknown):
        found = autosim(root, 0, [], "doctor", "tri.tpr", "--gmx", gmx, "--json")
        expect(json.loads(found.stdout)["can_be_simulated"] is True, found.stdout)


def begin(root, folder, gmx):
    return [AUTOSIM, "run", "tri.tpr", "tri.gro", "--windows", "2", "--ns", "0.1", "-j",
            "1", "--retries", "0", "--gmx", gmx, "-C", folder, "-q"]


def windows_that_are_given_up_end_with_5(root):
    gmx = make_gmx(root, "gmx-bad", "2022.5",
                   r"printf '%s\n' '' " + "-" * 55 + r" 'Program:     gmx mdrun' '' "
                   r"'Fatal error:' 'something is wrong' '' " + "-" * 55 +
                   " >&2; exit 1")
    command = begin(root, "bad", gmx)
    autosim(root, 5, ["2 of 2 windows were given up", "something is wrong",
                      "--retry-failed"], *command[1:])
    status = json.loads(autosim(root, 0, [], "status", "-C", "bad", "--json").stdout)
    for window in status["windows"]:
        expect(window["status"] == "Failed" and window["exit_code"] == 1
               and "something is wrong" in window["cause"], f"{window}")


def another_gmx_is_refused_before_windows_fail(root):
    """Planned for one GROMACS and run by an older one."""
    bad, old = os.path.join(root, "gmx-bad"), os.path.join(root, "gmx-2019")
    autosim(root, 0, [], "pca", "tri.tpr", "tri.gro", "-C", "planned", "-q")
    autosim(root, 0, [], "plan", "--windows", "2", "--gmx", bad, "-C", "planned", "-q")
    autosim(root, 3, ["window.tpr", "127", "2019.6", "--gmx"], "run", "--gmx", old, "-C",
            "planned", "-q")
    status = json.loads(autosim(root, 0, [], "status", "-C", "planned", "--json").stdout)
    expect([window["attempts"] for window in status["windows"]] == [0, 0], f"{status}")


def what_comes_too_late_ends_with_1(root):
    """A driver is asked to stop and is killed before it hears of it."""
    gmx = make_gmx(root, "gmx-waits", "2022.5",
                   "touch began; while [ ! -e ../../../over ]; do sleep 0.1; done")
    process = subprocess.Popen(begin(root, "late", gmx), cwd=root,
                               stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for(os.path.join(root, "late", "windows", "000", "began"), process)
    process.send_signal(signal.SIGSTOP)
    cancel = subprocess.Popen([AUTOSIM, "cancel", "-C", "late"], cwd=root, text=True,
                              stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    requests = os.path.join(root, "late", "requests")
    wait_for(requests, cancel)
    while not any(name.endswith(".json") for name in os.listdir(requests)):
        time.sleep(0.02)
    process.kill()
    process.wait()
    told = cancel.communicate(timeout=60)[1]
    open(os.path.join(root, "over"), "w").close()
    expect(cancel.returncode == 1 and "has ended already" in told,
           f"cancel: exit {cancel.returncode}: {told}")


def wait_for(path, process):
    deadline = time.monotonic() + 60
    while not os.path.exists(path):
        if time.monotonic() > deadline or process.poll() is not None:
            sys.exit(f"'{path}' is not made: exit {process.poll()}")
        time.sleep(0.02)


def signals_end_with_128_and_their_number(root):
    gmx = make_gmx(root, "gmx-slow", "2022.5",
                   "touch began; trap 'exit 1' TERM INT; sleep 60 & wait")
    for number in (signal.SIGINT, signal.SIGTERM):
        folder = f"stopped-{number}"
        process = subprocess.Popen(begin(root, folder, gmx), cwd=root, text=True,
                                   stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        wait_for(os.path.join(root, folder, "windows", "000", "began"), process)
        process.send_signal(number)
        told = process.communicate(timeout=60)[1]
        expect(process.returncode == 128 + number,
               f"signal {number}: exit {process.returncode}, {told}")


def write_frames(path, count, atoms=5, damaged=None):
    with open(path, "w") as out:
        for f in range(count):
            out.write(f"moves t= {f}.0\n{atoms}\n")
            for a in range(atoms):
                x, y, z = 0.3 * a, 0.1 * a * a + 0.01 * (f * a % 7), 0.02 * (f * f % 5) * a
                number = "     nan" if f == damaged and a == 0 else f"{x:8.3f}"
                out.write(f"{a + 1:5d}GLY     CA{a + 1:5d}{number}{y:8.3f}{z:8.3f}\n")
            out.write("   5.00000   5.00000   5.00000\n")


def components_of_odd_input(root):
    """Nothing goes to stdout where nothing is projected; what is left out is told."""
    for name, frames, options in (("one", 1, {}), ("top", 1, {}), ("many", 8, {}),
                                  ("bad", 8, {"damaged": 3}), ("less", 8, {"atoms": 4})):
        write_frames(os.path.join(root, name + ".gro"), frames, **options)
    all_atoms = ("--pbc", "none", "--sel", "all")
    autosim(root, 3, ["1 frame is left"], "pca", "top.gro", "one.gro", *all_atoms)
    autosim(root, 3, ["0 frames are left"], "pca", "top.gro", "many.gro", *all_atoms,
            "-b", "100")
    autosim(root, 2, ["after end"], "pca", "top.gro", "many.gro", *all_atoms, "-b", "5",
            "-e", "4")
    autosim(root, 3, ["1 atom;"], "pca", "top.gro", "many.gro", *all_atoms[:2], "--sel",
            "bynum 1")
    shown = autosim(root, 0, ["damaged where frame 3"], "pca", "top.gro", "bad.gro",
                    *all_atoms).stdout.splitlines()
    nm, angstrom = (float(word) for word in shown[2].split()[1:3])
    expect("/nm^2" in shown[1] and "/Angstrom^2" in shown[1] and
           abs(angstrom / nm - 100) < 1e-3, f"units: {shown}")
    for code, words, arguments in (
            (0, [], ["top.gro", "many.gro"]),
            (0, ["damaged where frame 3"], ["top.gro", "bad.gro"]),
            (3, ["0 frames are left"], ["top.gro", "many.gro", "-b", "100"]),
            (3, ["has 4"], ["top.gro", "less.gro"]),
            (3, ["of 5 atoms"], ["less.gro", "many.gro"])):
        out = autosim(root, code, words, "project", *arguments).stdout
        frames = [line for line in out.splitlines() if line[0] not in "#@"]
        expect(len(frames) == (0 if code else 7 if words else 8) and
               bool(out) == (code == 0), f"project {arguments}: {out}")


def the_others(root):
    autosim(root, 2, ["did you mean"], "runn")
    autosim(root, 2, ["before the command"], "-C", "folder", "run")
    autosim(root, 3, ["none.xtc"], "doctor", "tri.tpr", "none.xtc")
    autosim(root, 3, ["none.dat"], "pmf", "--from", "meta", "none.dat", "-C", "no")
    expect(not os.path.exists(os.path.join(root, "no")), "a folder for no list")
    autosim(root, 3, ["none.tpr"], "pca", "none.tpr", "tri.gro")
    autosim(root, 4, ["no-such-gmx"], "doctor", "--gmx", "no-such-gmx")


def main():
    root = common.workdir()
    make_input(root)
    for part in (a_run_that_cannot_work_is_refused_beforehand,
                 windows_that_are_given_up_end_with_5,
                 another_gmx_is_refused_before_windows_fail,
                 what_comes_too_late_ends_with_1,
                 signals_end_with_128_and_their_number, components_of_odd_input,
                 the_others):
        part(root)
    if FAILURES:
        sys.exit("\n".join(FAILURES))
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
