"""Measuring programs that take turns: processor and wall seconds, peak memory.

Every contestant is called once without being counted, then all are called once in each
round, one after the other, so that a disturbance meets all alike; ratios are taken within
a round. Programs run pinned to cores, started by launch.c, which tells their peak memory.
"""
import dataclasses
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import typing

ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
         "GMX_MAXBACKUP": "-1", "AUTOSIM_CORE_CLAIMS": "off", "PYTHONWARNINGS": "ignore"}
launcher = "launch"  # bench/launch of the build tree


class Failed(Exception):
    """A program failed, or answers do not agree: the row is not worth printing."""


@dataclasses.dataclass
class Sample:
    """One run. Seconds are divided by the number of times it did the work."""
    cpu: float
    wall: float
    peak_mb: float = 0.0
    answer: typing.Any = None


@dataclasses.dataclass
class Done:
    cpu: float
    wall: float
    peak_mb: float
    out: str
    stopped: bool = False  # by the limit: seconds are a lower bound

    def sample(self, answer=None, times=1):
        return Sample(self.cpu / times, self.wall / times, self.peak_mb, answer)


def allowed_cores():
    return sorted(os.sched_getaffinity(0))


def run(command, stdin="", cwd=None, env=None, cores=1, codes=(0,), limit=0):
    """Runs a program on the last `cores` of those allowed (0: all); Failed unless its exit
    code is among `codes`. It is killed after `limit` whole processor seconds."""
    pinned = allowed_cores()[-cores:] if cores else allowed_cores()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors, \
            tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as report:
        given.write(stdin)
        given.seek(0)
        subprocess.run([launcher, str(report.fileno()), str(limit),
                        ",".join(map(str, pinned)), *map(str, command)], check=True,
                       stdin=given, stdout=out, stderr=errors, cwd=cwd,
                       pass_fds=[report.fileno()],
                       env={**os.environ, **ALONE, **(env or {})})
        for file in (out, errors, report):
            file.seek(0)
        text = out.read()
        status, user, system, peak_kb, wall = map(float, report.read().split())
        code = os.waitstatus_to_exitcode(int(status))
        stopped = limit > 0 and code == -9
        if code not in codes and not stopped:
            raise Failed(f"{' '.join(map(str, command))}: exit {code}\n"
                         f"{text[-500:]}\n{errors.read()[-1500:]}")
    return Done(user + system, wall, peak_kb / 1024, text, stopped)


def spread(values):
    return min(values), statistics.median(values), max(values)


class Contest:
    """Contestants by name; those whose name begins with "autosim" are ours."""

    def __init__(self, title, contestants, pairs, metric="cpu", work=None, unit="ms",
                 once=()):
        self.title, self.contestants, self.pairs = title, contestants, pairs
        self.metric, self.work, self.unit = metric, work, unit
        self.once = once  # too slow for every round: measured in the first one only
        self.samples = {}

    def compete(self, check=None):
        """Runs all; `check(answers)` raises Failed or returns a sentence."""
        first = {name: call() for name, call in self.contestants.items()
                 if name not in self.once}
        for k in range(self.pairs):
            for name, call in self.contestants.items():
                if name in self.once and k > 0:
                    continue
                sample = call()
                self.samples.setdefault(name, []).append(sample)
                first.setdefault(name, sample)
                print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        said = check({name: s.answer for name, s in first.items()}) if check else None
        return self.result(said)

    def values(self, name):
        return [getattr(sample, self.metric) for sample in self.samples[name]]

    def ratios(self, ours, peer):
        """How many times as fast ours is, round by round."""
        mine, theirs = self.values(ours), self.values(peer)
        if len(theirs) < len(mine):
            theirs = theirs * len(mine)
        return [b / a for a, b in zip(mine, theirs)]

    def result(self, said=None):
        ours = [name for name in self.samples if name.startswith("autosim")]
        return {
            "title": self.title, "metric": self.metric, "unit": self.unit,
            "work": self.work, "pairs": self.pairs, "agreed": said,
            "entries": [{"name": name,
                         "cpu_s": [s.cpu for s in samples],
                         "wall_s": [s.wall for s in samples],
                         "peak_mb": max(s.peak_mb for s in samples)}
                        for name, samples in self.samples.items()],
            "ratios": {mine: {peer: self.ratios(mine, peer) for peer in self.samples
                              if peer not in ours} for mine in ours}}


def doubled(first, count, quick):
    return [first * 2 ** k for k in range(min(count, 3) if quick else count)]


def grow(book, title, variable, points, make, rounds=3):
    """make(value) gives a callable that returns a Sample; every point is the least of a
    few runs, in turns."""
    calls = {value: make(value) for value in points}
    seconds = {value: [] for value in points}
    peaks = {value: 0 for value in points}
    for _ in range(1 if book.quick else rounds):
        for value, call in calls.items():
            sample = call()
            seconds[value].append(sample.cpu)
            peaks[value] = max(peaks[value], sample.peak_mb)
    book.say(title)
    return {"title": title, "variable": variable, "x": list(points),
            "seconds": [min(seconds[value]) for value in points],
            "peak_mb": [peaks[value] for value in points]}


def counter():
    """What counts instructions here: "perf", "valgrind" or None."""
    for name in ("perf", "valgrind"):
        if shutil.which(name) and instructions(name, ["true"]):
            return name
    return None


def instructions(name, command):
    """Instructions of user code of the whole process; None where they are not counted."""
    command = list(map(str, command))
    if name == "perf":
        command, pattern = ["perf", "stat", "-x,", "-e", "instructions:u", *command], \
            r"^(\d+),,instructions"
    else:
        command, pattern = ["valgrind", "--tool=cachegrind", "--cache-sim=no",
                            "--cachegrind-out-file=/dev/null", *command], \
            r"I +refs: +([\d,]+)"
    done = subprocess.run(command, capture_output=True, text=True,
                          env={**os.environ, **ALONE})
    found = re.search(pattern, done.stderr, re.M)
    return float(found[1].replace(",", "")) if found and not done.returncode else None


def target(what, value, wanted, sense=">=", unit="x"):
    """One promise of the design page, and what was measured: a median, or a value."""
    values = value if isinstance(value, list) else [value]
    low, middle, high = spread(values)
    reached = middle >= wanted if sense == ">=" else middle <= wanted
    return {"what": what, "wanted": wanted, "sense": sense, "unit": unit, "least": low,
            "median": middle, "most": high, "reached": reached}


def agree(name, ours, theirs, limit):
    """A sentence; Failed where numbers differ by more than `limit` of the largest."""
    worst = max(abs(a - b) for a, b in zip(ours, theirs)) / max(map(abs, ours))
    if not worst <= limit or not ours:
        raise Failed(f"{name}: answers differ by {worst:.1e}, more than {limit:g}")
    return f"{name} within {worst:.0e}"
