#!/usr/bin/env python3
"""What a campaign costs besides its simulations, against xargs -P and GNU parallel.

    overhead.py CAMPAIGN_OVERHEAD SHIM CAMPAIGN_GMX [WINDOWS [PAIRS]]

The three programs are of the build tree (tests/campaign, src/engine). All run the same
stand-in for gmx, which ends at once, in turn and in one folder; on a tmpfs (set TMPDIR)
the syncs of the journal and of the records, which the others do not have, cost nothing.
"""
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

RUN_ONE = '#!/bin/sh\ncd "$1" && exec "$CAMPAIGN_GMX" mdrun >/dev/null 2>&1\n'


def ours(program, windows, folder):
    done = subprocess.run([program, "run", str(windows), "2"], cwd=folder, text=True,
                          capture_output=True, check=True)
    rate, driver, rest, peak = re.search(
        r"([\d.]+) windows/s.*driver ([\d.]+) ms, shim and gmx ([\d.]+) ms; peak "
        r"([\d.]+)", done.stdout).groups()
    return float(rate), float(driver), float(rest), float(peak)


def peer(command, windows, folder):
    """Tasks a second and CPU in ms a task, gmx included."""
    for i in range(windows):
        os.makedirs(f"{folder}/x/{i}")
        with open(f"{folder}/x/{i}/window.tpr", "w") as out:
            out.write("1 1 1000 0 3\n")
    names = "".join(f"x/{i}\n" for i in range(windows))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(command, cwd=folder, input=names, text=True, check=True)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(f"{folder}/x")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return windows / seconds, 1000 * cpu / windows


def main():
    program, shim, gmx = map(os.path.abspath, sys.argv[1:4])
    windows = int(sys.argv[4]) if len(sys.argv) > 4 else 10000
    pairs = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    os.environ.update(AUTOSIM_SHIM=shim, CAMPAIGN_GMX=gmx)
    folder = tempfile.mkdtemp(prefix="autosim-overhead-")
    one = os.path.join(folder, "one.sh")
    with open(one, "w") as out:
        out.write(RUN_ONE)
    os.chmod(one, 0o755)
    peers = {"xargs -P 2": ["xargs", "-P", "2", "-n", "1", one],
             "parallel -j 2": ["parallel", "-j", "2", one]}
    peers = {name: command for name, command in peers.items()
             if shutil.which(command[0])}
    rates = {name: [] for name in ["ours", *peers]}
    own = []
    for _ in range(pairs):
        alone = subprocess.run([program, "alone", str(windows // 5)], cwd=folder, text=True,
                               capture_output=True, check=True).stdout
        own.append(float(re.search(r"CPU ([\d.]+) ms", alone)[1]))
        print(f"the stand-in alone: {own[-1]:.3f} ms CPU", flush=True)
        rate, driver, rest, peak = ours(program, windows, folder)
        rates["ours"].append(rate)
        print(f"ours: {rate:.0f} windows/s, driver {driver:.3f} ms CPU a window, shim and "
              f"gmx {rest:.3f} ms, together without the stand-in's own "
              f"{driver + rest - own[-1]:.3f} ms, peak {peak:.1f} MB", flush=True)
        for name, command in peers.items():
            rate, cpu = peer(command, windows, folder)
            rates[name].append(rate)
            print(f"{name}: {rate:.0f} tasks/s, {cpu:.3f} ms CPU a task, gmx included",
                  flush=True)
    for name in peers:
        ratios = [a / b for a, b in zip(rates["ours"], rates[name])]
        print(f"ours over {name}: {min(ratios):.2f} / {statistics.median(ratios):.2f} / "
              f"{max(ratios):.2f} (least, median, most)")
    print(subprocess.run([program, "resume", str(windows)], cwd=folder, text=True,
                         capture_output=True, check=True).stdout, end="")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
