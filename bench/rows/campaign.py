"""Many windows: at once on their cores, what the orchestrator costs, coming back."""
import json
import os
import re
import shutil
import tempfile

import measure
from measure import Contest, target

RUN_ONE = '#!/bin/sh\ncd "$1" && exec "$CAMPAIGN_GMX" mdrun >/dev/null 2>&1\n'


def speeds(book, jobs, ns, windows):
    """ns/day of each window, of a campaign with so many at once."""
    folder = os.path.join(book.folder, "at-once")
    shutil.rmtree(folder, ignore_errors=True)
    autosim = book.program("cli/autosim")
    measure.run([autosim, "run", *book.simulated(), "-C", folder, "--windows", windows,
                 "--ns", ns, "-j", jobs, "--ntomp", "1", "--seed", "1", "-q"],
                cores=0, codes=(0, 6))
    status = json.loads(measure.run([autosim, "status", "--json", "-C", folder]).out)
    return [window["ns_per_day"] for window in status["windows"]]


def at_once(book):
    if not shutil.which("gmx"):
        return {"contests": [], "targets": [], "absent": ["gmx"]}
    cores = len(measure.allowed_cores())
    ns = 0.1 if book.quick else 0.2
    rows, ratios = [], []
    speeds(book, cores, 0.05, cores)  # warms up
    for _ in range(book.pairs):
        alone = speeds(book, 1, ns, cores)
        together = speeds(book, cores, ns, cores)
        ratios.append(sum(together) / (sum(alone) / len(alone)) / cores)
        rows.append([sum(alone) / len(alone), sum(together)])
    return {"contests": [], "absent": [], "tables": [{
        "title": f"alanine dipeptide in vacuum, {cores} windows on {cores} cores",
        "head": ["ns/day alone", "ns/day together", "over the ideal"],
        "rows": [[f"{a:.0f}", f"{b:.0f}", f"{r:.3f}"] for (a, b), r in zip(rows, ratios)]}],
        "targets": [target(f"{cores} windows at once on {cores} cores, over ideal", ratios,
                           0.95)]}


def overhead_env(book):
    return {"AUTOSIM_SHIM": book.program("src/engine/autosim-shim"),
            "CAMPAIGN_GMX": book.program("tests/campaign/campaign_gmx")}


def ours(book, folder, windows, facts):
    def call():
        done = measure.run([book.program("tests/campaign/campaign_overhead"), "run",
                            windows, "2"], cwd=folder, env=overhead_env(book), cores=2)
        rate, driver, rest, peak = map(float, re.search(
            r"([\d.]+) windows/s.*driver ([\d.]+) ms, shim and gmx ([\d.]+) ms; peak "
            r"([\d.]+)", done.out).groups())
        facts.append((rate, driver, rest, peak))
        return measure.Sample((driver + rest) * 1e-3, 1 / rate, peak)
    return call


def peer(book, folder, windows, command):
    def call():
        for i in range(windows):
            os.makedirs(f"{folder}/x/{i}")
            with open(f"{folder}/x/{i}/window.tpr", "w") as out:
                out.write("1 1 1000 0 3\n")
        names = "".join(f"x/{i}\n" for i in range(windows))
        done = measure.run(command, names, folder, overhead_env(book), cores=2)
        shutil.rmtree(f"{folder}/x")
        return done.sample(times=windows)
    return call


def overhead(book):
    """On a tmpfs, where the syncs that the others do not have cost nothing."""
    windows = 200 if book.quick else 1000
    many = [windows, 500] if book.quick else [windows, 3000, 10000]
    tmpfs = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="autosim-bench-", dir=tmpfs)
    facts, absent, grown = [], [], []
    try:
        one = os.path.join(folder, "one.sh")
        with open(os.open(one, os.O_WRONLY | os.O_CREAT, 0o755), "w") as out:
            out.write(RUN_ONE)
        contestants = {"autosim": ours(book, folder, windows, facts)}
        for name, command in (("xargs -P 2", ["xargs", "-P", "2", "-n", "1", one]),
                              ("GNU parallel -j 2", ["parallel", "-j", "2", one])):
            if shutil.which(command[0]):
                contestants[name] = peer(book, folder, windows, command)
            else:
                absent.append(name)
        result = Contest(f"{windows:,} windows of a stand-in for gmx, two at a time: wall "
                         "time of one", contestants, book.pairs, "wall").compete()
        alone = float(re.search(r"CPU ([\d.]+) ms", measure.run(
            [book.program("tests/campaign/campaign_overhead"), "alone", windows],
            cwd=folder, env=overhead_env(book)).out)[1])
        for count in many[1:]:
            ours(book, folder, count, grown)()
    finally:
        shutil.rmtree(folder)
    facts = facts[1:]  # the first warms up
    rate, driver, rest, peak = (measure.spread(values)[1] for values in zip(*facts))
    grown.insert(0, (rate, driver, rest, peak))
    return {"contests": [result], "absent": absent, "tables": [{
        "title": "Processor time of a window, and what is left of it without the stand-in, "
                 f"which alone takes {alone:.2f} ms:",
        "head": ["windows", "windows/s", "driver, ms", "driver, shim and stand-in, ms",
                 "without the stand-in, ms", "peak MB"],
        "rows": [[f"{n:,}", f"{r:.0f}", f"{d:.2f}", f"{d + s:.2f}", f"{d + s - alone:.2f}",
                  f"{m:.1f}"] for n, (r, d, s, m) in zip(many, grown)]}],
        "growth": [{"title": "a campaign of a stand-in for gmx, two windows at a time, "
                             "processor time of all", "variable": "windows", "x": many,
                    "seconds": [1e-3 * n * (d + s) for n, (_, d, s, _) in zip(many, grown)],
                    "peak_mb": [m for *_, m in grown]}],
        "notes": ["xargs and GNU parallel keep no record of what ran and resume nothing."],
        "targets": [
            target("CPU of the orchestrator, a window",
                   [fact[1] + fact[2] - alone for fact in facts], 1, "<=", "ms"),
            target("windows a second on 2 cores", [f[0] for f in facts], 400, ">=", "/s"),
            target(f"CPU a window, {many[-1]:,} windows over {windows:,}",
                   sum(grown[-1][1:3]) / sum(grown[0][1:3]), 1.1, "<=")]}


def open_campaign(book, folder, windows):
    done = measure.run([book.program("tests/campaign/campaign_overhead"), "resume",
                        windows], cwd=folder, env=overhead_env(book))
    wall, cpu, peak = map(float, re.search(
        r"in ([\d.]+) s, CPU ([\d.]+) s; peak ([\d.]+)", done.out).groups())
    return measure.Sample(cpu, wall, peak)


def resume(book):
    windows = 1000 if book.quick else 10000
    samples = [open_campaign(book, book.folder, windows) for _ in range(book.pairs)]
    return {"contests": [], "absent": [], "notes": [
        f"No peer does this. Peak memory {max(s.peak_mb for s in samples):.1f} MB, with what "
        "the same process took to make the campaign."],
        "targets": [target(f"resume of {windows:,} windows, three attempts each",
                           [s.wall for s in samples], 2, "<=", "s")]}


ROWS = [("at-once", "Windows at once", at_once),
        ("overhead", "Overhead of the orchestrator", overhead),
        ("resume", "Resume of a campaign", resume)]
