#!/usr/bin/env python3
"""Bad input is normal input: one clear message, the documented exit code, nothing lost.

    test_bad_input.py AUTOSIM
"""
import os
import shutil
import signal
import subprocess
import sys
import time

import common

USAGE, INPUT, ENVIRONMENT, QUALITY, LOCKED = 2, 3, 4, 6, 75


class Case:
    """Runs autosim in a fresh folder beside the input files."""

    def __init__(self, autosim, root):
        self.autosim, self.root, self.failures, self.count = autosim, root, [], 0

    def expect(self, code, words, *arguments, env=None, absent="autosim"):
        """Exit code, words of the message, and a folder that must not be left."""
        self.count += 1
        done = common.run([self.autosim, *arguments], cwd=self.root, check=False,
                          timeout=120, env=env)
        told = [line for line in done.stderr.splitlines()
                if line.startswith("autosim: ")]
        wrong = []
        if done.returncode != code:
            wrong.append(f"exit {done.returncode}, expected {code}")
        if len(told) != 1:
            wrong.append(f"{len(told)} messages")
        missing = [word for word in words if word not in done.stderr]
        if missing:
            wrong.append(f"no {missing} in the message")
        if absent and os.path.exists(os.path.join(self.root, absent)):
            wrong.append(f"{absent} is left behind")
        if wrong:
            self.failures.append(f"autosim {' '.join(arguments)}: {'; '.join(wrong)}\n"
                                 f"    {done.stderr.strip()}")
        shutil.rmtree(os.path.join(self.root, "autosim"), ignore_errors=True)


def make_files(root):
    """The triatomic, and what can be wrong with its files."""
    common.simulate_triatomic(root, 20000)
    tpr = open(os.path.join(root, "tri.tpr"), "rb").read()
    xtc = open(os.path.join(root, "tri.xtc"), "rb").read()

    def write(name, data):
        with open(os.path.join(root, name), "wb") as out:
            out.write(data)

    write("cut.tpr", tpr[:len(tpr) // 2])
    write("long.tpr", tpr + b"\0\0\0\0")
    write("cut.xtc", xtc[:-20])
    write("head.xtc", xtc[:30])
    write("empty.xtc", b"")
    write("words.xtc", b"these are words, no trajectory\n" * 40)
    os.mkfifo(os.path.join(root, "pipe.xtc"))


def usage(case):
    case.expect(USAGE, ["did you mean 'autosim run'"], "rum")
    case.expect(USAGE, ["--widnows", "did you mean --windows"], "run", "--widnows", "3",
                "tri.tpr", "tri.xtc")
    case.expect(USAGE, ["--ns 'abc'", "number"], "run", "--ns", "abc", "tri.tpr",
                "tri.xtc")
    case.expect(USAGE, ["needs a value"], "run", "tri.tpr", "tri.xtc", "--ns")
    case.expect(USAGE, ["alone is not enough"], "run", "tri.tpr")
    case.expect(USAGE, ["no campaign yet"], "run")
    case.expect(USAGE, ["A:B"], "run", "--range", "3:1", "tri.tpr", "tri.xtc")
    case.expect(USAGE, ["= 4000 cores", "may use"], "run", "-j", "2000", "--ntomp", "2",
                "tri.tpr", "tri.xtc")


def files(case):
    case.expect(INPUT, ["cannot read 'no.tpr'"], "run", "no.tpr", "tri.xtc")
    case.expect(INPUT, ["cannot read 'no.xtc'"], "run", "tri.tpr", "no.xtc")
    case.expect(INPUT, ["'tri.xtc' is no TPR"], "run", "tri.xtc", "tri.tpr")
    case.expect(INPUT, ["'c.gro' is no TPR"], "run", "c.gro", "tri.xtc")
    for name, words in (("cut.tpr", ["byte", "truncated"]), ("long.tpr", ["byte"])):
        case.expect(INPUT, [name, *words], "run", name, "tri.xtc", absent=None)
    for name, words in (("head.xtc", ["byte 0"]), ("empty.xtc", ["empty"]),
                        ("words.xtc", ["text"]), ("pipe.xtc", ["pipe"]),
                        (".", ["folder"]), ("tri.tpr", ["TPR"])):
        case.expect(INPUT, [name, *words], "pca", "tri.tpr", name, absent=None)
    case.expect(INPUT, ["no planned windows"], "status")
    case.expect(INPUT, ["no planned windows"], "pmf")


def selections(case):
    case.expect(INPUT, ["name XX: 0 atoms"], "pca", "tri.tpr", "tri.xtc", "--sel",
                "name XX", absent=None)
    case.expect(INPUT, ["did you mean 'name'", "^~~~"], "pca", "tri.tpr", "tri.xtc",
                "--sel", "nmae A1", absent=None)
    case.expect(INPUT, ["at least 3"], "pca", "tri.tpr", "tri.xtc", "--sel", "name A1 A2",
                absent=None)
    case.expect(INPUT, ["no frame lies in the range"], "run", "tri.tpr", "tri.xtc",
                "--range", "30:40", absent=None)


def machine(case):
    case.expect(ENVIRONMENT, ["no-such-gmx"], "run", "tri.tpr", "tri.xtc", "--gmx",
                "no-such-gmx")
    case.expect(ENVIRONMENT, ["gmx", "PATH"], "run", "tri.tpr", "tri.xtc",
                env={"PATH": "/nowhere", "AUTOSIM_GMX": ""})
    case.expect(ENVIRONMENT, ["cannot create the folder"], "run", "tri.tpr", "tri.xtc",
                "-C", "/proc/campaign")


def truncated_trajectory_is_used_and_told(case):
    done = common.run([case.autosim, "pca", "tri.tpr", "cut.xtc"], cwd=case.root)
    whole = done.stdout.split()[0]
    if "WARNING" not in done.stderr or "byte" not in done.stderr or whole != "400":
        case.failures.append(f"a truncated trajectory: {done.stdout} {done.stderr}")
    shutil.rmtree(os.path.join(case.root, "autosim"))


def broken_without_bonds_is_refused(case):
    """A GRO has no bonds; a chain that crosses the box cannot be put together."""
    lines = ["two halves of a chain, t= 0.0", "   12"]
    frames = []
    for frame in range(3):
        body = [f"{i + 1:5d}{'ALA':<5s}{'CA':>5s}{i + 1:5d}"
                f"{(3.0 + 0.38 * i + 0.01 * frame) % 4:8.3f}{2 + 0.1 * (i % 2):8.3f}"
                f"{2.0:8.3f}" for i in range(12)]
        frames += [lines[0].replace("0.0", f"{frame}.0"), lines[1], *body,
                   "   4.00000   4.00000   4.00000"]
    with open(os.path.join(case.root, "chain.gro"), "w") as out:
        out.write("\n".join(frames) + "\n")
    case.expect(INPUT, ["box", ".tpr", "--pbc none"], "pca", "chain.gro", "chain.gro",
                absent=None)


def second_one_is_refused_and_interrupt_resumes(case):
    command = [case.autosim, "run", "tri.tpr", "tri.xtc", "--ns", "1", "--windows", "3"]
    first = subprocess.Popen(command, cwd=case.root, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    folder = os.path.join(case.root, "autosim")
    deadline = time.monotonic() + 60
    while not os.path.exists(os.path.join(folder, "windows", "000", "md.log")):
        if time.monotonic() > deadline or first.poll() is not None:
            sys.exit("the first run did not start its windows: "
                     + first.communicate()[1])
        time.sleep(0.02)
    second = common.run(command, cwd=case.root, check=False)
    if second.returncode != LOCKED or str(first.pid) not in second.stderr:
        case.failures.append(f"a second autosim: exit {second.returncode}, "
                             f"{second.stderr}")
    first.send_signal(signal.SIGINT)
    stderr = first.communicate(timeout=60)[1]
    if first.returncode != 128 + signal.SIGINT or "goes on" not in stderr:
        case.failures.append(f"Ctrl-C: exit {first.returncode}, {stderr}")
    wrong = common.run([*command[:-1], "4"], cwd=case.root, check=False)
    if wrong.returncode != USAGE or "--windows 4" not in wrong.stderr:
        case.failures.append(f"other windows: exit {wrong.returncode}, {wrong.stderr}")
    done = common.run([case.autosim, "run"], cwd=case.root, check=False)
    if done.returncode not in (0, 6) or "3 of 3 windows completed" not in done.stderr:
        case.failures.append(f"going on: exit {done.returncode}, {done.stderr}")
    status = common.run([case.autosim, "status"], cwd=case.root).stdout
    if status.count("Completed") != 3:
        case.failures.append(status)


def windows_that_do_not_overlap_end_with_6(case):
    done = common.run([case.autosim, "run", "tri.tpr", "tri.xtc", "--windows", "3",
                       "--force-constant", "90000", "--ns", "0.2", "-C", "gap"],
                      cwd=case.root, check=False)
    if done.returncode != QUALITY or "overlap" not in done.stderr:
        case.failures.append(f"no overlap: exit {done.returncode}, {done.stderr}")


def printed_commands_can_be_run(case):
    """run -n prints one command a window; the shell runs it as it stands."""
    plan = [case.autosim, "run", "-n", "tri.tpr", "tri.xtc", "--windows", "2", "--ns",
            "0.05", "-C", "it's a folder"]
    lines = common.run(plan, cwd=case.root).stdout.splitlines()
    done = [common.run(["sh", "-c", line], cwd="/", check=False) for line in lines]
    if len(lines) != 2 or any(one.returncode != 0 for one in done):
        case.failures.append(f"commands of run -n: {lines}")
    for number in range(2):
        path = os.path.join(case.root, "it's a folder", "windows", f"{number:03d}")
        if not os.path.exists(os.path.join(path, "confout.gro")):
            case.failures.append(f"{path} was not run")


def full_disk_pauses_and_goes_on(case):
    """Windows on a small file system, which then grows."""
    small = os.path.join(case.root, "small")
    os.mkdir(small)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small],
                             capture_output=True)
    if mounted.returncode != 0:
        print("not root: a full disk is not tried")
        return
    try:
        command = [case.autosim, "run", "tri.tpr", "tri.xtc", "--windows", "3", "--ns",
                   "0.5", "--ntomp", "1", "-C", os.path.join(small, "c")]
        full = common.run(command, cwd=case.root, check=False, timeout=60)
        if full.returncode != ENVIRONMENT or "space" not in full.stderr.lower():
            case.failures.append(f"full disk: exit {full.returncode}, {full.stderr}")
        # Now the inputs fit, and what the windows write does not.
        subprocess.run(["mount", "-o", "remount,size=600k", small], check=True)
        said = os.path.join(case.root, "full-disk.txt")
        with open(said, "w") as out:
            waiting = subprocess.Popen(command, cwd=case.root, stdout=out, stderr=out)
        for _ in range(600):
            if "goes on by itself" in open(said).read() or waiting.poll() is not None:
                break
            time.sleep(0.1)
        if waiting.poll() is not None or "goes on by itself" not in open(said).read():
            case.failures.append(f"no pause for space: {open(said).read()}")
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        try:
            waiting.wait(120)
        except subprocess.TimeoutExpired:
            waiting.kill()
            waiting.wait()
        if waiting.returncode not in (0, 6):
            case.failures.append(f"with space again: exit {waiting.returncode}, "
                                 f"{open(said).read()}")
    finally:
        subprocess.run(["umount", small], check=False)


def main():
    common.need_gmx()
    root = common.workdir()
    make_files(root)
    case = Case(os.path.abspath(sys.argv[1]), root)
    for part in (usage, files, selections, machine,
                 truncated_trajectory_is_used_and_told, broken_without_bonds_is_refused,
                 windows_that_do_not_overlap_end_with_6, printed_commands_can_be_run,
                 full_disk_pauses_and_goes_on,
                 second_one_is_refused_and_interrupt_resumes):
        part(case)
    if case.failures:
        sys.exit("\n".join(case.failures))
    print(f"{case.count} messages and exit codes are as documented")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
