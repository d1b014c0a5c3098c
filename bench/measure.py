"""Measuring programs that take turns: processor and wall seconds, peak memory.

Every contestant is called once without being counted, then all are called once in each
round, one after the other, so that a disturbance meets all alike; ratios are taken within
a round. Programs run pinned to cores. Only the standard library, and little of it: the
peak memory of a program is never told as less than what this process has.
"""
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import typing

ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
         "GMX_MAXBACKUP": "-1", "AUTOSIM_CORE_CLAIMS": "off", "PYTHONWARNINGS": "ignore"}


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
    stopped: bool = False  # by the time limit: seconds are a lower bound

    def sample(self, answer=None, times=1):
        return Sample(self.cpu / times, self.wall / times, self.peak_mb, answer)


def allowed_cores():
    return sorted(os.sched_getaffinity(0))


def run(command, stdin="", cwd=None, env=None, cores=1, codes=(0,), limit=None):
    """Runs a program on the last `cores` of those allowed (0: all); Failed unless its exit
    code is among `codes`. It is killed after `limit` seconds."""
    pinned = allowed_cores()[-cores:] if cores else allowed_cores()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors, \
            tempfile.TemporaryFile("w+") as given:
        given.write(stdin)
        given.seek(0)
        begin = time.monotonic()
        child = subprocess.Popen(
            list(map(str, command)), stdin=given, stdout=out, stderr=errors, cwd=cwd,
            env={**os.environ, **ALONE, **(env or {})},
            preexec_fn=lambda: os.sched_setaffinity(0, pinned))
        timer = threading.Timer(limit or 3600, child.kill)
        timer.start()
        _, status, usage = os.wait4(child.pid, 0)
        timer.cancel()
        wall = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
        errors.seek(0)
        stopped = bool(limit) and child.returncode == -9
        if child.returncode not in codes and not stopped:
            raise Failed(f"{' '.join(map(str, command))}: exit {child.returncode}\n"
                         f"{text[-500:]}\n{errors.read()[-1500:]}")
    return Done(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, text,
                stopped)


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
